//! How far the database must reach: a mark beside it, moved after each checkpoint, so that a lost end of its files is noticed.
//!
//! RocksDB takes a flipped bit in the last records of its write-ahead log or of its manifest (the list of its files) for a write that a crash cut short, which
//! recovery drops as never promised. The mark tells the two apart: it holds the sequence number of a write that *was* promised, and how long the manifest was, with
//! a checksum. It is written after those are on disk and not synced itself, so it may lag behind (and then promises less) but is never ahead.
//! Layout: `u64 sequence · u64 manifest number · u64 manifest length · u32 crc32 of the manifest so far · u32 crc32 of all that`, little-endian.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::folder::unusable;
use crate::error::HostError;

const FILE: &str = "committed";
const BYTES: usize = 32;
const MANIFEST_CHUNK_BYTES: usize = 64 << 10;

/// What was promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Promise {
    sequence: u64,
    manifest: u64,
    length: u64,
    checksum: u32,
}

/// The manifest that the database writes now, as far as it was read.
struct Manifest {
    number: u64,
    file: File,
    length: u64,
    hasher: crc32fast::Hasher,
}

pub(super) struct Mark {
    file: File,
    promise: Promise,
    database: PathBuf,
    manifest: Option<Manifest>,
}

impl Mark {
    /// Opens the mark of a data folder and holds the manifest against it; the folder's database is not open yet. A folder without a mark begins at 0.
    pub fn open(folder: &Path, database: &Path) -> Result<Mark, HostError> {
        let failed = |error| unusable("opening the mark of", folder, error);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join(FILE)).map_err(failed)?;
        let mut bytes = [0; BYTES];
        let promise = match file.metadata().map_err(failed)?.len() as usize {
            // Made, but never written: a crash in between.
            0 => Promise::default(),
            BYTES => {
                file.read_exact_at(&mut bytes, 0).map_err(failed)?;
                Promise::read(&bytes).ok_or_else(|| damaged(folder))?
            }
            _ => return Err(damaged(folder)),
        };
        let mark = Mark { file, promise, database: database.to_owned(), manifest: None };
        mark.check_manifest(folder)?;
        Ok(mark)
    }

    /// The least sequence number that the database must have.
    pub fn sequence(&self) -> u64 {
        self.promise.sequence
    }

    fn check_manifest(&self, folder: &Path) -> Result<(), HostError> {
        let Promise { manifest: number, length, checksum, .. } = self.promise;
        if number == 0 {
            return Ok(());
        }
        let reason = match Manifest::current(&self.database, length) {
            Ok(current) if current.number > number => return Ok(()),
            Ok(current) if current.number == number && current.length == length && current.hasher.clone().finalize() == checksum => return Ok(()),
            Ok(_) => "is not what was written".to_owned(),
            Err(error) => format!("cannot be read: {error}"),
        };
        Err(HostError::storage(format!("the list of files (MANIFEST) of the data folder {}", folder.display()), reason)
            .with_help("nothing was changed: restore the folder from a backup, or start over with another --data"))
    }

    /// Moves the mark after a synced write.
    pub fn reached(&mut self, sequence: u64) {
        let mut promise = Promise { sequence: sequence.max(self.promise.sequence), ..self.promise };
        if let Some(manifest) = self.follow() {
            (promise.manifest, promise.length, promise.checksum) = (manifest.number, manifest.length, manifest.hasher.clone().finalize());
        }
        // A mark that stays behind (disk full) promises less and is right all the same: the checkpoint itself is durable.
        if promise != self.promise && self.file.write_all_at(&promise.bytes(), 0).is_ok() {
            self.promise = promise;
        }
    }

    /// Reads what the manifest has gained, which it does when tables are written, not at each checkpoint. `None`: it cannot be read now, so nothing new is promised of it.
    fn follow(&mut self) -> Option<&Manifest> {
        let replaced = |manifest: &Manifest| manifest.file.metadata().is_ok_and(|about| about.nlink() == 0);
        if self.manifest.as_ref().is_none_or(replaced) {
            self.manifest = Manifest::current(&self.database, 0).ok();
        }
        self.manifest.as_mut().and_then(|manifest| manifest.grow(u64::MAX).ok().map(|()| &*manifest))
    }
}

impl Manifest {
    /// The manifest that the file `CURRENT` names, read up to a length.
    fn current(database: &Path, length_max: u64) -> std::io::Result<Manifest> {
        let name = std::fs::read_to_string(database.join("CURRENT"))?;
        let number = name.trim_end().strip_prefix("MANIFEST-").and_then(|number| number.parse().ok());
        let number = number.ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("CURRENT says {name:?}")))?;
        let file = File::open(database.join(name.trim_end()))?;
        let mut manifest = Manifest { number, file, length: 0, hasher: crc32fast::Hasher::new() };
        manifest.grow(length_max)?;
        Ok(manifest)
    }

    fn grow(&mut self, length_max: u64) -> std::io::Result<()> {
        let length = self.file.metadata()?.len().min(length_max);
        if length <= self.length {
            return Ok(());
        }
        // RocksDB may be about to sync it; what is promised must be on disk before.
        self.file.sync_data()?;
        let mut chunk = vec![0; MANIFEST_CHUNK_BYTES.min((length - self.length) as usize)];
        while self.length < length {
            let now = chunk.len().min((length - self.length) as usize);
            self.file.read_exact_at(&mut chunk[..now], self.length)?;
            self.hasher.update(&chunk[..now]);
            self.length += now as u64;
        }
        Ok(())
    }
}

impl Promise {
    fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[0..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.manifest.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.length.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.checksum.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[0..28]);
        bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; BYTES]) -> Option<Promise> {
        let word = |at: usize| bytes.get(at..at + 8).and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes);
        let promise = Promise { sequence: word(0), manifest: word(8), length: word(16), checksum: word(24) as u32 };
        (promise.bytes() == *bytes).then_some(promise)
    }
}

fn damaged(folder: &Path) -> HostError {
    HostError::storage(format!("the file `{FILE}` of the data folder {}", folder.display()), "fails its checksum").with_help(
        "the disk may be failing: make a copy of the folder; without that file the job goes on, but a lost end of the log would not be noticed this once",
    )
}
