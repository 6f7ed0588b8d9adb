//! Python: componentize-py freezes the interpreter, the SDK and the operator's modules into a component.

use std::process::Command;

use super::Workshop;
use super::sdk::unpacked;
use super::toolchain::{Bench, COMPONENTIZE_PY, in_venv, missing, pip_install, run, works};
use crate::error::HostError;

/// Builds the component. It is one already: nothing is left to wrap.
pub(super) fn compile(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let cache = &workshop.request.cache;
    let missing = || missing(workshop, "componentize-py", &pip_install(cache, COMPONENTIZE_PY));
    let in_venv = in_venv(cache, "componentize-py");
    let programs = [in_venv.as_os_str(), "componentize-py".as_ref()];
    let program = programs.into_iter().find(|program| works(Command::new(program).arg("--version"))).ok_or_else(missing)?;
    let sdk = unpacked(cache)?;
    let bench = Bench::set_up(cache)?;
    let component = bench.path().join("component.wasm");
    let entry = entry(workshop)?;
    std::fs::write(bench.path().join("millstream_entry.py"), entry).map_err(|e| HostError::external("writing the operator's entry module", e))?;
    let mut componentize = Command::new(program);
    componentize.current_dir(bench.path()).arg("-d").arg(sdk.join("wit")).args(["-w", "job", "componentize", "--stub-wasi"]);
    // In this order: a project's module may not stand in for the SDK's.
    for folder in [bench.path(), &sdk.join("python"), &workshop.project.dir] {
        componentize.arg("-p").arg(folder);
    }
    componentize.arg("millstream_entry").arg("-o").arg(&component);
    run(workshop, &mut componentize, missing)?;
    std::fs::read(&component).map_err(|e| HostError::external(format!("reading {}", component.display()), e))
}

/// The module that the component starts from: the SDK's side of the boundary around the project's operator.
fn entry(workshop: &Workshop<'_>) -> Result<String, HostError> {
    let module = workshop.project.sources.first().and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let is_name = module.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) && !module.starts_with(|c: char| c.is_ascii_digit());
    if module.is_empty() || !is_name {
        return Err(HostError::job(format!("{module}.py"), "is no name for a Python module: use letters, digits and _"));
    }
    Ok(format!("import {module} as operator_module\nimport millstream_component\n\nOperator = millstream_component.of(operator_module)\n"))
}
