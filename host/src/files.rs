//! Small files that are there whole or not at all, whatever kills the process or the machine.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Puts `bytes` at `path`, in place of what may lie there: written beside it, synced, and moved. A reader sees the old file or the new one, and so does who comes
/// after a crash. The folder is made if it is missing.
///
/// # Errors
/// As the disk has them; then `path` is as it was, and nothing is left beside it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Two processes, or two threads of one, may write the same file at once.
    let draft = path.with_file_name(format!(".{}.{}-{:?}", name.to_string_lossy(), std::process::id(), std::thread::current().id()));
    let written = fs::create_dir_all(folder).and_then(|()| File::create(&draft)).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        // A name is there for good only when its folder says so.
        File::open(folder)?.sync_all()
    });
    if written.is_err() {
        // The draft is of no use to anybody; that it could not be removed either would only hide the cause.
        let _gone = fs::remove_file(&draft);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken.wasm");
        fs::create_dir_all(taken.join("full")).unwrap();
        write_whole(&taken, b"bytes").unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_reader_at_any_moment_sees_a_whole_file_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/format");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen = 0;
                while !done.load(Relaxed) {
                    if let Ok(text) = fs::read_to_string(&path) {
                        assert!(text == "whole" || text == "another", "{text:?}");
                        seen += 1;
                    }
                }
                seen
            });
            for round in 0..300 {
                write_whole(&path, if round % 2 == 0 { b"whole" } else { b"another" }).unwrap();
                if round % 3 == 0 {
                    fs::remove_file(&path).unwrap();
                }
            }
            done.store(true, Relaxed);
            assert!(reader.join().unwrap() > 0);
        });
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
