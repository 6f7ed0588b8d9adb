import millstream.Context;
import millstream.Millstream;
import millstream.Operator;

/** Passes every record on as it is: what the boundary costs, and nothing else. */
public final class Identity implements Operator.OfBatches {
    public static void main(String[] arguments) {
        Millstream.operator("identity", Identity::new);
    }

    @Override
    public void processBatch(Context context) {
        context.forwardAll();
    }
}
