package millstream;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** The SDK natively: the layout against the vectors that all languages share, JSON, config and state. Run with assertions on. */
public final class SdkTest {
    private static final Path VECTORS = Path.of("../../tests/vectors/batches.json");

    public static void main(String[] arguments) throws Exception {
        Map<String, Json> vectors = ((Json.Obj) Json.parse(Bytes.of(Files.readAllBytes(VECTORS)))).fields();
        List<Json> valid = ((Json.Array) vectors.get("valid")).elements();
        List<Json> invalid = ((Json.Array) vectors.get("invalid")).elements();
        assert valid.size() >= 10 && invalid.size() >= 20 : "vectors are missing";
        for (Json vector : valid) {
            batchIsReadAndWrittenAsTheLayoutSays(((Json.Obj) vector).fields());
            noCutOfABatchIsAccepted(((Json.Obj) vector).fields());
        }
        for (Json vector : invalid) {
            Map<String, Json> fields = ((Json.Obj) vector).fields();
            Layout.Rule broken = Layout.broken(hex(fields.get("index")), hex(fields.get("arena")));
            assert broken != null && broken.name().equals(text(fields.get("error"))) : text(fields.get("name")) + ": " + broken;
        }
        headersAreFoundByTheirLastName();
        jsonIsReadAndWritten();
        jsonThatIsNoneIsRefused();
        configNamesWhatIsWrong();
        numbersHave64Bits();
        prefixEndsWhereTheNextBegins();
        storesReadOnceWriteOnceAndScanInPages();
    }

    private static void batchIsReadAndWrittenAsTheLayoutSays(Map<String, Json> vector) {
        String name = text(vector.get("name"));
        Batch batch = Batch.of(hex(vector.get("index")), hex(vector.get("arena")));
        List<Json> rows = ((Json.Array) vector.get("rows")).elements();
        assert batch.size() == rows.size() : name;
        BatchBuilder built = new BatchBuilder();
        for (int n = 0; n < rows.size(); n++) {
            Map<String, Json> row = ((Json.Obj) rows.get(n)).fields();
            Record record = batch.get(n);
            assert same(record.key(), row.get("key")) && same(record.value(), row.get("value")) : name;
            assert record.port() == number(row, "port") && record.timestamp() == number(row, "timestamp") : name;
            assert record.offset() == number(row, "offset") && record.partition() == (int) number(row, "partition") : name;
            assert record.keyId() == (int) number(row, "key_id") && record.row() == n : name;
            Headers headers = Headers.NONE;
            List<Json> expected = ((Json.Array) row.get("headers")).elements();
            assert record.headers().size() == expected.size() : name;
            for (int h = 0; h < expected.size(); h++) {
                List<Json> pair = ((Json.Array) expected.get(h)).elements();
                Headers.Header header = record.headers().all().get(h);
                assert header.name().equals(text(pair.get(0))) && same(header.value(), pair.get(1)) : name;
                headers = headers.with(text(pair.get(0)), part(pair.get(1)));
            }
            built.push(part(row.get("key")), part(row.get("value")), headers, record.port(), record.timestamp(), record.offset(), record.partition(),
                record.keyId());
        }
        assert Arrays.equals(built.raw().index(), batch.index) && Arrays.equals(built.raw().arena(), batch.arena) : name;
    }

    private static void noCutOfABatchIsAccepted(Map<String, Json> vector) {
        byte[] index = hex(vector.get("index"));
        byte[] arena = hex(vector.get("arena"));
        for (int cut = 0; cut < index.length; cut++) {
            assert Layout.broken(Arrays.copyOf(index, cut), arena) != null || cut % Layout.ROW_BYTES == 0 : vector.get("name");
        }
        for (int cut = 0; cut < arena.length; cut++) {
            assert Layout.broken(index, Arrays.copyOf(arena, cut)) != null : vector.get("name");
        }
    }

    private static void headersAreFoundByTheirLastName() {
        Headers headers = Headers.NONE.with("a", "1").with("a", Bytes.EMPTY).with("null", (Bytes) null);
        assert headers.last("a").isEmpty() && headers.last("null") == null && headers.last("none") == null && headers.size() == 3;
    }

    private static void jsonIsReadAndWritten() throws JsonException {
        String text = " { \"a\" : [ 1 , -2.5e3, true,false , null, {} , [] ], \"\\u0062\\n\" : \"\\\"\\ud83d\\ude00\\ud83d\" , \"a\":7 } ";
        assert Json.parse(Bytes.of(text)).toString().equals("{\"b\\n\":\"\\\"\uD83D\uDE00\uFFFD\",\"a\":7}") : Json.parse(Bytes.of(text));
        assert Json.parse(Bytes.of("[1,[2.0]]")).equals(Json.parse(Bytes.of(" [ 1 , [ 2e0 ] ] ")));
        assert !Json.parse(Bytes.of("1")).equals(Json.parse(Bytes.of("1.0")));
        JsonFields fields = JsonFields.of(Bytes.of("{\"k\\u0031\": [1, 2] ,\"t\":\"x\\ty\",\"t\":\"z\"}"));
        assert fields.raw("k1").is("[1, 2]") && fields.text("t").equals("z") && fields.raw("none") == null && fields.text("k1") == null;
    }

