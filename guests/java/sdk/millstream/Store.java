package millstream;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;

/**
 * Keyed state: one value per key and task. Keep it in a static field and name it where the operator is declared.
 *
 * <p>State of the records' keys is read with one call before the batch and written back with one call after it; what a record writes the next one reads.
 */
public final class Store<V> {
    /** A key and its value. */
    public record Entry<V>(Bytes key, V value) {
    }

    private final String name;
    private final int version;
    private final Codec<V> codec;
    /** The codec, where it is one of numbers; null: it is another. */
    private final Values.Eight<V> numbers;
    private final Cache.Reader<V> reader;
    private final BytesBuilder encoded = new BytesBuilder();
    /** Where the call that runs keeps state; null: the store is not declared. */
    Cache cache;
    /** The place among the declared stores. */
    int place;

    private Store(String name, Codec<V> codec, int version) {
        this.name = name;
        this.codec = codec;
        numbers = codec instanceof Values.Eight<V> eight ? eight : null;
        reader = numbers != null ? numbers : new OfCodec();
        this.version = version;
    }

    public static <V> Store<V> of(String name, Codec<V> codec) {
        return of(name, codec, 1);
    }

    /** {@code version} is that of the values' format: raise it with the format, and implement {@link Operator#migrate}. */
    public static <V> Store<V> of(String name, Codec<V> codec, int version) {
        // A component that never gets here does not import state, which a job must grant.
        Imports.useState();
        return new Store<>(name, codec, version);
    }

    public String name() {
        return name;
    }

    public int version() {
        return version;
    }

    /** The value of the current record's key; null: none. A record without a key is rejected with {@link Reject#NO_KEY}. */
    public V get() {
        return decoded(cache().slotOfRecord(place));
    }

    /** The same with a value for keys that have none. */
    public V getOr(V otherwise) {
        V value = get();
        return value == null ? otherwise : value;
    }

    /** Sets the value of the current record's key. */
    public void put(V value) {
        encode(cache().slotOfRecord(place), value);
    }

    /** Removes the current record's key. */
    public void delete() {
        cache().slotOfRecord(place).delete();
    }

    /** The value of any key; null: none. A key that was neither read ahead nor met before in this batch costs a call to the host. */
    public V get(Bytes key) {
        return decoded(cache().slotOfKey(place, key));
    }

    /** Sets the value of any key. */
    public void put(Bytes key, V value) {
        encode(cache().slotOfKey(place, key), value);
    }

    /** Removes any key. */
    public void delete(Bytes key) {
        cache().slotOfKey(place, key).delete();
    }

    /** The whole store (of the current task) in ascending byte order. What this call wrote so far is seen. */
    public Iterable<Entry<V>> all() {
        return range(Bytes.EMPTY, Bytes.EMPTY);
    }

    /** All keys that begin with a prefix. */
    public Iterable<Entry<V>> prefix(Bytes prefix) {
        return range(prefix, prefixEnd(prefix));
    }

    /** Keys from {@code begin} to before {@code end} (empty: the store's end). */
    public Iterable<Entry<V>> range(Bytes begin, Bytes end) {
        return () -> new Pages(begin, end);
    }

    private final class Pages implements Iterator<Entry<V>> {
        private final Bytes end;
        private StateHost.Page page;
        private int row;

        Pages(Bytes begin, Bytes end) {
            this.end = end;
            cache().writeBack();
            page = cache().page(place, begin, end);
        }

        @Override
        public boolean hasNext() {
            while (row == page.rows().rows && row > 0 && !page.isDone()) {
                Bytes last = page.rows().get(row - 1).key();
                page = cache().page(place, new BytesBuilder(last.size + 1).append(last).appendByte(0).bytes(), end);
                row = 0;
            }
            return row < page.rows().rows;
        }

        @Override
        public Entry<V> next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            Record found = page.rows().get(row++);
            Bytes value = found.value();
            return new Entry<>(found.key(), reader.read(Store.this, found.key(), value.array, value.from, value.size));
        }
    }

    /** The first key past a prefix: its last byte that can grow, grown. A prefix of 0xFF bytes has none, hence the store's end. */
    static Bytes prefixEnd(Bytes prefix) {
        for (int last = prefix.size - 1; last >= 0; last--) {
            if (prefix.get(last) != -1) {
                return new BytesBuilder(last + 1).append(prefix.slice(0, last)).appendByte(prefix.get(last) + 1).bytes();
            }
        }
        return Bytes.EMPTY;
    }

    private Cache cache() {
        if (cache == null) {
            throw new Fatal("the operator does not declare the store `" + name + "`: add it to its stores");
        }
        return cache;
    }

    @SuppressWarnings("unchecked")
    private V decoded(Cache.Slot slot) {
        if (slot.decoded != null) {
            // Only this store's values get there.
            return (V) slot.decoded;
        }
        if (slot.valueBytes < 0) {
            return null;
        }
        V value = reader.read(this, slot.key, slot.value, slot.valueFrom, slot.valueBytes);
        if (numbers != null) {
            slot.decoded = value;
        }
        return value;
    }

    /** Reads what stands in a store by the operator's codec. */
    private final class OfCodec implements Cache.Reader<V> {
        @Override
        public V read(Store<V> store, Bytes key, byte[] array, int from, int size) {
            try {
                return codec.decode(new Bytes(array, from, size));
            } catch (Codec.BadValue wrong) {
                throw unreadable(key, wrong.getMessage());
            }
        }
    }

    Fatal unreadable(Bytes key, String why) {
        return new Fatal("store `" + name + "`, key `" + key.text() + "`: " + why);
    }

    private void encode(Cache.Slot slot, V value) {
        if (numbers != null) {
            slot.decoded = Objects.requireNonNull(value, "a value to put: delete() removes a key");
            slot.unwritten = this;
            slot.isDirty = true;
            return;
        }
        encoded.clear();
        codec.encode(value, encoded);
        slot.write(encoded);
    }

    /** Appends the bytes of a value that was put and kept. */
    @SuppressWarnings("unchecked")
    void write(Cache.Slot slot, BytesBuilder to) {
        codec.encode((V) slot.decoded, to);
    }
}
