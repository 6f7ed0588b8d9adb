// Many records as they cross the boundary: see `batch` in wit/operator.wit. Nobody but the SDK needs to know.

package millstream

internal const val ROW_BYTES = 40
internal const val ABSENT = -1

/** The time of a record that has none; as that of an output: inherit the input record's. */
const val NO_TIMESTAMP: Long = Long.MIN_VALUE

/** The partition of an output that goes to the partition of its key. */
const val BY_KEY: Int = ABSENT

internal const val KEY_IS_NULL = 1
internal const val VALUE_IS_NULL = 2
internal const val HAS_HEADERS = 4

internal const val VALUE_END = 4
internal const val HEADERS_END = 8
internal const val PORT = 12
internal const val FLAGS = 14
internal const val TIMESTAMP = 16
internal const val OFFSET = 24
internal const val PARTITION = 32
internal const val KEY_ID = 36

/** Where `arenaBytesMax` would be exceeded the host's limits are long passed. */
private const val ARENA_BYTES_MAX = 1 shl 30

/** Records in the call's memory. The host has checked what it hands over. */
internal class RawBatch(val index: Int, indexBytes: Int, val arena: Int, val arenaBytes: Int) {
    val rows = indexBytes / ROW_BYTES

    fun begin(row: Int): Int = if (row == 0) 0 else load32(index + row * ROW_BYTES - ROW_BYTES + HEADERS_END)
}

/** Grows a batch in the call's memory. */
internal class BatchBuilder {
    private var call = -1
    private var rowsMax = 0
    private var arenaMax = 0
    var rows = 0
        private set
    var index = 0
        private set
    var arena = 0
        private set
    var arenaBytes = 0
        private set
    val indexBytes get() = rows * ROW_BYTES

    /** Empties it, with room for what is expected. */
    fun begin(rowsExpected: Int, bytesExpected: Int) {
        rows = 0
        arenaBytes = 0
        if (call == callNumber && rowsMax >= rowsExpected && arenaMax >= bytesExpected) return
        call = callNumber
        rowsMax = maxOf(rowsExpected, 4)
        arenaMax = maxOf(bytesExpected, 64)
        index = lend(rowsMax * ROW_BYTES)
        arena = lend(arenaMax)
    }

    fun append(bytes: Bytes?) {
        if (bytes != null) append(bytes.at, bytes.size)
    }

    fun append(from: Int, bytes: Int) = copy(from, claim(bytes), bytes)

    fun append(text: String) {
        val to = claim(text.length)
        for (at in text.indices) {
            val letter = text[at].code
            if (letter >= 0x80) {
                arenaBytes -= text.length
                append(text.toBytes())
                return
            }
            store8(to + at, letter)
        }
    }

    private fun claim(bytes: Int): Int {
        val after = arenaBytes + bytes
        if (after < 0 || after > ARENA_BYTES_MAX) throw OutOfMemoryError("a batch's arena holds at most 1 GiB")
        if (after > arenaMax) {
            val wanted = maxOf(2 * arenaMax, after)
            arena = enlarged(arena, arenaMax, arenaBytes, wanted)
            arenaMax = wanted
        }
        val to = arena + arenaBytes
        arenaBytes = after
        return to
    }

    /** Adds the row of what was appended since the last one, and returns where it is. */
    fun row(keyEnd: Int, valueEnd: Int, port: Int, flags: Int, timestamp: Long, offset: Int, partition: Int): Int {
        if (rows == rowsMax) {
            index = enlarged(index, rows * ROW_BYTES, rows * ROW_BYTES, 2 * rowsMax * ROW_BYTES)
            rowsMax *= 2
        }
        val at = index + rows++ * ROW_BYTES
        store32(at, keyEnd)
        store32(at + VALUE_END, valueEnd)
        store32(at + HEADERS_END, arenaBytes)
        store32(at + PORT, port or (flags shl 16))
        store64(at + TIMESTAMP, timestamp)
        store64(at + OFFSET, offset.toLong())
        store64(at + PARTITION, (partition.toLong() and 0xFFFFFFFFL) or (ABSENT.toLong() shl 32))
        return at
    }

    /** Adds a row of state: a key, and a value where there is one. */
    fun state(keyAt: Int, keyBytes: Int, valueAt: Int, valueBytes: Int, store: Int) {
        append(keyAt, keyBytes)
        val keyEnd = arenaBytes
        if (valueBytes > 0) append(valueAt, valueBytes)
        row(keyEnd, arenaBytes, store, if (valueBytes < 0) VALUE_IS_NULL else 0, NO_TIMESTAMP, 0, ABSENT)
    }

    /** Adds all rows of a batch as they are, each made from itself. */
    fun addAll(batch: RawBatch, port: Int) {
        val base = arenaBytes
        append(batch.arena, batch.arenaBytes)
        while (rows + batch.rows > rowsMax) {
            index = enlarged(index, rowsMax * ROW_BYTES, rows * ROW_BYTES, 2 * rowsMax * ROW_BYTES)
            rowsMax *= 2
        }
        var at = index + rows * ROW_BYTES
        copy(batch.index, at, batch.rows * ROW_BYTES)
        for (row in 0 until batch.rows) {
            store32(at, load32(at) + base)
            store32(at + VALUE_END, load32(at + VALUE_END) + base)
            store32(at + HEADERS_END, load32(at + HEADERS_END) + base)
            store16(at + PORT, port)
            store64(at + OFFSET, row.toLong())
            store64(at + PARTITION, ABSENT.toLong())
            at += ROW_BYTES
        }
        rows += batch.rows
    }
}
