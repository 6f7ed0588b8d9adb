import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.tools.ToolProvider;
import org.teavm.tooling.ConsoleTeaVMToolLog;
import org.teavm.tooling.TeaVMProblemRenderer;
import org.teavm.tooling.TeaVMTargetType;
import org.teavm.tooling.TeaVMTool;
import org.teavm.vm.TeaVMOptimizationLevel;

/** Java to C: javac and TeaVM in one virtual machine. Arguments: a folder to work in, the main class, the largest Java heap in MiB, and those of javac. */
final class JavaBuild {
    public static void main(String[] arguments) throws Exception {
        File classes = new File(arguments[0], "classes");
        List<String> javac = new ArrayList<>(List.of("-d", classes.getPath(), "-cp", System.getProperty("java.class.path")));
        javac.addAll(Arrays.asList(arguments).subList(3, arguments.length));
        if (!classes.mkdirs() || ToolProvider.getSystemJavaCompiler().run(null, System.err, System.err, javac.toArray(new String[0])) != 0) {
            System.exit(1);
        }
        ClassLoader loader = new java.net.URLClassLoader(new java.net.URL[] {classes.toURI().toURL()}, JavaBuild.class.getClassLoader());
        ConsoleTeaVMToolLog log = new ConsoleTeaVMToolLog(false);
        TeaVMTool tool = new TeaVMTool();
        tool.setLog(log);
        tool.setClassLoader(loader);
        tool.setTargetType(TeaVMTargetType.C);
        tool.setMainClass(arguments[1]);
        tool.setTargetDirectory(new File(arguments[0], "c"));
        // ADVANCED, not FULL: FULL inlines the exported methods away. Strict: null and bounds are checked, as Java has it.
        tool.setOptimizationLevel(TeaVMOptimizationLevel.ADVANCED);
        tool.setStrict(true);
        tool.setObfuscated(false);
        tool.setMinHeapSize(4 << 20);
        tool.setMaxHeapSize(Integer.parseInt(arguments[2]) << 20);
        tool.generate();
        if (!tool.getProblemProvider().getSevereProblems().isEmpty()) {
            TeaVMProblemRenderer.describeProblems(tool.getDependencyInfo().getCallGraph(), tool.getProblemProvider(), log);
            System.exit(1);
        }
    }
}
