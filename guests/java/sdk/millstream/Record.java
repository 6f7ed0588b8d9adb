package millstream;

/** One input record. In a batch it is one object, filled in anew for each record; keys and values may be kept. */
public final class Record {
    /** The timestamp of a record that has none; as that of an output: inherit the input record's. */
    public static final long NO_TIMESTAMP = Long.MIN_VALUE;

    private Batch batch;
    private int at;
    private int row;
    private int begin;
    private int keyEnd;
    private int valueEnd;
    private int end;
    private int flags;

    Record() {
    }

    /** Stands at a row that begins at {@code begin} in the arena; returns where the next one begins. */
    int read(Batch batch, int row, int begin) {
        this.batch = batch;
        this.row = row;
        this.begin = begin;
        at = row * Layout.ROW_BYTES;
        keyEnd = Memory.get32(batch.index, at);
        valueEnd = Memory.get32(batch.index, at + Layout.VALUE_END);
        end = Memory.get32(batch.index, at + Layout.HEADERS_END);
        flags = Memory.get16(batch.index, at + Layout.FLAGS);
        return end;
    }

    /** The key; null: none. */
    public Bytes key() {
        return hasKey() ? new Bytes(batch.arena, begin, keyEnd - begin) : null;
    }

    boolean hasKey() {
        return (flags & Layout.KEY_IS_NULL) == 0;
    }

    /** The value; null: a tombstone. */
    public Bytes value() {
        return (flags & Layout.VALUE_IS_NULL) == 0 ? new Bytes(batch.arena, keyEnd, valueEnd - keyEnd) : null;
    }

    /** Whether the value is the UTF-8 of a text. */
    public boolean valueIs(String text) {
        return (flags & Layout.VALUE_IS_NULL) == 0 && valueEnd - keyEnd >= text.length() && value().is(text);
    }

    /** Event time, ms since 1970 UTC, or {@link #NO_TIMESTAMP}. */
    public long timestamp() {
        return Memory.get64(batch.index, at + Layout.TIMESTAMP);
    }

    /** The number of the input it came from: the place in the operator's inputs. */
    public int port() {
        return Memory.get16(batch.index, at + Layout.PORT);
    }

    /** Where it stood in its stream. */
    public long offset() {
        return Memory.get64(batch.index, at + Layout.OFFSET);
    }

    /** The partition it was read from. */
    public int partition() {
        return Memory.get32(batch.index, at + Layout.PARTITION);
    }

    /** The number of the record in its batch. */
    public int row() {
        return row;
    }

    public Headers headers() {
        return (flags & Layout.HAS_HEADERS) == 0 ? Headers.NONE : new Headers(new Bytes(batch.arena, valueEnd, end - valueEnd));
    }

    /** The value of the last header of that name; null: there is none, or its value is null. */
    public Bytes header(String name) {
        return headers().last(name);
    }

    /** The host's number of its key among those of the batch. */
    int keyId() {
        return Memory.get32(batch.index, at + Layout.KEY_ID);
    }

    /** The key, or a reject with {@link Reject#NO_KEY}. */
    public Bytes requireKey() {
        if (!hasKey()) {
            throw new Reject(Reject.NO_KEY, "the record has no key");
        }
        return key();
    }

    /** The event time, or a reject with {@link Reject#NO_TIME}. */
    public long requireTime() {
        if (timestamp() == NO_TIMESTAMP) {
            throw new Reject(Reject.NO_TIME, "the record has no timestamp");
        }
        return timestamp();
    }

    /** The key as text, or a reject with {@link Reject#BAD_TEXT}. */
    public String keyText() {
        return utf8(key(), "key").text();
    }

    /** The value as text, or a reject with {@link Reject#BAD_TEXT}. */
    public String valueText() {
        return valueUtf8().text();
    }

    /** The value's bytes where they are UTF-8, or a reject with {@link Reject#BAD_TEXT}: for those who need no String. */
    public Bytes valueUtf8() {
        return utf8(value(), "value");
    }

    private static Bytes utf8(Bytes bytes, String part) {
        if (bytes == null) {
            throw new Reject(Reject.BAD_TEXT, "the " + part + " is null");
        }
        if (!bytes.isText()) {
            throw new Reject(Reject.BAD_TEXT, "the " + part + " is not UTF-8");
        }
        return bytes;
    }

    /** The value as JSON, or a reject with {@link Reject#BAD_JSON}. */
    public Json valueJson() {
        try {
            return Json.parse(valueUtf8());
        } catch (JsonException wrong) {
            throw new Reject(Reject.BAD_JSON, "the value: " + wrong.getMessage());
        }
    }

    /** The fields of a JSON object, each still as text, or a reject with {@link Reject#BAD_JSON}: quicker where few fields are looked at. */
    public JsonFields valueFields() {
        try {
            return JsonFields.of(valueUtf8());
        } catch (JsonException wrong) {
            throw new Reject(Reject.BAD_JSON, "the value: " + wrong.getMessage());
        }
    }
}
