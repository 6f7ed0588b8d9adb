//! Who owns a data folder, and which format it has.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::HostError;
use crate::files::write_whole;

/// The format that this version writes. A folder with a higher one was written by a newer Millstream.
const FORMAT: u32 = 1;

/// A data folder that is ours as long as this lives.
pub(super) struct Folder {
    path: PathBuf,
    /// Nothing was ever written to it: the database must be made first.
    fresh: bool,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing, locks it, and checks its format.
    pub fn take(path: &Path) -> Result<Folder, HostError> {
        std::fs::create_dir_all(path).map_err(|error| unusable("making", path, error))?;
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join("owner"));
        let mut lock = lock.map_err(|error| unusable("locking", path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut lock)),
            Err(TryLockError::Error(error)) => return Err(unusable("locking", path, error)),
        }
        let fresh = !has_format(path)?;
        let owner = std::process::id().to_string();
        lock.set_len(0).and_then(|()| lock.write_all(owner.as_bytes())).map_err(|error| unusable("locking", path, error))?;
        Ok(Folder { path: path.to_owned(), fresh, _lock: lock })
    }

    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Writes the format down, once the database is made: from then on anything that is missing is damage, and never made anew.
    pub fn made(&mut self) -> Result<(), HostError> {
        if self.fresh {
            let written = write_whole(&self.path.join("format"), FORMAT.to_string().as_bytes());
            written.map_err(|error| unusable("making", &self.path, error))?;
            self.fresh = false;
        }
        Ok(())
    }
}

/// What waiting may cure is [`HostError::External`]; a folder that is none, or not ours to write, stays so.
pub(super) fn unusable(doing: &str, path: &Path, error: std::io::Error) -> HostError {
    let what = format!("{doing} the data folder {}", path.display());
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory | ErrorKind::AlreadyExists | ErrorKind::IsADirectory => {
            HostError::storage(what, error.to_string()).with_help("--data names a folder that this user may write")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            HostError::external(what, anyhow::anyhow!("no space left: free some, and the job goes on by itself; {error}"))
        }
        _ => HostError::external(what, error),
    }
}

fn in_use(path: &Path, lock: &mut File) -> HostError {
    let mut owner = String::new();
    let read = lock.rewind().and_then(|()| lock.read_to_string(&mut owner));
    let owner = match read {
        Ok(_) if !owner.trim().is_empty() => format!("process {}", owner.trim()),
        _ => "another process".to_owned(),
    };
    HostError::storage(format!("the data folder {}", path.display()), format!("is in use by {owner}"))
        .with_help("one process owns a data folder: stop that one, or use another --data")
}

fn has_format(path: &Path) -> Result<bool, HostError> {
    let named = || format!("the data folder {}", path.display());
    match std::fs::read(path.join("format")) {
        Ok(bytes) => match std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse::<u32>().ok()) {
            Some(1..=FORMAT) => Ok(true),
            Some(format) if format > FORMAT => Err(HostError::storage(named(), format!("has format {format}, and this version knows {FORMAT} at most"))
                .with_help("it was written by a newer Millstream: use that one, or another --data")),
            _ => Err(HostError::storage(named(), format!("has a file `format` that says {:?}, where a number was expected", String::from_utf8_lossy(&bytes)))
                .with_help(format!("restore that file (it holds one number, at most {FORMAT}), or use another --data"))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unusable("reading the format of", path, error)),
    }
}
