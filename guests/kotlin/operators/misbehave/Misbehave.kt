// Misbehave misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.
//
//	throw, null, index, cast  an exception (with a text, which the SDK logs), a null that is asserted away, an index out of range, a wrong cast
//	loop                      never returns
//	memory                    allocates and touches memory without end, in the collector's heap
//	linear                    takes linear memory without end
//	recurse                   recurses without end
//	bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    break a rule of the layout
//	bad-timer                 asks for a timer with a port that means nothing
//	bad-reject                rejects a row that the batch does not have
//	huge:n                    emits n records of 1 MiB (default 1,024)
//	tiny:n                    emits n empty records (default 1,000,000)
//	timers:n                  sets n timers (default 1,000,000)
//	storm:n                   calls the host n times (default 10,000,000)
//	logs:n                    logs n messages of 8 KiB (default 131,072: 1 GiB)
//	counters:n                counts under n different names (default 10,000)
//	long-key:n                writes a state key of n bytes (default 1 MiB)
//	long-value:n              writes a state value of n bytes (default 64 MiB)
//	many-keys:n               writes n state keys (default 1,000,000)
//	forgetful                 emits how many records this instance has seen: what an operator must not do
//	reject:n, retry, fatal    rejects with code n (default 1), fails for now, fails for good
//
// Config: `open` = `throw`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to throw, for traps in the middle of a batch;
// `on-timer` = an order for when a timer fires (`later` as a value sets one at the record's time).

import millstream.Bytes
import millstream.BytesBuilder
import millstream.Context
import millstream.Level
import millstream.Store
import millstream.Values
import millstream.fatal
import millstream.operator
import millstream.reject
import millstream.retry
import millstream.toBytes

const val MIB = 1 shl 20

val state = Store("state", Values.BYTES)

fun main() = operator("misbehave", inputs = emptyList(), stores = listOf(state)) {
    when (val order = config.textOrNull("open")) {
        null -> {}
        "throw" -> throw IllegalStateException("told to throw while opening")
        "loop" -> spin()
        "memory" -> eatMemory()
        "fatal" -> fatal("told to fail while opening")
        else -> fatal("config: `open`: unknown order `$order`")
    }
    val throwOn = config.texts("panic-on")
    val timerOrder = config.textOrNull("on-timer")
    var seen = 0L
    noPrefetch()

    process { record ->
        seen++
        val value = record.value?.text().orEmpty()
        check(value !in throwOn) { "told to throw on `$value`" }
        when {
            value == "forgetful" -> emit(record.key, seen.toString(), headers = record.headers)
            value == "later" -> setTimer(record.requireTime(), record.key, payload = "later".toBytes())
            !obey(value, record.row, this) -> forward(record)
        }
    }

    onTimer { timer ->
        if (timerOrder == null || !obey(timerOrder, 0, this)) emit(timer.key, timer.payload)
    }
}

/** Carries out an order; false: it is none. */
fun obey(order: String, row: Int, context: Context): Boolean {
    val name = order.substringBefore(':')
    val given = if (':' in order) order.substringAfter(':').toIntOrNull() ?: return false else null
    fun n(otherwise: Int) = given ?: otherwise
    when (name) {
        "throw" -> throw IllegalStateException("told to throw")
        "null" -> sink += nobody!!.length
        "index" -> sink += IntArray(3)[n(1_000_000)]
        "cast" -> sink += (anything as String).length
        "loop" -> spin()
        "memory" -> eatMemory()
        "linear" -> while (true) sink += BytesBuilder(MIB).append(1.toByte()).size
        "recurse" -> sink += recurse(1)
        "huge" -> emitMany(n(1024), ByteArray(MIB) { 'x'.code.toByte() }.toBytes(), context)
        "tiny" -> emitMany(n(1_000_000), Bytes.EMPTY, context)
        "timers" -> repeat(n(1_000_000)) { context.setTimer(it.toLong(), null) }
        "storm" -> repeat(n(10_000_000)) { context.count("storm") }
        "logs" -> "flood ".repeat(8192 / 6).let { message -> repeat(n(131_072)) { context.log(Level.INFO, message) } }
        "counters" -> repeat(n(10_000)) { context.count("counter-$it") }
        "long-key" -> state[ByteArray(n(MIB)) { 'k'.code.toByte() }.toBytes()] = Bytes.EMPTY
        "long-value" -> state["k".toBytes()] = ByteArray(n(64 * MIB)) { 'v'.code.toByte() }.toBytes()
        "many-keys" -> repeat(n(1_000_000)) { state[BytesBuilder().appendLongBigEndian(it.toLong()).bytes] = "v".toBytes() }
        "reject" -> reject(n(1), "told to reject")
        "retry" -> retry("told to retry")
        "fatal" -> fatal("told to fail")
        else -> return breakRule(name, row, context)
    }
    return true
}

fun emitMany(count: Int, value: Bytes, context: Context) = repeat(count) { context.emit(null, value) }

/** Keeps what is computed from being optimised away. */
var sink = 0
var nobody: String? = null
var anything: Any = 7

fun spin() {
    while (true) sink++
}

fun eatMemory() {
    val eaten = ArrayList<ByteArray>()
    while (true) {
        // In few steps: the limit is to be met before the deadline is, on a busy machine too.
        eaten.add(ByteArray(8 * MIB))
        sink += eaten.size
    }
}

fun recurse(depth: Int): Int = recurse(depth + 1) + depth
