//! Text files as inputs: one partition per file, a record's offset is where it begins in the file, in bytes.
//!
//! Positions are all that a checkpoint keeps of a file, so it must keep what it has: it may grow at its end, not change before. What is noticed is an error that
//! names the file: gone, shorter than what was read, replaced while it was followed, or with other bytes where the last record ended. A file that was replaced
//! between two runs by one of the same shape is not noticed.
//!
//! A line that is no record (JSONL) ends the job with the file and the byte, as it would be missed silently otherwise. A CSV timestamp that is no time leaves its
//! record without one.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::records::{Records, TextFormat};
use super::{InputPartition, PollBudget, Polled, Source, Start};
use crate::error::HostError;
use crate::job::{FileFormat, TimestampFrom};
use crate::record::{Batch, BatchBuilder, Offset};

const READ_BYTES: usize = 256 << 10;
/// Rows to make room for at first in a batch.
const ROWS: usize = 1_024;
const RESTORE: &str = "put the old one back, or run the job under another name or --data";

/// Reads files of one input. Exactly-once: positions are bytes, and a file is expected to keep what it has.
pub struct FileSource {
    paths: Vec<PathBuf>,
    text: TextFormat,
    follow: bool,
    open: BTreeMap<InputPartition, OpenFile>,
    turn: usize,
}

struct OpenFile {
    path: PathBuf,
    file: File,
    records: Records,
    paused: bool,
    told_end: bool,
}

impl FileSource {
    pub fn new(paths: Vec<PathBuf>, format: FileFormat, follow: bool, timestamp: &TimestampFrom) -> Self {
        FileSource { paths, text: TextFormat::new(format, timestamp), follow, open: BTreeMap::new(), turn: 0 }
    }

    fn path(&self, at: InputPartition) -> &Path {
        self.paths.get(at.partition as usize).map_or(Path::new(""), PathBuf::as_path)
    }
}

fn name(path: &Path) -> String {
    format!("the input file {}", path.display())
}

fn failed(path: &Path, error: std::io::Error) -> HostError {
    HostError::external(format!("reading {}", name(path)), error)
}

fn changed(path: &Path, reason: impl Into<String>) -> HostError {
    HostError::storage(name(path), reason).with_help(RESTORE)
}

fn described(path: &Path) -> Result<Metadata, HostError> {
    let found = std::fs::metadata(path);
    found.map_err(|error| {
        HostError::storage(name(path), format!("cannot be found: {error}")).with_help("put it back where it was; the job goes on from its last checkpoint")
    })
}

impl Source for FileSource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let path = self.path(at).to_owned();
        if !described(&path)?.is_file() {
            return Err(HostError::storage(name(&path), "is no regular file, so that nothing could be read again").with_help("use `stdin = true` for pipes"));
        }
        let file =
            File::open(&path).map_err(|error| HostError::storage(name(&path), format!("cannot be opened: {error}")).with_help("may this user read it?"))?;
        let records = Records::new(self.text.clone(), name(&path), at.partition, 0);
        let mut open = OpenFile { path, file, records, paused: false, told_end: false };
        match start {
            // Records come in any order of time, so a time is no place in a file.
            Start::Oldest | Start::Timestamp(_) | Start::At(0) => {}
            Start::At(position) => open.go_on_at(position)?,
            Start::Newest => open.go_to_end()?,
        }
        let position = open.records.position();
        self.open.insert(at, open);
        Ok(position)
    }

    fn revoke(&mut self, at: InputPartition) {
        self.open.remove(&at);
    }

    fn pause(&mut self, at: InputPartition, paused: bool) {
        if let Some(open) = self.open.get_mut(&at) {
            open.paused = paused;
        }
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let count = self.open.len().max(1);
        self.turn = (self.turn + 1) % count;
        let (mut records, mut bytes) = (0, 0);
        for step in 0..self.open.len() {
            let Some((at, open)) = self.open.iter_mut().nth((self.turn + step) % count) else { break };
            if open.paused || open.told_end || records >= budget.records_max || bytes >= budget.bytes_max {
                continue;
            }
            let (batch, at_end) = open.read(self.follow, budget.records_max - records, budget.bytes_max - bytes)?;
            if !batch.is_empty() {
                records += batch.len();
                bytes += batch.bytes();
                found.push(Polled::Records { at: *at, batch, next: open.records.position() });
            }
            if at_end && !self.follow {
                open.told_end = true;
                found.push(Polled::End { at: *at });
            }
        }
        Ok(())
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        match self.open.get(&at) {
            Some(open) => Ok(Some(open.length()?)),
            None => Ok(Some(described(self.path(at))?.len())),
        }
    }
}

