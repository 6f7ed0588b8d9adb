package millstream;

/** Where an operator's words and numbers go. */
public interface TelemetryHost {
    void log(Level level, String message);

    void count(String name, long delta);
}
