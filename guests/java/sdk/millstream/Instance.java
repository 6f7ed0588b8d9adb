package millstream;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** An opened operator with what it needs between calls. The component and the native harness run the same. */
public final class Instance {
    /** What one call asks for, valid until the next call. */
    public record Effects(Raw outputs, Raw timers, List<Context.Rejected> rejects) {
    }

    private final Declaration declaration;
    private final Operator operator;
    final Context context;
    private final Cache cache;
    private final Keys keys;

    private Instance(Declaration declaration, Operator operator, Context context, Cache cache) {
        this.declaration = declaration;
        this.operator = operator;
        this.context = context;
        this.cache = cache;
        keys = new Keys(cache);
    }

    /** Finds the declared ports and stores among those the job gives, and opens the operator. Throws {@link Fatal} or {@link Retry}. */
    public static Instance open(Declaration declaration, Setup setup, StateHost state, TelemetryHost telemetry) {
        int[] outputs = Setup.places(declaration.outputs, setup.outputs, "output port");
        List<String> names = new ArrayList<>();
        for (Store<?> store : declaration.stores) {
            names.add(store.name());
        }
        int[] stores = Setup.places(names, setup.stores, "store");
        Operator operator = declaration.open.apply(setup);
        setup.config().refuseUnasked();
        Context context = new Context(declaration.outputs, outputs, telemetry);
        return new Instance(declaration, operator, context, new Cache(stores, state, context));
    }

    /** Handles records. Throws {@link Fatal} or {@link Retry}; anything else is a mistake in the operator. */
    public Effects process(long watermark, long now, int task, Batch input) {
        handleRecords(watermark, now, task, input);
        return effects();
    }

    /** Handles due timers. Throws as {@link #process}. */
    public Effects onTimer(long watermark, long now, int task, Batch due) {
        handleTimers(watermark, now, task, due);
        return effects();
    }

    /** Rewrites rows of an older version; the rows to keep. */
    public Raw migrate(String store, int fromVersion, Batch rows) {
        rewrite(store, fromVersion, rows);
        return context.outputs.raw();
    }

    void handleRecords(long watermark, long now, int task, Batch input) {
        begin(watermark, now, task, input);
        readAhead(false);
        if (operator instanceof Operator.OfBatches batches) {
            batches.processBatch(context);
        } else {
            Iterator<Record> records = context.iterator();
            while (records.hasNext()) {
                handleRecords(records);
            }
        }
        finish();
    }

    /** To the end, or until one is refused: where exceptions are caught costs as much as a call, so it is not in the loop. */
    private void handleRecords(Iterator<Record> records) {
        try {
            while (records.hasNext()) {
                operator.process(records.next(), context);
            }
        } catch (Reject reject) {
            context.reject(reject.code(), reject.getMessage());
        }
    }

    void handleTimers(long watermark, long now, int task, Batch due) {
        begin(watermark, now, task, due);
        readAhead(true);
        Iterator<Record> rows = context.iterator();
        while (rows.hasNext()) {
            handleTimers(rows);
        }
        finish();
    }

    private void handleTimers(Iterator<Record> rows) {
        try {
            while (rows.hasNext()) {
                operator.onTimer(Timer.due(rows.next()), context);
            }
        } catch (Reject reject) {
            context.reject(reject.code(), reject.getMessage());
        }
    }

    void rewrite(String store, int fromVersion, Batch rows) {
        begin(Long.MIN_VALUE, 0, 0, rows);
        operator.migrate(store, fromVersion, context,
            (key, value) -> context.outputs.push(key, value, Headers.NONE, 0, Record.NO_TIMESTAMP, 0, Layout.ABSENT, Layout.ABSENT));
    }

    private void begin(long watermark, long now, int task, Batch input) {
        context.begin(watermark, now, task, input);
        int place = 0;
        for (Store<?> store : declaration.stores) {
            store.cache = cache;
            store.place = place++;
        }
    }

    private void readAhead(boolean timers) {
        if (cache.stores.length == 0) {
            return;
        }
        cache.begin();
        switch (declaration.prefetch) {
            case NOTHING -> {
            }
            case RECORD_KEYS -> cache.readRecordKeys(context.input);
            case NAMED -> {
                for (Record record : context) {
                    if (timers) {
                        operator.prefetch(Timer.due(record), keys);
                    } else {
                        operator.prefetch(record, keys);
                    }
                }
                cache.readWanted();
            }
        }
    }

    private void finish() {
        if (cache.stores.length > 0) {
            cache.writeBack();
        }
    }

    private Effects effects() {
        Raw outputs = context.rawOutputs == null ? context.outputs.raw() : context.rawOutputs;
        Raw timers = context.rawTimers == null ? context.timers.raw() : context.rawTimers;
        return new Effects(outputs, timers, List.copyOf(context.rejects));
    }
}
