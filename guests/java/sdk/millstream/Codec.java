package millstream;

/** How values of one type stand in a store. The same value must always give the same bytes. */
public interface Codec<V> {
    /** Makes a value of its bytes; throws {@link BadValue} for bytes that are none. */
    V decode(Bytes bytes) throws BadValue;

    /** Appends the bytes of a value. */
    void encode(V value, BytesBuilder to);

    /** Bytes in a store that are no value of its type: the job stops, as this code cannot read what it is to go on from. */
    final class BadValue extends Exception {
        public BadValue(String message) {
            super(message);
        }
    }
}
