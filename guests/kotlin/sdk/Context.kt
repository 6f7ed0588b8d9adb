package millstream

/** How grave a log line is. */
enum class Level { ERROR, WARN, INFO, DEBUG }

internal val context = Context()

/**
 * What an operator sees of the world during one call, and what it asks for.
 *
 * It stands at one record (or due timer) at a time: outputs, rejects and keyed state belong to that one. What is asked for takes effect when the host
 * commits, together with the input's position.
 */
class Context internal constructor() {
    /** Event time, ms since 1970 UTC: no earlier record is expected. The smallest Long: not known yet; the largest: the input has ended. */
    var watermark = Long.MIN_VALUE
        private set

    /** Processing time, ms since 1970 UTC, the same for the whole call. */
    var now = 0L
        private set

    /** The number of the task, which is the partition number of its inputs. */
    var task = 0
        private set

    internal val record = Record()
    internal var input = RawBatch(0, 0, 0, 0)
        private set
    internal val outputs = BatchBuilder()
    internal val timers = BatchBuilder()
    internal val rejects = ArrayList<RejectedRow>()
    internal var outputNames = emptyList<String>()
    internal var outputPorts = IntArray(0)
    internal var rawOutputs: Raw? = null
    internal var rawTimers: Raw? = null

    internal class RejectedRow(val row: Int, val code: Int, val message: String)

    internal fun begin(watermark: Long, now: Long, task: Int, input: RawBatch) {
        this.watermark = watermark
        this.now = now
        this.task = task
        this.input = input
        outputs.begin(input.rows, input.arenaBytes)
        timers.begin(0, 0)
        rejects.clear()
        rawOutputs = null
        rawTimers = null
    }

    /** How many records the batch has. */
    val size: Int get() = input.rows

    /** The batch's records in order, each of which becomes the current one: for `processBatch`. */
    fun records(): Iterator<Record> = object : Iterator<Record> {
        private var row = 0
        private var begin = 0

        override fun hasNext() = row < input.rows

        override fun next(): Record {
            begin = record.read(input, row++, begin)
            return record
        }
    }

    /**
     * Emits a record. Unless told otherwise it goes to the first output port, with the current record's timestamp, without headers, to the partition of
     * its key. A null value is a tombstone.
     */
    fun emit(key: Bytes?, value: Bytes?, to: String? = null, at: Long = NO_TIMESTAMP, headers: Headers = Headers.NONE, partition: Int = BY_KEY) {
        val port = port(to)
        outputs.append(key)
        val keyEnd = outputs.arenaBytes
        outputs.append(value)
        output(keyEnd, port, (if (key == null) KEY_IS_NULL else 0) or (if (value == null) VALUE_IS_NULL else 0), at, headers, partition)
    }

    /** The same with a text as the value. */
    fun emit(key: Bytes?, value: String, to: String? = null, at: Long = NO_TIMESTAMP, headers: Headers = Headers.NONE, partition: Int = BY_KEY) {
        val port = port(to)
        outputs.append(key)
        val keyEnd = outputs.arenaBytes
        outputs.append(value)
        output(keyEnd, port, if (key == null) KEY_IS_NULL else 0, at, headers, partition)
    }

    /** The same with texts as key and value. */
    fun emit(key: String, value: String, to: String? = null, at: Long = NO_TIMESTAMP, headers: Headers = Headers.NONE, partition: Int = BY_KEY) =
        emit(key.toBytes(), value, to, at, headers, partition)

    private fun output(keyEnd: Int, port: Int, nulls: Int, at: Long, headers: Headers, partition: Int) {
        val valueEnd = outputs.arenaBytes
        outputs.append(headers.packed)
        val flags = if (outputs.arenaBytes > valueEnd) nulls or HAS_HEADERS else nulls
        outputs.row(keyEnd, valueEnd, port, flags, at, record.row, partition)
    }

    /** Emits a copy of a record: key, value and headers. */
    fun forward(record: Record, to: String? = null) = emit(record.key, record.value, to, headers = record.headers)

    /** Emits all records of the batch as they are, to the first port: the fast path of what passes on everything. */
    fun forwardAll() = outputs.addAll(input, port(null))

    /** Rejects the current record and goes on with it: for `processBatch`; elsewhere throw it with [millstream.reject]. Each record at most once. */
    fun rejectRecord(code: Int, message: String) {
        rejects.add(RejectedRow(record.row, code, message))
    }

    /** Sets a timer. With the record's key it sees the record's state. Key and payload together have at most 64 KiB. */
    fun setTimer(at: Long, key: Bytes?, payload: Bytes = Bytes.EMPTY, clock: Clock = Clock.EVENT_TIME) = timer(at, key, payload, clock.ordinal)

    /** Deletes the timer with the same clock, time, key and payload, if there is one. */
    fun deleteTimer(at: Long, key: Bytes?, payload: Bytes = Bytes.EMPTY, clock: Clock = Clock.EVENT_TIME) = timer(at, key, payload, 2 + clock.ordinal)

    private fun timer(at: Long, key: Bytes?, payload: Bytes, port: Int) {
        timers.append(key)
        val keyEnd = timers.arenaBytes
        timers.append(payload)
        timers.row(keyEnd, timers.arenaBytes, port, if (key == null) KEY_IS_NULL else 0, at, record.row, ABSENT)
    }

    /** Says something to whoever runs the job. Rate-limited by the host; at most 8 KiB are kept. */
    fun log(level: Level, message: String) = hostLog(level, message)

    /** Adds to a counter; at most 64 names per operator, 128 bytes each. */
    fun count(name: String, delta: Long = 1) = hostCount(name, delta)

    /** Returns bytes as they are in place of what was emitted or set: for operators that test a host. */
    fun returnRaw(outputs: Raw? = null, timers: Raw? = null) {
        rawOutputs = outputs ?: rawOutputs
        rawTimers = timers ?: rawTimers
    }

    /** Rejects any row, even one that the batch does not have: for operators that test a host. */
    fun rejectRow(row: Int, code: Int, message: String) {
        rejects.add(RejectedRow(row, code, message))
    }

    private fun port(name: String?): Int {
        for (n in outputNames.indices) if (name == null || outputNames[n] == name) return outputPorts[n]
        if (name == null) fatal("the operator emits, but declares no output port: add one to its outputs")
        fatal("the operator declares no output port `$name`: add it to its outputs")
    }
}

/** A batch as bytes, whether or not it obeys the layout. */
class Raw(val index: Bytes, val arena: Bytes)
