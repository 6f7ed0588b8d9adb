//! Runs the programs of the languages' toolchains, and says what is missing where one is not there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::Workshop;
use crate::error::HostError;

/// The versions that are known to work; `make setup` installs the same.
pub const ZIGLANG: &str = "ziglang==0.17.1";
pub const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

/// Of a failed compiler's output, how many bytes go into the error: the end, where the errors are.
const OUTPUT_BYTES_MAX: usize = 16 << 10;

/// What a toolchain left in a file.
pub(super) fn left(path: &Path) -> Result<Vec<u8>, HostError> {
    std::fs::read(path).map_err(|e| HostError::external(format!("reading {}", path.display()), e))
}

/// So many bytes of a hash name a folder in the cache.
pub(super) const NAME_BYTES: usize = 8;

/// A hash's bytes as text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Moves a folder that was made beside its place there, whole, so that nobody sees half of it. Another process may be first, with the same files.
pub(super) fn put(draft: &Path, place: &Path) -> std::io::Result<()> {
    match std::fs::rename(draft, place) {
        Err(_) if place.is_dir() => std::fs::remove_dir_all(draft),
        moved => moved,
    }
}

/// Runs a program to its end and returns what it wrote to stdout; shows the command where the request is verbose. A non-zero exit is an error that carries what it said.
pub(super) fn run(workshop: &Workshop<'_>, command: &mut Command, missing: impl FnOnce() -> HostError) -> Result<Vec<u8>, HostError> {
    run_as(workshop, workshop.project.language.row().toolchain, command, missing)
}

/// The same of a program that is called `name` for people.
pub(super) fn run_as(workshop: &Workshop<'_>, name: &str, command: &mut Command, missing: impl FnOnce() -> HostError) -> Result<Vec<u8>, HostError> {
    if workshop.request.verbose {
        // Among what the toolchain itself says, which is inherited.
        eprintln!("{command:?}");
    }
    let stderr = if workshop.request.verbose { Stdio::inherit() } else { Stdio::piped() };
    match command.stdin(Stdio::null()).stderr(stderr).output() {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(HostError::job(
            workshop.project.dir.display().to_string(),
            format!("{name} failed ({}){}", output.status, if workshop.request.verbose { String::new() } else { said(&output) }),
        )),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(missing()),
        Err(e) => Err(HostError::external(format!("running {name}"), e)),
    }
}

/// Whether a program runs at all and ends well.
pub(super) fn works(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

/// The error for a toolchain that is not there; `install` is the one command that brings it.
pub(super) fn missing(workshop: &Workshop<'_>, what: &str, install: &str) -> HostError {
    HostError::job(workshop.project.dir.display().to_string(), format!("building this needs {what}, which is not installed")).with_help(install)
}

/// A program in the cache folder's Python environment.
pub(super) fn in_venv(cache: &Path, program: &str) -> PathBuf {
    cache.join("venv").join("bin").join(program)
}

/// The command that installs a Python package into the cache folder's environment, making that first if need be.
pub(super) fn pip_install(cache: &Path, package: &str) -> String {
    let venv = cache.join("venv");
    format!("python3 -m venv {venv} && {venv}/bin/pip install {package}", venv = venv.display())
}

/// A folder for one build, gone when it is over. In the cache folder, never in the project's.
pub(crate) struct Bench(PathBuf);

impl Bench {
    pub(crate) fn set_up(cache: &Path) -> Result<Bench, HostError> {
        let place = cache.join("build");
        let failed = |e| HostError::external(format!("making a folder in {}", place.display()), e);
        std::fs::create_dir_all(&place).map_err(failed)?;
        // The first number that nobody has: another build of this process, or one of a dead process of the same id.
        let mut number = 0;
        loop {
            let path = place.join(format!("{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Bench(path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(failed(e)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Left-overs in the cache harm nobody, and a build that succeeded stays one.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn said(output: &Output) -> String {
    // Compilers differ in which of the two they use; cargo's stdout is JSON.
    let text = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let tail = &text[text.len().saturating_sub(OUTPUT_BYTES_MAX)..];
    match String::from_utf8_lossy(tail).trim() {
        "" => String::new(),
        text => format!(":\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Language, Project, Request};
    use super::*;

    fn with_workshop<T>(test: impl FnOnce(&Workshop<'_>) -> T) -> T {
        let request = Request { dir: "/project".into(), output: None, verbose: false, cache: "/cache".into() };
        let project = Project { dir: "/project".into(), language: Language::C, name: "x".into(), sources: Vec::new() };
        test(&Workshop { request: &request, project: &project })
    }

    #[test]
    fn missing_toolchain_is_named_with_the_command_that_installs_it() {
        let error = with_workshop(|workshop| {
            let install = pip_install(&workshop.request.cache, ZIGLANG);
            run(workshop, &mut Command::new("/nowhere/zig"), || missing(workshop, "zig", &install)).unwrap_err()
        });
        let HostError::Job { reason, help, .. } = error else { panic!("{error}") };
        assert_eq!(reason, "building this needs zig, which is not installed");
        assert_eq!(help.as_deref(), Some("python3 -m venv /cache/venv && /cache/venv/bin/pip install ziglang==0.17.1"));
    }

    #[test]
    fn compiler_that_fails_is_quoted() {
        let error = with_workshop(|workshop| {
            let mut command = Command::new("sh");
            run(workshop, command.args(["-c", "echo no such type >&2; exit 3"]), || unreachable!("sh is there")).unwrap_err()
        });
        assert_eq!(error.to_string(), "/project: zig cc failed (exit status: 3):\nno such type");
    }
}
