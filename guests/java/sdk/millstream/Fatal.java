package millstream;

/** Ends the call and the job, which shows the message. */
public final class Fatal extends Outcome {
    public Fatal(String message) {
        super(message);
    }
}
