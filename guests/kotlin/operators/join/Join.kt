// Join joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.
//
// Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when no
// partner can come any more. A record that comes later than that goes to the port `late`.

import millstream.BadValue
import millstream.Bytes
import millstream.BytesBuilder
import millstream.Codec
import millstream.Store
import millstream.fatal
import millstream.operator
import millstream.reject
import millstream.toBytes

/** The reject code of a record that has nothing to join. */
const val NO_VALUE = 1

/** One side's record that still waits. */
class Waiting(val time: Long, val value: Bytes)

/** The records of a key in the order in which they came: per record time (i64), length (u32), bytes. */
object WaitingCodec : Codec<List<Waiting>> {
    override fun decode(bytes: Bytes): List<Waiting> {
        val all = ArrayList<Waiting>()
        var at = 0
        while (at < bytes.size) {
            if (bytes.size - at < 12) throw BadValue("the waiting records end in the middle of one")
            val begin = at + 12
            val length = bytes.intAt(at + 8)
            if (length < 0 || bytes.size - begin < length) throw BadValue("the waiting records end in the middle of one")
            all.add(Waiting(bytes.longAt(at), bytes.slice(begin, begin + length)))
            at = begin + length
        }
        return all
    }

    override fun encode(value: List<Waiting>, to: BytesBuilder) {
        for (one in value) to.appendLong(one.time).appendInt(one.value.size).append(one.value)
    }
}

val sides = listOf(Store("left", WaitingCodec), Store("right", WaitingCodec))

fun main() = operator("join", inputs = listOf("left", "right"), outputs = listOf("out", "late"), stores = sides) {
    val within = config.long("within_ms")
    val separator = config.text("separator", default = "|").toBytes()
    if (within < 0) fatal("config: `within_ms` must be at least 0")
    val pair = BytesBuilder()

    // The watermark from which on no partner can come for a record of that time.
    fun forgottenAt(time: Long) = if (time >= Long.MAX_VALUE - within) Long.MAX_VALUE else time + within + 1

    process { record ->
        val time = record.requireTime()
        val value = record.value ?: reject(NO_VALUE, "a record to join needs a value")
        val forgottenAt = forgottenAt(time)
        if (forgottenAt <= watermark) return@process forward(record, to = "late")
        val partners = sides[1 - record.port].get().orEmpty()
        val own = sides[record.port].get().orEmpty()
        sides[record.port].put(own + Waiting(time, value))
        setTimer(forgottenAt, record.key)
        for (other in partners) {
            if (apart(time, other.time) > within.toULong()) continue
            val (left, right) = if (record.port == 0) value to other.value else other.value to value
            emit(record.key, pair.clear().append(left).append(separator).append(right).bytes, at = maxOf(time, other.time))
        }
    }

    onTimer { timer ->
        for (side in sides) {
            val all = side.get() ?: continue
            val left = all.filter { forgottenAt(it.time) > timer.at }
            if (left.isEmpty()) side.delete() else side.put(left)
        }
    }
}

fun apart(a: Long, b: Long): ULong = (maxOf(a, b) - minOf(a, b)).toULong()
