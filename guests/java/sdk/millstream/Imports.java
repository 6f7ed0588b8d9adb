package millstream;

/** Natively state is what a harness brings; component/millstream/Imports.java stands in for this file in a component. */
final class Imports {
    private Imports() {
    }

    static void useState() {
    }
}
