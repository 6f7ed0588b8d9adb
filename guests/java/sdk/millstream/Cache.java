package millstream;

import java.util.Arrays;
import java.util.HashMap;

/**
 * The state of one batch: read with one call, written back with one call, and in between a list of slots.
 *
 * <p>A record finds its slot by the number of its key, without hashing where the host gave the numbers; slots are looked up by their keys' bytes only where
 * an operator asks for a key by name.
 */
final class Cache {
    /** One key of one store. */
    static final class Slot {
        Bytes key;
        int place;
        byte[] value;
        int valueFrom;
        /** -1: there is no value. */
        int valueBytes;
        boolean isDirty;
        /** The value itself, where it is kept; null: it is to be decoded. */
        Object decoded;
        /** Makes the bytes of the value, where that was not done yet. */
        Store<?> unwritten;

        void write(BytesBuilder bytes) {
            isDirty = true;
            // What was handed out of the old value must not change, so it is not written over.
            value = Bytes.copy(bytes.array, 0, bytes.size, bytes.size);
            valueFrom = 0;
            valueBytes = bytes.size;
        }

        void delete() {
            isDirty = true;
            valueBytes = -1;
            decoded = null;
            unwritten = null;
        }
    }

    /** Makes values of what stands in a store. */
    interface Reader<V> {
        /** Throws {@link Fatal} where the bytes are no value. */
        V read(Store<V> store, Bytes key, byte[] array, int from, int size);
    }

    /** A key of a store, to be looked up. */
    private record Name(int place, Bytes key) {
    }

    /** The host's numbers of the declared stores. */
    final int[] stores;
    private final StateHost host;
    private final Context context;
    private Slot[] slots = new Slot[64];
    private int count;
    private final HashMap<Name, Slot> table = new HashMap<>();
    /** The slots before this one are in the table. */
    private int tabled;
    /** Keys of the rows: slot = place of the store × distinct + number of the key. 0: slots cannot be found by number. */
    private int distinct;
    /** Own numbers of the rows' keys; null: the host's can be used. */
    private int[] rowIds;
    private final BatchBuilder batch = new BatchBuilder();

    Cache(int[] stores, StateHost host, Context context) {
        this.stores = stores;
        this.host = host;
        this.context = context;
    }

    /** Forgets the batch before. */
    void begin() {
        forget();
        table.clear();
        tabled = 0;
        distinct = 0;
        rowIds = null;
    }

    private void forget() {
        // Or they would keep batches alive.
        Arrays.fill(slots, 0, count, null);
        count = 0;
    }

    /** Reads the rows' distinct keys in every store. */
    void readRecordKeys(Batch input) {
        if (!numberedByHost(input)) {
            numberKeys(input);
        }
        distinct = count;
        for (int place = 1; place < stores.length; place++) {
            for (int number = 0; number < distinct; number++) {
                add(place, slots[number].key);
            }
        }
        ask(0);
    }

    /** Takes the host's numbers: all given, none left out, as in a whole batch. */
    private boolean numberedByHost(Batch input) {
        Record record = new Record();
        int begin = 0;
        for (int row = 0; row < input.rows; row++) {
            begin = record.read(input, row, begin);
            if (!record.hasKey()) {
                continue;
            }
            int id = record.keyId();
            if (id == count) {
                add(0, record.key());
            } else if (id < 0 || id > count) {
                forget();
                return false;
            }
        }
        return true;
    }

    private void numberKeys(Batch input) {
        HashMap<Bytes, Integer> numbers = new HashMap<>();
        rowIds = new int[input.rows];
        Record record = new Record();
        int begin = 0;
        for (int row = 0; row < input.rows; row++) {
            begin = record.read(input, row, begin);
            if (!record.hasKey()) {
                continue;
            }
            Bytes key = record.key();
            Integer known = numbers.get(key);
            if (known == null) {
                known = count;
                numbers.put(key, known);
                add(0, key);
            }
            rowIds[row] = known;
        }
    }

    /** Reads the keys that {@link Keys#want} named. */
    void readWanted() {
        ask(0);
    }

    /** Names a key that will be needed. */
    void want(int place, Bytes key) {
        if (known(place, key) == null) {
            add(place, key);
        }
    }

    Slot slotOfRecord(int place) {
        Record record = context.record;
        if (!record.hasKey()) {
            throw new Reject(Reject.NO_KEY, "the record has no key");
        }
        if (distinct == 0) {
            return slotOfKey(place, record.key());
        }
        return slots[place * distinct + (rowIds == null ? record.keyId() : rowIds[record.row()])];
    }

    Slot slotOfKey(int place, Bytes key) {
        Slot known = known(place, key);
        if (known == null) {
            known = add(place, key);
            ask(count - 1);
        }
        return known;
    }

    /** Hands what was written to the host, in the order in which keys were first met. */
    void writeBack() {
        batch.clear();
        for (int n = 0; n < count; n++) {
            Slot slot = slots[n];
            if (!slot.isDirty) {
                continue;
            }
            slot.isDirty = false;
            batch.arena.append(slot.key);
            int keyEnd = batch.arena.size;
            if (slot.unwritten != null) {
                slot.unwritten.write(slot, batch.arena);
                slot.unwritten = null;
            } else if (slot.valueBytes > 0) {
                batch.arena.append(slot.value, slot.valueFrom, slot.valueBytes);
            }
            batch.state(keyEnd, slot.decoded != null || slot.valueBytes >= 0, stores[slot.place]);
        }
        if (batch.rows > 0) {
            host.putMany(batch.raw());
        }
    }

    StateHost.Page page(int place, Bytes begin, Bytes end) {
        return host.scan(stores[place], begin, end);
    }

    /** Asks the host for the values of the slots from {@code first} on. */
    private void ask(int first) {
        if (first == count) {
            return;
        }
        batch.clear();
        for (int n = first; n < count; n++) {
            batch.arena.append(slots[n].key);
            batch.state(batch.arena.size, false, stores[slots[n].place]);
        }
        Batch found = host.getMany(batch.raw());
        if (found.rows != count - first) {
            throw new Fatal("the host was asked for " + (count - first) + " keys and answered " + found.rows);
        }
        for (int row = 0; row < found.rows; row++) {
            int at = row * Layout.ROW_BYTES;
            if ((Memory.get16(found.index, at + Layout.FLAGS) & Layout.VALUE_IS_NULL) == 0) {
                Slot slot = slots[first + row];
                slot.value = found.arena;
                slot.valueFrom = Memory.get32(found.index, at);
                slot.valueBytes = Memory.get32(found.index, at + Layout.VALUE_END) - slot.valueFrom;
            }
        }
    }

    private Slot known(int place, Bytes key) {
        for (; tabled < count; tabled++) {
            Slot slot = slots[tabled];
            table.put(new Name(slot.place, slot.key), slot);
        }
        return table.get(new Name(place, key));
    }

    private Slot add(int place, Bytes key) {
        Slot slot = new Slot();
        slot.key = key;
        slot.place = place;
        slot.valueBytes = -1;
        if (count == slots.length) {
            slots = Arrays.copyOf(slots, 2 * count);
        }
        slots[count++] = slot;
        return slot;
    }
}
