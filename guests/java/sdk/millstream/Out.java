package millstream;

/**
 * One record to emit. Unless told otherwise it goes to the first output port, with the input record's timestamp, without headers, to the partition of its
 * key: {@code context.emit(Out.of(key, value).to("late").at(60_000))}.
 */
public final class Out {
    Bytes key;
    Bytes value;
    Headers headers = Headers.NONE;
    String port;
    long timestamp = Record.NO_TIMESTAMP;
    int partition = Layout.ABSENT;

    private Out(Bytes key, Bytes value) {
        this.key = key;
        this.value = value;
    }

    /** A record of key and value; null is null, and a null value is a tombstone. */
    public static Out of(Bytes key, Bytes value) {
        return new Out(key, value);
    }

    public static Out of(Bytes key, String value) {
        return new Out(key, Bytes.of(value));
    }

    /** A copy of a record: key, value and headers. */
    public static Out of(Record record) {
        return new Out(record.key(), record.value()).headers(record.headers());
    }

    public Out key(Bytes key) {
        this.key = key;
        return this;
    }

    public Out value(Bytes value) {
        this.value = value;
        return this;
    }

    /** Replaces all headers. */
    public Out headers(Headers headers) {
        this.headers = headers;
        return this;
    }

    /** Sends it to an output port by its declared name. */
    public Out to(String port) {
        this.port = port;
        return this;
    }

    /** Sets the event time, ms since 1970 UTC. */
    public Out at(long timestampMs) {
        timestamp = timestampMs;
        return this;
    }

    /** Names a partition of the stream behind the port, in place of the key's. */
    public Out partition(int partition) {
        this.partition = partition;
        return this;
    }
}
