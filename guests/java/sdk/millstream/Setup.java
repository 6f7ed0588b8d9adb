package millstream;

import java.util.List;

/** What the host tells an instance before anything else. */
public final class Setup {
    private final Config config;
    final List<String> inputs;
    final List<String> outputs;
    final List<String> stores;

    public Setup(Bytes config, List<String> inputs, List<String> outputs, List<String> stores) {
        this.config = Config.parse(config);
        this.inputs = inputs;
        this.outputs = outputs;
        this.stores = stores;
    }

    /** The job's {@code config = { … }} for this operator. A field that nobody asks for is refused when the operator is open. */
    public Config config() {
        return config;
    }

    /** The names that the job gives its inputs. */
    public List<String> inputs() {
        return inputs;
    }

    /** Finds declared names among those that the job gives. */
    static int[] places(List<String> declared, List<String> given, String what) {
        int[] places = new int[declared.size()];
        for (int n = 0; n < places.length; n++) {
            places[n] = given.indexOf(declared.get(n));
            if (places[n] < 0) {
                throw new Fatal("the job gives this operator no " + what + " `" + declared.get(n) + "`; it gives " + given);
            }
        }
        return places;
    }
}
