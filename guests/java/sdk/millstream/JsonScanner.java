package millstream;

import java.util.function.BiConsumer;

/** Goes over JSON without making anything of it. No recursion: a bit per level says whether an object or an array is open. */
final class JsonScanner {
    private static final int DEPTH_MAX = 127;

    private final Bytes text;
    private final byte[] bytes;
    private final int end;

    JsonScanner(Bytes text) {
        this.text = text;
        bytes = text.array;
        end = text.from + text.size;
    }

    /** Any value, with nothing but spaces around it. */
    void checkWhole() throws JsonException {
        ended(value(spaces(text.from)));
    }

    /** An object; {@code see} gets the inside of each name and each value's text. */
    void checkObject(BiConsumer<Bytes, Bytes> see) throws JsonException {
        int at = spaces(text.from);
        if (at(at) != '{') {
            throw wrong(at, "an object");
        }
        at = spaces(at + 1);
        if (at(at) != '}') {
            while (true) {
                int nameEnd = string(at);
                Bytes name = new Bytes(bytes, at + 1, nameEnd - at - 2);
                int value = colon(nameEnd);
                at = value(value);
                see.accept(name, new Bytes(bytes, value, at - value));
                at = spaces(at);
                if (at(at) == '}') {
                    break;
                }
                if (at(at) != ',') {
                    throw wrong(at, "`,` or `}`");
                }
                at = spaces(at + 1);
            }
        }
        ended(at + 1);
    }

    /** The byte there; past the end one that JSON has nowhere. */
    private int at(int at) {
        return at < end ? bytes[at] : 0;
    }

    private JsonException wrong(int at, String expected) {
        return new JsonException("at byte " + (at - text.from) + " expected " + expected);
    }

    private int spaces(int at) {
        while (at < end && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\t' || bytes[at] == '\r')) {
            at++;
        }
        return at;
    }

    private void ended(int at) throws JsonException {
        at = spaces(at);
        if (at < end) {
            throw wrong(at, "the end");
        }
    }

    /** Where a value begins, behind a name. */
    private int colon(int at) throws JsonException {
        at = spaces(at);
        if (at(at) != ':') {
            throw wrong(at, "`:`");
        }
        return spaces(at + 1);
    }

    /** Goes over a value and returns where it ends. */
    private int value(int at) throws JsonException {
        boolean[] objects = null;
        int depth = 0;
        while (true) {
            int first = at(at);
            if (first == '{' || first == '[') {
                if (depth == DEPTH_MAX) {
                    throw wrong(at, "at most " + DEPTH_MAX + " objects and arrays inside one another");
                }
                at = spaces(at + 1);
                if (at(at) != first + 2) {
                    objects = objects == null ? new boolean[DEPTH_MAX] : objects;
                    objects[depth++] = first == '{';
                    at = first == '{' ? colon(string(at)) : at;
                    continue;
                }
                at++;
            } else {
                at = scalar(at, first);
            }
            // A value is over: what is around it goes on, or is over, too.
            while (true) {
                if (depth == 0) {
                    return at;
                }
                boolean isObject = objects[depth - 1];
                at = spaces(at);
                if (at(at) == ',') {
                    at = spaces(at + 1);
                    at = isObject ? colon(string(at)) : at;
                    break;
                }
                if (at(at) != (isObject ? '}' : ']')) {
                    throw wrong(at, isObject ? "`,` or `}`" : "`,` or `]`");
                }
                depth--;
                at++;
            }
        }
    }

    private int scalar(int at, int first) throws JsonException {
        return switch (first) {
            case '"' -> string(at);
            case 't' -> word(at, "true");
            case 'f' -> word(at, "false");
            case 'n' -> word(at, "null");
            default -> number(at);
        };
    }

    private int word(int at, String word) throws JsonException {
        for (int n = 0; n < word.length(); n++) {
            if (at(at + n) != word.charAt(n)) {
                throw wrong(at, "a value");
            }
        }
        return at + word.length();
    }

    private int string(int from) throws JsonException {
        if (at(from) != '"') {
            throw wrong(from, "a string");
        }
        int at = from + 1;
        while (at < end) {
            int letter = bytes[at];
            if (letter == '"') {
                return at + 1;
            }
            if (letter >= 0 && letter < ' ') {
                throw wrong(at, "no control character in a string");
            }
            at = letter == '\\' ? escape(at + 1) : at + 1;
        }
        throw wrong(end, "the end of a string");
    }

    private int escape(int at) throws JsonException {
        int letter = at(at);
        if (letter == 'u') {
            for (int n = 1; n <= 4; n++) {
                int digit = at(at + n);
                boolean isHex = digit >= '0' && digit <= '9' || (digit | 0x20) >= 'a' && (digit | 0x20) <= 'f';
                if (!isHex) {
                    throw wrong(at + 1, "four hexadecimal digits after `\\u`");
                }
            }
            return at + 5;
        }
        if (letter <= 0 || "\"\\/bfnrt".indexOf(letter) < 0) {
            throw wrong(at, "an escape that JSON knows");
        }
        return at + 1;
    }

    private int number(int from) throws JsonException {
        int begin = at(from) == '-' ? from + 1 : from;
        int at = digits(begin);
        if (at == begin || at(begin) == '0' && at > begin + 1) {
            throw wrong(begin, "a value");
        }
        if (at(at) == '.') {
            at = someDigits(at + 1);
        }
        if ((at(at) | 0x20) == 'e') {
            at++;
            at = someDigits(at(at) == '+' || at(at) == '-' ? at + 1 : at);
        }
        return at;
    }

    private int digits(int at) {
        while (at(at) >= '0' && at(at) <= '9') {
            at++;
        }
        return at;
    }

    private int someDigits(int from) throws JsonException {
        int at = digits(from);
        if (at == from) {
            throw wrong(from, "a digit");
        }
        return at;
    }
}
