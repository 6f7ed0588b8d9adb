//! Python: componentize-py freezes the interpreter, the SDK and the operator's modules into a component.

use std::path::Path;
use std::process::Command;

use super::Workshop;
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{Bench, COMPONENTIZE_PY, in_venv, left, missing, pip_install, run, works};
use super::wrap::WIT;
use crate::error::HostError;

/// Builds the component. It is one already: nothing is left to wrap.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let cache = &workshop.request.cache;
    let missing = || missing(workshop, "componentize-py", &pip_install(cache, COMPONENTIZE_PY));
    let in_venv = in_venv(cache, "componentize-py");
    let programs = [in_venv.as_os_str(), "componentize-py".as_ref()];
    let program = programs.into_iter().find(|program| works(Command::new(program).arg("--version"))).ok_or_else(missing)?;
    let sdk = sdk(cache, Language::Python)?;
    let module = module(workshop)?;
    let bench = Bench::set_up(cache)?;
    let disk = |e| HostError::external(format!("writing into {}", bench.path().display()), e);
    std::fs::write(bench.path().join("millstream_entry.py"), entry(&module)).map_err(disk)?;
    // componentize-py imports all that its world offers: an operator without stores gets a world without state, so that a job need not grant it.
    let world = if stores(workshop, &sdk, &module)? == 0 { WIT.replacen("  import state;\n", "", 1) } else { WIT.to_owned() };
    std::fs::write(bench.path().join("operator.wit"), world).map_err(disk)?;
    let component = bench.path().join("component.wasm");
    let mut componentize = Command::new(program);
    componentize.current_dir(bench.path()).args(["-d", "operator.wit", "-w", "job", "componentize", "--stub-wasi"]);
    // In this order: a project's module may not stand in for the SDK's.
    for folder in [bench.path(), &sdk, &workshop.project.dir] {
        componentize.arg("-p").arg(folder);
    }
    componentize.arg("millstream_entry").arg("-o").arg(&component);
    run(workshop, &mut componentize, missing)?;
    left(&component)
}

/// How many stores the operator declares. The module is imported by a plain Python, so what is wrong with it is said here, with a whole traceback.
fn stores(workshop: &Workshop<'_>, sdk: &Path, module: &str) -> Result<usize, HostError> {
    let in_venv = in_venv(&workshop.request.cache, "python3");
    let program = if in_venv.is_file() { in_venv.as_os_str() } else { "python3".as_ref() };
    let script = format!("import sys; sys.path[:0] = sys.argv[1:]; import millstream, {module}; print(len(millstream.operator_of({module}).stores))");
    let mut python = Command::new(program);
    python.args(["-B", "-c", &script]).arg(sdk).arg(&workshop.project.dir);
    let answer = run(workshop, &mut python, || missing(workshop, "Python 3", "apt-get install -y python3 python3-venv"))?;
    let last = String::from_utf8_lossy(&answer).lines().last().and_then(|line| line.trim().parse().ok());
    last.ok_or_else(|| HostError::job(format!("{module}.py"), "cannot be asked how many stores it declares: its last words on standard output are no number"))
}

/// The module's name.
fn module(workshop: &Workshop<'_>) -> Result<String, HostError> {
    let module = workshop.project.sources.first().and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let is_name = module.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) && !module.starts_with(|c: char| c.is_ascii_digit());
    if module.is_empty() || !is_name {
        return Err(HostError::job(format!("{module}.py"), "is no name for a Python module: use letters, digits and _"));
    }
    Ok(module)
}

/// The module that the component starts from: the SDK's side of the boundary around the project's operator.
fn entry(module: &str) -> String {
    // Imports leave compiled modules beside the sources unless told otherwise, and the project's folder is the user's.
    format!(
        "import sys\nsys.dont_write_bytecode = True\nimport {module} as operator_module\nimport millstream_component\n\n\
         Operator = millstream_component.of(operator_module)\n"
    )
}
