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

use std::path::PathBuf;

use crate::error::HostError;
use crate::files::write_whole;

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
    write_whole(&path, &component).map_err(|error| HostError::external(format!("writing {}", path.display()), error))?;
    say(&format!("wrote {} ({} kB)", path.display(), component.len().div_ceil(1000)));
    Ok(Built { path, bytes: component.len(), project })
}

/// What the compilers of the languages are given.
struct Workshop<'a> {
    request: &'a Request,
    project: &'a Project,
}
