package millstream

/** How values of one type stand in a store. The same value must always give the same bytes. */
interface Codec<V : Any> {
    /** Makes a value of its bytes, which it must not keep. Throw [BadValue] for bytes that are none. */
    fun decode(bytes: Bytes): V

    /** Appends the bytes of a value. */
    fun encode(value: V, to: BytesBuilder)
}

/** Bytes in a store that are no value of its type: the job stops, as this code cannot read what it is to go on from. */
class BadValue(message: String) : Exception(message)

/** Codecs. Numbers are eight bytes, little-endian, as in all languages' SDKs. */
object Values {
    val ULONG: Codec<ULong> = Eight("ULong", Long::toULong, ULong::toLong)
    val LONG: Codec<Long> = Eight("Long", { it }, { it })
    val DOUBLE: Codec<Double> = Eight("Double", Double.Companion::fromBits, Double::toRawBits)

    /** UTF-8. */
    val TEXT: Codec<String> = object : Codec<String> {
        override fun decode(bytes: Bytes) = bytes.textOrNull() ?: throw BadValue("the value is not UTF-8")

        override fun encode(value: String, to: BytesBuilder) {
            to.append(value)
        }
    }

    /** As they are; borrowed, like all bytes. */
    val BYTES: Codec<Bytes> = object : Codec<Bytes> {
        override fun decode(bytes: Bytes) = bytes

        override fun encode(value: Bytes, to: BytesBuilder) {
            to.append(value)
        }
    }

    /** JSON text without spaces. */
    val JSON: Codec<Json> = object : Codec<Json> {
        override fun decode(bytes: Bytes): Json {
            if (!isUtf8(bytes.at, bytes.size)) throw BadValue("the value is not UTF-8")
            try {
                return Json.parse(bytes)
            } catch (wrong: JsonException) {
                throw BadValue("the value is not JSON: ${wrong.message}")
            }
        }

        override fun encode(value: Json, to: BytesBuilder) {
            to.append(value.toString())
        }
    }

    private class Eight<V : Any>(val name: String, val of: (Long) -> V, val bits: (V) -> Long) : Codec<V> {
        override fun decode(bytes: Bytes): V {
            if (bytes.size != 8) throw BadValue("a value of type $name has 8 bytes, this one ${bytes.size}")
            return of(load64(bytes.at))
        }

        override fun encode(value: V, to: BytesBuilder) {
            to.appendLong(bits(value))
        }
    }
}

/**
 * Keyed state: one value per key and task. Keep it in a top-level `val` and name it in the operator's `stores`.
 *
 * State of the records' keys is read with one call before the batch and written back with one call after it; what a record writes the next one reads.
 * [version] is that of the values' format, from 1: raise it with the format, and migrate.
 */
class Store<V : Any>(val name: String, private val codec: Codec<V>, val version: Int = 1) {
    /** The place among the declared stores; -1: it is not declared. */
    internal var place = -1
    private val encoded = BytesBuilder()

    init {
        // A component that never gets here does not import `state`, which a job must grant.
        state = HostState
    }

    /** The value of the current record's key; null: none. A record without a key is rejected with [Codes.NO_KEY]. */
    fun get(): V? = decoded(cache().slotOfRecord(place))

    /** Sets the value of the current record's key. */
    fun put(value: V) = encode(cache().slotOfRecord(place), value)

    /** Removes the current record's key. */
    fun delete() = cache().delete(cache().slotOfRecord(place))

    /** The value of any key; null: none. A key that was neither read ahead nor met before in this batch costs a call to the host. */
    operator fun get(key: Bytes): V? = decoded(cache().slotOfKey(place, key))

    /** Sets the value of any key. */
    operator fun set(key: Bytes, value: V) = encode(cache().slotOfKey(place, key), value)

    /** Removes any key. */
    fun delete(key: Bytes) = cache().delete(cache().slotOfKey(place, key))

    /** All keys that begin with [prefix], in ascending byte order, with their values. What this call wrote so far is seen. */
    fun scan(prefix: Bytes = Bytes.EMPTY): Sequence<Pair<Bytes, V>> = range(prefix, prefixEnd(prefix))

    /** Keys from [begin] to before [end] (empty: the store's end). */
    fun range(begin: Bytes, end: Bytes = Bytes.EMPTY): Sequence<Pair<Bytes, V>> = sequence {
        cache().writeBack()
        var from = begin
        while (true) {
            val page = cache().page(place, from, end)
            var at = 0
            val row = Record()
            for (number in 0 until page.rows.rows) {
                at = row.read(page.rows, number, at)
                from = row.key ?: Bytes.EMPTY
                yield(from to decoded(from, row.value ?: Bytes.EMPTY))
            }
            if (page.isDone || page.rows.rows == 0) break
            from = BytesBuilder(from.size + 1).append(from).append(0.toByte()).bytes
        }
    }

    private fun cache(): Cache {
        if (place < 0) fatal("the operator does not declare the store `$name`: add it to its stores")
        return cache
    }

    private fun decoded(slot: Int): V? {
        if (cache.valueBytes[slot] < 0) return null
        return decoded(cache.key(slot), Bytes(cache.valueAt[slot], cache.valueBytes[slot]))
    }

    private fun decoded(key: Bytes, value: Bytes): V {
        try {
            return codec.decode(value)
        } catch (wrong: BadValue) {
            fatal("store `$name`, key `${key.text()}`: ${wrong.message}")
        }
    }

    private fun encode(slot: Int, value: V) {
        encoded.clear()
        codec.encode(value, encoded)
        cache.write(slot, encoded.at, encoded.size)
    }
}

/** The first key past a prefix: its last byte that can grow, grown. A prefix of 0xFF bytes has none, hence the store's end. */
private fun prefixEnd(prefix: Bytes): Bytes {
    for (last in prefix.size - 1 downTo 0) {
        val byte = load8(prefix.at + last)
        if (byte != 0xFF) return BytesBuilder(last + 1).append(prefix.slice(0, last)).append((byte + 1).toByte()).bytes
    }
    return Bytes.EMPTY
}
