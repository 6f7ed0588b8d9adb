package millstream;

import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Where an operator begins: its {@code main} declares it.
 *
 * <pre>{@code
 * public static void main(String[] args) {
 *     Millstream.operator("count", Count::new).stores(COUNTS);
 * }
 * }</pre>
 */
public final class Millstream {
    private static Declaration declared;

    private Millstream() {
    }

    /** Declares the component's operator, which looks at its config when it is opened. State cannot be read there. */
    public static Declaration operator(String name, Function<Setup, Operator> open) {
        declared = new Declaration(name, open);
        return declared;
    }

    /** Declares an operator that takes no config. */
    public static Declaration operator(String name, Supplier<Operator> open) {
        return operator(name, setup -> open.get());
    }

    /** The operator that was declared last, for test harnesses; null: none. */
    public static Declaration declared() {
        return declared;
    }
}
