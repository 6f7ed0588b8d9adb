package millstream;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs an operator natively, without a component and without a host: feed records, move time, look at what came out.
 *
 * <pre>{@code
 * Harness op = Harness.open(Count::main, "");
 * op.feed(Harness.in("a", "x"), Harness.in("a", "x"));
 * assert op.outputs().get(1).value().equals("2");
 * }</pre>
 */
public final class Harness {
    /** A record to feed. */
    public record Input(Bytes key, Bytes value, long timestamp, String port, Headers headers) {
        /** Sets the event time, ms since 1970 UTC. */
        public Input at(long timestampMs) {
            return new Input(key, value, timestampMs, port, headers);
        }

        /** Sends it to the input port of that name. */
        public Input to(String name) {
            return new Input(key, value, timestamp, name, headers);
        }

        public Input header(String name, String text) {
            return new Input(key, value, timestamp, port, headers.with(name, text));
        }
    }

    /** One emitted record; null is null. An inherited timestamp is filled in. */
    public record Output(String port, String key, String value, long timestamp, int fromRow, Headers headers, int partition) {
        @Override
        public String toString() {
            return port + " " + key + " " + value + " at " + timestamp;
        }
    }

    /** A declared {@code main}. */
    public interface Main {
        void main(String[] arguments);
    }

    /** What the operator was given and did to it. */
    public final MemoryHost host = new MemoryHost();
    private final Declaration declaration;
    private final String config;
    private Instance instance;
    private long watermark = Long.MIN_VALUE;
    private long now;
    private long offset;
    private List<Output> outputs = new ArrayList<>();
    private List<Context.Rejected> rejects = new ArrayList<>();

    private Harness(Declaration declaration, String config) {
        this.declaration = declaration;
        this.config = config;
    }

    /** Opens the operator that a {@code main} declares, with a config as JSON (empty: none). Throws what its opening throws. */
    public static Harness open(Main main, String config) {
        main.main(new String[0]);
        Harness harness = new Harness(Millstream.declared(), config);
        harness.reopen();
        return harness;
    }

    /** Replaces the operator by a fresh instance, as the host may at any time. State and timers stay. */
    public void reopen() {
        List<String> stores = new ArrayList<>();
        for (Store<?> store : declaration.storeList()) {
            stores.add(store.name());
        }
        host.stores = stores;
        instance = Instance.open(declaration, new Setup(Bytes.of(config), inputs(), declaration.outputNames(), stores), host, host);
    }

    private List<String> inputs() {
        return declaration.inputNames().isEmpty() ? List.of("in-0", "in-1") : declaration.inputNames();
    }

    public static Input in(String key, String value) {
        Bytes keyBytes = key == null ? null : Bytes.of(key);
        return new Input(keyBytes, value == null ? null : Bytes.of(value), Record.NO_TIMESTAMP, null, Headers.NONE);
    }

    /** Hands records over as one batch. After an exception nothing of the call is kept. */
    public void feed(Input... records) {
        BatchBuilder batch = new BatchBuilder();
        Map<Bytes, Integer> ids = new HashMap<>();
        for (Input in : records) {
            int port = in.port == null ? 0 : inputs().indexOf(in.port);
            if (port < 0) {
                throw new IllegalArgumentException("there is no input port `" + in.port + "`");
            }
            Integer id = ids.get(in.key);
            if (id == null) {
                id = ids.size();
                ids.put(in.key, id);
            }
            batch.push(in.key, in.value, in.headers, port, in.timestamp, offset++, 0, id);
        }
        run(false, host.checked(batch.raw()));
    }

    /** Moves event time on, and fires the event-time timers that are due, in order, until none is left. */
    public void advanceWatermark(long watermarkMs) {
        watermark = watermarkMs;
        fire(0, watermarkMs);
    }

    /** Moves the clock on, and fires the processing-time timers that are due. */
    public void advanceNow(long nowMs) {
        now = nowMs;
        fire(1, nowMs);
    }

    private void fire(int domain, long until) {
        for (Batch due = host.takeDue(domain, until); due.size() > 0; due = host.takeDue(domain, until)) {
            run(true, due);
        }
    }

    private void run(boolean timers, Batch input) {
        Instance.Effects effects;
        try {
            effects = timers ? instance.onTimer(watermark, now, 0, input) : instance.process(watermark, now, 0, input);
        } catch (RuntimeException | Error failed) {
            host.undo();
            throw failed;
        }
        host.keep();
        Batch asked = host.checked(effects.timers());
        for (int row = 0; row < asked.size(); row++) {
            host.setTimer(asked.get(row));
        }
        Batch emitted = host.checked(effects.outputs());
        for (int row = 0; row < emitted.size(); row++) {
            outputs.add(output(emitted.get(row), input));
        }
        rejects.addAll(effects.rejects());
    }

    private Output output(Record record, Batch input) {
        int fromRow = (int) record.offset();
        long timestamp = record.timestamp() == Record.NO_TIMESTAMP ? input.get(fromRow).timestamp() : record.timestamp();
        String key = record.key() == null ? null : record.key().text();
        String value = record.value() == null ? null : record.value().text();
        return new Output(declaration.outputNames().get(record.port()), key, value, timestamp, fromRow, record.headers(), record.partition());
    }

    /** What was emitted since the last look, in order. */
    public List<Output> outputs() {
        List<Output> taken = outputs;
        outputs = new ArrayList<>();
        return taken;
    }

    /** What was rejected since the last look; rows number those of the batch. */
    public List<Context.Rejected> rejects() {
        List<Context.Rejected> taken = rejects;
        rejects = new ArrayList<>();
        return taken;
    }
}
