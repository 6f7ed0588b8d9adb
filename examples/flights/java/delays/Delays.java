import java.time.LocalDate;
import millstream.Bytes;
import millstream.BytesBuilder;
import millstream.Context;
import millstream.Fatal;
import millstream.Json;
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
import millstream.Values;

/**
 * delays, in Java: flights per carrier and UTC day: how many, how many cancelled, mean and worst departure delay; with the airline's name from the second
 * input.
 *
 * <p>A day is emitted when the watermark has passed its end by {@code lateness_ms}; a flight that comes later is rejected, so nothing is lost silently.
 */
public final class Delays implements Operator {
    static final int LATE = 1;
    static final int DELAY = 2;

    private static final int NAMES_PORT = 1;
    private static final long DAY_MS = 86_400_000;

    static final Store<Day> DAYS = Store.of("days", Day.CODEC);
    static final Store<String> NAMES = Store.of("names", Values.TEXT);

    private final long latenessMs;

    public static void main(String[] arguments) {
        Millstream.operator("delays", Delays::new).inputs("flights", "names").stores(DAYS, NAMES).prefetch();
    }

    private Delays(Setup setup) {
        latenessMs = Math.max(setup.config().number("lateness_ms", 0), 0);
    }

    @Override
    public void process(Record record, Context context) {
        Bytes carrier = record.requireKey();
        if (record.port() == NAMES_PORT) {
            NAMES.put(carrier, record.valueText());
            return;
        }
        long number = Math.floorDiv(record.requireTime(), DAY_MS);
        long closesAt = (number + 1) * DAY_MS + latenessMs;
        if (closesAt <= context.watermark()) {
            throw new Reject(LATE, "the flight's day is closed: it came later than the watermark allows");
        }
        Long delay = delay(record.valueText());
        Bytes key = stateKey(carrier, number);
        Day day = DAYS.get(key);
        if (day == null) {
            context.setTimer(Timer.eventTime(closesAt, carrier).withPayload(key.slice(carrier.size())));
            day = Day.EMPTY;
        }
        DAYS.put(key, delay == null ? day.withCancelled() : day.withDelay(delay));
    }

    @Override
    public void onTimer(Timer timer, Context context) {
        Bytes carrier = timer.key();
        if (carrier == null || timer.payload().size() != Long.BYTES) {
            throw new Fatal("a timer that this operator did not set");
        }
        // The payload is big-endian, as it stands in keys.
        long number = Long.reverseBytes(timer.payload().longAt(0));
        Bytes key = stateKey(carrier, number);
        Day day = DAYS.get(key);
        if (day == null) {
            return;
        }
        DAYS.delete(key);
        String name = NAMES.get(carrier);
        String result = "{\"airline\":" + (name == null ? "null" : Json.quoted(name))
            + ",\"cancelled\":" + day.cancelled()
            + ",\"day\":\"" + LocalDate.ofEpochDay(number)
            + "\",\"flights\":" + day.flights()
            + ",\"mean_delay\":" + (day.flown() == 0 ? "null" : day.delayMean())
            + ",\"worst_delay\":" + (day.flown() == 0 ? "null" : day.delayWorst()) + "}";
        context.emit(Out.of(carrier, result).at((number + 1) * DAY_MS - 1));
    }

    @Override
    public void prefetch(Record record, Keys keys) {
        if (record.key() != null && record.timestamp() != Record.NO_TIMESTAMP) {
            keys.want(DAYS, stateKey(record.key(), Math.floorDiv(record.timestamp(), DAY_MS)));
        }
    }

    @Override
    public void prefetch(Timer timer, Keys keys) {
        if (timer.key() != null) {
            keys.want(DAYS, new BytesBuilder().append(timer.key()).append(timer.payload()).bytes());
            keys.want(NAMES, timer.key());
        }
    }

    /** Minutes; null: the flight was cancelled. */
    private static Long delay(String text) {
        if (text.equals("null")) {
            return null;
        }
        Long minutes = Numbers.parse(text);
        if (minutes == null) {
            throw new Reject(DELAY, Json.quoted(text) + " is no delay in minutes");
        }
        return minutes;
    }

    /** Where a carrier's day is: its code, then the day's number in eight bytes. */
    private static Bytes stateKey(Bytes carrier, long day) {
        return new BytesBuilder(carrier.size() + Long.BYTES).append(carrier).appendLongBigEndian(day).bytes();
    }
}
