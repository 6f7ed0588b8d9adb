import millstream.Bytes;
import millstream.BytesBuilder;
import millstream.Codec;
import millstream.Context;
import millstream.Fatal;
import millstream.Keys;
import millstream.Millstream;
import millstream.Numbers;
import millstream.Operator;
import millstream.Out;
import millstream.Record;
import millstream.Reject;
import millstream.Setup;
import millstream.Store;
import millstream.Timer;

/**
 * Tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
 *
 * <p>A window is closed, and its result emitted, when the watermark has passed its end by {@code lateness_ms}; a record that comes later goes to the port
 * {@code late} as it is. Result: the key, {@code {"start":…,"end":…,"count":…,"sum":…}}, timestamp the window's last millisecond.
 */
public final class Window implements Operator {
    static final int NOT_A_NUMBER = 1;
    static final int OVERFLOW = 2;

    record Totals(long count, long sum) {
    }

    static final Store<Totals> WINDOWS = Store.of("windows", new Codec<>() {
        @Override
        public Totals decode(Bytes bytes) throws BadValue {
            if (bytes.size() != 16) {
                throw new BadValue("a window's totals have 16 bytes, these " + bytes.size());
            }
            return new Totals(bytes.longAt(0), bytes.longAt(8));
        }

        @Override
        public void encode(Totals totals, BytesBuilder to) {
            to.appendLong(totals.count).appendLong(totals.sum);
        }
    });

    private final long sizeMs;
    private final long latenessMs;

    public static void main(String[] arguments) {
        Millstream.operator("window", Window::new).outputs("out", "late").stores(WINDOWS).prefetch();
    }

    private Window(Setup setup) {
        sizeMs = setup.config().number("size_ms");
        latenessMs = setup.config().number("lateness_ms", 0);
        if (sizeMs < 1 || latenessMs < 0) {
            throw new Fatal("config: `size_ms` must be at least 1, `lateness_ms` at least 0");
        }
    }

    private long startOf(long time) {
        return time - Math.floorMod(time, sizeMs);
    }

    @Override
    public void process(Record record, Context context) {
        long start = startOf(record.requireTime());
        Bytes key = record.requireKey();
        long value = wholeNumber(record.valueText());
        long closesAt = saturated(saturated(start, sizeMs), latenessMs);
        if (closesAt <= context.watermark()) {
            context.forward(record, "late");
            return;
        }
        Bytes stateKey = stateKey(key, start);
        Totals before = WINDOWS.get(stateKey);
        long count = before == null ? 0 : before.count;
        long sum = before == null ? 0 : before.sum;
        if (((sum ^ (sum + value)) & (value ^ (sum + value))) < 0) {
            throw new Reject(OVERFLOW, "the window's sum exceeds 64 bits");
        }
        WINDOWS.put(stateKey, new Totals(count + 1, sum + value));
        if (before == null) {
            context.setTimer(Timer.eventTime(closesAt, key).withPayload(stateKey.slice(key.size())));
        }
    }

    @Override
    public void onTimer(Timer timer, Context context) {
        if (timer.key() == null || timer.payload().size() != 8) {
            throw new Fatal("a timer that this operator did not set");
        }
        Bytes stateKey = stateKey(timer);
        Totals totals = WINDOWS.get(stateKey);
        if (totals == null) {
            return;
        }
        long start = Long.reverseBytes(timer.payload().longAt(0));
        long end = saturated(start, sizeMs);
        String result = "{\"start\":" + start + ",\"end\":" + end + ",\"count\":" + Long.toUnsignedString(totals.count) + ",\"sum\":" + totals.sum + "}";
        context.emit(Out.of(timer.key(), result).at(end - 1));
        WINDOWS.delete(stateKey);
    }

    @Override
    public void prefetch(Record record, Keys keys) {
        if (record.key() != null && record.timestamp() != Record.NO_TIMESTAMP) {
            keys.want(WINDOWS, stateKey(record.key(), startOf(record.timestamp())));
        }
    }

    @Override
    public void prefetch(Timer timer, Keys keys) {
        keys.want(WINDOWS, stateKey(timer));
    }

    /** Where a window's totals are: the record's key, then the window's start in eight bytes. */
    static Bytes stateKey(Bytes key, long start) {
        return new BytesBuilder(key.size() + 8).append(key).appendLongBigEndian(start).bytes();
    }

    /** The same for a timer, whose payload is the start. */
    private static Bytes stateKey(Timer timer) {
        Bytes key = timer.key() == null ? Bytes.EMPTY : timer.key();
        return new BytesBuilder().append(key).append(timer.payload()).bytes();
    }

    /** Adds a number that is not negative; what would exceed 64 bits is the largest. */
    static long saturated(long a, long b) {
        return a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b;
    }

    /** A number, with white space around it. */
    static long wholeNumber(String text) {
        int begin = 0;
        int end = text.length();
        while (begin < end && isSpace(text.charAt(begin))) {
            begin++;
        }
        while (begin < end && isSpace(text.charAt(end - 1))) {
            end--;
        }
        Long number = Numbers.parse(text.substring(begin, end));
        if (number == null) {
            throw new Reject(NOT_A_NUMBER, "`" + text + "` is no whole number of 64 bits");
        }
        return number;
    }

    /** Unicode's white space, the kinds that do not break included. */
    private static boolean isSpace(char letter) {
        return letter >= '\t' && letter <= '\r' || letter == ' ' || letter == 0x85 || letter == 0xA0 || letter == 0x1680
            || letter >= 0x2000 && letter <= 0x200A || letter == 0x2028 || letter == 0x2029 || letter == 0x202F || letter == 0x205F || letter == 0x3000;
    }
}
