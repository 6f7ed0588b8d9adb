import millstream.Fatal;
import millstream.Harness;
import millstream.Reject;
import millstream.Retry;

/** The operators natively. Run with assertions on. */
public final class OperatorsTest {
    public static void main(String[] arguments) {
        countGoesOnInAnotherInstance();
        textsAreFilteredAndMapped();
        wordsAreSplit();
        windowIsEmittedWhenTheWatermarkPassesItsEnd();
        whatCannotBeCountedIsRejected();
        pairsWithinTheTimeAreJoinedAndForgotten();
        objectsAreProjected();
        failuresEndTheCall();
    }

    private static void countGoesOnInAnotherInstance() {
        Harness op = Harness.open(Count::main, "");
        op.feed(Harness.in("a", "x"), Harness.in("b", "x"), Harness.in("a", "poison"), Harness.in("a", ""), Harness.in(null, "x"));
        op.reopen();
        op.feed(Harness.in("a", "x"), Harness.in("a", null));
        assert op.outputs().toString().replaceAll(" at -?\\d+", "").equals("[out a 1, out b 1, out a 2, out a 3, out a 4]");
        var rejects = op.rejects();
        assert rejects.get(0).row() == 2 && rejects.get(0).code() == Count.POISON && rejects.get(1).code() == Reject.NO_KEY;
        assert op.host.getManyCalls == 2 && op.host.putManyCalls == 2;
    }

    private static void textsAreFilteredAndMapped() {
        Harness op = Harness.open(FilterMap::main, "{\"keep\": \"mill\"}");
        op.feed(Harness.in("a", "windmill").header("h", "1"), Harness.in("b", "wind"), Harness.in("c", "mill é"));
        var out = op.outputs();
        assert out.size() == 2 && out.get(0).value().equals("WINDMILL") && out.get(0).headers().last("h").is("1") && out.get(1).value().equals("MILL é");
        assert refusal(FilterMap::main, "{\"map\": \"title\"}").contains("`map`: unknown variant `title`");
    }

    private static void wordsAreSplit() {
        Harness op = Harness.open(Split::main, "");
        op.feed(Harness.in(null, "The mill, the Öl ²4."));
        assert op.outputs().stream().map(Harness.Output::key).toList().equals(java.util.List.of("the", "mill", "the", "öl", "²4"));
    }

    private static void windowIsEmittedWhenTheWatermarkPassesItsEnd() {
        Harness op = Harness.open(Window::main, "{\"size_ms\": 100, \"lateness_ms\": 50}");
        op.feed(Harness.in("a", "1").at(0), Harness.in("a", "2").at(99), Harness.in("a", "5").at(100), Harness.in("b", "-7").at(-1));
        op.advanceWatermark(50);
        assert op.outputs().toString().equals("[out b {\"start\":-100,\"end\":0,\"count\":1,\"sum\":-7} at -1]");
        op.reopen();
        op.feed(Harness.in("b", "1").at(-1));
        assert op.outputs().toString().equals("[late b 1 at -1]");
        op.advanceWatermark(Long.MAX_VALUE);
        assert op.outputs().size() == 2 && op.host.entries() == 0 && op.host.timers() == 0;
    }

    private static void whatCannotBeCountedIsRejected() {
        Harness op = Harness.open(Window::main, "{\"size_ms\": 100}");
        String largest = Long.toString(Long.MAX_VALUE);
        op.feed(Harness.in("a", "１").at(0), Harness.in("a", "1"), Harness.in("a", largest).at(0), Harness.in("a", " +1\u00a0").at(0), Harness.in(null, "1").at(0));
        assert op.rejects().stream().map(reject -> reject.row() + ":" + reject.code()).toList().toString().equals("[0:1, 1:65003, 3:2, 4:65000]");
    }

    private static void pairsWithinTheTimeAreJoinedAndForgotten() {
        Harness op = Harness.open(Join::main, "{\"within_ms\": 10}");
        op.feed(Harness.in("a", "l1").at(0), Harness.in("a", "r1").at(10).to("right"), Harness.in("a", "r2").at(11).to("right"), Harness.in("a", "l3").at(12));
        assert op.outputs().toString().equals("[out a l1|r1 at 10, out a l3|r1 at 12, out a l3|r2 at 12]");
        op.advanceWatermark(Long.MAX_VALUE);
        assert op.host.entries() == 0 && op.host.timers() == 0;
    }

    private static void objectsAreProjected() {
        Harness op = Harness.open(JsonProject::main, "{\"only\": {\"field\": \"o\", \"equals\": \"JFK\"}, \"select\": [\"n\", \"o\"], \"key\": \"n\"}");
        op.feed(Harness.in("k", "{\"o\":\"JFK\",\"x\":[1, 2],\"n\":7}"), Harness.in("k", "{\"o\":\"EWR\"}"), Harness.in("k", "7"));
        assert op.outputs().toString().startsWith("[out 7 {\"n\":7,\"o\":\"JFK\"} at ") && op.rejects().get(0).code() == Reject.BAD_JSON;
    }

    private static void failuresEndTheCall() {
        Harness op = Harness.open(Misbehave::main, "");
        try {
            op.feed(Harness.in("k", "retry"));
            assert false;
        } catch (Retry retry) {
            assert retry.getMessage().equals("told to retry");
        }
        assert refusal(Misbehave::main, "{\"open\": \"fatal\"}").equals("told to fail while opening");
    }

    private static String refusal(Harness.Main main, String config) {
        try {
            Harness.open(main, config);
            return "";
        } catch (Fatal fatal) {
            return fatal.getMessage();
        }
    }
}
