package millstream;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** A host in memory: state and timers of one task, and what the operator said. */
public final class MemoryHost implements StateHost, TelemetryHost {
    private record Waiting(int domain, long at, Bytes key, Bytes payload) implements Comparable<Waiting> {
        @Override
        public int compareTo(Waiting other) {
            int byTime = Long.compare(at, other.at);
            int byDomain = Integer.compare(domain, other.domain);
            int byKey = key == null || other.key == null ? Boolean.compare(key != null, other.key != null) : key.compareTo(other.key);
            return byTime != 0 ? byTime : byDomain != 0 ? byDomain : byKey != 0 ? byKey : payload.compareTo(other.payload);
        }
    }

    /** Lines logged, oldest first. */
    public final List<String> logs = new ArrayList<>();
    /** Sums by name. */
    public final Map<String, Long> counters = new HashMap<>();
    /** How often the host was asked. */
    public int getManyCalls;
    public int putManyCalls;
    public int scanCalls;
    /** How many rows a page of a scan has at most; 0: all. */
    public int pageRows;

    List<String> stores = List.of();
    private TreeMap<Bytes, Bytes> state = new TreeMap<>();
    private TreeMap<Bytes, Bytes> before;
    private final TreeSet<Waiting> timers = new TreeSet<>();

    /** Keys of all stores lie in one map, behind the store's number. */
    private static Bytes at(int store, Bytes key) {
        return new BytesBuilder().appendByte(store).append(key).bytes();
    }

    /** How many keys all stores have together. */
    public int entries() {
        return state.size();
    }

    /** How many timers wait. */
    public int timers() {
        return timers.size();
    }

    /** The stored bytes of a key; null: none. */
    public Bytes state(String store, String key) {
        return state.get(at(stores.indexOf(store), Bytes.of(key)));
    }

    /** Stores bytes under a key. */
    public void setState(String store, String key, Bytes value) {
        state.put(at(stores.indexOf(store), Bytes.of(key)), value);
    }

    void keep() {
        before = null;
    }

    void undo() {
        if (before != null) {
            state = before;
            before = null;
        }
    }

    /** Checks what came out, as the host does. */
    Batch checked(Raw raw) {
        return Batch.of(raw.index(), raw.arena());
    }

    void setTimer(Record asked) {
        Waiting timer = new Waiting(asked.port() % 2, asked.timestamp(), asked.key(), asked.value());
        if (asked.port() < 2) {
            timers.add(timer);
        } else {
            timers.remove(timer);
        }
    }

    Batch takeDue(int domain, long until) {
        BatchBuilder due = new BatchBuilder();
        for (Iterator<Waiting> all = timers.iterator(); all.hasNext(); ) {
            Waiting timer = all.next();
            if (timer.domain == domain && timer.at <= until) {
                due.push(timer.key, timer.payload, Headers.NONE, domain, timer.at, 0, Layout.ABSENT, Layout.ABSENT);
                all.remove();
            }
        }
        return checked(due.raw());
    }

    @Override
    public Batch getMany(Raw keys) {
        getManyCalls++;
        Batch asked = checked(keys);
        BatchBuilder found = new BatchBuilder();
        for (int row = 0; row < asked.size(); row++) {
            Record key = asked.get(row);
            found.push(key.key(), state.get(at(key.port(), key.key())), Headers.NONE, key.port(), 0, 0, 0, 0);
        }
        return checked(found.raw());
    }

    @Override
    public void putMany(Raw rows) {
        putManyCalls++;
        if (before == null) {
            before = new TreeMap<>(state);
        }
        Batch written = checked(rows);
        for (int row = 0; row < written.size(); row++) {
            Record change = written.get(row);
            if (change.value() == null) {
                state.remove(at(change.port(), change.key()));
            } else {
                state.put(at(change.port(), change.key()), change.value());
            }
        }
    }

    @Override
    public Page scan(int store, Bytes begin, Bytes end) {
        scanCalls++;
        Bytes last = end.isEmpty() ? at(store + 1, Bytes.EMPTY) : at(store, end);
        BatchBuilder rows = new BatchBuilder();
        for (Map.Entry<Bytes, Bytes> entry : state.subMap(at(store, begin), last).entrySet()) {
            if (pageRows > 0 && rows.rows == pageRows) {
                return new Page(checked(rows.raw()), false);
            }
            rows.push(entry.getKey().slice(1), entry.getValue(), Headers.NONE, store, 0, 0, 0, 0);
        }
        return new Page(checked(rows.raw()), true);
    }

    @Override
    public void log(Level level, String message) {
        logs.add(level + " " + message);
    }

    @Override
    public void count(String name, long delta) {
        counters.merge(name, delta, Long::sum);
    }
}
