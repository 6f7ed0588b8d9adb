package millstream;

/** Little-endian numbers in arrays of bytes, and copies. A component has a class of its own in place of this one, which reads and writes whole numbers. */
final class Memory {
    private Memory() {
    }

    static void copy(byte[] from, int at, byte[] to, int toAt, int count) {
        System.arraycopy(from, at, to, toAt, count);
    }

    static int get16(byte[] from, int at) {
        return (from[at] & 0xFF) | (from[at + 1] & 0xFF) << 8;
    }

    static int get32(byte[] from, int at) {
        return (from[at] & 0xFF) | (from[at + 1] & 0xFF) << 8 | (from[at + 2] & 0xFF) << 16 | from[at + 3] << 24;
    }

    static long get64(byte[] from, int at) {
        return (get32(from, at) & 0xFFFFFFFFL) | (long) get32(from, at + 4) << 32;
    }

    static void put16(byte[] to, int at, int value) {
        to[at] = (byte) value;
        to[at + 1] = (byte) (value >>> 8);
    }

    static void put32(byte[] to, int at, int value) {
        to[at] = (byte) value;
        to[at + 1] = (byte) (value >>> 8);
        to[at + 2] = (byte) (value >>> 16);
        to[at + 3] = (byte) (value >>> 24);
    }

    static void put64(byte[] to, int at, long value) {
        put32(to, at, (int) value);
        put32(to, at + 4, (int) (value >>> 32));
    }
}
