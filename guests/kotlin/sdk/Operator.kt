package millstream

/**
 * Declares the component's operator; call it from `main`. The body runs when the operator is opened: it reads the config, and says what is done with
 * records.
 *
 *     val counts = Store("counts", Values.ULONG)
 *
 *     fun main() = operator("count", stores = listOf(counts)) {
 *         process { record ->
 *             val seen = (counts.get() ?: 0uL) + 1uL
 *             counts.put(seen)
 *             emit(record.key, seen.toString())
 *         }
 *     }
 *
 * - [inputs]: names of the input ports; a record's `port` is the place in this list. Empty: takes any number of inputs.
 * - [outputs]: names of the output ports; records go to the first unless told otherwise. Empty: a sink.
 * - [stores]: the state it works with.
 * - [configSchema]: JSON Schema of the config, checked by the host before anything runs; or empty.
 * - [open]: makes what handles records. State cannot be read in it. [fatal] stops the job, [retry] has it tried again.
 */
fun operator(
    name: String,
    version: String = "0.1.0",
    inputs: List<String> = listOf("in"),
    outputs: List<String> = listOf("out"),
    stores: List<Store<*>> = emptyList(),
    configSchema: String = "",
    open: Operator.() -> Unit,
) {
    check(declared == null) { "two operators are declared, `${declared?.name}` and `$name`: a component has one" }
    declared = Declaration(name, version, inputs, outputs, stores, configSchema, open)
    stores.forEachIndexed { place, store -> store.place = place }
    if (callNumber < 0) reachExports()
}

internal var declared: Declaration? = null
    private set

internal class Declaration(
    val name: String,
    val version: String,
    val inputs: List<String>,
    val outputs: List<String>,
    val stores: List<Store<*>>,
    val configSchema: String,
    val open: Operator.() -> Unit,
)

/** An operator that is being opened: its config, and what it does. */
class Operator internal constructor(
    /** The job's `config = { … }` for this operator. A field that nobody asks for is refused when the operator is open. */
    val config: Config,
    /** The names that the job gives its inputs. */
    val inputs: List<String>,
) {
    internal var onRecord: (Context.(Record) -> Unit)? = null
    internal var onBatch: (Context.() -> Unit)? = null
    internal var onTimer: (Context.(Timer) -> Unit)? = null
    internal var recordKeys: (Keys.(Record) -> Unit)? = null
    internal var timerKeys: (Keys.(Timer) -> Unit)? = null
    internal var migration: ((String, Int, Sequence<Record>) -> Sequence<Pair<Bytes, Bytes>>)? = null
    internal var readsAhead = true

    /** Handles one record. [reject] concerns this record alone; [retry] and [fatal] end the call; any other exception is a trap. */
    fun process(handle: Context.(Record) -> Unit) {
        onRecord = handle
    }

    /** Handles whole batches in place of [process]: `for (record in records())`. A [reject] that is thrown stops the job; see [Context.rejectRecord]. */
    fun processBatch(handle: Context.() -> Unit) {
        onBatch = handle
    }

    /** Handles a timer that is due. Outputs inherit the timer's time; state by key is that of the timer's key. */
    fun onTimer(handle: Context.(Timer) -> Unit) {
        onTimer = handle
    }

    /** Names the state that a batch will need, where that is not the state of its records' keys. It is read in one call. */
    fun prefetch(record: Keys.(Record) -> Unit, timer: Keys.(Timer) -> Unit = {}) {
        recordKeys = record
        timerKeys = timer
    }

    /** Turns reading ahead off: each first access of a key is then a call to the host. */
    fun noPrefetch() {
        readsAhead = false
    }

    /** Rewrites rows (key, value) of a store whose values are of an older version; returns the rows to keep. */
    fun migrate(rewrite: (store: String, fromVersion: Int, rows: Sequence<Record>) -> Sequence<Pair<Bytes, Bytes>>) {
        migration = rewrite
    }
}

/** Collects the state to be read ahead. */
class Keys internal constructor() {
    /** Names a key of a store; naming it again costs nothing. */
    fun want(store: Store<*>, key: Bytes) {
        // A store that is not declared says so when it is used.
        if (store.place >= 0) cache.want(store.place, key)
    }
}
