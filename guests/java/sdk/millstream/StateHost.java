package millstream;

/** The host's keyed state. In a component the imports stand behind it, in tests a map. */
public interface StateHost {
    /** One row out per row in, in order; a null value where there is none. */
    Batch getMany(Raw keys);

    /** Writes in order; a null value deletes. */
    void putMany(Raw rows);

    /** A page of a range. */
    record Page(Batch rows, boolean isDone) {
    }

    /** Reads the keys from {@code begin} to before {@code end} (empty: the store's end), as many as the host likes. */
    Page scan(int store, Bytes begin, Bytes end);
}
