//! Finds out what a folder holds: which language, which name, which files.
//!
//! By convention: `Cargo.toml` is Rust, `*.c` is C, and so on ([`Language`] has the table). Where that does not decide, or the name is to be another than
//! the folder's, a `millstream.toml` says it: `name`, `language`, and for Python, JavaScript, TypeScript and Zig `module`. All its keys are optional.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::language::{Language, Mark};
use crate::error::HostError;

/// The optional file that says what convention does not.
pub const PROJECT_FILE: &str = "millstream.toml";

/// A guest project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub dir: PathBuf,
    pub language: Language,
    /// The component's file name without `.wasm`.
    pub name: String,
    /// C, C++, Kotlin and Java: the sources, sorted. Python, JavaScript, TypeScript, Zig: the operator's module. Rust and Go: empty, cargo and go know.
    pub sources: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectFile {
    name: Option<String>,
    language: Option<Language>,
    module: Option<String>,
}

impl Project {
    /// Reads the folder. Errors are [`HostError::Job`]: no such folder, no project in it, more than one.
    pub fn find(dir: &Path) -> Result<Project, HostError> {
        let at = dir.display().to_string();
        let dir = dir.canonicalize().map_err(|e| HostError::job(&at, format!("cannot be opened: {e}")))?;
        if !dir.is_dir() {
            return Err(HostError::job(&at, "is a file, not the folder of a project"));
        }
        let file = ProjectFile::read(&dir)?;
        let mut found = Vec::new();
        for language in Language::ALL {
            if !marked(&dir, language)?.is_empty() {
                found.push(language);
            }
        }
        let language = match (file.language, found.as_slice()) {
            (Some(language), found) if found.contains(&language) => language,
            (Some(language), _) => return Err(HostError::job(&at, format!("{PROJECT_FILE} says {}, but there is no source of it", language.name()))),
            (None, [language]) => *language,
            (None, []) => {
                let marks: Vec<_> = Language::ALL.iter().map(|language| format!("no {}", language.row().mark)).collect();
                return Err(HostError::job(&at, format!("holds no operator: {}", marks.join(", "))));
            }
            (None, found) => {
                let names: Vec<_> = found.iter().map(|language| language.name()).collect();
                let error = HostError::job(&at, format!("could be a project in any of: {}", names.join(", ")));
                return Err(error.with_help(format!("say which in {PROJECT_FILE}: language = \"{}\"", names[0])));
            }
        };
        let folder = dir.file_name().map_or_else(|| "operator".into(), |name| name.to_string_lossy().into_owned());
        let sources = match language {
            Language::Rust | Language::Go => Vec::new(),
            Language::C | Language::Kotlin | Language::Java => marked(&dir, language)?,
            Language::Cpp => [marked(&dir, Language::C)?, marked(&dir, language)?].concat(),
            Language::Python | Language::JavaScript | Language::TypeScript | Language::Zig => {
                vec![module(&at, &dir, &folder, file.module.as_deref(), marked(&dir, language)?)?]
            }
        };
        Ok(Project { name: file.name.unwrap_or(folder), dir, language, sources })
    }
}

