package millstream;

/** Text that is not the JSON that was expected; the message says where and what should stand there. */
public final class JsonException extends Exception {
    JsonException(String message) {
        super(message, null, false, false);
    }
}
