import java.util.ArrayList;
import java.util.List;
import millstream.Bytes;
import millstream.BytesBuilder;
import millstream.Codec;
import millstream.Context;
import millstream.Fatal;
import millstream.Millstream;
import millstream.Operator;
import millstream.Out;
import millstream.Record;
import millstream.Reject;
import millstream.Setup;
import millstream.Store;
import millstream.Timer;

/**
 * Joins two inputs, {@code left} and {@code right}, by key: every pair whose times are at most {@code within_ms} apart yields one record.
 *
 * <p>Value: the left value, {@code separator}, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when
 * no partner can come any more. A record that comes later than that goes to the port {@code late}.
 */
public final class Join implements Operator {
    /** The reject code of a record that has nothing to join. */
    static final int NO_VALUE = 1;

    /** One side's record that still waits. */
    record Waiting(long time, Bytes value) {
    }

    /** The records of a key in the order in which they came: per record time (i64), length (u32), bytes. */
    static final Codec<List<Waiting>> CODEC = new Codec<>() {
        @Override
        public List<Waiting> decode(Bytes bytes) throws BadValue {
            List<Waiting> all = new ArrayList<>();
            for (int at = 0; at < bytes.size(); ) {
                int begin = at + 12;
                int length = begin > bytes.size() ? -1 : bytes.intAt(at + 8);
                if (length < 0 || bytes.size() - begin < length) {
                    throw new BadValue("the waiting records end in the middle of one");
                }
                all.add(new Waiting(bytes.longAt(at), bytes.slice(begin, begin + length)));
                at = begin + length;
            }
            return all;
        }

        @Override
        public void encode(List<Waiting> all, BytesBuilder to) {
            for (Waiting one : all) {
                to.appendLong(one.time).appendInt(one.value.size()).append(one.value);
            }
        }
    };

    static final List<Store<List<Waiting>>> SIDES = List.of(Store.of("left", CODEC), Store.of("right", CODEC));

    private final long within;
    private final Bytes separator;
    private final BytesBuilder pair = new BytesBuilder();

    public static void main(String[] arguments) {
        Millstream.operator("join", Join::new).inputs("left", "right").outputs("out", "late").stores(SIDES.get(0), SIDES.get(1));
    }

    private Join(Setup setup) {
        within = setup.config().number("within_ms");
        separator = Bytes.of(setup.config().text("separator", "|"));
        if (within < 0) {
            throw new Fatal("config: `within_ms` must be at least 0");
        }
    }

    /** The watermark from which on no partner can come for a record of that time. */
    private long forgottenAt(long time) {
        return time >= Long.MAX_VALUE - within ? Long.MAX_VALUE : time + within + 1;
    }

    @Override
    public void process(Record record, Context context) {
        long time = record.requireTime();
        Bytes value = record.value();
        if (value == null) {
            throw new Reject(NO_VALUE, "a record to join needs a value");
        }
        long forgottenAt = forgottenAt(time);
        if (forgottenAt <= context.watermark()) {
            context.forward(record, "late");
            return;
        }
        boolean isLeft = record.port() == 0;
        List<Waiting> partners = SIDES.get(isLeft ? 1 : 0).getOr(List.of());
        Store<List<Waiting>> side = SIDES.get(isLeft ? 0 : 1);
        List<Waiting> own = new ArrayList<>(side.getOr(List.of()));
        own.add(new Waiting(time, value));
        side.put(own);
        context.setTimer(Timer.eventTime(forgottenAt, record.key()));
        for (Waiting other : partners) {
            if (Long.compareUnsigned(Math.max(time, other.time) - Math.min(time, other.time), within) > 0) {
                continue;
            }
            pair.clear().append(isLeft ? value : other.value).append(separator).append(isLeft ? other.value : value);
            context.emit(Out.of(record.key(), pair.bytes()).at(Math.max(time, other.time)));
        }
    }

    @Override
    public void onTimer(Timer timer, Context context) {
        for (Store<List<Waiting>> side : SIDES) {
            List<Waiting> all = side.get();
            if (all == null) {
                continue;
            }
            List<Waiting> left = new ArrayList<>();
            for (Waiting one : all) {
                if (forgottenAt(one.time) > timer.at()) {
                    left.add(one);
                }
            }
            if (left.isEmpty()) {
                side.delete();
            } else {
                side.put(left);
            }
        }
    }
}