impl ProjectFile {
    fn read(dir: &Path) -> Result<ProjectFile, HostError> {
        let path = dir.join(PROJECT_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|e| HostError::job(path.display().to_string(), e.to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(ProjectFile::default()),
            Err(e) => Err(HostError::external(format!("reading {}", path.display()), e)),
        }
    }
}

/// The files that say that the folder holds a project of a language, sorted.
fn marked(dir: &Path, language: Language) -> Result<Vec<PathBuf>, HostError> {
    match language.row().mark {
        Mark::File(name) => Ok(Some(dir.join(name)).filter(|path| path.is_file()).into_iter().collect()),
        Mark::Extension(extension) => with_extension(dir, extension),
        Mark::Script(extension) => {
            let mut found = with_extension(dir, extension)?;
            found.retain(|path| path.file_stem().is_some_and(|stem| !stem.to_string_lossy().contains('.')));
            Ok(found)
        }
        Mark::Module(extension) => {
            let mut found = with_extension(dir, extension)?;
            found.retain(|path| path.file_stem().is_some_and(|stem| stem != "build"));
            Ok(found)
        }
    }
}

pub(super) fn with_extension(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, HostError> {
    let failed = |e| HostError::external(format!("reading the folder {}", dir.display()), e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == extension) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The module that holds the operator: the one named, the only one, the one called like the folder, or a script called `index`.
fn module(at: &str, dir: &Path, folder: &str, named: Option<&str>, found: Vec<PathBuf>) -> Result<PathBuf, HostError> {
    let extension = found.first().and_then(|path| path.extension()).unwrap_or_default().to_owned();
    let place = |name: &str| dir.join(format!("{name}.{}", extension.display()));
    let wanted = match (named, found.as_slice()) {
        (None, [only]) => return Ok(only.clone()),
        (named, _) => place(named.unwrap_or(folder)),
    };
    // What is named may lie deeper than what says which language it is.
    if found.contains(&wanted) || named.is_some() && wanted.is_file() {
        return Ok(wanted);
    }
    let index = place("index");
    if named.is_none() && (extension == "js" || extension == "ts") && found.contains(&index) {
        return Ok(index);
    }
    let error = HostError::job(at, format!("there is no {}", wanted.display()));
    Err(error.with_help(format!("name the operator's module in {PROJECT_FILE}: module = \"…\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn refused(files: &[(&str, &str)]) -> String {
        Project::find(folder(files).path()).unwrap_err().to_string()
    }

    #[test]
    fn language_follows_from_the_files() {
        let find = |files| Project::find(folder(files).path()).unwrap();
        assert_eq!(find(&[("Cargo.toml", "")]).language, Language::Rust);
        assert_eq!(find(&[("go.mod", ""), ("a.go", "")]).language, Language::Go);
        assert_eq!(find(&[("b.c", ""), ("a.c", ""), ("a.h", "")]).sources.len(), 2);
        assert_eq!(find(&[("b.cpp", ""), ("a.hpp", "")]).language, Language::Cpp);
        assert_eq!(find(&[("b.cpp", ""), ("a.c", ""), (PROJECT_FILE, "language = 'cpp'")]).sources.len(), 2);
        assert_eq!(find(&[("a.py", ""), (PROJECT_FILE, "name = 'x'")]).name, "x");
        assert_eq!(find(&[("a.py", ""), ("b.py", ""), (PROJECT_FILE, "module = 'b'")]).sources[0].file_name().unwrap(), "b.py");
        assert_eq!(find(&[("a.zig", ""), ("build.zig", ""), ("build.zig.zon", "")]).sources[0].file_name().unwrap(), "a.zig");
        assert_eq!(find(&[("a.c", ""), ("build.zig", "")]).language, Language::C);
        let find_in = |files| Project::find(folder(files).path()).unwrap();
        assert_eq!(find_in(&[("a.js", ""), ("a.test.js", ""), ("vite.config.ts", "")]).language, Language::JavaScript);
        assert_eq!(find_in(&[("a.js", ""), ("index.js", "")]).sources[0].file_name().unwrap(), "index.js");
        assert_eq!(find_in(&[("a.ts", ""), ("a.test.ts", ""), ("env.d.ts", "")]).sources[0].file_name().unwrap(), "a.ts");
    }

    #[test]
    fn doubt_is_refused_with_the_reason() {
        assert!(refused(&[]).contains("holds no operator: no Cargo.toml, no *.c, no *.cpp, no *.go, no *.py, no *.js, no *.ts, no *.kt, no *.java, no *.zig"));
        assert!(refused(&[("a.c", ""), ("a.py", "")]).contains("any of: c, python"));
        assert!(refused(&[("a.c", ""), (PROJECT_FILE, "language = 'rust'")]).contains("says rust"));
        assert!(refused(&[("a.c", ""), (PROJECT_FILE, "langauge = 'c'")]).contains("unknown field `langauge`"));
        assert!(refused(&[("a.py", ""), ("b.py", "")]).contains("there is no"));
        assert!(Project::find(Path::new("/nowhere")).unwrap_err().to_string().contains("/nowhere: cannot be opened"));
    }
}
