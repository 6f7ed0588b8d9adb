import millstream.BytesBuilder
import millstream.Context
import millstream.NO_TIMESTAMP
import millstream.Raw
import millstream.toBytes

/** One index row, field by field. */
data class Row(
    val keyEnd: Int = 1,
    val valueEnd: Int = 2,
    val headersEnd: Int = 2,
    val port: Int = 0,
    val flags: Int = 0,
    val offset: Long = 0,
)

/** Returns results that break the rule that the order names; false: it names none. */
fun breakRule(order: String, row: Int, context: Context): Boolean {
    // A row with key `k` and value `v`.
    val good = Row(offset = row.toLong())
    when (order) {
        "bad-timer" -> context.returnRaw(timers = raw(good.copy(port = 9)))
        "bad-reject" -> context.rejectRow(-1, 1, "")
        "bad-length" -> context.returnRaw(raw(good).let { Raw(it.index.slice(0, 39), it.arena) })
        "bad-ends" -> context.returnRaw(raw(good.copy(keyEnd = 2, valueEnd = 1)))
        "bad-arena" -> context.returnRaw(raw(good.copy(valueEnd = -1, headersEnd = -1)))
        "bad-flags" -> context.returnRaw(raw(good.copy(flags = 0x8000)))
        "bad-port" -> context.returnRaw(raw(good.copy(port = 7)))
        "bad-row" -> context.returnRaw(raw(good.copy(offset = -1)))
        "bad-headers" -> context.returnRaw(raw(good.copy(flags = 4, headersEnd = 4), arena = byteArrayOf(107, 118, -1, -1)))
        // The second row begins before the first ends.
        "bad-overlap" -> context.returnRaw(raw(good, good))
        else -> return false
    }
    return true
}

fun raw(vararg rows: Row, arena: ByteArray = byteArrayOf(107, 118)): Raw {
    val index = BytesBuilder()
    for (row in rows) {
        index.appendInt(row.keyEnd).appendInt(row.valueEnd).appendInt(row.headersEnd).appendInt(row.port or (row.flags shl 16))
        index.appendLong(NO_TIMESTAMP).appendLong(row.offset).appendLong(-1)
    }
    return Raw(index.bytes, arena.toBytes())
}
