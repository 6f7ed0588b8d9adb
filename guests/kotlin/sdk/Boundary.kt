// The exports and imports of the world `job` by the canonical ABI, by hand: each number below is a place in wit/operator.wit's types.
@file:OptIn(ExperimentalWasmInterop::class)

package millstream

import kotlin.wasm.ExperimentalWasmInterop
import kotlin.wasm.WasmExport
import kotlin.wasm.WasmImport

@WasmImport("millstream:operator/telemetry@0.1.0", "log")
private external fun importLog(level: Int, at: Int, bytes: Int)

@WasmImport("millstream:operator/telemetry@0.1.0", "count")
private external fun importCount(at: Int, bytes: Int, delta: Long)

@WasmImport("millstream:operator/state@0.1.0", "get-many")
private external fun importGetMany(index: Int, indexBytes: Int, arena: Int, arenaBytes: Int, answer: Int)

@WasmImport("millstream:operator/state@0.1.0", "put-many")
private external fun importPutMany(index: Int, indexBytes: Int, arena: Int, arenaBytes: Int)

@WasmImport("millstream:operator/state@0.1.0", "scan")
private external fun importScan(store: Int, begin: Int, beginBytes: Int, end: Int, endBytes: Int, limit: Int, bytesMax: Int, answer: Int)

/** Ends the instance: the builder's stub of WASI makes a trap of it. */
@WasmImport("wasi_snapshot_preview1", "proc_exit")
private external fun exit(code: Int)

/** The WIT's `state`. */
internal interface StateHost {
    fun getMany(keys: BatchBuilder): RawBatch
    fun putMany(rows: BatchBuilder)
    fun scan(store: Int, begin: Bytes, end: Bytes): Page
}

internal class Page(val rows: RawBatch, val isDone: Boolean)

/** Null in an operator that makes no [Store], which so does not import `state`. */
internal var state: StateHost? = null

internal object HostState : StateHost {
    override fun getMany(keys: BatchBuilder): RawBatch {
        val answer = lend(16)
        importGetMany(keys.index, keys.indexBytes, keys.arena, keys.arenaBytes, answer)
        return batchAt(answer)
    }

    override fun putMany(rows: BatchBuilder) = importPutMany(rows.index, rows.indexBytes, rows.arena, rows.arenaBytes)

    override fun scan(store: Int, begin: Bytes, end: Bytes): Page {
        val answer = lend(20)
        importScan(store, begin.at, begin.size, end.at, end.size, 0, 0, answer)
        return Page(batchAt(answer), load8(answer + 16) != 0)
    }
}

private fun batchAt(at: Int) = RawBatch(load32(at), load32(at + 4), load32(at + 8), load32(at + 12))

internal fun hostLog(level: Level, message: String) {
    val text = message.toBytes()
    importLog(level.ordinal, text.at, text.size)
}

internal fun hostCount(name: String, delta: Long) {
    val text = name.toBytes()
    importCount(text.at, text.size, delta)
}

private const val ANSWER_BYTES = 48

/** An answer in which nothing failed, all lists of which are empty. */
private fun answer(): Int {
    val at = lend(ANSWER_BYTES)
    for (word in 0 until ANSWER_BYTES / 8) store64(at + 8 * word, 0)
    return at
}

private fun putText(at: Int, text: String) {
    val bytes = text.toBytes()
    store32(at, bytes.at)
    store32(at + 4, bytes.size)
}

private fun putTexts(at: Int, texts: List<String>) {
    val list = lend(8 * texts.size)
    texts.forEachIndexed { n, text -> putText(list + 8 * n, text) }
    store32(at, list)
    store32(at + 4, texts.size)
}

private fun putBatch(at: Int, batch: BatchBuilder, raw: Raw?) {
    store32(at, raw?.index?.at ?: batch.index)
    store32(at + 4, raw?.index?.size ?: batch.indexBytes)
    store32(at + 8, raw?.arena?.at ?: batch.arena)
    store32(at + 12, raw?.arena?.size ?: batch.arenaBytes)
}

/** Runs a call. What an operator throws on purpose is the answer; any other exception is logged, and becomes a trap. */
private inline fun answering(act: (answer: Int) -> Unit): Int {
    try {
        val answer = answer()
        act(answer)
        return answer
    } catch (outcome: Outcome) {
        val answer = answer()
        store32(answer, 1)
        store32(answer + 4, if (outcome is Retry) 0 else 1)
        putText(answer + 8, outcome.message.orEmpty())
        return answer
    } catch (mistake: Throwable) {
        hostLog(Level.ERROR, "exception: ${mistake.stackTraceToString()}")
        exit(2)
        throw mistake
    }
}

@WasmExport("cabi_realloc")
fun millstreamRealloc(old: Int, oldBytes: Int, align: Int, bytes: Int): Int = enlarged(old, oldBytes, oldBytes, bytes)

