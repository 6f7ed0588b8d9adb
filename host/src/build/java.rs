//! Java: javac and TeaVM make C of the project's classes and the SDK's, and zig's clang a core module of that. No virtual machine is left in it.

use std::path::{Path, PathBuf};

use super::Workshop;
use super::jvm::{TEAVM, no_jdk};
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{Bench, left, run};
use super::wrap::wrap;
use super::ziglang::{INLINE, STACK_BYTES, no_zig, zig};
use crate::error::HostError;

/// How far the Java heap may grow, MiB. It takes memory as it needs it; the operator's limit may end it earlier.
const HEAP_MIB_MAX: u32 = 128;
/// The class that a component starts from.
const ENTRY: &str = "MillstreamEntry";
/// Files of TeaVM's runtime that are not compiled: there are no threads, no files and no heap dumps here.
const LEFT_OUT: [&str; 3] = ["\"fiber.c\"", "\"file.c\"", "\"heapdump.c\""];
/// What is wrong in the C of TeaVM 0.15.0: the file, what is there if this concerns the program at all, the wrong text and the right one.
///
/// An array's items stand behind its header, rounded up to an item's size. The collector and `System.arraycopy` round that distance, core.h the address:
/// objects lie at any multiple of four here, so the items of a `long[]` would lie past its end in some places, and stay there when the array is moved.
/// A clone asks whether an array's class is primitive, where it means that of the items, and so takes all items for four bytes.
const CORRECTIONS: [(&str, &str, &str, &str); 2] = [
    (
        "core.h",
        "#define TEAVM_ARRAY_DATA(",
        "TEAVM_ALIGN((((TeaVM_Array*) (array)) + 1), sizeof(type))",
        "((char*) (array) + (uintptr_t) TEAVM_ALIGN(sizeof(TeaVM_Array), sizeof(type)))",
    ),
    (
        "classes/java/lang/Object.c",
        "meth_jl_Object_clone(void*",
        "meth_otr_RuntimeClass_isPrimitive(teavm_local_2)",
        "meth_otr_RuntimeClass_isPrimitive(TEAVM_FIELD(teavm_local_2, TeaVM_Class, itemType))",
    ),
];
/// Java's exceptions are longjmp, and longjmp is an exception of Wasm's final proposal, which is the one that the host knows.
const EXCEPTIONS: [&str; 5] = ["-mcpu=generic+exception_handling+bulk_memory", "-mllvm", "-wasm-enable-sjlj", "-mllvm", "-wasm-use-legacy-eh=false"];

/// Builds the project's `*.java`.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let cache = &workshop.request.cache;
    let tools = TEAVM.tools(workshop)?;
    let mut zig = zig(workshop)?;
    let sdk = sdk(cache, Language::Java)?;
    let bench = Bench::set_up(cache)?;
    let disk = |e| HostError::external(format!("writing into {}", bench.path().display()), e);
    let entry = bench.path().join(format!("{ENTRY}.java"));
    std::fs::write(&entry, entry_class(&main_class(workshop)?)).map_err(disk)?;
    let mut compile = tools.compiler();
    compile.current_dir(&workshop.project.dir).arg(bench.path()).arg(ENTRY).arg(HEAP_MIB_MAX.to_string());
    compile.args(["--release", "17", "-encoding", "UTF-8", "-g", "-sourcepath", "."]).args(sdk_sources(&sdk)?).arg(&entry);
    // Names without their folder: what javac says of them is short, and no path gets into the module.
    compile.args(workshop.project.sources.iter().filter_map(|path| path.file_name()));
    run(workshop, &mut compile, || no_jdk(workshop, None))?;

    let generated = bench.path().join("c");
    correct(&generated)?;
    let all = String::from_utf8_lossy(&left(&generated.join("all.c"))?).into_owned();
    let kept: Vec<_> = all.lines().filter(|line| !LEFT_OUT.iter().any(|file| line.contains(file))).collect();
    std::fs::write(generated.join("operator.c"), kept.join("\n")).map_err(disk)?;
    let glue = sdk.join("component");
    let core = bench.path().join("core.wasm");
    zig.current_dir(&generated).args(["cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-s", "-w"]).args(INLINE).args(EXCEPTIONS);
    // Not `-I` for TeaVM's own: it has files called string.h and time.h.
    zig.args(["-iquote", ".", "-I"]).arg(&glue).arg("-include").arg(glue.join("glue.h")).arg(format!("-Wl,-z,stack-size={STACK_BYTES}"));
    zig.arg("operator.c").arg(glue.join("glue.c")).arg(glue.join("tag.s")).arg("-o").arg(&core);
    run(workshop, &mut zig, || no_zig(workshop))?;
    wrap(&left(&core)?)
}

/// Makes right what [`CORRECTIONS`] has.
fn correct(generated: &Path) -> Result<(), HostError> {
    for (file, concerned, wrong, right) in CORRECTIONS {
        let path = generated.join(file);
        let text = String::from_utf8_lossy(&left(&path)?).into_owned();
        if !text.contains(concerned) {
            continue;
        }
        // Another TeaVM, or another way of writing it: whoever changed the version must look again.
        if !text.contains(wrong) {
            return Err(HostError::external(format!("correcting {file} of TeaVM"), anyhow::anyhow!("it has no `{wrong}`")));
        }
        std::fs::write(&path, text.replace(wrong, right)).map_err(|e| HostError::external(format!("writing {}", path.display()), e))?;
    }
    Ok(())
}

/// The SDK's sources; a file in `component/` stands in for the one of the same name that serves tests.
fn sdk_sources(sdk: &Path) -> Result<Vec<PathBuf>, HostError> {
    let mut sources = super::project::with_extension(&sdk.join("component").join("millstream"), "java")?;
    for source in super::project::with_extension(&sdk.join("millstream"), "java")? {
        if !sources.iter().any(|other| other.file_name() == source.file_name()) {
            sources.push(source);
        }
    }
    Ok(sources)
}

/// The one class with a `main`, by its full name.
fn main_class(workshop: &Workshop<'_>) -> Result<String, HostError> {
    let at = workshop.project.dir.display().to_string();
    let mut found = Vec::new();
    for source in &workshop.project.sources {
        let text = String::from_utf8_lossy(&left(source)?).into_owned();
        if text.contains("static void main(") {
            let class = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let package = text.lines().find_map(|line| line.trim().strip_prefix("package ")?.strip_suffix(';'));
            found.push(package.map_or_else(|| class.clone(), |package| format!("{}.{class}", package.trim())));
        }
    }
    match found.as_slice() {
        [class] => Ok(class.clone()),
        [] => Err(HostError::job(at, "no class has a `main`").with_help("declare the operator in `public static void main(String[] arguments)`")),
        several => Err(HostError::job(at, format!("several classes have a `main`: {}", several.join(", "))).with_help("leave one: it declares the operator")),
    }
}

fn entry_class(main: &str) -> String {
    format!(
        "final class {ENTRY} {{\n    public static void main(String[] arguments) {{\n        {main}.main(arguments);\n        millstream.Component.serve();\n    }}\n}}\n"
    )
}
