//! Who owns a data folder, and which format it has.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::HostError;

/// The format that this version writes. A folder with a higher one was written by a newer Millstream.
const FORMAT: u32 = 1;

/// A data folder that is ours as long as this lives.
pub(super) struct Folder {
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is missing, locks it, and checks its format.
    pub fn take(path: &Path) -> Result<Folder, HostError> {
        let doing = |what: &str| format!("{what} the data folder {}", path.display());
        std::fs::create_dir_all(path).map_err(|error| HostError::external(doing("making"), error))?;
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join("owner"));
        let mut lock = lock.map_err(|error| HostError::external(doing("locking"), error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut lock)),
            Err(TryLockError::Error(error)) => return Err(HostError::external(doing("locking"), error)),
        }
        let owner = std::process::id().to_string();
        lock.set_len(0).and_then(|()| lock.write_all(owner.as_bytes())).map_err(|error| HostError::external(doing("locking"), error))?;
        check_format(path)?;
        Ok(Folder { _lock: lock })
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

fn check_format(path: &Path) -> Result<(), HostError> {
    let file = path.join("format");
    let named = || format!("the data folder {}", path.display());
    match std::fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(format) if format <= FORMAT => Ok(()),
            Ok(format) => Err(HostError::storage(named(), format!("has format {format}, and this version knows {FORMAT} at most"))
                .with_help("it was written by a newer Millstream: use that one, or another --data")),
            Err(_) => Err(HostError::storage(named(), format!("has a file `format` that says {:?}, where a number was expected", text.trim()))
                .with_help("restore that file (it holds one number), or use another --data")),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let written = File::create(&file).and_then(|mut file| file.write_all(FORMAT.to_string().as_bytes()).and_then(|()| file.sync_all()));
            written.map_err(|error| HostError::external(format!("making {}", named()), error))
        }
        Err(error) => Err(HostError::external(format!("reading {}", file.display()), error)),
    }
}
