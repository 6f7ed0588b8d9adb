import millstream.Bytes;
import millstream.Context;
import millstream.Fatal;
import millstream.Millstream;
import millstream.Operator;
import millstream.Out;
import millstream.Record;
import millstream.Setup;

/** Keeps the records whose value contains a text, and changes the value's case. */
public final class FilterMap implements Operator {
    /** Records whose value does not contain this are dropped. Empty: all stay. */
    private final Bytes keep;
    /** ASCII letters from first to last change their case. */
    private final char first;
    private final char last;

    public static void main(String[] arguments) {
        Millstream.operator("filter-map", FilterMap::new);
    }

    private FilterMap(Setup setup) {
        keep = Bytes.of(setup.config().text("keep", ""));
        String map = setup.config().text("map", "upper");
        switch (map) {
            case "upper" -> {
                first = 'a';
                last = 'z';
            }
            case "lower" -> {
                first = 'A';
                last = 'Z';
            }
            case "same" -> {
                first = 1;
                last = 0;
            }
            default -> throw new Fatal("config: `map`: unknown variant `" + map + "`, expected one of `upper`, `lower`, `same`");
        }
    }

    @Override
    public void process(Record record, Context context) {
        Bytes value = record.valueUtf8();
        if (!value.contains(keep)) {
            return;
        }
        byte[] mapped = value.toByteArray();
        for (int n = 0; n < mapped.length; n++) {
            if (mapped[n] >= first && mapped[n] <= last) {
                mapped[n] ^= 0x20;
            }
        }
        context.emit(Out.of(record).value(Bytes.of(mapped)));
    }
}
