import millstream.BytesBuilder;
import millstream.Context;
import millstream.Raw;
import millstream.Record;

/** Results that break a rule, one each. */
final class Bad {
    private static final byte[] KEY_AND_VALUE = {'k', 'v'};

    private Bad() {
    }

    /** Returns results that break the rule that the order names; false: it names none. */
    static boolean breakRule(String order, int row, Context context) {
        switch (order) {
            case "bad-timer" -> context.returnRaw(null, raw(1, 2, 2, 9, 0, row));
            case "bad-reject" -> context.rejectRow(-1, 1, "");
            case "bad-length" -> context.returnRaw(new Raw(java.util.Arrays.copyOf(raw(1, 2, 2, 0, 0, row).index(), 39), KEY_AND_VALUE), null);
            case "bad-ends" -> context.returnRaw(raw(2, 1, 2, 0, 0, row), null);
            case "bad-arena" -> context.returnRaw(raw(1, -1, -1, 0, 0, row), null);
            case "bad-flags" -> context.returnRaw(raw(1, 2, 2, 0, 0x8000, row), null);
            case "bad-port" -> context.returnRaw(raw(1, 2, 2, 7, 0, row), null);
            case "bad-row" -> context.returnRaw(raw(1, 2, 2, 0, 0, -1), null);
            case "bad-headers" -> context.returnRaw(new Raw(raw(1, 2, 4, 0, 4, row).index(), new byte[] {'k', 'v', -1, -1}), null);
            case "bad-overlap" -> {
                // The second row begins before the first ends.
                byte[] good = raw(1, 2, 2, 0, 0, row).index();
                context.returnRaw(new Raw(new BytesBuilder().append(good).append(good).bytes().toByteArray(), KEY_AND_VALUE), null);
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    /** One row, with key {@code k} and value {@code v} where the ends are 1, 2 and 2. */
    private static Raw raw(int keyEnd, int valueEnd, int headersEnd, int port, int flags, long offset) {
        BytesBuilder index = new BytesBuilder();
        index.appendInt(keyEnd).appendInt(valueEnd).appendInt(headersEnd).appendInt(port | flags << 16);
        index.appendLong(Record.NO_TIMESTAMP).appendLong(offset).appendLong(-1);
        return new Raw(index.bytes().toByteArray(), KEY_AND_VALUE);
    }
}
