package millstream;

import org.teavm.interop.Address;

/** Little-endian numbers in arrays of bytes, each read and written at once: Wasm is little-endian, and does not mind where a number begins. */
final class Memory {
    private Memory() {
    }

    private static Address at(byte[] bytes, int at, int count) {
        if ((at | count) < 0 || at > bytes.length - count) {
            throw new ArrayIndexOutOfBoundsException();
        }
        return Address.ofData(bytes).add(at);
    }

    /** {@code System.arraycopy} without a look at the arrays' types. */
    static void copy(byte[] from, int at, byte[] to, int toAt, int count) {
        Address.moveMemoryBlock(at(from, at, count), at(to, toAt, count), count);
    }

    static int get16(byte[] from, int at) {
        return at(from, at, 2).getShort() & 0xFFFF;
    }

    static int get32(byte[] from, int at) {
        return at(from, at, 4).getInt();
    }

    static long get64(byte[] from, int at) {
        return at(from, at, 8).getLong();
    }

    static void put16(byte[] to, int at, int value) {
        at(to, at, 2).putShort((short) value);
    }

    static void put32(byte[] to, int at, int value) {
        at(to, at, 4).putInt(value);
    }

    static void put64(byte[] to, int at, long value) {
        at(to, at, 8).putLong(value);
    }
}
