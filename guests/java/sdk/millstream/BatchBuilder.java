package millstream;

/** Grows a batch, and keeps its memory from batch to batch. */
final class BatchBuilder {
    private static final int ARENA_BYTES_MAX = 1 << 30;

    byte[] index = new byte[64 * Layout.ROW_BYTES];
    int rows;
    final BytesBuilder arena = new BytesBuilder(4096);

    void clear() {
        rows = 0;
        arena.clear();
    }

    int indexBytes() {
        return rows * Layout.ROW_BYTES;
    }

    Raw raw() {
        return new Raw(Bytes.copy(index, 0, indexBytes(), indexBytes()), Bytes.copy(arena.array, 0, arena.size, arena.size));
    }

    /** Adds a row; null is null. */
    void push(Bytes key, Bytes value, Headers headers, int port, long timestamp, long offset, int partition, int keyId) {
        if (key != null) {
            arena.append(key);
        }
        int keyEnd = arena.size;
        if (value != null) {
            arena.append(value);
        }
        row(keyEnd, (key == null ? Layout.KEY_IS_NULL : 0) | (value == null ? Layout.VALUE_IS_NULL : 0), headers, port, timestamp, offset, partition, keyId);
    }

    /** The same with a text as the value. */
    void push(Bytes key, String value, int port, long timestamp, long offset) {
        if (key != null) {
            arena.append(key);
        }
        int keyEnd = arena.size;
        arena.append(value);
        row(keyEnd, key == null ? Layout.KEY_IS_NULL : 0, Headers.NONE, port, timestamp, offset, Layout.ABSENT, Layout.ABSENT);
    }

    /** Adds a row of state, whose key ends at {@code keyEnd} in the arena, and whose value, if it has one, is all that follows. */
    void state(int keyEnd, boolean hasValue, int store) {
        row(keyEnd, hasValue ? 0 : Layout.VALUE_IS_NULL, Headers.NONE, store, Record.NO_TIMESTAMP, 0, Layout.ABSENT, Layout.ABSENT);
    }

    private void row(int keyEnd, int flags, Headers headers, int port, long timestamp, long offset, int partition, int keyId) {
        int valueEnd = arena.size;
        if (headers.packed.size > 0) {
            arena.append(headers.packed);
            flags |= Layout.HAS_HEADERS;
        }
        if (arena.size > ARENA_BYTES_MAX) {
            throw new OutOfMemoryError("a batch's arena holds at most 1 GiB");
        }
        int at = rows * Layout.ROW_BYTES;
        if (at == index.length) {
            index = Bytes.copy(index, 0, at, 2 * at);
        }
        rows++;
        Memory.put32(index, at, keyEnd);
        Memory.put32(index, at + Layout.VALUE_END, valueEnd);
        Memory.put32(index, at + Layout.HEADERS_END, arena.size);
        Memory.put32(index, at + Layout.PORT, port & 0xFFFF | flags << 16);
        Memory.put64(index, at + Layout.TIMESTAMP, timestamp);
        Memory.put64(index, at + Layout.OFFSET, offset);
        Memory.put32(index, at + Layout.PARTITION, partition);
        Memory.put32(index, at + Layout.KEY_ID, keyId);
    }

    /** Adds all rows of a batch as they are, each made from itself. */
    void addAll(Batch batch, int port) {
        int base = arena.size;
        arena.append(batch.arena);
        int at = indexBytes();
        int end = at + batch.rows * Layout.ROW_BYTES;
        if (end > index.length) {
            index = Bytes.copy(index, 0, at, Math.max(end, 2 * index.length));
        }
        Memory.copy(batch.index, 0, index, at, end - at);
        for (int row = 0; row < batch.rows; row++, at += Layout.ROW_BYTES) {
            for (int field = 0; field <= Layout.HEADERS_END; field += 4) {
                Memory.put32(index, at + field, Memory.get32(index, at + field) + base);
            }
            Memory.put16(index, at + Layout.PORT, port);
            Memory.put64(index, at + Layout.OFFSET, row);
            Memory.put64(index, at + Layout.PARTITION, -1);
        }
        rows += batch.rows;
    }
}
