package millstream;

/** What an operator throws on purpose. Any other exception is a mistake: a trap, whose text and stack the dead letter has. */
public abstract class Outcome extends RuntimeException {
    Outcome(String message) {
        // Nobody looks at the stack of what is no mistake.
        super(message, null, false, false);
    }
}
