// {{name}} counts the records of each key.

import millstream.Store
import millstream.Values
import millstream.operator

/** What is remembered: by key, how many records it had. Kept by the host, and there again after a restart. */
val counts = Store("counts", Values.ULONG)

fun main() = operator("{{name}}", stores = listOf(counts)) {
    process { record ->
        val count = (counts.get() ?: 0uL) + 1uL
        counts.put(count)
        emit(record.key, count.toString())
    }
}
