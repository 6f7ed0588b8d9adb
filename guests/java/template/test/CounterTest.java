import millstream.Harness;

/** Runs on a JDK, with assertions on: `millstream sdk java` prints where the SDK and its harness are. */
public final class CounterTest {
    public static void main(String[] arguments) {
        Harness op = Harness.open(Counter::main, "");
        op.feed(Harness.in("ann", "hello"), Harness.in("bob", "hi"), Harness.in("ann", "bye"));
        assert op.outputs().stream().map(Harness.Output::value).toList().toString().equals("[1, 1, 2]");
    }
}
