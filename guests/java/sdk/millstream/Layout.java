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
            begin = Memory.get32(index, at + HEADERS_END) & 0xFFFFFFFFL;
        }
        return begin == arena.length ? null : Rule.ArenaNotUsedUp;
    }

    private static Rule broken(byte[] index, int at, long begin, byte[] arena) {
        long keyEnd = Memory.get32(index, at) & 0xFFFFFFFFL;
        long valueEnd = Memory.get32(index, at + VALUE_END) & 0xFFFFFFFFL;
        long end = Memory.get32(index, at + HEADERS_END) & 0xFFFFFFFFL;
        int flags = Memory.get16(index, at + FLAGS);
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
