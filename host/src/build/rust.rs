//! Rust: cargo builds the crate's library as a core module for wasm32.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::Workshop;
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{left, missing, run};
use super::wrap::wrap;
use crate::error::HostError;

const TARGET: &str = "wasm32-unknown-unknown";

/// The profile, whatever the project's own says: small, one unit, and a panic is a trap. `strip` leaves the functions' names for back traces.
///
/// SIMD is in every engine since WebAssembly 2.0 and gives the same bytes everywhere; it halves the cost of an operator that goes over text.
///
/// The thresholds have LLVM inline more than it would for Wasm: each call that stays costs a deadline check at its entry (`decisions/0008`).
const PROFILE: [&str; 7] = [
    "profile.release.opt-level=3",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.panic='abort'",
    "profile.release.strip='debuginfo'",
    "profile.release.incremental=false",
    "target.wasm32-unknown-unknown.rustflags=['-Ctarget-feature=+simd128','-Cllvm-args=-inline-threshold=350 -inlinehint-threshold=1000']",
];

/// A line of cargo's JSON that says what a unit of work left.
#[derive(Deserialize)]
struct Artifact {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The SDK's crate, as in its manifest.
const SDK: &str = "millstream-sdk";

/// What makes cargo take the SDK from this binary, where the project asks the registry for it.
fn patch(workshop: &Workshop<'_>) -> Result<Option<String>, HostError> {
    let manifest = workshop.project.dir.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).map_err(|error| HostError::external(format!("reading {}", manifest.display()), error))?;
    let manifest: toml::Table = text.parse().map_err(|error| HostError::job(manifest.display().to_string(), format!("{error}")))?;
    let from_registry = match manifest.get("dependencies").and_then(|dependencies| dependencies.get(SDK)) {
        Some(toml::Value::String(_)) => true,
        Some(toml::Value::Table(table)) => ["path", "git", "workspace", "registry"].iter().all(|key| !table.contains_key(*key)),
        _ => false,
    };
    if !from_registry {
        return Ok(None);
    }
    let sdk = sdk(&workshop.request.cache, Language::Rust)?;
    Ok(Some(format!("patch.crates-io.{SDK}.path={}", toml::Value::from(sdk.display().to_string()))))
}

/// Builds the crate in the project's folder.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let dir = &workshop.project.dir;
    let no_rust = || missing(workshop, "Rust", "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh");
    // rustc answers with a folder whether or not it is there.
    let libraries = run(workshop, Command::new("rustc").current_dir(dir).args(["--print", "target-libdir", "--target", TARGET]), no_rust)?;
    if !Path::new(String::from_utf8_lossy(&libraries).trim()).is_dir() {
        return Err(missing(workshop, &format!("Rust's target {TARGET}"), &format!("rustup target add {TARGET}")));
    }
    // The crate type is said here, so that a project is a plain library: it can be used and tested natively, and one kind alone can be optimised whole.
    let mut cargo = Command::new("cargo");
    cargo.current_dir(dir).args(["rustc", "--lib", "--release", "--crate-type", "cdylib", "--target", TARGET]);
    cargo.arg("--message-format=json-render-diagnostics").arg("--target-dir").arg(workshop.request.cache.join("target").join("rust-guests"));
    if let Some(patch) = patch(workshop)? {
        cargo.arg("--config").arg(patch);
    }
    cargo.args(PROFILE.iter().flat_map(|setting| ["--config", setting]));
    let messages = run(workshop, &mut cargo, no_rust)?;
    let manifest = dir.join("Cargo.toml");
    let module = messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Artifact>(line).ok())
        .filter(|artifact| artifact.reason == "compiler-artifact" && artifact.manifest_path == manifest)
        .flat_map(|artifact| artifact.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    let module = module.ok_or_else(|| HostError::job(manifest.display().to_string(), "cargo built no Wasm module: the crate needs a library"))?;
    wrap(&left(&module)?)
}
