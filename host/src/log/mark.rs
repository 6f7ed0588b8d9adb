//! How far the database must reach: a mark beside it, moved after each checkpoint, so that a lost end of its log is noticed.
//!
//! A flipped bit in the last records of a write-ahead log looks like a write that a crash cut short, which recovery drops as never promised. The mark tells the
//! two apart: it holds the sequence number of a write that *was* promised. It is written after that write is on disk and not synced itself, so it may lag behind
//! (and then promises less) but is never ahead. Layout: `u64 sequence · u32 its crc32`, little-endian, always at the file's start.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::folder::unusable;
use crate::error::HostError;

const FILE: &str = "committed";
const BYTES: usize = 12;

pub(super) struct Mark {
    file: File,
    sequence: u64,
}

impl Mark {
    /// Opens the mark of a data folder; one that has none begins at 0.
    pub fn open(folder: &Path) -> Result<Mark, HostError> {
        let failed = |error| unusable("opening the mark of", folder, error);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(FILE)).map_err(failed)?;
        let mut bytes = [0; BYTES];
        let sequence = match file.metadata().map_err(failed)?.len() as usize {
            // Made, but never written: a crash in between.
            0 => 0,
            BYTES => {
                file.read_exact_at(&mut bytes, 0).map_err(failed)?;
                read(&bytes).ok_or_else(|| damaged(folder))?
            }
            _ => return Err(damaged(folder)),
        };
        Ok(Mark { file, sequence })
    }

    /// The least sequence number that the database must have.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Moves the mark after a synced write.
    pub fn reached(&mut self, sequence: u64) {
        if sequence <= self.sequence {
            return;
        }
        let mut bytes = [0; BYTES];
        bytes[0..8].copy_from_slice(&sequence.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[0..8]);
        bytes[8..BYTES].copy_from_slice(&checksum.to_le_bytes());
        // A mark that stays behind (disk full) promises less and is right all the same: the checkpoint itself is durable.
        if self.file.write_all_at(&bytes, 0).is_ok() {
            self.sequence = sequence;
        }
    }
}

fn read(bytes: &[u8; BYTES]) -> Option<u64> {
    let (sequence, checksum) = bytes.split_at(8);
    (crc32fast::hash(sequence).to_le_bytes() == checksum).then(|| sequence.try_into().map_or(0, u64::from_le_bytes))
}

fn damaged(folder: &Path) -> HostError {
    HostError::storage(format!("the file `{FILE}` of the data folder {}", folder.display()), "fails its checksum").with_help(
        "the disk may be failing: make a copy of the folder; without that file the job goes on, but a lost end of the log would not be noticed this once",
    )
}
