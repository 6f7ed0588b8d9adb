import millstream.Context;
import millstream.Millstream;
import millstream.Operator;
import millstream.Record;
import millstream.Store;
import millstream.Values;

/** tally, in Java: how many flights were scored so, after each. */
public final class Tally implements Operator {
    static final Store<Long> FLIGHTS = Store.of("flights", Values.LONG);

    public static void main(String[] arguments) {
        Millstream.operator("tally", Tally::new).stores(FLIGHTS);
    }

    @Override
    public void process(Record record, Context context) {
        long count = FLIGHTS.getOr(0L) + 1;
        FLIGHTS.put(count);
        context.emit(record.key(), Long.toString(count));
    }
}
