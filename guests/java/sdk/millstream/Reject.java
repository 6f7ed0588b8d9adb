package millstream;

/** Refuses the current record: it goes where the job sends rejects, the others go on. */
public final class Reject extends Outcome {
    /** Codes from 65,000 are the SDKs' own. The record has no key, and the operator keeps state by key. */
    public static final int NO_KEY = 65_000;
    /** Key or value is not UTF-8 text, or null. */
    public static final int BAD_TEXT = 65_001;
    /** The value is not the JSON that was expected. */
    public static final int BAD_JSON = 65_002;
    /** The record has no timestamp, and the operator works in event time. */
    public static final int NO_TIME = 65_003;

    private final int code;

    /** The code is the operator's own, for counting, below 65,000; the message is for people, at most 1,024 bytes of it are kept. */
    public Reject(int code, String message) {
        super(message);
        this.code = code;
    }

    public int code() {
        return code;
    }
}
