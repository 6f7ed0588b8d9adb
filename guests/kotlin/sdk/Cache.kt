package millstream

/** The state of one batch, between the host's stores and the operator. */
internal val cache = Cache()

/**
 * Read with one call, written back with one call, and in between a list of slots, one per key and store.
 *
 * A record finds its slot by the number of its key, without hashing where the host gave the numbers; slots are looked up by their keys' bytes only where
 * an operator asks for a key by name.
 */
internal class Cache {
    /** The host's numbers of the declared stores. */
    var stores = IntArray(0)
    private var slots = 0
    private var keyAt = IntArray(64)
    private var keyBytes = IntArray(64)
    var valueAt = IntArray(64)
        private set

    /** -1: there is no value. */
    var valueBytes = IntArray(64)
        private set

    /** Bytes that a value may take up where it stands. */
    private var room = IntArray(64)
    private var places = IntArray(64)
    private var dirty = BooleanArray(64)

    /** Keys of the rows: slot = place of the store × distinct + number of the key. 0: slots cannot be found by number. */
    private var distinct = 0

    /** Own numbers of the rows' keys, where the host's cannot be used. */
    private var rowIds = IntArray(0)
    private var ownIds = false
    private val table = KeyTable()

    /** The slots before this one are in the table. */
    private var tabled = 0
    private val asked = BatchBuilder()
    private val written = BatchBuilder()

    /** Forgets the batch before. */
    fun begin() {
        slots = 0
        distinct = 0
        tabled = 0
        table.clear(0)
    }

    /** Reads the rows' distinct keys in every store. */
    fun readRecordKeys(batch: RawBatch) {
        if (!numberedByHost(batch)) numberKeys(batch)
        distinct = slots
        if (distinct == 0) return
        for (place in 1 until stores.size) {
            for (number in 0 until distinct) add(place, keyAt[number], keyBytes[number])
        }
        ask(0)
    }

    /** Takes the host's numbers: all given, none left out, as in a whole batch. */
    private fun numberedByHost(batch: RawBatch): Boolean {
        ownIds = false
        var begin = 0
        for (row in 0 until batch.rows) {
            val at = batch.index + row * ROW_BYTES
            if (load16(at + FLAGS) and KEY_IS_NULL == 0) {
                val id = load32(at + KEY_ID)
                if (id == slots) {
                    add(0, batch.arena + begin, load32(at) - begin)
                } else if (id !in 0 until slots) {
                    slots = 0
                    return false
                }
            }
            begin = load32(at + HEADERS_END)
        }
        return true
    }

    private fun numberKeys(batch: RawBatch) {
        ownIds = true
        if (rowIds.size < batch.rows) rowIds = IntArray(maxOf(batch.rows, 2 * rowIds.size))
        table.clear(batch.rows)
        var begin = 0
        for (row in 0 until batch.rows) {
            val at = batch.index + row * ROW_BYTES
            if (load16(at + FLAGS) and KEY_IS_NULL == 0) {
                val key = batch.arena + begin
                val bytes = load32(at) - begin
                rowIds[row] = table.number(0, key, bytes)
                if (rowIds[row] == slots) add(0, key, bytes)
            }
            begin = load32(at + HEADERS_END)
        }
        tabled = slots
    }

    /** Reads the keys that [want] named. */
    fun readWanted() {
        if (slots > 0) ask(0)
    }

    /** Names a key that will be needed. */
    fun want(place: Int, key: Bytes) {
        enterAll()
        if (table.number(place, key.at, key.size) == slots) addTabled(place, key)
    }

    fun slotOfRecord(place: Int): Int {
        val record = context.record
        if (record.keyBytes < 0) reject(Codes.NO_KEY, "the record has no key")
        if (distinct == 0) return slotOfKey(place, Bytes(record.keyAt, record.keyBytes))
        return place * distinct + if (ownIds) rowIds[record.row] else record.keyId
    }

    fun slotOfKey(place: Int, key: Bytes): Int {
        enterAll()
        val slot = table.number(place, key.at, key.size)
        if (slot == slots) {
            // The key may lie in a builder that is about to be used again.
            val copied = lend(key.size)
            copy(key.at, copied, key.size)
            table.move(slot, copied)
            addTabled(place, Bytes(copied, key.size))
            ask(slot)
        }
        return slot
    }

    fun key(slot: Int) = Bytes(keyAt[slot], keyBytes[slot])

    fun write(slot: Int, at: Int, bytes: Int) {
        dirty[slot] = true
        if (room[slot] < bytes) {
            room[slot] = maxOf(bytes, 2 * room[slot])
            valueAt[slot] = lend(room[slot])
        }
        valueBytes[slot] = bytes
        copy(at, valueAt[slot], bytes)
    }

