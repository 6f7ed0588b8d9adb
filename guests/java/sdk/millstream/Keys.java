package millstream;

/** Collects the state that a batch will need; see {@link Operator#prefetch}. */
public final class Keys {
    private final Cache cache;

    Keys(Cache cache) {
        this.cache = cache;
    }

    /** Names a key of a store; naming it again costs nothing. */
    public void want(Store<?> store, Bytes key) {
        // A store that is not declared says so when it is used.
        if (store.cache == cache) {
            cache.want(store.place, key);
        }
    }
}
