package millstream;

import java.nio.charset.StandardCharsets;

/** Bytes that never change: a key, a value, a header. Compared by content, so they can be keys of a map. */
public final class Bytes implements Comparable<Bytes> {
    public static final Bytes EMPTY = new Bytes(new byte[0], 0, 0);

    final byte[] array;
    final int from;
    final int size;

    Bytes(byte[] array, int from, int size) {
        this.array = array;
        this.from = from;
        this.size = size;
    }

    /** The UTF-8 of a text. */
    public static Bytes of(String text) {
        return wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A copy. */
    public static Bytes of(byte[] bytes) {
        return wrap(bytes.clone());
    }

    /** An array that nobody will change any more. */
    static Bytes wrap(byte[] bytes) {
        return new Bytes(bytes, 0, bytes.length);
    }

    public int size() {
        return size;
    }

    public boolean isEmpty() {
        return size == 0;
    }

    public byte get(int index) {
        if (index < 0 || index >= size) {
            throw new IndexOutOfBoundsException("byte " + index + " of " + size);
        }
        return array[from + index];
    }

    /** The bytes from {@code begin} on. */
    public Bytes slice(int begin) {
        return slice(begin, size);
    }

    /** The bytes from {@code begin} to before {@code end}. */
    public Bytes slice(int begin, int end) {
        if (begin < 0 || end < begin || end > size) {
            throw new IndexOutOfBoundsException("bytes " + begin + " to " + end + " of " + size);
        }
        return new Bytes(array, from + begin, end - begin);
    }

    public boolean contains(Bytes part) {
        for (int at = from; at <= from + size - part.size; at++) {
            if (same(array, at, part.array, part.from, part.size)) {
                return true;
            }
        }
        return false;
    }

    /** Whether these are the UTF-8 of a text. */
    public boolean is(String text) {
        if (size < text.length()) {
            return false;
        }
        for (int n = 0; n < text.length(); n++) {
            char letter = text.charAt(n);
            if (letter >= 0x80) {
                return equals(of(text));
            }
            if (array[from + n] != letter) {
                return false;
            }
        }
        return size == text.length();
    }

    /** Eight bytes from {@code index} on as a little-endian number. */
    public long longAt(int index) {
        slice(index, index + 8);
        return Memory.get64(array, from + index);
    }

    /** Four bytes from {@code index} on as a little-endian number. */
    public int intAt(int index) {
        slice(index, index + 4);
        return Memory.get32(array, from + index);
    }

    public byte[] toByteArray() {
        return copy(array, from, size, size);
    }

    /** Whether they are UTF-8. */
    public boolean isText() {
        return Utf8.isValid(array, from, from + size);
    }

    /** The bytes as UTF-8 text, with U+FFFD for what is none. */
    public String text() {
        return Utf8.decoded(array, from, size);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Bytes bytes && bytes.size == size && same(array, from, bytes.array, bytes.from, size);
    }

    @Override
    public int hashCode() {
        return hash(array, from, size);
    }

    /** By unsigned bytes, as stores are ordered. */
    @Override
    public int compareTo(Bytes other) {
        for (int n = 0; n < Math.min(size, other.size); n++) {
            int difference = (array[from + n] & 0xFF) - (other.array[other.from + n] & 0xFF);
            if (difference != 0) {
                return difference;
            }
        }
        return size - other.size;
    }

    @Override
    public String toString() {
        return text();
    }

    /** {@code count} bytes in an array of {@code room}: TeaVM's {@code Arrays.copyOf} goes byte by byte. */
    static byte[] copy(byte[] array, int from, int count, int room) {
        byte[] copy = new byte[room];
        Memory.copy(array, from, copy, 0, count);
        return copy;
    }

    static boolean same(byte[] one, int oneFrom, byte[] other, int otherFrom, int size) {
        for (int n = 0; n < size; n++) {
            if (one[oneFrom + n] != other[otherFrom + n]) {
                return false;
            }
        }
        return true;
    }

    static int hash(byte[] array, int from, int size) {
        int hash = 0x811C9DC5;
        for (int n = from; n < from + size; n++) {
            hash = (hash ^ array[n]) * 0x01000193;
        }
        return hash ^ hash >>> 15;
    }
}
