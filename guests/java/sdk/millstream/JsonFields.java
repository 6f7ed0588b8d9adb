package millstream;

import java.util.ArrayList;
import java.util.List;

/** A JSON object's fields, each still as text: for operators that look at a few fields of many records. The text is checked as a whole. */
public final class JsonFields {
    private final List<Bytes> names = new ArrayList<>();
    private final List<Bytes> values = new ArrayList<>();

    private JsonFields() {
    }

    /** Reads UTF-8 text. */
    public static JsonFields of(Bytes text) throws JsonException {
        JsonFields fields = new JsonFields();
        new JsonScanner(text).checkObject((name, value) -> {
            fields.names.add(name);
            fields.values.add(value);
        });
        return fields;
    }

    /** The text of a field's value as it stands, without spaces around it; null: no such field. Of two with the same name the last one. */
    public Bytes raw(String name) {
        for (int n = names.size() - 1; n >= 0; n--) {
            Bytes inside = names.get(n);
            if (hasEscapes(inside) ? Json.unescaped(inside.text()).equals(name) : inside.is(name)) {
                return values.get(n);
            }
        }
        return null;
    }

    /** The text that a field's string stands for; null: no such field, or no string. */
    public String text(String name) {
        Bytes raw = raw(name);
        return raw == null ? null : textOf(raw);
    }

    /** The text that a JSON string stands for; null: the value is no string. */
    public static String textOf(Bytes raw) {
        return raw.size > 0 && raw.get(0) == '"' ? Json.unescaped(raw.slice(1, raw.size - 1).text()) : null;
    }

    private static boolean hasEscapes(Bytes inside) {
        for (int n = 0; n < inside.size; n++) {
            if (inside.array[inside.from + n] == '\\') {
                return true;
            }
        }
        return false;
    }
}