    fun delete(slot: Int) {
        dirty[slot] = true
        valueBytes[slot] = -1
    }

    /** Hands what was written to the host, in the order in which keys were first met. */
    fun writeBack() {
        written.begin(0, 0)
        for (slot in 0 until slots) {
            if (!dirty[slot]) continue
            dirty[slot] = false
            written.state(keyAt[slot], keyBytes[slot], valueAt[slot], valueBytes[slot], stores[places[slot]])
        }
        if (written.rows > 0) host().putMany(written)
    }

    fun page(place: Int, begin: Bytes, end: Bytes): Page = host().scan(stores[place], begin, end)

    private fun host(): StateHost = state ?: fatal("the operator has no stores")

    /** Asks the host for the values of the slots from `first` on. */
    private fun ask(first: Int) {
        var bytes = 0
        for (slot in first until slots) bytes += keyBytes[slot]
        asked.begin(slots - first, bytes)
        for (slot in first until slots) asked.state(keyAt[slot], keyBytes[slot], 0, -1, stores[places[slot]])
        val found = host().getMany(asked)
        if (found.rows != slots - first) fatal("the host was asked for ${slots - first} keys and answered ${found.rows}")
        for (row in 0 until found.rows) {
            val at = found.index + row * ROW_BYTES
            if (load16(at + FLAGS) and VALUE_IS_NULL != 0) continue
            val keyEnd = load32(at)
            // What the host handed over is this call's own, so a value that fits goes where the old one was.
            valueAt[first + row] = found.arena + keyEnd
            valueBytes[first + row] = load32(at + VALUE_END) - keyEnd
            room[first + row] = valueBytes[first + row]
        }
    }

    private fun enterAll() {
        while (tabled < slots) {
            table.number(places[tabled], keyAt[tabled], keyBytes[tabled])
            tabled++
        }
    }

    private fun addTabled(place: Int, key: Bytes) {
        add(place, key.at, key.size)
        tabled++
    }

    private fun add(place: Int, at: Int, bytes: Int) {
        if (slots == keyAt.size) grow()
        keyAt[slots] = at
        keyBytes[slots] = bytes
        valueAt[slots] = 0
        valueBytes[slots] = -1
        room[slots] = 0
        places[slots] = place
        dirty[slots] = false
        slots++
    }

    private fun grow() {
        val size = 2 * slots
        keyAt = keyAt.copyOf(size)
        keyBytes = keyBytes.copyOf(size)
        valueAt = valueAt.copyOf(size)
        valueBytes = valueBytes.copyOf(size)
        room = room.copyOf(size)
        places = places.copyOf(size)
        dirty = dirty.copyOf(size)
    }
}

/** Numbers keys of stores in order of appearance: an open hash table, kept from batch to batch. */
internal class KeyTable {
    /** Number + 1, 0 where a cell is free; as many as a power of two, at least twice the keys. */
    private var cells = IntArray(16)
    private var mask = 15
    private var keys = 0
    private var at = IntArray(16)
    private var bytes = IntArray(16)
    private var hashes = IntArray(16)
    private var places = IntArray(16)

    /** Empties it, with room for so many keys. */
    fun clear(expected: Int) {
        keys = 0
        var size = 16
        while (size < 2 * expected) size *= 2
        free(size)
    }

    private fun free(size: Int) {
        if (size > cells.size) cells = IntArray(size) else cells.fill(0, 0, size)
        mask = size - 1
    }

    /** The number of a key; a new one gets the next. */
    fun number(place: Int, keyAt: Int, keyBytes: Int): Int {
        val hash = hashOf(keyAt, keyBytes) + place * -0x61c88647
        var cell = hash and mask
        while (cells[cell] != 0) {
            val known = cells[cell] - 1
            if (hashes[known] == hash && places[known] == place && bytes[known] == keyBytes && sameBytes(at[known], keyAt, keyBytes)) return known
            cell = (cell + 1) and mask
        }
        if (keys == at.size) grow()
        at[keys] = keyAt
        bytes[keys] = keyBytes
        hashes[keys] = hash
        places[keys] = place
        cells[cell] = ++keys
        if (2 * keys > mask) rehash()
        return keys - 1
    }

    /** The same bytes lie elsewhere now. */
    fun move(number: Int, to: Int) {
        at[number] = to
    }

    private fun grow() {
        at = at.copyOf(2 * keys)
        bytes = bytes.copyOf(2 * keys)
        hashes = hashes.copyOf(2 * keys)
        places = places.copyOf(2 * keys)
    }

    private fun rehash() {
        free(2 * (mask + 1))
        for (number in 0 until keys) {
            var cell = hashes[number] and mask
            while (cells[cell] != 0) cell = (cell + 1) and mask
            cells[cell] = number + 1
        }
    }
}
