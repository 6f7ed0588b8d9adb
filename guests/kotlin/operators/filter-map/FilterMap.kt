// Filter-map keeps the records whose value contains a text, and changes the value's case.

import millstream.BytesBuilder
import millstream.fatal
import millstream.operator
import millstream.toBytes

fun main() = operator("filter-map") {
    // Records whose value does not contain this are dropped. Empty: all stay.
    val keep = config.text("keep", default = "").toBytes()
    // What happens to ASCII letters.
    val changing = when (val map = config.text("map", default = "upper")) {
        "upper" -> 'a'.code..'z'.code
        "lower" -> 'A'.code..'Z'.code
        "same" -> IntRange.EMPTY
        else -> fatal("config: `map`: unknown variant `$map`, expected one of `upper`, `lower`, `same`")
    }
    val first = changing.first
    val last = changing.last
    val mapped = BytesBuilder()

    process { record ->
        val value = record.valueUtf8()
        if (keep in value) {
            mapped.clear().append(value).mapInPlace { if (it in first..last) it xor 0x20 else it }
            emit(record.key, mapped.bytes, headers = record.headers)
        }
    }
}
