package millstream

/**
 * Bytes in the call's memory: a key, a value, a header. Compared by content, so they can be keys of a map.
 *
 * They are borrowed: what a call hands out is overwritten by the next one. Keep [text] or [toByteArray] of it. Bytes made while the operator is
 * opened stay.
 */
class Bytes internal constructor(internal val at: Int, val size: Int) : Comparable<Bytes> {
    operator fun get(index: Int): Byte {
        if (index < 0 || index >= size) throw IndexOutOfBoundsException("byte $index of $size")
        return load8(at + index).toByte()
    }

    fun isEmpty(): Boolean = size == 0

    /** The bytes from [begin] to before [end]. */
    fun slice(begin: Int, end: Int = size): Bytes {
        if (begin < 0 || end < begin || end > size) throw IndexOutOfBoundsException("bytes $begin to $end of $size")
        return Bytes(at + begin, end - begin)
    }

    fun startsWith(prefix: Bytes): Boolean = prefix.size <= size && sameBytes(at, prefix.at, prefix.size)

    operator fun contains(part: Bytes): Boolean {
        for (from in at..at + size - part.size) if (sameBytes(from, part.at, part.size)) return true
        return false
    }

    /** Eight bytes from [index] on as a little-endian number. */
    fun longAt(index: Int): Long = load64(slice(index, index + 8).at)

    /** Four bytes from [index] on as a little-endian number. */
    fun intAt(index: Int): Int = load32(slice(index, index + 4).at)

    /** A copy that lasts. */
    fun toByteArray(): ByteArray = ByteArray(size) { load8(at + it).toByte() }

    /** The bytes as UTF-8 text; null: they are none. */
    fun textOrNull(): String? = decodedText(at, size)

    /** The bytes as UTF-8 text, with U+FFFD for what is none. */
    fun text(): String = textOrNull() ?: toByteArray().decodeToString()

    /** Whether they are the UTF-8 of a text. */
    fun contentEquals(text: String): Boolean = sameText(this, text)

    override fun equals(other: Any?): Boolean = other is Bytes && other.size == size && sameBytes(at, other.at, size)

    override fun hashCode(): Int = hashOf(at, size)

    /** By unsigned bytes, as stores are ordered. */
    override fun compareTo(other: Bytes): Int {
        for (index in 0 until minOf(size, other.size)) {
            val difference = load8(at + index) - load8(other.at + index)
            if (difference != 0) return difference
        }
        return size - other.size
    }

    override fun toString(): String = text()

    companion object {
        val EMPTY = Bytes(0, 0)
    }
}

/** The UTF-8 of a text. */
fun String.toBytes(): Bytes = BytesBuilder(length).append(this).bytes

/** The same bytes where an operator can hand them out. */
fun ByteArray.toBytes(): Bytes = BytesBuilder(size).append(this).bytes

/** Whether a part is there, and is the UTF-8 of a text. */
infix fun Bytes?.isText(text: String): Boolean = this != null && contentEquals(text)

private fun sameText(bytes: Bytes, text: String): Boolean {
    if (bytes.size < text.length) return false
    for (index in text.indices) {
        val letter = text[index].code
        if (letter >= 0x80) return bytes == text.toBytes()
        if (load8(bytes.at + index) != letter) return false
    }
    return bytes.size == text.length
}

/** Makes bytes. A builder may be kept: with each call of the host it begins empty. */
class BytesBuilder(room: Int = 64) {
    private var room = maxOf(room, 16)
    private var call = callNumber
    internal var at = lend(this.room)
        private set
    private var used = 0

    /** What was appended so far. */
    val bytes: Bytes
        get() {
            renew()
            return Bytes(at, used)
        }

    val size: Int
        get() {
            renew()
            return used
        }

    /** Begins anew. What [bytes] gave before is overwritten. */
    fun clear(): BytesBuilder {
        renew()
        used = 0
        return this
    }

    fun append(bytes: Bytes): BytesBuilder {
        copy(bytes.at, claim(bytes.size), bytes.size)
        return this
    }

    fun append(bytes: ByteArray): BytesBuilder {
        val to = claim(bytes.size)
        for (index in bytes.indices) store8(to + index, bytes[index].toInt())
        return this
    }

    fun append(text: String): BytesBuilder {
        val to = claim(text.length)
        for (index in text.indices) {
            val letter = text[index].code
            if (letter >= 0x80) {
                used -= text.length
                return append(text.encodeToByteArray())
            }
            store8(to + index, letter)
        }
        return this
    }

    fun append(byte: Byte): BytesBuilder {
        store8(claim(1), byte.toInt())
        return this
    }

    /** A number in decimal digits. */
    fun appendDecimal(number: Long): BytesBuilder = append(number.toString())

    /** Eight bytes, the lowest first. */
    fun appendLong(number: Long): BytesBuilder {
        store64(claim(8), number)
        return this
    }

    /** Four bytes, the lowest first. */
    fun appendInt(number: Int): BytesBuilder {
        store32(claim(4), number)
        return this
    }

    /** Eight bytes, the highest first: keys of numbers that are not negative lie in the order of the numbers. */
    fun appendLongBigEndian(number: Long): BytesBuilder {
        val to = claim(8)
        for (index in 0 until 8) store8(to + index, (number ushr (56 - 8 * index)).toInt())
        return this
    }

    /** Changes each byte. */
    fun mapInPlace(change: (Int) -> Int) {
        renew()
        for (index in at until at + used) store8(index, change(load8(index)))
    }

    /** Room for so many bytes more, counted as used. */
    private fun claim(bytes: Int): Int {
        renew()
        val after = used + bytes
        if (after < used) throw OutOfMemoryError("more than 2 GiB of bytes")
        if (after > room) {
            val wanted = maxOf(after, if (room < 1 shl 29) 2 * room else after)
            at = enlarged(at, room, used, wanted)
            room = wanted
        }
        val to = at + used
        used = after
        return to
    }

    private fun renew() {
        if (call == callNumber) return
        call = callNumber
        used = 0
        at = lend(room)
    }
}
