package millstream;

/** A timer to be set or deleted, or one that is due. It <em>is</em> its clock, time, key and payload: setting it twice sets one. */
public final class Timer {
    /** The clock that a timer waits for. */
    public enum Clock {
        /** Due when the watermark has reached it. */
        EVENT_TIME,
        /** Due when the host's clock has reached it. */
        PROCESSING_TIME,
    }

    private final Clock clock;
    private final long at;
    private final Bytes key;
    private final Bytes payload;

    private Timer(Clock clock, long at, Bytes key, Bytes payload) {
        this.clock = clock;
        this.at = at;
        this.key = key;
        this.payload = payload;
    }

    /** A timer in event time. With the record's key it sees the record's state; null: nobody's. */
    public static Timer eventTime(long atMs, Bytes key) {
        return new Timer(Clock.EVENT_TIME, atMs, key, Bytes.EMPTY);
    }

    /** A timer in processing time. */
    public static Timer processingTime(long atMs, Bytes key) {
        return new Timer(Clock.PROCESSING_TIME, atMs, key, Bytes.EMPTY);
    }

    static Timer due(Record row) {
        return new Timer(row.port() == 0 ? Clock.EVENT_TIME : Clock.PROCESSING_TIME, row.timestamp(), row.key(), row.value());
    }

    /** Key and payload together have at most 64 KiB. */
    public Timer withPayload(Bytes payload) {
        return new Timer(clock, at, key, payload);
    }

    public Clock clock() {
        return clock;
    }

    /** The due time, ms since 1970 UTC. */
    public long at() {
        return at;
    }

    public Bytes key() {
        return key;
    }

    public Bytes payload() {
        return payload;
    }
}