@WasmExport("millstream:operator/operator@0.1.0#describe")
fun millstreamDescribe(): Int {
    val at = answer()
    val it = declared
    putText(at, it?.name ?: "(no operator is declared: call operator(…) in main)")
    putText(at + 8, it?.version.orEmpty())
    putTexts(at + 16, it?.inputs.orEmpty())
    putTexts(at + 24, it?.outputs.orEmpty())
    val stores = it?.stores.orEmpty()
    val list = lend(12 * stores.size)
    stores.forEachIndexed { n, store ->
        putText(list + 12 * n, store.name)
        store32(list + 12 * n + 8, store.version)
    }
    store32(at + 32, list)
    store32(at + 36, stores.size)
    putText(at + 40, it?.configSchema.orEmpty())
    return at
}

@WasmExport("millstream:operator/operator@0.1.0#open")
fun millstreamOpen(config: Int, configBytes: Int, inputs: Int, inputsN: Int, outputs: Int, outputsN: Int, stores: Int, storesN: Int): Int = answering {
    openOperator(Bytes(config, configBytes), names(inputs, inputsN), names(outputs, outputsN), names(stores, storesN))
}

private fun names(at: Int, count: Int): List<String> = List(count) { Bytes(load32(at + 8 * it), load32(at + 8 * it + 4)).text() }

@WasmExport("millstream:operator/operator@0.1.0#process")
fun millstreamProcess(watermark: Long, now: Long, task: Int, index: Int, indexBytes: Int, arena: Int, arenaBytes: Int): Int = answering {
    context.begin(watermark, now, task, RawBatch(index, indexBytes, arena, arenaBytes))
    processRecords(opened ?: fatal("called before `open`"))
    effects(it)
}

@WasmExport("millstream:operator/operator@0.1.0#on-timer")
fun millstreamOnTimer(watermark: Long, now: Long, task: Int, index: Int, indexBytes: Int, arena: Int, arenaBytes: Int): Int = answering {
    context.begin(watermark, now, task, RawBatch(index, indexBytes, arena, arenaBytes))
    fireTimers(opened ?: fatal("called before `open`"))
    effects(it)
}

private fun effects(answer: Int) {
    putBatch(answer + 4, context.outputs, context.rawOutputs)
    putBatch(answer + 20, context.timers, context.rawTimers)
    val rejects = context.rejects
    val list = lend(16 * rejects.size)
    rejects.forEachIndexed { n, reject ->
        val at = list + 16 * n
        store32(at, reject.row)
        store32(at + 4, reject.code)
        putText(at + 8, reject.message)
    }
    store32(answer + 36, list)
    store32(answer + 40, rejects.size)
}

@WasmExport("millstream:operator/operator@0.1.0#migrate")
fun millstreamMigrate(store: Int, storeBytes: Int, fromVersion: Int, index: Int, indexBytes: Int, arena: Int, arenaBytes: Int): Int = answering {
    context.begin(Long.MIN_VALUE, 0, 0, RawBatch(index, indexBytes, arena, arenaBytes))
    migrateRows(opened ?: fatal("called before `open`"), Bytes(store, storeBytes).text(), fromVersion)
    putBatch(it + 4, context.outputs, null)
}

@WasmExport("cabi_post_millstream:operator/operator@0.1.0#describe")
fun millstreamAfterDescribe(answer: Int) = endCall()

@WasmExport("cabi_post_millstream:operator/operator@0.1.0#open")
fun millstreamAfterOpen(answer: Int) {
    keepAll()
    endCall()
}

@WasmExport("cabi_post_millstream:operator/operator@0.1.0#process")
fun millstreamAfterProcess(answer: Int) = endCall()

@WasmExport("cabi_post_millstream:operator/operator@0.1.0#on-timer")
fun millstreamAfterOnTimer(answer: Int) = endCall()

@WasmExport("cabi_post_millstream:operator/operator@0.1.0#migrate")
fun millstreamAfterMigrate(answer: Int) = endCall()

/** Never runs: the compiler exports of a library what its users can reach, so [operator] must seem to reach these. */
internal fun reachExports(): Int {
    millstreamAfterDescribe(0)
    millstreamAfterOpen(0)
    millstreamAfterProcess(0)
    millstreamAfterOnTimer(0)
    millstreamAfterMigrate(0)
    return millstreamRealloc(0, 0, 0, 0) + millstreamDescribe() + millstreamOpen(0, 0, 0, 0, 0, 0, 0, 0) + millstreamProcess(0, 0, 0, 0, 0, 0, 0) +
        millstreamOnTimer(0, 0, 0, 0, 0, 0, 0) + millstreamMigrate(0, 0, 0, 0, 0, 0, 0)
}
