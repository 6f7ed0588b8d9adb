package millstream;

import java.nio.charset.StandardCharsets;
import org.teavm.interop.Address;
import org.teavm.interop.Import;

/** What the host offers, by way of glue.c. Addresses are ints, so that the collector never takes one for an object. */
final class Imports {
    /** Null in a component that makes no store. */
    static StateHost state;

    private Imports() {
    }

    static void useState() {
        state = new State();
    }

    @Import(name = "ms_lend")
    static native int lend(int bytes);

    @Import(name = "ms_trap")
    static native void trap();

    @Import(name = "ms_get_many")
    private static native void getMany(int index, int indexBytes, int arena, int arenaBytes, int answer);

    @Import(name = "ms_put_many")
    private static native void putMany(int index, int indexBytes, int arena, int arenaBytes);

    @Import(name = "ms_scan")
    private static native void scan(int store, int begin, int beginBytes, int end, int endBytes, int answer);

    @Import(name = "ms_log")
    private static native void log(int level, int text, int bytes);

    @Import(name = "ms_count")
    private static native void count(int name, int bytes, long delta);

    static int get(int at) {
        return Address.fromInt(at).getInt();
    }

    static void put(int at, int value) {
        Address.fromInt(at).putInt(value);
    }

    /** The collector moves objects, so what comes from the host is copied in, and what goes to it is copied out. */
    static byte[] copyIn(int from, int bytes) {
        byte[] copy = new byte[bytes];
        Address.moveMemoryBlock(Address.fromInt(from), Address.ofData(copy), bytes);
        return copy;
    }

    static int copyOut(byte[] bytes, int from, int count) {
        int to = lend(count);
        Address.moveMemoryBlock(Address.ofData(bytes).add(from), Address.fromInt(to), count);
        return to;
    }

    static int copyOut(byte[] bytes) {
        return copyOut(bytes, 0, bytes.length);
    }

    static Batch batch(int index, int indexBytes, int arena, int arenaBytes) {
        return new Batch(copyIn(index, indexBytes), copyIn(arena, arenaBytes));
    }

    private static Batch batchAt(int at) {
        return batch(get(at), get(at + 4), get(at + 8), get(at + 12));
    }

    private static final class State implements StateHost {
        @Override
        public Batch getMany(Raw keys) {
            int answer = lend(16);
            Imports.getMany(copyOut(keys.index()), keys.index().length, copyOut(keys.arena()), keys.arena().length, answer);
            return batchAt(answer);
        }

        @Override
        public void putMany(Raw rows) {
            Imports.putMany(copyOut(rows.index()), rows.index().length, copyOut(rows.arena()), rows.arena().length);
        }

        @Override
        public Page scan(int store, Bytes begin, Bytes end) {
            int answer = lend(24);
            int from = copyOut(begin.array, begin.from, begin.size);
            Imports.scan(store, from, begin.size, copyOut(end.array, end.from, end.size), end.size, answer);
            return new Page(batchAt(answer), (get(answer + 16) & 0xFF) != 0);
        }
    }

    static final TelemetryHost TELEMETRY = new TelemetryHost() {
        @Override
        public void log(Level level, String message) {
            byte[] text = message.getBytes(StandardCharsets.UTF_8);
            Imports.log(level.ordinal(), copyOut(text), text.length);
        }

        @Override
        public void count(String name, long delta) {
            byte[] text = name.getBytes(StandardCharsets.UTF_8);
            Imports.count(copyOut(text), text.length, delta);
        }
    };
}
