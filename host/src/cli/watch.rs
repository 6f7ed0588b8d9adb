//! Does something whenever a file of a project changes.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::HostError;

/// How often the files are looked at. Looking at some hundred takes a millisecond.
const LOOK: Duration = Duration::from_millis(200);
/// Folders that hold what tools made of the sources.
const MADE: [&str; 7] = ["target", "node_modules", "__pycache__", "build", "dist", "zig-out", "zig-pkg"];

/// When each file was written last (seconds and nanoseconds), and how long it is.
type Files = BTreeMap<PathBuf, (i64, i64, u64)>;

/// Calls `changed` now and after every change, until the process is ended. Errors ([`HostError::Job`]): no such folder.
pub(super) fn watch(dir: &Path, mut changed: impl FnMut()) -> Result<(), HostError> {
    if !dir.is_dir() {
        return Err(HostError::job(dir.display().to_string(), "is not the folder of a project"));
    }
    let mut built: Option<Files> = None;
    loop {
        let seen = look(dir);
        if built.as_ref() != Some(&seen) {
            // An editor may be writing still: wait until nothing changes any more.
            std::thread::sleep(LOOK / 4);
            if look(dir) == seen {
                changed();
                // What is changed while it builds is built next.
                built = Some(seen);
            }
            continue;
        }
        std::thread::sleep(LOOK);
    }
}

/// The sources below a folder. One that cannot be read just now is looked at again soon.
fn look(dir: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let Ok(about) = entry.metadata() else { continue };
            if name.starts_with('.') || MADE.contains(&name.as_str()) {
                continue;
            }
            if about.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "wasm") && name != "Cargo.lock" {
                files.insert(path, (about.mtime(), about.mtime_nsec(), about.len()));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_count_and_what_tools_make_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("src/a.c", "1");
        let before = look(dir.path());
        for made in ["x.wasm", "target/a", ".git/a", "node_modules/a"] {
            write(made, "made");
        }
        assert_eq!(look(dir.path()), before);
        write("src/a.c", "22");
        assert_ne!(look(dir.path()), before);
    }
}
