// Window has tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
//
// A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port `late` as
// it is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond.

import millstream.BadValue
import millstream.Bytes
import millstream.BytesBuilder
import millstream.Codec
import millstream.NO_TIMESTAMP
import millstream.Store
import millstream.fatal
import millstream.operator
import millstream.reject

/** Reject codes. */
const val NOT_A_NUMBER = 1
const val OVERFLOW = 2

class Totals(val count: Long, val sum: Long)

object TotalsCodec : Codec<Totals> {
    override fun decode(bytes: Bytes): Totals {
        if (bytes.size != 16) throw BadValue("a window's totals have 16 bytes, these ${bytes.size}")
        return Totals(bytes.longAt(0), bytes.longAt(8))
    }

    override fun encode(value: Totals, to: BytesBuilder) {
        to.appendLong(value.count).appendLong(value.sum)
    }
}

val windows = Store("windows", TotalsCodec)

fun main() = operator("window", outputs = listOf("out", "late"), stores = listOf(windows)) {
    val sizeMs = config.long("size_ms")
    val latenessMs = config.long("lateness_ms", default = 0)
    if (sizeMs < 1 || latenessMs < 0) fatal("config: `size_ms` must be at least 1, `lateness_ms` at least 0")
    fun startOf(time: Long) = time - time.mod(sizeMs)
    fun endOf(start: Long) = saturated(start, sizeMs)

    prefetch(
        record = { record ->
            val key = record.key
            if (key != null && record.timestamp != NO_TIMESTAMP) want(windows, stateKey(key, startOf(record.timestamp)))
        },
        timer = { timer -> want(windows, BytesBuilder().append(timer.key ?: Bytes.EMPTY).append(timer.payload).bytes) },
    )

    process { record ->
        val start = startOf(record.requireTime())
        val key = record.requireKey()
        val text = record.valueText()
        val value = wholeNumber(text.trim()) ?: reject(NOT_A_NUMBER, "`$text` is no whole number")
        val closesAt = saturated(endOf(start), latenessMs)
        if (closesAt <= watermark) return@process forward(record, to = "late")
        val stateKey = stateKey(key, start)
        val before = windows[stateKey]
        val sum = (before?.sum ?: 0) + value
        if (value > 0 && sum < sum - value || value < 0 && sum > sum - value) reject(OVERFLOW, "the window's sum exceeds 64 bits")
        windows[stateKey] = Totals((before?.count ?: 0) + 1, sum)
        if (before == null) setTimer(closesAt, key, payload = stateKey.slice(key.size))
    }

    onTimer { timer ->
        val key = timer.key
        if (key == null || timer.payload.size != 8) fatal("a timer that this operator did not set")
        val stateKey = BytesBuilder().append(key).append(timer.payload).bytes
        val totals = windows[stateKey] ?: return@onTimer
        var start = 0L
        for (n in 0 until 8) start = (start shl 8) or (timer.payload[n].toLong() and 0xFF)
        val end = endOf(start)
        emit(key, """{"start":$start,"end":$end,"count":${totals.count.toULong()},"sum":${totals.sum}}""", at = end - 1)
        windows.delete(stateKey)
    }
}

/** Where a window's totals are: the record's key, then the window's start in eight bytes. */
fun stateKey(key: Bytes, start: Long): Bytes = BytesBuilder(key.size + 8).append(key).appendLongBigEndian(start).bytes

/** Adds a number that is not negative; what would exceed 64 bits is the largest. */
fun saturated(a: Long, b: Long): Long = if (a > Long.MAX_VALUE - b) Long.MAX_VALUE else a + b

/** A number in ASCII digits: Kotlin takes those of other scripts, too. */
fun wholeNumber(text: String): Long? = if (text.all { it in '0'..'9' || it == '-' || it == '+' }) text.toLongOrNull() else null
