package millstream;

/** How records lie in a batch: see {@code batch} in wit/operator.wit. Nobody but the SDK needs to know. */
final class Layout {
    static final int ROW_BYTES = 40;
    static final int ABSENT = -1;

    static final int VALUE_END = 4;
    static final int HEADERS_END = 8;
    static final int PORT = 12;
    static final int FLAGS = 14;
    static final int TIMESTAMP = 16;
    static final int OFFSET = 24;
    static final int PARTITION = 32;
    static final int KEY_ID = 36;

    static final int KEY_IS_NULL = 1;
    static final int VALUE_IS_NULL = 2;
    static final int HAS_HEADERS = 4;

    private Layout() {
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

    /** A rule of the layout, as the shared test vectors name it. */
    enum Rule { IndexLength, EndsGoBackwards, EndOutsideArena, ArenaNotUsedUp, UnknownFlags, NullWithBytes, Headers }

    /** The first rule that a batch breaks; null: none. In a component the host has checked what it hands over. */
    static Rule broken(byte[] index, byte[] arena) {
        if (index.length % ROW_BYTES != 0) {
            return Rule.IndexLength;
        }
        long begin = 0;
        for (int at = 0; at < index.length; at += ROW_BYTES) {
            Rule rule = broken(index, at, begin, arena);
            if (rule != null) {
                return rule;
            }
            begin = get32(index, at + HEADERS_END) & 0xFFFFFFFFL;
        }
        return begin == arena.length ? null : Rule.ArenaNotUsedUp;
    }

    private static Rule broken(byte[] index, int at, long begin, byte[] arena) {
        long keyEnd = get32(index, at) & 0xFFFFFFFFL;
        long valueEnd = get32(index, at + VALUE_END) & 0xFFFFFFFFL;
        long end = get32(index, at + HEADERS_END) & 0xFFFFFFFFL;
        int flags = get16(index, at + FLAGS);
        if (keyEnd < begin || valueEnd < keyEnd || end < valueEnd) {
            return Rule.EndsGoBackwards;
        }
        if (end > arena.length) {
            return Rule.EndOutsideArena;
        }
        if ((flags & ~(KEY_IS_NULL | VALUE_IS_NULL | HAS_HEADERS)) != 0) {
            return Rule.UnknownFlags;
        }
        if ((flags & KEY_IS_NULL) != 0 && keyEnd != begin || (flags & VALUE_IS_NULL) != 0 && valueEnd != keyEnd) {
            return Rule.NullWithBytes;
        }
        boolean fine = (flags & HAS_HEADERS) == 0 ? end == valueEnd : Headers.isWellFormed(arena, (int) valueEnd, (int) end);
        return fine ? null : Rule.Headers;
    }
}