    private static void jsonThatIsNoneIsRefused() {
        String deep = "[".repeat(128) + "]".repeat(128);
        for (String wrong : new String[] {"", "{", "tru", "01", "1.", "1e", "-", "\"", "\"\\x\"", "\"\\u12\"", "\"\n\"", "[1,]", "{\"a\"}", "{\"a\":1,}", "1 2", deep}) {
            try {
                Json.parse(Bytes.of(wrong));
                assert false : wrong;
            } catch (JsonException expected) {
                assert expected.getMessage().startsWith("at byte ") : wrong;
            }
        }
    }

    private static void configNamesWhatIsWrong() {
        assert refusal("{\"n\": \"x\"}").equals("config: `n`: expected a whole number, found \"x\"");
        assert refusal("{\"n\": 1.5}").equals("config: `n`: expected a whole number, found 1.5");
        assert refusal("{}").equals("config: missing field `n`");
        assert refusal("{\"n\": 1, \"m\": 2}").startsWith("config: unknown field `m`");
        assert refusal("[]").startsWith("config: expected an object");
        assert refusal("{\"n\": 1}") == null;
    }

    private static String refusal(String text) {
        try {
            Config config = Config.parse(Bytes.of(text));
            config.number("n");
            config.refuseUnasked();
            return null;
        } catch (Fatal fatal) {
            return fatal.getMessage();
        }
    }

    private static void numbersHave64Bits() {
        assert Numbers.parse("9223372036854775807") == Long.MAX_VALUE && Numbers.parse("-9223372036854775808") == Long.MIN_VALUE && Numbers.parse("+07") == 7;
        for (String wrong : new String[] {"", "-", "+", "9223372036854775808", "-9223372036854775809", "99999999999999999999", "1_0", "1.5", "\uFF11", " 1"}) {
            assert Numbers.parse(wrong) == null : wrong;
        }
    }

    private static void prefixEndsWhereTheNextBegins() {
        assert Store.prefixEnd(Bytes.of("ab")).is("ac");
        assert Store.prefixEnd(Bytes.of(new byte[] {'a', -1, -1})).is("b");
        assert Store.prefixEnd(Bytes.of(new byte[] {-1})).isEmpty();
    }

    private static final Store<String> WORDS = Store.of("words", Values.TEXT);

    private static void storesReadOnceWriteOnceAndScanInPages() {
        Harness op = Harness.open(arguments -> Millstream.operator("scan", () -> (record, context) -> {
            WORDS.put(record.valueText());
            StringBuilder seen = new StringBuilder();
            for (Store.Entry<String> entry : WORDS.prefix(Bytes.of("k"))) {
                seen.append(entry.key()).append('=').append(entry.value()).append(' ');
            }
            context.emit(record.key(), seen.toString());
        }).stores(WORDS), "");
        op.host.pageRows = 1;
        op.feed(Harness.in("k1", "one"), Harness.in("j", "not"), Harness.in("k2", "two"));
        assert op.outputs().get(2).value().equals("k1=one k2=two ");
        assert op.host.getManyCalls == 1 && op.host.state("words", "j").is("not");
        op.feed(Harness.in(null, "x"));
        assert op.rejects().get(0).code() == Reject.NO_KEY;
        op.host.setState("words", "k1", Bytes.of(new byte[] {-1}));
        try {
            op.feed(Harness.in("a", "x"));
            assert false;
        } catch (Fatal fatal) {
            assert fatal.getMessage().equals("store `words`, key `k1`: the value is not UTF-8") : fatal.getMessage();
        }
        assert op.host.state("words", "a") == null : "what a failed call wrote was kept";
    }

    private static String text(Json json) {
        return ((Json.Text) json).text();
    }

    private static long number(Map<String, Json> row, String name) {
        return ((Json.Number) row.get(name)).whole();
    }

    private static byte[] hex(Json json) {
        return HexFormat.of().parseHex(text(json));
    }

    private static Bytes part(Json json) {
        return json instanceof Json.Null ? null : Bytes.of(hex(json));
    }

    private static boolean same(Bytes bytes, Json json) {
        return bytes == null ? json instanceof Json.Null : bytes.equals(part(json));
    }
}
