package millstream;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.teavm.interop.Address;
import org.teavm.interop.Export;

/** The Java half of the exports of the world {@code job} by the canonical ABI; glue.c is the other. Numbers are places in wit/operator.wit's types. */
public final class Component {
    private static final int ANSWER_BYTES = 48;

    private static Instance instance;
    /** Always 0, which the compiler cannot know as long as anybody may write it. */
    private static int never;

    private Component() {
    }

    /** Is called once the operator is declared. */
    public static void serve() {
        if (never > 0) {
            // TeaVM keeps what main can reach, and exports what it keeps. Two calls each, or it would inline the only one.
            for (int n = 0; n < never; n++) {
                never += describe() + open(n, 0, 0, 0, 0, 0, 0, 0) + process(0, 0, 0, n, 0, 0, 0) + onTimer(0, 0, 0, n, 0, 0, 0) + migrate(n, 0, 0, 0, 0, 0, 0);
            }
            never += describe() + open(1, 0, 0, 0, 0, 0, 0, 0) + process(0, 0, 0, 1, 0, 0, 0) + onTimer(0, 0, 0, 1, 0, 0, 0) + migrate(1, 0, 0, 0, 0, 0, 0);
        }
    }

    /** One call; returns where its answer is. */
    private interface Call {
        void run(int answer);
    }

    private static int answer() {
        int at = Imports.lend(ANSWER_BYTES);
        Address.fillZero(Address.fromInt(at), ANSWER_BYTES);
        return at;
    }

    /** What an operator throws on purpose is the answer; any other exception is logged with its stack, and becomes a trap. */
    private static int answering(Call call) {
        try {
            int answer = answer();
            call.run(answer);
            return answer;
        } catch (Outcome outcome) {
            int answer = answer();
            Imports.put(answer, 1);
            Imports.put(answer + 4, outcome instanceof Retry ? 0 : 1);
            putText(answer + 8, outcome.getMessage());
            return answer;
        } catch (Throwable mistake) {
            StringWriter text = new StringWriter();
            mistake.printStackTrace(new PrintWriter(text));
            Imports.TELEMETRY.log(Level.ERROR, "exception: " + text);
            Imports.trap();
            return 0;
        }
    }

    private static void putText(int at, String text) {
        byte[] bytes = (text == null ? "" : text).getBytes(StandardCharsets.UTF_8);
        Imports.put(at, Imports.copyOut(bytes));
        Imports.put(at + 4, bytes.length);
    }

    private static void putTexts(int at, List<String> texts) {
        int list = Imports.lend(8 * texts.size());
        for (int n = 0; n < texts.size(); n++) {
            putText(list + 8 * n, texts.get(n));
        }
        Imports.put(at, list);
        Imports.put(at + 4, texts.size());
    }

    private static void putBytes(int at, byte[] bytes, int count) {
        Imports.put(at, Imports.copyOut(bytes, 0, count));
        Imports.put(at + 4, count);
    }

    private static void putBatch(int at, BatchBuilder batch, Raw raw) {
        if (raw != null) {
            putBytes(at, raw.index(), raw.index().length);
            putBytes(at + 8, raw.arena(), raw.arena().length);
        } else {
            putBytes(at, batch.index, batch.indexBytes());
            putBytes(at + 8, batch.arena.array, batch.arena.size);
        }
    }

    private static void putEffects(int at) {
        Context context = opened().context;
        putBatch(at + 4, context.outputs, context.rawOutputs);
        putBatch(at + 20, context.timers, context.rawTimers);
        int count = context.rejects.size();
        int list = Imports.lend(16 * count);
        for (int n = 0; n < count; n++) {
            Context.Rejected reject = context.rejects.get(n);
            Imports.put(list + 16 * n, reject.row());
            Imports.put(list + 16 * n + 4, reject.code());
            putText(list + 16 * n + 8, reject.message());
        }
        Imports.put(at + 36, list);
        Imports.put(at + 40, count);
    }

    private static Instance opened() {
        if (instance == null) {
            throw new Fatal("called before `open`");
        }
        return instance;
    }

    @Export(name = "ms_java_describe")
    public static int describe() {
        return answering(at -> {
            Declaration declared = Millstream.declared();
            if (declared == null) {
                declared = new Declaration("(no operator is declared: call Millstream.operator in main)", null);
            }
            putText(at, declared.name);
            putText(at + 8, declared.version);
            putTexts(at + 16, declared.inputs);
            putTexts(at + 24, declared.outputs);
            int list = Imports.lend(12 * declared.stores.size());
            for (int n = 0; n < declared.stores.size(); n++) {
                putText(list + 12 * n, declared.stores.get(n).name());
                Imports.put(list + 12 * n + 8, declared.stores.get(n).version());
            }
            Imports.put(at + 32, list);
            Imports.put(at + 36, declared.stores.size());
            putText(at + 40, declared.configSchema);
        });
    }

    private static List<String> texts(int at, int count) {
        List<String> texts = new ArrayList<>();
        for (int n = 0; n < count; n++) {
            texts.add(Bytes.wrap(Imports.copyIn(Imports.get(at + 8 * n), Imports.get(at + 8 * n + 4))).text());
        }
        return texts;
    }

    @Export(name = "ms_java_open")
    public static int open(int config, int configBytes, int inputs, int inputsN, int outputs, int outputsN, int stores, int storesN) {
        return answering(at -> {
            if (Millstream.declared() == null) {
                throw new Fatal("no operator is declared: call Millstream.operator in main");
            }
            Bytes text = Bytes.wrap(Imports.copyIn(config, configBytes));
            Setup setup = new Setup(text, texts(inputs, inputsN), texts(outputs, outputsN), texts(stores, storesN));
            instance = Instance.open(Millstream.declared(), setup, Imports.state, Imports.TELEMETRY);
        });
    }

    @Export(name = "ms_java_process")
    public static int process(long watermark, long now, int task, int index, int indexBytes, int arena, int arenaBytes) {
        return answering(at -> {
            opened().handleRecords(watermark, now, task, Imports.batch(index, indexBytes, arena, arenaBytes));
            putEffects(at);
        });
    }

    @Export(name = "ms_java_on_timer")
    public static int onTimer(long watermark, long now, int task, int index, int indexBytes, int arena, int arenaBytes) {
        return answering(at -> {
            opened().handleTimers(watermark, now, task, Imports.batch(index, indexBytes, arena, arenaBytes));
            putEffects(at);
        });
    }

    @Export(name = "ms_java_migrate")
    public static int migrate(int store, int storeBytes, int fromVersion, int index, int indexBytes, int arena, int arenaBytes) {
        return answering(at -> {
            String name = Bytes.wrap(Imports.copyIn(store, storeBytes)).text();
            opened().rewrite(name, fromVersion, Imports.batch(index, indexBytes, arena, arenaBytes));
            putBatch(at + 4, opened().context.outputs, null);
        });
    }
}
