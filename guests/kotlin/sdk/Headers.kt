package millstream

/** Headers of a record, still packed: names may repeat, a null value is allowed. */
class Headers internal constructor(internal val packed: Bytes) {
    val size: Int get() = if (packed.size < 2) 0 else load16(packed.at)

    fun isEmpty(): Boolean = size == 0

    /** Calls [see] with each header in order. */
    inline fun forEach(see: (name: String, value: Bytes?) -> Unit) {
        for ((name, value) in toList()) see(name, value)
    }

    /** All headers in order. */
    fun toList(): List<Pair<String, Bytes?>> {
        val all = ArrayList<Pair<String, Bytes?>>(size)
        var at = packed.at + 2
        repeat(size) {
            val name = Bytes(at + 2, load16(at))
            at += 2 + name.size
            val bytes = load32(at)
            at += 4
            all.add(name.text() to if (bytes == ABSENT) null else Bytes(at, bytes))
            if (bytes != ABSENT) at += bytes
        }
        return all
    }

    /** The value of the last header of that name; null: there is none, or its value is null. */
    operator fun get(name: String): Bytes? = toList().lastOrNull { it.first == name }?.second

    companion object {
        val NONE = Headers(Bytes.EMPTY)
    }
}

/** Makes headers: `headersOf("source" to "web".toBytes(), "nothing" to null)`. */
fun headersOf(vararg headers: Pair<String, Bytes?>): Headers = headersOf(headers.asList())

/** Makes headers. Throws where a name has more than 65,535 bytes, or there are more headers than that. */
fun headersOf(headers: List<Pair<String, Bytes?>>): Headers {
    if (headers.isEmpty()) return Headers.NONE
    require(headers.size <= 0xFFFF) { "${headers.size} headers, more than 65535" }
    val packed = BytesBuilder()
    packed.append(headers.size.toByte()).append((headers.size ushr 8).toByte())
    for ((name, value) in headers) {
        val named = name.toBytes()
        require(named.size <= 0xFFFF) { "a header's name of ${named.size} bytes, more than 65535" }
        packed.append(named.size.toByte()).append((named.size ushr 8).toByte()).append(named)
        packed.appendInt(value?.size ?: ABSENT)
        if (value != null) packed.append(value)
    }
    return Headers(packed.bytes)
}
