//! Go: the go command compiles the package in the project's folder, and the SDK with it, to a core module.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::Workshop;
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{Bench, left, missing, run, works};
use super::wrap::wrap;
use crate::error::HostError;

/// The SDK's module, as in its `go.mod`.
const SDK: &str = "millstream";
/// The first version with `//go:wasmexport`.
const VERSION_MIN: (u32, u32) = (1, 24);
/// The version that is known to work.
const VERSION: &str = "1.26.8";
/// Where the archive of [`install`] puts it, whether or not that is on the path.
const INSTALLED: &str = "/usr/local/go/bin/go";

/// What `go env -json` says in the project's folder.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Environment {
    goversion: String,
    /// The project's `go.mod`; empty or the null device: there is none.
    gomod: PathBuf,
    /// The workspace that the project lies in; empty: none.
    gowork: String,
}

/// Builds the package in the project's folder.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let no_go = || missing(workshop, &format!("Go {}.{} or later", VERSION_MIN.0, VERSION_MIN.1), &install());
    let program = ["go", INSTALLED].into_iter().find(|program| works(Command::new(program).arg("version"))).ok_or_else(no_go)?;
    let go = || {
        let mut go = Command::new(program);
        go.current_dir(&workshop.project.dir);
        go
    };
    let said = run(workshop, go().args(["env", "-json", "GOVERSION", "GOMOD", "GOWORK"]), no_go)?;
    let environment: Environment = serde_json::from_slice(&said).map_err(|e| HostError::external("reading what `go env -json` says", e))?;
    if version(&environment.goversion).is_none_or(|version| version < VERSION_MIN) {
        let what = format!("Go {}.{} or later ({} is too old)", VERSION_MIN.0, VERSION_MIN.1, environment.goversion);
        return Err(missing(workshop, &what, &install()));
    }
    let bench = Bench::set_up(&workshop.request.cache)?;
    let core = bench.path().join("core.wasm");
    let mut compile = go();
    // A project that names the SDK itself, by `require` and `replace` or by a workspace, is built with that one; others with the SDK in this binary.
    if !works(go().args(["list", "-m", SDK])) {
        compile.env("GOWORK", workspace(workshop, &environment, bench.path())?);
    }
    compile.env("GOOS", "wasip1").env("GOARCH", "wasm").env("CGO_ENABLED", "0").env("GOCACHE", workshop.request.cache.join("go"));
    // `-w` leaves debug information out, and the functions' names in for back traces. No path, no time and no commit gets into the module.
    compile.args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-w", "-o"]).arg(&core).arg(".");
    run(workshop, &mut compile, no_go)?;
    wrap(&left(&core)?)
}

/// A workspace of the project's module and the SDK, so that neither the project's `go.mod` nor its folder changes.
fn workspace(workshop: &Workshop<'_>, environment: &Environment, bench: &Path) -> Result<PathBuf, HostError> {
    let at = workshop.project.dir.display().to_string();
    let sdk = sdk(&workshop.request.cache, Language::Go)?;
    if !environment.gowork.is_empty() && environment.gowork != "off" {
        let error = HostError::job(at, format!("lies in the workspace {}, which does not have the SDK", environment.gowork));
        return Err(error.with_help(format!("go work use {}", sdk.display())));
    }
    let module = environment.gomod.parent().filter(|_| environment.gomod.ends_with("go.mod"));
    let Some(module) = module else {
        return Err(HostError::job(at, "belongs to no Go module: there is no go.mod here or above").with_help(format!("go mod init {}", workshop.project.name)));
    };
    let path = bench.join("go.work");
    let version = environment.goversion.trim_start_matches("go").split([' ', '-']).next().unwrap_or_default();
    let text = format!("go {version}\n\nuse (\n\t{:?}\n\t{:?}\n)\n", module.display().to_string(), sdk.display().to_string());
    std::fs::write(&path, text).map_err(|e| HostError::external(format!("writing {}", path.display()), e))?;
    Ok(path)
}

/// Major and minor of `go1.26.8`, `go1.27rc1`, `devel go1.28-…`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_once("go")?.1.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The command that installs Go on this kind of machine.
fn install() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("curl -fsSL https://go.dev/dl/go{VERSION}.{os}-{arch}.tar.gz | sudo tar -C /usr/local -xz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("go1.26.8"), Some((1, 26)));
        assert_eq!(version("go1.27rc1"), Some((1, 27)));
        assert_eq!(version("devel go1.100-abcdef"), Some((1, 100)));
        assert!(version("go1.9.1").unwrap() < VERSION_MIN && version("go1.24").unwrap() == VERSION_MIN);
        assert_eq!(version("gccgo"), None);
    }

    #[test]
    fn one_command_installs_it() {
        let command = install();
        assert!(command.starts_with("curl ") && command.contains(VERSION) && !command.contains('\n'), "{command}");
    }
}