impl OpenFile {
    fn length(&self) -> Result<u64, HostError> {
        Ok(self.file.metadata().map_err(|error| failed(&self.path, error))?.len())
    }

    /// Appends what comes next to the records' room. 0: the file is over, for now.
    fn fill(&mut self) -> Result<usize, HostError> {
        let room = self.records.room();
        let have = room.len();
        room.resize(have + READ_BYTES, 0);
        let read = loop {
            match self.file.read(&mut room[have..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        room.truncate(have + *read.as_ref().unwrap_or(&0));
        read.map_err(|error| failed(&self.path, error))
    }

    fn jump(&mut self, position: Offset) -> Result<(), HostError> {
        self.file.seek(SeekFrom::Start(position)).map_err(|error| failed(&self.path, error))?;
        self.records.jump(position);
        Ok(())
    }

    /// Reads a CSV file's first row. `false`: its end is not there yet.
    fn read_header(&mut self) -> Result<bool, HostError> {
        while !self.records.take_header()? {
            if self.fill()? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn go_to_end(&mut self) -> Result<(), HostError> {
        // A header that is half written is still to come.
        let end = if self.read_header()? { self.length()?.max(self.records.position()) } else { 0 };
        self.jump(end)
    }

    /// Where a checkpoint left off: the file must still have a record's end there.
    fn go_on_at(&mut self, position: Offset) -> Result<(), HostError> {
        let length = self.length()?;
        if position > length {
            return Err(changed(&self.path, format!("has {length} bytes, but was read up to {position} before: it was cut or replaced")));
        }
        if !self.read_header()? {
            // It was the whole file, when it was read.
            self.records.take_rest(&mut BatchBuilder::default())?;
        }
        let position = position.max(self.records.position());
        self.jump(position - position.min(1))?;
        self.fill()?;
        let skip = match self.records.room().as_slice() {
            // A last record without a line end, which it has got since, or not.
            [before, b'\n', ..] if *before != b'\n' => 1,
            [before, b'\r', b'\n', ..] if *before != b'\n' => 2,
            [] | [b'\n', ..] | [_] => 0,
            _ => return Err(changed(&self.path, format!("was read up to byte {position} before, where no record ends now: it was changed or replaced"))),
        };
        self.jump(position + skip)
    }

    /// Records up to so many, or so many bytes; and whether the file's end was reached.
    fn read(&mut self, follow: bool, records_max: usize, bytes_max: usize) -> Result<(Batch, bool), HostError> {
        if self.records.waiting() == 0 && self.fill()? == 0 {
            self.check_end(follow)?;
            return Ok((Batch::default(), true));
        }
        let mut rows = BatchBuilder::with_capacity(ROWS.min(records_max), READ_BYTES.min(bytes_max));
        while !self.records.take(&mut rows, records_max, bytes_max)? {
            if self.fill()? == 0 {
                self.check_end(follow)?;
                // A followed file's last line may be half written.
                if !follow {
                    self.records.take_rest(&mut rows)?;
                }
                return Ok((rows.into_batch(), true));
            }
        }
        Ok((rows.into_batch(), false))
    }

    /// At what seems to be the end: whether it is the end of the file that was read.
    fn check_end(&self, follow: bool) -> Result<(), HostError> {
        let (length, read) = (self.length()?, self.records.position() + self.records.waiting() as u64);
        if length < read {
            return Err(changed(&self.path, format!("has {length} bytes, but was read up to {read} before: it was cut")));
        }
        if follow && !is_same(&described(&self.path)?, &self.file.metadata().map_err(|error| failed(&self.path, error))?) {
            return Err(changed(&self.path, "was replaced by another file while it was followed"));
        }
        Ok(())
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere only a shorter file is noticed.
#[cfg(not(unix))]
fn is_same(_one: &Metadata, _other: &Metadata) -> bool {
    true
}
