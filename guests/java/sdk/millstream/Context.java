package millstream;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * What an operator sees of the world during one call, and what it asks for.
 *
 * <p>It stands at one record (or due timer) at a time: outputs, rejects and keyed state belong to that one. What is asked for takes effect when the host
 * commits, together with the input's position.
 */
public final class Context implements Iterable<Record> {
    /** A record that was refused: the number of its row, and why. */
    public record Rejected(int row, int code, String message) {
    }

    final Record record = new Record();
    final BatchBuilder outputs = new BatchBuilder();
    final BatchBuilder timers = new BatchBuilder();
    final List<Rejected> rejects = new ArrayList<>();
    Batch input = new Batch(new byte[0], new byte[0]);
    Raw rawOutputs;
    Raw rawTimers;
    private final List<String> outputNames;
    private final int[] outputPorts;
    private final TelemetryHost telemetry;
    private long watermark;
    private long now;
    private int task;

    Context(List<String> outputNames, int[] outputPorts, TelemetryHost telemetry) {
        this.outputNames = outputNames;
        this.outputPorts = outputPorts;
        this.telemetry = telemetry;
    }

    void begin(long watermark, long now, int task, Batch input) {
        this.watermark = watermark;
        this.now = now;
        this.task = task;
        this.input = input;
        outputs.clear();
        timers.clear();
        rejects.clear();
        rawOutputs = null;
        rawTimers = null;
    }

    /** Event time, ms since 1970 UTC: no earlier record is expected. The smallest long: not known yet; the largest: the input has ended. */
    public long watermark() {
        return watermark;
    }

    /** Processing time, ms since 1970 UTC, the same for the whole call. */
    public long now() {
        return now;
    }

    /** The number of the task, which is the partition number of its inputs. */
    public int task() {
        return task;
    }

    /** How many records the batch has. */
    public int size() {
        return input.rows;
    }

    /** The batch's records in order, each of which becomes the current one: for {@link Operator.OfBatches}. */
    @Override
    public Iterator<Record> iterator() {
        return new Iterator<>() {
            private int row;
            private int begin;

            @Override
            public boolean hasNext() {
                return row < input.rows;
            }

            @Override
            public Record next() {
                begin = record.read(input, row++, begin);
                return record;
            }
        };
    }

    /** Emits a record to the first output port, with the current record's timestamp, to the partition of its key. null is null. */
    public void emit(Bytes key, Bytes value) {
        outputs.push(key, value, Headers.NONE, port(null), Record.NO_TIMESTAMP, record.row(), Layout.ABSENT, Layout.ABSENT);
    }

    /** The same with a text as the value. */
    public void emit(Bytes key, String value) {
        outputs.push(key, value, port(null), Record.NO_TIMESTAMP, record.row());
    }

    /** Emits a record of which more is said than key and value. */
    public void emit(Out out) {
        outputs.push(out.key, out.value, out.headers, port(out.port), out.timestamp, record.row(), out.partition, Layout.ABSENT);
    }

    /** Emits a copy of a record: key, value and headers. */
    public void forward(Record record) {
        forward(record, null);
    }

    /** The same to an output port by its declared name. */
    public void forward(Record record, String port) {
        outputs.push(record.key(), record.value(), record.headers(), port(port), Record.NO_TIMESTAMP, this.record.row(), Layout.ABSENT, Layout.ABSENT);
    }

    /** Emits all records of the batch as they are, to the first port: the fast path of what passes on everything. */
    public void forwardAll() {
        outputs.addAll(input, port(null));
    }

    /** Rejects the current record, in {@link Operator.OfBatches}; elsewhere throw {@link Reject}. Each record at most once. */
    public void reject(int code, String message) {
        rejects.add(new Rejected(record.row(), code, message));
    }

    /** Sets a timer. */
    public void setTimer(Timer timer) {
        push(timer, timer.clock().ordinal());
    }

    /** Deletes the timer with the same clock, time, key and payload, if there is one. */
    public void deleteTimer(Timer timer) {
        push(timer, 2 + timer.clock().ordinal());
    }

    private void push(Timer timer, int port) {
        timers.push(timer.key(), timer.payload(), Headers.NONE, port, timer.at(), record.row(), Layout.ABSENT, Layout.ABSENT);
    }

    /** Says something to whoever runs the job. Rate-limited by the host; at most 8 KiB are kept. */
    public void log(Level level, String message) {
        telemetry.log(level, message);
    }

    /** Adds to a counter; at most 64 names per operator, 128 bytes each. */
    public void count(String name, long delta) {
        telemetry.count(name, delta);
    }

    /** Returns bytes as they are in place of what was emitted (outputs) or set (timers); null leaves it. For operators that test a host. */
    public void returnRaw(Raw outputs, Raw timers) {
        rawOutputs = outputs == null ? rawOutputs : outputs;
        rawTimers = timers == null ? rawTimers : timers;
    }

    /** Rejects any row, even one that the batch does not have. For operators that test a host. */
    public void rejectRow(int row, int code, String message) {
        rejects.add(new Rejected(row, code, message));
    }

    private int port(String name) {
        for (int n = 0; n < outputPorts.length; n++) {
            if (name == null || outputNames.get(n).equals(name)) {
                return outputPorts[n];
            }
        }
        throw new Fatal(name == null ? "the operator emits, but declares no output port: add one to its outputs"
            : "the operator declares no output port `" + name + "`: add it to its outputs");
    }
}
