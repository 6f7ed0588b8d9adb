import java.util.Arrays;
import org.jetbrains.kotlin.cli.common.ExitCode;
import org.jetbrains.kotlin.cli.js.KotlinWasmCompiler;

/** Runs the compiler once for each run of arguments between two `--`, in one virtual machine: the second time it is warm. */
final class KotlinBuild {
    public static void main(String[] arguments) {
        int from = 0;
        for (int at = 0; at <= arguments.length; at++) {
            if (at < arguments.length && !arguments[at].equals("--")) {
                continue;
            }
            ExitCode code = new KotlinWasmCompiler().exec(System.err, Arrays.copyOfRange(arguments, from, at));
            if (code != ExitCode.OK) {
                System.exit(1);
            }
            from = at + 1;
        }
    }
}
