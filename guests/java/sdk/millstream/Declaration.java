package millstream;

import java.util.List;
import java.util.function.Function;

/** Says what an operator is; the component's description is derived from it. {@link Millstream#operator} makes one. */
public final class Declaration {
    /** How state is read ahead of a batch. */
    enum Prefetch { RECORD_KEYS, NAMED, NOTHING }

    final String name;
    final Function<Setup, Operator> open;
    String version = "0.1.0";
    List<String> inputs = List.of("in");
    List<String> outputs = List.of("out");
    List<Store<?>> stores = List.of();
    String configSchema = "";
    Prefetch prefetch = Prefetch.RECORD_KEYS;

    Declaration(String name, Function<Setup, Operator> open) {
        this.name = name;
        this.open = open;
    }

    public Declaration version(String version) {
        this.version = version;
        return this;
    }

    /** Names of the input ports; a record's port is the place in this list. None: takes any number of inputs. Without this: one, {@code in}. */
    public Declaration inputs(String... names) {
        inputs = List.of(names);
        return this;
    }

    /** Names of the output ports; records go to the first unless told otherwise. None: a sink. Without this: one, {@code out}. */
    public Declaration outputs(String... names) {
        outputs = List.of(names);
        return this;
    }

    /** The state that it works with. */
    public Declaration stores(Store<?>... stores) {
        this.stores = List.of(stores);
        return this;
    }

    /** JSON Schema of the config, checked by the host before anything runs. */
    public Declaration configSchema(String schema) {
        configSchema = schema;
        return this;
    }

    /** State is read ahead for what {@link Operator#prefetch} names, and not for the records' keys. */
    public Declaration prefetch() {
        prefetch = Prefetch.NAMED;
        return this;
    }

    /** Nothing is read ahead: each first access of a key is a call to the host. */
    public Declaration noPrefetch() {
        prefetch = Prefetch.NOTHING;
        return this;
    }

    public String name() {
        return name;
    }

    public List<String> inputNames() {
        return inputs;
    }

    public List<String> outputNames() {
        return outputs;
    }

    public List<Store<?>> storeList() {
        return stores;
    }
}
