import millstream.Context;
import millstream.Millstream;
import millstream.Operator;
import millstream.Record;
import millstream.Store;
import millstream.Values;

/** {{name}} counts the records of each key. */
public final class Counter implements Operator {
    /** What is remembered: by key, how many records it had. Kept by the host, and there again after a restart. */
    static final Store<Long> COUNTS = Store.of("counts", Values.LONG);

    public static void main(String[] arguments) {
        Millstream.operator("{{name}}", Counter::new).stores(COUNTS);
    }

    @Override
    public void process(Record record, Context context) {
        long count = COUNTS.getOr(0L) + 1;
        COUNTS.put(count);
        context.emit(record.key(), Long.toString(count));
    }
}
