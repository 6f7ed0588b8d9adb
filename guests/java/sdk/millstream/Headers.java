package millstream;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Headers of a record: names may repeat, a null value is allowed. They never change: {@link #with} gives others. */
public final class Headers {
    public static final Headers NONE = new Headers(Bytes.EMPTY);

    /** A name and a value, which may be null. */
    public record Header(String name, Bytes value) {
    }

    final Bytes packed;

    Headers(Bytes packed) {
        this.packed = packed;
    }

    public int size() {
        return packed.size < 2 ? 0 : Memory.get16(packed.array, packed.from);
    }

    /** All headers in order. */
    public List<Header> all() {
        List<Header> all = new ArrayList<>();
        int at = 2;
        for (int left = size(); left > 0; left--) {
            int name = at + 2;
            int value = name + Memory.get16(packed.array, packed.from + at) + 4;
            int bytes = packed.intAt(value - 4);
            all.add(new Header(packed.slice(name, value - 4).text(), bytes == Layout.ABSENT ? null : packed.slice(value, value + bytes)));
            at = bytes == Layout.ABSENT ? value : value + bytes;
        }
        return all;
    }

    /** The value of the last header of that name; null: there is none, or its value is null. */
    public Bytes last(String name) {
        Bytes last = null;
        for (Header header : all()) {
            if (header.name.equals(name)) {
                last = header.value;
            }
        }
        return last;
    }

    /** These and one more. Throws where a name has more than 65,535 bytes, or there are that many headers. */
    public Headers with(String name, Bytes value) {
        byte[] named = name.getBytes(StandardCharsets.UTF_8);
        if (named.length > 0xFFFF || size() == 0xFFFF) {
            throw new IllegalArgumentException("a record has at most 65,535 headers, and a header's name as many bytes");
        }
        BytesBuilder more = new BytesBuilder(packed.size + named.length + 16);
        if (packed.size == 0) {
            more.appendByte(0).appendByte(0);
        }
        more.append(packed).appendByte(named.length).appendByte(named.length >>> 8).append(named);
        more.appendInt(value == null ? Layout.ABSENT : value.size);
        if (value != null) {
            more.append(value);
        }
        Memory.put16(more.array, 0, size() + 1);
        return new Headers(more.bytes());
    }

    /** The same with a text. */
    public Headers with(String name, String value) {
        return with(name, Bytes.of(value));
    }

    /** Whether count and lengths agree exactly with the bytes. */
    static boolean isWellFormed(byte[] arena, int begin, int end) {
        if (end - begin < 2) {
            return false;
        }
        int at = begin + 2;
        for (int left = Memory.get16(arena, begin); left > 0; left--) {
            if (end - at < 2) {
                return false;
            }
            int value = at + 2 + Memory.get16(arena, at) + 4;
            if (value > end) {
                return false;
            }
            int bytes = Memory.get32(arena, value - 4);
            if (bytes != Layout.ABSENT && (bytes < 0 || bytes > end - value)) {
                return false;
            }
            at = bytes == Layout.ABSENT ? value : value + bytes;
        }
        return at == end;
    }
}
