package millstream;

/** Packed records. */
public final class Batch {
    final byte[] index;
    final byte[] arena;
    final int rows;

    /** From bytes that obey the layout; throws where they do not. */
    public static Batch of(byte[] index, byte[] arena) {
        Layout.Rule rule = Layout.broken(index, arena);
        if (rule != null) {
            throw new IllegalArgumentException("the batch breaks the layout's rule " + rule);
        }
        return new Batch(index, arena);
    }

    Batch(byte[] index, byte[] arena) {
        this.index = index;
        this.arena = arena;
        rows = index.length / Layout.ROW_BYTES;
    }

    public int size() {
        return rows;
    }

    /** The record at a row. */
    public Record get(int row) {
        Record record = new Record();
        record.read(this, row, row == 0 ? 0 : Memory.get32(index, (row - 1) * Layout.ROW_BYTES + Layout.HEADERS_END));
        return record;
    }
}
