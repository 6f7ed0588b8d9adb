import java.util.ArrayList;
import java.util.List;
import millstream.Bytes;
import millstream.BytesBuilder;
import millstream.Config;
import millstream.Context;
import millstream.Fatal;
import millstream.Json;
import millstream.JsonException;
import millstream.JsonFields;
import millstream.Millstream;
import millstream.Operator;
import millstream.Out;
import millstream.Record;
import millstream.Reject;
import millstream.Setup;

/** Keeps the JSON records whose field equals a value, and of those the fields named, in that order; it may make one field the key. */
public final class JsonProject implements Operator {
    /** Only records whose field has this value; null: all. */
    private final String field;
    private final Json equals;
    /** The fields to keep, in order; those that a record lacks are left out. Empty: the value stays as it is. */
    private final List<String> select;
    /** Their names as they stand in the output: quoted, with a colon. */
    private final List<Bytes> names = new ArrayList<>();
    /** The field whose text becomes the key; null: none. */
    private final String key;
    private final BytesBuilder value = new BytesBuilder();

    public static void main(String[] arguments) {
        Millstream.operator("json", JsonProject::new);
    }

    private JsonProject(Setup setup) {
        Config config = setup.config();
        Config only = config.section("only");
        field = only == null ? null : only.text("field");
        equals = only == null ? null : only.json("equals");
        if (only != null && equals == null) {
            throw new Fatal("config: `only` needs `field` and `equals`");
        }
        select = config.texts("select");
        for (String name : select) {
            names.add(Bytes.of(Json.quoted(name) + ":"));
        }
        key = config.text("key", null);
    }

    @Override
    public void process(Record record, Context context) {
        JsonFields fields = record.valueFields();
        if (field != null && !matches(fields.raw(field))) {
            return;
        }
        Out out = Out.of(record);
        if (key != null) {
            Bytes raw = fields.raw(key);
            if (raw == null) {
                throw new Reject(Reject.BAD_JSON, "the value has no field `" + key + "`");
            }
            String text = JsonFields.textOf(raw);
            out.key(Bytes.of(text == null ? parsed(raw).toString() : text));
        }
        if (!select.isEmpty()) {
            out.value(selected(fields));
        }
        context.emit(out);
    }

    private boolean matches(Bytes raw) {
        if (raw == null) {
            return false;
        }
        return equals instanceof Json.Text text ? text.text().equals(JsonFields.textOf(raw)) : equals.equals(parsed(raw));
    }

    private Bytes selected(JsonFields fields) {
        value.clear();
        for (int n = 0; n < select.size(); n++) {
            Bytes raw = fields.raw(select.get(n));
            if (raw != null) {
                value.appendByte(value.size() == 0 ? '{' : ',').append(names.get(n)).append(raw);
            }
        }
        if (value.size() == 0) {
            value.appendByte('{');
        }
        return value.appendByte('}').bytes();
    }

    private static Json parsed(Bytes raw) {
        try {
            return Json.parse(raw);
        } catch (JsonException wrong) {
            throw new Reject(Reject.BAD_JSON, "the value: " + wrong.getMessage());
        }
    }
}
