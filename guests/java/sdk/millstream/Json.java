package millstream;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A JSON value. Its text without spaces is {@link Object#toString}. */
public abstract sealed class Json {
    private Json() {
    }

    /** Reads UTF-8 text. */
    public static Json parse(Bytes text) throws JsonException {
        if (!text.isText()) {
            throw new JsonException("not UTF-8");
        }
        new JsonScanner(text).checkWhole();
        return new Reader(text.text()).read();
    }

    public static final class Null extends Json {
        private static final Null IT = new Null();
    }

    public static final class Bool extends Json {
        private final boolean value;

        public Bool(boolean value) {
            this.value = value;
        }

        public boolean value() {
            return value;
        }
    }

    /** A number as it was written. */
    public static final class Number extends Json {
        private final String written;

        private Number(String written) {
            this.written = written;
        }

        public Number(long value) {
            this(Long.toString(value));
        }

        /** Null: no whole number of 64 bits. */
        public Long whole() {
            return Numbers.parse(written);
        }

        public double toDouble() {
            return Double.parseDouble(written);
        }
    }

    public static final class Text extends Json {
        private final String text;

        public Text(String text) {
            this.text = text;
        }

        public String text() {
            return text;
        }
    }

    public static final class Array extends Json {
        private final List<Json> elements;

        public Array(List<Json> elements) {
            this.elements = elements;
        }

        public List<Json> elements() {
            return elements;
        }
    }

    /** Fields in the order in which they stood; of two with the same name the last one. */
    public static final class Obj extends Json {
        private final Map<String, Json> fields;

        public Obj(Map<String, Json> fields) {
            this.fields = fields;
        }

        public Map<String, Json> fields() {
            return fields;
        }
    }

    /** Whole numbers and others are numbers of different kinds: 1 is not 1.0. */
    @Override
    public boolean equals(Object other) {
        if (this instanceof Number one && other instanceof Number two) {
            Long whole = one.whole();
            return whole != null || two.whole() != null ? whole != null && whole.equals(two.whole()) : one.toDouble() == two.toDouble();
        }
        if (this instanceof Text one && other instanceof Text two) {
            return one.text.equals(two.text);
        }
        if (this instanceof Bool one && other instanceof Bool two) {
            return one.value == two.value;
        }
        if (this instanceof Array one && other instanceof Array two) {
            return one.elements.equals(two.elements);
        }
        if (this instanceof Obj one && other instanceof Obj two) {
            return one.fields.equals(two.fields);
        }
        return this instanceof Null && other instanceof Null;
    }

    @Override
    public int hashCode() {
        return this instanceof Number number ? Double.hashCode(number.toDouble()) : toString().length();
    }

    @Override
    public String toString() {
        StringBuilder to = new StringBuilder();
        write(to);
        return to.toString();
    }

    private void write(StringBuilder to) {
        if (this instanceof Bool bool) {
            to.append(bool.value);
        } else if (this instanceof Number number) {
            to.append(number.written);
        } else if (this instanceof Text text) {
            quote(text.text, to);
        } else if (this instanceof Array array) {
            char separator = '[';
            for (Json element : array.elements) {
                to.append(separator);
                element.write(to);
                separator = ',';
            }
            to.append(array.elements.isEmpty() ? "[]" : "]");
        } else if (this instanceof Obj object) {
            char separator = '{';
            for (Map.Entry<String, Json> field : object.fields.entrySet()) {
                to.append(separator);
                quote(field.getKey(), to);
                to.append(':');
                field.getValue().write(to);
                separator = ',';
            }
            to.append(object.fields.isEmpty() ? "{}" : "}");
        } else {
            to.append("null");
        }
    }

    /** A text as it stands in JSON. */
    public static String quoted(String text) {
        StringBuilder to = new StringBuilder();
        quote(text, to);
        return to.toString();
    }

    private static void quote(String text, StringBuilder to) {
        to.append('"');
        for (int n = 0; n < text.length(); n++) {
            char letter = text.charAt(n);
            int escape = "\"\\\n\r\t\b\f".indexOf(letter);
            if (escape >= 0) {
                to.append('\\').append("\"\\nrtbf".charAt(escape));
            } else if (letter < ' ') {
                to.append("\\u00").append(Character.forDigit(letter >> 4, 16)).append(Character.forDigit(letter & 15, 16));
            } else {
                to.append(letter);
            }
        }
        to.append('"');
    }

    /** What the inside of a sound string stands for. Half a surrogate pair becomes U+FFFD when it is made bytes of. */
    static String unescaped(String inside) {
        if (inside.indexOf('\\') < 0) {
            return inside;
        }
        StringBuilder to = new StringBuilder();
        for (int at = 0; at < inside.length(); at++) {
            char letter = inside.charAt(at);
            if (letter == '\\') {
                letter = inside.charAt(++at);
                int known = "bfnrt".indexOf(letter);
                if (letter == 'u') {
                    letter = (char) Integer.parseInt(inside.substring(at + 1, at + 5), 16);
                    at += 4;
                } else if (known >= 0) {
                    letter = "\b\f\n\r\t".charAt(known);
                }
            }
            to.append(letter);
        }
        for (int at = 0; at < to.length(); at++) {
            boolean pair = Character.isHighSurrogate(to.charAt(at)) && at + 1 < to.length() && Character.isLowSurrogate(to.charAt(at + 1));
            if (pair) {
                at++;
            } else if (Character.isSurrogate(to.charAt(at))) {
                to.setCharAt(at, '\uFFFD');
            }
        }
        return to.toString();
    }

    /** Makes a tree of a text that {@link JsonScanner} found sound. */
    private static final class Reader {
        private final String text;
        private int at;

        Reader(String text) {
            this.text = text;
        }

        Json read() {
            char letter = next();
            switch (letter) {
                case '{': {
                    Map<String, Json> fields = new LinkedHashMap<>();
                    at++;
                    while (next() != '}') {
                        at += text.charAt(at) == ',' ? 1 : 0;
                        next();
                        String name = string();
                        next();
                        at++;
                        fields.remove(name);
                        fields.put(name, read());
                    }
                    at++;
                    return new Obj(fields);
                }
                case '[': {
                    List<Json> elements = new ArrayList<>();
                    at++;
                    while (next() != ']') {
                        at += text.charAt(at) == ',' ? 1 : 0;
                        elements.add(read());
                    }
                    at++;
                    return new Array(elements);
                }
                case '"':
                    return new Text(string());
                case 't', 'f':
                    at += letter == 't' ? 4 : 5;
                    return new Bool(letter == 't');
                case 'n':
                    at += 4;
                    return Null.IT;
                default: {
                    int begin = at;
                    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
                        at++;
                    }
                    return new Number(text.substring(begin, at));
                }
            }
        }

        /** The next letter that is no space. */
        private char next() {
            while (text.charAt(at) <= ' ') {
                at++;
            }
            return text.charAt(at);
        }

        private String string() {
            int begin = ++at;
            while (text.charAt(at) != '"') {
                at += text.charAt(at) == '\\' ? 2 : 1;
            }
            return unescaped(text.substring(begin, at++));
        }
    }
}
