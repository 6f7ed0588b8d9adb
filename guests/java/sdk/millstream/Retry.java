package millstream;

/** Ends the call: nothing of it is kept, and the same batch comes again later. */
public final class Retry extends Outcome {
    public Retry(String message) {
        super(message);
    }
}
