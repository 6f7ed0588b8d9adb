//! What a failure of RocksDB means for the job: damage stops it with a name, a full disk or any other trouble of the machine may pass.

use rocksdb::{Error, ErrorKind};

use crate::error::HostError;

/// Says it of an error met while `doing` something ("writing a checkpoint to the data folder /x").
pub(crate) fn failure(doing: impl Into<String>, error: &Error) -> HostError {
    let text = error.to_string();
    if is_damage(error) {
        let help = "the data on disk is damaged: restore the folder from a backup, or start over with another --data";
        return HostError::storage(doing, text).with_help(help);
    }
    let full = ["No space left", "Disk quota exceeded", "File too large"].iter().any(|said| text.contains(said));
    let why = if full { "no space left: free some, and the job goes on by itself; " } else { "" };
    HostError::external(doing, anyhow::anyhow!("{why}{text}"))
}

/// Whether trying again cannot help: what is on disk is not what was written.
pub(crate) fn is_damage(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Corruption | ErrorKind::NotFound | ErrorKind::NotSupported | ErrorKind::InvalidArgument => true,
        // A file that RocksDB's own books name, and that is not there.
        ErrorKind::IOError => error.as_ref().contains("No such file"),
        _ => false,
    }
}
