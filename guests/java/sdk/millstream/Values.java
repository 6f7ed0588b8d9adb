package millstream;

import java.util.function.Function;

/** Codecs. Numbers are eight bytes, little-endian, as in all languages' SDKs. */
public final class Values {
    /** Counts, too: {@link Long#toUnsignedString(long)} shows those past 63 bits. */
    public static final Codec<Long> LONG = number("long", bits -> bits, value -> value);
    public static final Codec<Double> DOUBLE = number("double", Double::longBitsToDouble, Double::doubleToRawLongBits);

    /** UTF-8. */
    public static final Codec<String> TEXT = new Codec<>() {
        @Override
        public String decode(Bytes bytes) throws BadValue {
            if (!bytes.isText()) {
                throw new BadValue("the value is not UTF-8");
            }
            return bytes.text();
        }

        @Override
        public void encode(String value, BytesBuilder to) {
            to.append(value);
        }
    };

    /** As they are. */
    public static final Codec<Bytes> BYTES = new Codec<>() {
        @Override
        public Bytes decode(Bytes bytes) {
            return bytes;
        }

        @Override
        public void encode(Bytes value, BytesBuilder to) {
            to.append(value);
        }
    };

    /** JSON text without spaces. */
    public static final Codec<Json> JSON = new Codec<>() {
        @Override
        public Json decode(Bytes bytes) throws BadValue {
            try {
                return Json.parse(Bytes.of(TEXT.decode(bytes)));
            } catch (JsonException wrong) {
                throw new BadValue("the value is not JSON: " + wrong.getMessage());
            }
        }

        @Override
        public void encode(Json value, BytesBuilder to) {
            to.append(value.toString());
        }
    };

    private Values() {
    }

    private static <V> Codec<V> number(String name, Function<Long, V> of, Function<V, Long> bits) {
        return new Eight<>(name, of, bits);
    }

    /**
     * A number. Nobody can change one, and its bytes stand for exactly that one again (unlike those of a text, which may hold half a surrogate pair): so it is kept until
     * the batch ends, decoded and encoded once a batch instead of at every {@link Store#get} and {@link Store#put}.
     */
    static final class Eight<V> implements Codec<V>, Cache.Reader<V> {
        private final String name;
        private final Function<Long, V> of;
        private final Function<V, Long> bits;

        private Eight(String name, Function<Long, V> of, Function<V, Long> bits) {
            this.name = name;
            this.of = of;
            this.bits = bits;
        }

        @Override
        public V decode(Bytes bytes) throws BadValue {
            if (bytes.size != 8) {
                throw new BadValue(wrong(bytes.size));
            }
            return of.apply(Memory.get64(bytes.array, bytes.from));
        }

        @Override
        public V read(Store<V> store, Bytes key, byte[] array, int from, int size) {
            if (size != 8) {
                throw store.unreadable(key, wrong(size));
            }
            return of.apply(Memory.get64(array, from));
        }

        private String wrong(int size) {
            return "a value of type " + name + " has 8 bytes, this one " + size;
        }

        @Override
        public void encode(V value, BytesBuilder to) {
            to.appendLong(bits.apply(value));
        }
    }
}
