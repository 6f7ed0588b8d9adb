package millstream;

import java.util.function.BiConsumer;

/**
 * One node of a job's graph: what a Processor is to Kafka Streams. One object serves all tasks of a worker, one call at a time, and may be replaced by a
 * fresh one between any two calls: what must last goes into a {@link Store} or a timer.
 */
@FunctionalInterface
public interface Operator {
    /**
     * Handles one record. A {@link Reject} that is thrown concerns this record alone; {@link Retry} and {@link Fatal} end the call, and nothing of it is
     * kept; any other exception is a trap.
     */
    void process(Record record, Context context);

    /** Handles a timer that this operator set. Outputs inherit the timer's time; state by key is that of the timer's key. */
    default void onTimer(Timer timer, Context context) {
        throw new Fatal("a timer is due, but the operator does not override onTimer");
    }

    /** Names the state that a record will need, where that is not the state of its key ({@link Declaration#prefetch}). */
    default void prefetch(Record record, Keys keys) {
    }

    /** The same for a timer. */
    default void prefetch(Timer timer, Keys keys) {
    }

    /** Rewrites rows (key, value) of a store whose values are of an older version; {@code keep} takes the rows to keep. */
    default void migrate(String store, int fromVersion, Iterable<Record> rows, BiConsumer<Bytes, Bytes> keep) {
        throw new Fatal("this operator does not know older versions of its store `" + store + "`: it does not override migrate");
    }

    /** An operator that handles whole batches, and gains from it: {@code for (Record record : context)}. */
    interface OfBatches extends Operator {
        /** Is called in place of {@link #process}. A {@link Reject} that is thrown stops the job: see {@link Context#reject}. */
        void processBatch(Context context);

        @Override
        default void process(Record record, Context context) {
            throw new IllegalStateException("an operator of batches is not asked for records");
        }
    }
}
