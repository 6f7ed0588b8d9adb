//! Kotlin: its compiler makes a library of the project's sources, and of that, the SDK's library and Kotlin's own a core module. Kotlin/Wasm, not the JVM.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Workshop;
use super::jvm::{KOTLIN, Tools, no_jdk};
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{Bench, NAME_BYTES, hex, left, run};
use super::wrap::wrap;
use crate::error::HostError;

/// Kotlin's own library, among the kit's files.
const STANDARD: &str = "kotlin-stdlib-wasm-wasi-2.4.10.klib";
const SDK: &str = "millstream";
const TARGET: [&str; 2] = ["-Xwasm", "-Xwasm-target=wasm-wasi"];

/// Builds the project's `*.kt`.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let tools = KOTLIN.tools(workshop)?;
    let sdk = sdk_library(workshop, &tools)?;
    let bench = Bench::set_up(&workshop.request.cache)?;
    let libraries = libraries(&tools, Some(&sdk));
    let mut compile = tools.compiler();
    compile.current_dir(&workshop.project.dir);
    compile.args(TARGET).args(["-libraries", &libraries]).args(library("operator", &workshop.project.dir, bench.path()));
    // Names without their folder: what the compiler says of them is short, and no path gets into the module.
    compile.args(workshop.project.sources.iter().filter_map(|path| path.file_name()));
    compile.arg("--").args(TARGET).args(["-libraries", &libraries]);
    compile.arg(format!("-Xinclude={}", bench.path().join("operator.klib").display()));
    // An index past the end is an exception with a text, and not a bare trap. The host knows the exceptions of the final proposal only.
    compile.args(["-Xir-produce-js", "-Xir-dce", "-Xwasm-enable-array-range-checks", "-Xwasm-use-new-exception-proposal"]);
    compile.args(["-ir-output-name", "operator", "-ir-output-dir"]).arg(bench.path());
    run(workshop, &mut compile, || no_jdk(workshop, None))?;
    wrap(&left(&bench.path().join("operator.wasm"))?)
}

/// The SDK as a library, which is compiled once and kept in the cache folder.
fn sdk_library(workshop: &Workshop<'_>, tools: &Tools) -> Result<PathBuf, HostError> {
    let cache = &workshop.request.cache;
    let folder = sdk(cache, Language::Kotlin)?;
    let mut hash = Sha256::new();
    hash.update(KOTLIN.version);
    let sources = super::project::with_extension(&folder, "kt")?;
    for source in &sources {
        hash.update(left(source)?);
    }
    let digest = hex(&hash.finalize()[..NAME_BYTES]);
    // The file is named like its module, hence a folder for the hash.
    let place = cache.join("jvm").join(format!("kotlin-sdk-{digest}"));
    let path = place.join(format!("{SDK}.klib"));
    if path.is_file() {
        return Ok(path);
    }
    let bench = Bench::set_up(cache)?;
    let mut compile = tools.compiler();
    compile.current_dir(&folder);
    compile.args(TARGET).args(["-libraries", &libraries(tools, None)]).args(library(SDK, &folder, bench.path()));
    compile.args(sources.iter().filter_map(|path| path.file_name()));
    run(workshop, &mut compile, || no_jdk(workshop, None))?;
    let made = bench.path().join(format!("{SDK}.klib"));
    // Another process may move the same bytes there.
    let moved = std::fs::create_dir_all(&place).and_then(|()| std::fs::rename(&made, &path));
    moved.map_err(|e| HostError::external(format!("writing {}", path.display()), e))?;
    Ok(path)
}

/// Arguments that make a library of sources below `base`.
fn library(name: &str, base: &Path, into: &Path) -> Vec<String> {
    let base = format!("-Xklib-relative-path-base={}", base.display());
    let module = format!("-Xir-module-name={name}");
    let into = into.display().to_string();
    ["-Xir-produce-klib-file", &module, &base, "-ir-output-name", name, "-ir-output-dir", &into].map(str::to_owned).to_vec()
}

fn libraries(tools: &Tools, sdk: Option<&Path>) -> String {
    let separator = if cfg!(windows) { ";" } else { ":" };
    let all: Vec<_> = [Some(tools.file(STANDARD).as_path()), sdk].into_iter().flatten().map(|path| path.display().to_string()).collect();
    all.join(separator)
}
