package millstream;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The job's config for this operator, a JSON object. Each question says what is wrong by the field's name, and stops the job; a field that nobody asks for
 * is a mistake in the job.
 */
public final class Config {
    private final Map<String, Json> fields;
    private final String path;
    private final Set<String> asked = new LinkedHashSet<>();
    private final List<Config> sections = new ArrayList<>();

    private Config(Map<String, Json> fields, String path) {
        this.fields = fields;
        this.path = path;
    }

    /** No config is the same as an empty one. */
    static Config parse(Bytes text) {
        if (text.isEmpty()) {
            return new Config(Map.of(), "");
        }
        Json json;
        try {
            json = Json.parse(text);
        } catch (JsonException wrong) {
            throw new Fatal("config: " + wrong.getMessage());
        }
        if (json instanceof Json.Obj object) {
            return new Config(object.fields(), "");
        }
        throw new Fatal("config: expected an object, found " + json);
    }

    /** A text that must be there. */
    public String text(String name) {
        return needed(name, text(name, null));
    }

    public String text(String name, String otherwise) {
        Json value = given(name);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Json.Text text) {
            return text.text();
        }
        throw wrong(name, "expected a text, found " + value);
    }

    /** A whole number that must be there. */
    public long number(String name) {
        return needed(name, whole(name));
    }

    public long number(String name, long otherwise) {
        Long value = whole(name);
        return value == null ? otherwise : value;
    }

    private Long whole(String name) {
        Json value = given(name);
        if (value == null) {
            return null;
        }
        if (value instanceof Json.Number number && number.whole() != null) {
            return number.whole();
        }
        throw wrong(name, "expected a whole number, found " + value);
    }

    public double fraction(String name, double otherwise) {
        Json value = given(name);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Json.Number number) {
            return number.toDouble();
        }
        throw wrong(name, "expected a number, found " + value);
    }

    public boolean flag(String name, boolean otherwise) {
        Json value = given(name);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Json.Bool flag) {
            return flag.value();
        }
        throw wrong(name, "expected true or false, found " + value);
    }

    /** A list of texts; empty where there is none. */
    public List<String> texts(String name) {
        Json value = given(name);
        List<String> texts = new ArrayList<>();
        if (value == null) {
            return texts;
        }
        if (!(value instanceof Json.Array array)) {
            throw wrong(name, "expected a list of texts, found " + value);
        }
        for (Json element : array.elements()) {
            if (!(element instanceof Json.Text text)) {
                throw wrong(name, "expected a list of texts, found " + element + " in it");
            }
            texts.add(text.text());
        }
        return texts;
    }

    /** An object in the config; null: there is none. */
    public Config section(String name) {
        Json value = given(name);
        if (value == null) {
            return null;
        }
        if (!(value instanceof Json.Obj object)) {
            throw wrong(name, "expected an object, found " + value);
        }
        Config section = new Config(object.fields(), path + name + ".");
        sections.add(section);
        return section;
    }

    /** Any value; null: the field is not there. */
    public Json json(String name) {
        asked.add(name);
        return fields.get(name);
    }

    /** The same; null, too, where the field is. */
    private Json given(String name) {
        Json value = json(name);
        return value instanceof Json.Null ? null : value;
    }

    private <T> T needed(String name, T value) {
        if (value == null) {
            throw new Fatal("config: missing field `" + path + name + "`");
        }
        return value;
    }

    private Fatal wrong(String name, String what) {
        return new Fatal("config: `" + path + name + "`: " + what);
    }

    void refuseUnasked() {
        for (String name : fields.keySet()) {
            if (!asked.contains(name)) {
                String known = asked.isEmpty() ? "there is none to be set here" : "expected one of `" + String.join("`, `", asked) + "`";
                throw new Fatal("config: unknown field `" + path + name + "`: " + known);
            }
        }
        for (Config section : sections) {
            section.refuseUnasked();
        }
    }
}
