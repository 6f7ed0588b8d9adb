// Count is a keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.

import millstream.Store
import millstream.Values
import millstream.isText
import millstream.operator
import millstream.reject

/** The reject code of a poisoned record. */
const val POISON = 1

val counts = Store("counts", Values.ULONG)

fun main() = operator("count", stores = listOf(counts)) {
    process { record ->
        if (record.value isText "poison") reject(POISON, "poison")
        val seen = (counts.get() ?: 0uL) + 1uL
        counts.put(seen)
        emit(record.key, seen.toString())
    }
}
