import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import millstream.Bytes;
import millstream.BytesBuilder;
import millstream.Context;
import millstream.Fatal;
import millstream.Level;
import millstream.Millstream;
import millstream.Operator;
import millstream.Out;
import millstream.Record;
import millstream.Reject;
import millstream.Retry;
import millstream.Setup;
import millstream.Store;
import millstream.Timer;
import millstream.Values;

/**
 * Misbehaves on demand, to test hosts: a record's value is the order, {@code name} or {@code name:number}; whatever is no order is passed on.
 *
 * <pre>
 * throw, null, index, cast  an exception (with a text, which the SDK logs), a null pointer, an index out of range, a wrong cast
 * loop                      never returns
 * memory                    allocates and touches memory without end
 * recurse                   recurses without end
 * bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    breaks a rule of the layout
 * bad-timer                 asks for a timer with a port that means nothing
 * bad-reject                rejects a row that the batch does not have
 * huge:n                    emits n records of 1 MiB (default 1,024)
 * tiny:n                    emits n empty records (default 1,000,000)
 * timers:n                  sets n timers (default 1,000,000)
 * storm:n                   calls the host n times (default 10,000,000)
 * logs:n                    logs n messages of 8 KiB (default 131,072: 1 GiB)
 * counters:n                counts under n different names (default 10,000)
 * long-key:n                writes a state key of n bytes (default 1 MiB)
 * long-value:n              writes a state value of n bytes (default 64 MiB)
 * many-keys:n               writes n state keys (default 1,000,000)
 * forgetful                 emits how many records this instance has seen: what an operator must not do
 * reject:n, retry, fatal    rejects with code n (default 1), fails for now, fails for good
 * </pre>
 *
 * <p>Config: {@code open} = {@code throw}, {@code loop}, {@code memory} or {@code fatal}, done while opening; {@code panic-on} = values at which to throw, for
 * traps in the middle of a batch; {@code on-timer} = an order for when a timer fires ({@code later} as a value sets one at the record's time).
 */
public final class Misbehave implements Operator {
    private static final int MIB = 1 << 20;
    private static final Store<Bytes> STATE = Store.of("state", Values.BYTES);

    /** Keeps what is computed from being optimised away. */
    private static int sink;
    private static final int[] THREE = new int[3];
    private static String nobody;
    private static Object anything = 7;

    private final List<String> throwOn;
    private final String timerOrder;
    private long seen;

    public static void main(String[] arguments) {
        Millstream.operator("misbehave", Misbehave::new).inputs().stores(STATE).noPrefetch();
    }

    private Misbehave(Setup setup) {
        String order = setup.config().text("open", null);
        throwOn = setup.config().texts("panic-on");
        timerOrder = setup.config().text("on-timer", null);
        if (order != null) {
            switch (order) {
                case "throw" -> throw new IllegalStateException("told to throw while opening");
                case "loop" -> spin();
                case "memory" -> eatMemory();
                case "fatal" -> throw new Fatal("told to fail while opening");
                default -> throw new Fatal("config: `open`: unknown order `" + order + "`");
            }
        }
    }

    @Override
    public void process(Record record, Context context) {
        seen++;
        String value = record.value() == null ? "" : record.value().text();
        if (throwOn.contains(value)) {
            throw new IllegalStateException("told to throw on `" + value + "`");
        }
        if (value.equals("forgetful")) {
            context.emit(Out.of(record).value(Bytes.of(Long.toString(seen))));
        } else if (value.equals("later")) {
            context.setTimer(Timer.eventTime(record.requireTime(), record.key()).withPayload(Bytes.of("later")));
        } else if (!obey(value, record.row(), context)) {
            context.forward(record);
        }
    }

    @Override
    public void onTimer(Timer timer, Context context) {
        if (timerOrder == null || !obey(timerOrder, 0, context)) {
            context.emit(timer.key(), timer.payload());
        }
    }

    /** Carries out an order; false: it is none. */
    private static boolean obey(String order, int row, Context context) {
        int colon = order.indexOf(':');
        String name = colon < 0 ? order : order.substring(0, colon);
        int given = -1;
        if (colon >= 0) {
            try {
                given = Integer.parseInt(order.substring(colon + 1));
            } catch (NumberFormatException none) {
                return false;
            }
        }
        switch (name) {
            case "throw" -> throw new IllegalStateException("told to throw");
            case "null" -> sink += nobody.length();
            case "index" -> sink += THREE[n(given, 1_000_000)];
            case "cast" -> sink += ((String) anything).length();
            case "loop" -> spin();
            case "memory" -> eatMemory();
            case "recurse" -> sink += recurse(1);
            case "reject" -> throw new Reject(n(given, 1), "told to reject");
            case "retry" -> throw new Retry("told to retry");
            case "fatal" -> throw new Fatal("told to fail");
            default -> {
                return flood(name, given, context) || Bad.breakRule(name, row, context);
            }
        }
        return true;
    }

    /** Orders to do much; false: it is none. */
    private static boolean flood(String name, int given, Context context) {
        switch (name) {
            case "huge" -> emitMany(n(given, 1024), filled(MIB, 'x'), context);
            case "tiny" -> emitMany(n(given, 1_000_000), Bytes.EMPTY, context);
            case "timers" -> {
                for (int at = 0; at < n(given, 1_000_000); at++) {
                    context.setTimer(Timer.eventTime(at, null));
                }
            }
            case "storm" -> {
                for (int left = n(given, 10_000_000); left > 0; left--) {
                    context.count("storm", 1);
                }
            }
            case "logs" -> {
                String message = "flood ".repeat(8192 / 6);
                for (int left = n(given, 131_072); left > 0; left--) {
                    context.log(Level.INFO, message);
                }
            }
            case "counters" -> {
                for (int one = 0; one < n(given, 10_000); one++) {
                    context.count("counter-" + one, 1);
                }
            }
            case "long-key" -> STATE.put(filled(n(given, MIB), 'k'), Bytes.EMPTY);
            case "long-value" -> STATE.put(Bytes.of("k"), filled(n(given, 64 * MIB), 'v'));
            case "many-keys" -> {
                for (int key = 0; key < n(given, 1_000_000); key++) {
                    STATE.put(new BytesBuilder().appendLongBigEndian(key).bytes(), Bytes.of("v"));
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private static int n(int given, int otherwise) {
        return given < 0 ? otherwise : given;
    }

    private static Bytes filled(int size, char letter) {
        byte[] bytes = new byte[size];
        Arrays.fill(bytes, (byte) letter);
        return Bytes.of(bytes);
    }

    private static void emitMany(int count, Bytes value, Context context) {
        for (int left = count; left > 0; left--) {
            context.emit(null, value);
        }
    }

    private static void spin() {
        while (true) {
            sink++;
        }
    }

    private static void eatMemory() {
        List<byte[]> eaten = new ArrayList<>();
        while (true) {
            byte[] more = new byte[MIB];
            Arrays.fill(more, (byte) 1);
            eaten.add(more);
            sink += eaten.size();
        }
    }

    private static int recurse(int depth) {
        return recurse(depth + 1) + depth;
    }
}
