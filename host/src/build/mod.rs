//! `millstream build`: a guest project's folder in, a component out. Runs the language's own toolchain and wraps what it leaves.

mod c;
mod go;
mod java;
mod javascript;
mod jvm;
mod kotlin;
mod language;
mod new;
mod project;
mod python;
mod rust;
mod sdk;
mod toolchain;
mod wrap;
mod zig;
mod ziglang;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::HostError;

pub use language::Language;
pub use new::create;
pub use project::{PROJECT_FILE, Project};
pub use sdk::sdk;
pub(crate) use toolchain::Bench;
pub use wrap::{check_component, wrap};

/// What to build, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The project's folder.
    pub dir: PathBuf,
    /// Where the component goes; `None`: `<name>.wasm` in `dir`.
    pub output: Option<PathBuf>,
    /// Show the commands that are run, and the toolchain's own output while it works. What it says when it fails is part of the error either way.
    pub verbose: bool,
    /// Millstream's cache folder: build output, the SDKs, the Python environment with the toolchains of C, C++, Zig and Python (`venv`) and that of JavaScript and
    /// TypeScript (`npm`) are in it.
    pub cache: PathBuf,
}

/// A component that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub project: Project,
    pub path: PathBuf,
    /// Size of the component, bytes.
    pub bytes: usize,
}

/// Builds the project. Says each step to `say` ("compiling count with cargo"). The output file is whole or untouched.
///
/// Errors: [`HostError::Job`] where the project or its code is wrong, or a toolchain is missing (then the help is the command that installs it);
/// [`HostError::External`] where the disk fails.
pub fn build(request: &Request, say: &mut dyn FnMut(&str)) -> Result<Built, HostError> {
    let project = Project::find(&request.dir)?;
    let workshop = Workshop { request, project: &project };
    let row = project.language.row();
    say(&format!("compiling {} with {}", project.name, row.toolchain));
    let component = (row.build)(&workshop)?;
    check_component(&component)?;
    let path = request.output.clone().unwrap_or_else(|| project.dir.join(format!("{}.wasm", project.name)));
    write_whole(&path, &component)?;
    say(&format!("wrote {} ({} kB)", path.display(), component.len().div_ceil(1000)));
    Ok(Built { path, bytes: component.len(), project })
}

/// What the compilers of the languages are given.
struct Workshop<'a> {
    request: &'a Request,
    project: &'a Project,
}

/// Writes a file beside its place, syncs it, and moves it there.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let failed = |e: std::io::Error| HostError::external(format!("writing {}", path.display()), e);
    let name = path.file_name().ok_or_else(|| HostError::job(path.display().to_string(), "is not the name of a file"))?;
    let draft = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::File::create(&draft)).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    });
    written.map_err(|e| {
        // The draft is of no use to anybody; that it could not be removed either would only hide the cause.
        let _ = std::fs::remove_file(&draft);
        failed(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_that_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken.wasm");
        std::fs::create_dir_all(taken.join("full")).unwrap();
        let error = write_whole(&taken, b"bytes").unwrap_err().to_string();
        assert!(error.starts_with("writing "), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
