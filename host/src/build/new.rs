//! A new project of a language: the smallest useful operator, with a first case.

use std::path::{Path, PathBuf};

use super::Language;
use crate::error::HostError;

/// By language and place in a project; listed by `build.rs`.
const TEMPLATES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/templates.rs"));
/// What stands in them for the project's name.
const NAME: &str = "{{name}}";
const NAME_LETTERS_MAX: usize = 60;

/// Writes a project into the new folder `dir`, whose last part is the operator's name. Returns the files, in order.
///
/// Errors: [`HostError::Job`] where the name is none, or the folder is there already; [`HostError::External`] where the disk fails.
pub fn create(dir: &Path, language: Language) -> Result<Vec<PathBuf>, HostError> {
    let at = dir.display().to_string();
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.ends_with('-') || !name.chars().all(fine) || name.len() > NAME_LETTERS_MAX {
        let expected = format!("use small letters, digits and `-`, beginning with a letter, at most {NAME_LETTERS_MAX}, such as page-views");
        return Err(HostError::job(at, format!("{name:?} cannot be the name of an operator in every language")).with_help(expected));
    }
    let failed = |error| HostError::external(format!("making {at}"), error);
    // Made beside its place and moved there whole. An empty folder gives way, one that holds something does not.
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) || dir.is_file() {
        return Err(HostError::job(&at, "is there already, and not empty: nothing was written").with_help("give another name, or remove it"));
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(failed)?;
    let draft = parent.join(format!(".{name}.{}", std::process::id()));
    let written = write(&draft, &name, language).and_then(|files| std::fs::rename(&draft, dir).map(|()| files));
    let files = written.map_err(|error| {
        // The draft is of no use to anybody; that it could not be removed either would only hide the cause.
        let _ = std::fs::remove_dir_all(&draft);
        failed(error)
    })?;
    Ok(files.into_iter().map(|file| dir.join(file)).collect())
}

fn write(draft: &Path, name: &str, language: Language) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (file, bytes) in TEMPLATES {
        let Some(file) = file.strip_prefix(language.name()).and_then(|file| file.strip_prefix('/')) else { continue };
        let file = PathBuf::from(file.replace(NAME, name));
        let path = draft.join(&file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, String::from_utf8_lossy(bytes).replace(NAME, name))?;
        files.push(file);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_template_with_a_case() {
        for language in Language::ALL {
            let dir = tempfile::tempdir().unwrap().path().join("page-views");
            let files = create(&dir, language).unwrap();
            assert!(files.iter().all(|file| file.is_file()), "{files:?}");
            for wanted in ["cases/first/input.jsonl", "cases/first/expected.jsonl"] {
                assert!(files.contains(&dir.join(wanted)), "{}: no {wanted}", language.name());
            }
            let text = |file: &PathBuf| std::fs::read_to_string(file).unwrap();
            assert!(files.iter().any(|file| text(file).contains("page-views")), "{}", language.name());
            assert!(!files.iter().any(|file| text(file).contains(NAME)), "{}", language.name());
        }
    }

    #[test]
    fn what_is_there_stays_and_names_are_checked() {
        let scratch = tempfile::tempdir().unwrap();
        let taken = scratch.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        std::fs::write(taken.join("mine"), "mine").unwrap();
        assert!(create(&taken, Language::C).unwrap_err().to_string().contains("not empty"));
        assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 1);
        for name in ["Upper", "9lives", "a b", "ends-", "", "ü", "a_b"] {
            assert!(create(&scratch.path().join(name), Language::Rust).is_err(), "{name}");
        }
        std::fs::remove_file(taken.join("mine")).unwrap();
        assert!(!create(&taken, Language::Rust).unwrap().is_empty());
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
