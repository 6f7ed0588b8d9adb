package millstream

/** One input record, read in place: the same object is filled in anew for each record of a batch. Valid until the call ends. */
class Record internal constructor() {
    private var at = 0
    internal var keyAt = 0
    internal var keyBytes = -1
    private var valueAt = 0
    private var valueBytes = -1
    private var headersBytes = 0

    /** The number of the record in its batch. */
    var row = 0
        private set

    /** The key; null: none. */
    val key: Bytes? get() = if (keyBytes < 0) null else Bytes(keyAt, keyBytes)

    /** The value; null: a tombstone. */
    val value: Bytes? get() = if (valueBytes < 0) null else Bytes(valueAt, valueBytes)

    /** Event time, ms since 1970 UTC, or [NO_TIMESTAMP]. */
    val timestamp: Long get() = load64(at + TIMESTAMP)

    /** The number of the input it came from: the place in the operator's `inputs`. */
    val port: Int get() = load16(at + PORT)

    /** Where it stood in its stream. */
    val offset: Long get() = load64(at + OFFSET)

    /** The partition it was read from. */
    val partition: Int get() = load32(at + PARTITION)

    val headers: Headers get() = if (headersBytes == 0) Headers.NONE else Headers(Bytes(keyAt + maxOf(keyBytes, 0) + maxOf(valueBytes, 0), headersBytes))

    /** The host's number of its key among those of the batch. */
    internal val keyId: Int get() = load32(at + KEY_ID)

    /** The value of the last header of that name; null: there is none, or its value is null. */
    fun header(name: String): Bytes? = headers[name]

    /** The key, or a reject with [Codes.NO_KEY]. */
    fun requireKey(): Bytes = key ?: reject(Codes.NO_KEY, "the record has no key")

    /** The event time, or a reject with [Codes.NO_TIME]. */
    fun requireTime(): Long = timestamp.also { if (it == NO_TIMESTAMP) reject(Codes.NO_TIME, "the record has no timestamp") }

    /** The key as text, or a reject with [Codes.BAD_TEXT]. */
    fun keyText(): String = textOf(key, "key")

    /** The value as text, or a reject with [Codes.BAD_TEXT]. */
    fun valueText(): String = textOf(value, "value")

    /** The value's bytes where they are UTF-8, or a reject with [Codes.BAD_TEXT]: for those who need no [String]. */
    fun valueUtf8(): Bytes {
        val value = value ?: reject(Codes.BAD_TEXT, "the value is null")
        if (!isUtf8(value.at, value.size)) reject(Codes.BAD_TEXT, "the value is not UTF-8")
        return value
    }

    /** The value as JSON, or a reject with [Codes.BAD_JSON]. */
    fun valueJson(): Json = parsed(Json::parse)

    /** The fields of a JSON object, each still as text, or a reject with [Codes.BAD_JSON]: quicker than [valueJson] where few fields are looked at. */
    fun valueFields(): JsonFields = parsed { JsonFields(it) }

    private inline fun <T> parsed(parse: (Bytes) -> T): T {
        val text = valueUtf8()
        try {
            return parse(text)
        } catch (wrong: JsonException) {
            reject(Codes.BAD_JSON, "the value: ${wrong.message}")
        }
    }

    private fun textOf(bytes: Bytes?, part: String): String {
        if (bytes == null) reject(Codes.BAD_TEXT, "the $part is null")
        return bytes.textOrNull() ?: reject(Codes.BAD_TEXT, "the $part is not UTF-8")
    }

    /** Stands at a row that begins at [begin] in the arena; returns where the next one begins. */
    internal fun read(batch: RawBatch, row: Int, begin: Int): Int {
        val at = batch.index + row * ROW_BYTES
        this.at = at
        this.row = row
        val flags = load16(at + FLAGS)
        val keyEnd = load32(at)
        val valueEnd = load32(at + VALUE_END)
        val end = load32(at + HEADERS_END)
        keyAt = batch.arena + begin
        keyBytes = if (flags and KEY_IS_NULL != 0) -1 else keyEnd - begin
        valueAt = batch.arena + keyEnd
        valueBytes = if (flags and VALUE_IS_NULL != 0) -1 else valueEnd - keyEnd
        headersBytes = end - valueEnd
        return end
    }
}

/** The clock that a timer waits for. */
enum class Clock {
    /** Due when the watermark has reached it. */
    EVENT_TIME,

    /** Due when the host's clock has reached it. */
    PROCESSING_TIME,
}

/** A timer that is due. It *is* its clock, time, key and payload: setting it twice sets one. */
class Timer internal constructor(private val record: Record) {
    val clock: Clock get() = if (record.port == 0) Clock.EVENT_TIME else Clock.PROCESSING_TIME

    /** The due time, ms since 1970 UTC. */
    val at: Long get() = record.timestamp

    /** Whose state [Store.get] sees; null: nobody's. */
    val key: Bytes? get() = record.key

    val payload: Bytes get() = record.value ?: Bytes.EMPTY
}
