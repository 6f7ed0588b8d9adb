package millstream;

import java.nio.charset.StandardCharsets;

/** Makes bytes. Kept from record to record it allocates only what {@link #bytes} hands out. */
public final class BytesBuilder {
    byte[] array;
    int size;

    public BytesBuilder() {
        this(64);
    }

    public BytesBuilder(int room) {
        array = new byte[Math.max(room, 16)];
    }

    public int size() {
        return size;
    }

    public BytesBuilder clear() {
        size = 0;
        return this;
    }

    /** A copy of what was appended so far. */
    public Bytes bytes() {
        return Bytes.wrap(Bytes.copy(array, 0, size, size));
    }

    public BytesBuilder append(Bytes bytes) {
        return append(bytes.array, bytes.from, bytes.size);
    }

    public BytesBuilder append(byte[] bytes) {
        return append(bytes, 0, bytes.length);
    }

    BytesBuilder append(byte[] bytes, int from, int count) {
        int at = claim(count);
        Memory.copy(bytes, from, array, at, count);
        return this;
    }

    /** The UTF-8 of a text. */
    public BytesBuilder append(String text) {
        int at = claim(text.length());
        for (int n = 0; n < text.length(); n++) {
            char letter = text.charAt(n);
            if (letter >= 0x80) {
                size = at;
                return append(text.getBytes(StandardCharsets.UTF_8));
            }
            array[at + n] = (byte) letter;
        }
        return this;
    }

    public BytesBuilder appendByte(int value) {
        int at = claim(1);
        array[at] = (byte) value;
        return this;
    }

    /** Four bytes, the lowest first. */
    public BytesBuilder appendInt(int number) {
        int at = claim(4);
        Memory.put32(array, at, number);
        return this;
    }

    /** Eight bytes, the lowest first. */
    public BytesBuilder appendLong(long number) {
        int at = claim(8);
        Memory.put64(array, at, number);
        return this;
    }

    /** Eight bytes, the highest first: keys of numbers that are not negative lie in the order of the numbers. */
    public BytesBuilder appendLongBigEndian(long number) {
        int at = claim(8);
        Memory.put64(array, at, Long.reverseBytes(number));
        return this;
    }

    /** Room for so many bytes more, counted as used; returns where it begins. */
    private int claim(int count) {
        int at = size;
        if (at > Integer.MAX_VALUE - count) {
            throw new OutOfMemoryError("more than 2 GiB of bytes");
        }
        if (at + count > array.length) {
            array = Bytes.copy(array, 0, at, Math.max(at + count, array.length < 1 << 29 ? 2 * array.length : at + count));
        }
        size = at + count;
        return at;
    }
}
