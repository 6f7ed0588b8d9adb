import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import millstream.Bytes;
import millstream.Context;
import millstream.Fatal;
import millstream.Json;
import millstream.Millstream;
import millstream.Numbers;
import millstream.Operator;
import millstream.Out;
import millstream.Record;
import millstream.Reject;
import millstream.Setup;

/** parse, in Java: CSV rows of the flights and of the airlines → records keyed by carrier. A flight's event time is its scheduled departure, UTC. */
public final class Parse implements Operator {
    static final int COLUMNS = 1;
    static final int TIME = 2;
    static final int DELAY = 3;
    static final int CARRIER = 4;

    private static final long MINUTE_MS = 60_000;

    /** How many columns a table has, and what becomes of a row. */
    enum Table {
        FLIGHTS(19) {
            @Override
            Out record(List<String> row) {
                Bytes carrier = carrier(row.get(9));
                long time = time(row.get(18), row.get(17));
                return Out.of(carrier, delay(row.get(5))).at(time);
            }
        },
        AIRLINES(2) {
            @Override
            Out record(List<String> row) {
                return Out.of(carrier(row.get(0)), row.get(1));
            }
        };

        final int columns;

        Table(int columns) {
            this.columns = columns;
        }

        abstract Out record(List<String> row);
    }

    private final Table table;

    public static void main(String[] arguments) {
        Millstream.operator("parse", Parse::new);
    }

    private Parse(Setup setup) {
        String name = setup.config().text("table");
        table = switch (name) {
            case "flights" -> Table.FLIGHTS;
            case "airlines" -> Table.AIRLINES;
            default -> throw new Fatal("config: `table` is " + Json.quoted(name) + ", expected flights or airlines");
        };
    }

    @Override
    public void process(Record record, Context context) {
        List<String> row = columns(record.valueText());
        if (row.size() != table.columns) {
            throw new Reject(COLUMNS, "a row of " + row.size() + " columns, where " + table.columns + " were expected");
        }
        context.emit(table.record(row));
    }

    /** A column with the comma before it. One in quotes may hold commas, and two quotes for one. */
    private static final Pattern COLUMN = Pattern.compile(",(?:\"([^\"]*(?:\"\"[^\"]*)*)\"|([^,]*))");

    static List<String> columns(String row) {
        List<String> columns = new ArrayList<>();
        Matcher column = COLUMN.matcher("," + row);
        while (!row.isEmpty() && column.find()) {
            String quoted = column.group(1);
            columns.add(quoted == null ? column.group(2) : quoted.replace("\"\"", "\""));
        }
        return columns;
    }

    private static final Pattern CODE = Pattern.compile("[A-Z0-9]{2}");

    static Bytes carrier(String text) {
        if (!CODE.matcher(text).matches()) {
            throw new Reject(CARRIER, Json.quoted(text) + " is no carrier's code");
        }
        return Bytes.of(text);
    }

    static long time(String hour, String minute) {
        Instant start;
        try {
            start = Instant.parse(hour);
        } catch (DateTimeParseException wrong) {
            throw new Reject(TIME, "time_hour " + Json.quoted(hour) + " is no time such as 2013-01-01T10:00:00Z");
        }
        Long minutes = Numbers.parse(minute);
        if (minutes == null || minutes < 0 || minutes > 59) {
            throw new Reject(TIME, "minute " + Json.quoted(minute) + " is none of 0 to 59");
        }
        return start.toEpochMilli() + minutes * MINUTE_MS;
    }

    static String delay(String text) {
        // A cancelled flight has no departure, hence no delay.
        if (text.equals("NA")) {
            return "null";
        }
        Long minutes = Numbers.parse(text);
        if (minutes == null || minutes != minutes.intValue()) {
            throw new Reject(DELAY, "dep_delay " + Json.quoted(text) + " is no whole number");
        }
        return minutes.toString();
    }
}
