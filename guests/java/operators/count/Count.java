import millstream.Context;
import millstream.Millstream;
import millstream.Operator;
import millstream.Record;
import millstream.Reject;
import millstream.Store;
import millstream.Values;

/** A keyed count: each record yields its key and how often that key was seen, as text. The value {@code poison} is rejected. */
public final class Count implements Operator {
    /** The reject code of a poisoned record. */
    static final int POISON = 1;
    static final Store<Long> COUNTS = Store.of("counts", Values.LONG);

    public static void main(String[] arguments) {
        Millstream.operator("count", Count::new).stores(COUNTS);
    }

    @Override
    public void process(Record record, Context context) {
        if (record.valueIs("poison")) {
            throw new Reject(POISON, "poison");
        }
        long seen = COUNTS.getOr(0L) + 1;
        COUNTS.put(seen);
        context.emit(record.key(), Long.toUnsignedString(seen));
    }
}
