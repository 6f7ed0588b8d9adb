//! Text files as inputs: one partition per file, a record's offset is where it begins in the file, in bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cut::{Cutter, column, trim};
use super::{InputPartition, PollBudget, Polled, Source, Start};
use crate::error::HostError;
use crate::job::{FileFormat, TimestampFrom};
use crate::record::{Batch, BatchBuilder, Fields, NONE, Offset, jsonl};
use crate::time::parse_ms;

const READ_BYTES: usize = 256 << 10;
/// The longest record, bytes.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// Reads files of one input. Exactly-once: positions are bytes, and a file is expected to keep what it has.
pub struct FileSource {
    paths: Vec<PathBuf>,
    format: FileFormat,
    follow: bool,
    /// A column to take timestamps from, by name.
    column: Option<String>,
    open: BTreeMap<InputPartition, OpenFile>,
    turn: usize,
    scratch: Vec<u8>,
}

struct OpenFile {
    file: File,
    /// Of the first byte in `buffer[begin..]`.
    position: Offset,
    buffer: Vec<u8>,
    begin: usize,
    cutter: Cutter,
    /// Column of the timestamp.
    column: Option<usize>,
    paused: bool,
    told_end: bool,
}

impl FileSource {
    pub fn new(paths: Vec<PathBuf>, format: FileFormat, follow: bool, timestamp: &TimestampFrom) -> Self {
        let column = match timestamp {
            TimestampFrom::Field(name) if format == FileFormat::Csv => Some(name.clone()),
            _ => None,
        };
        FileSource { paths, format, follow, column, open: BTreeMap::new(), turn: 0, scratch: Vec::new() }
    }

    fn path(&self, at: InputPartition) -> &Path {
        self.paths.get(at.partition as usize).map_or(Path::new(""), PathBuf::as_path)
    }

    /// Where records begin, and which column holds the timestamp: what a CSV file's first row says.
    fn header(&self, path: &Path, file: &mut File) -> Result<(Offset, Option<usize>), HostError> {
        if self.format != FileFormat::Csv {
            return Ok((0, None));
        }
        let mut first = Vec::new();
        let mut cutter = Cutter::default();
        let end = loop {
            if let Some(end) = cutter.next(FileFormat::Csv, &first) {
                break end;
            }
            if first.len() > RECORD_BYTES_MAX || fill(file, &mut first).map_err(|error| failed(path, error))? == 0 {
                break first.len();
            }
        };
        let row = trim(&first[..end]);
        let Some(name) = &self.column else { return Ok((end as u64, None)) };
        let mut scratch = Vec::new();
        for n in 0.. {
            match column(row, n, &mut scratch) {
                Some(found) if found == name.as_bytes() => return Ok((end as u64, Some(n))),
                Some(_) => {}
                None => break,
            }
        }
        let help = format!("its columns: {}", String::from_utf8_lossy(row));
        Err(HostError::job(path.display().to_string(), format!("has no column `{name}`, which timestamps were to come from")).with_help(help))
    }
}

fn failed(path: &Path, error: std::io::Error) -> HostError {
    HostError::external(format!("reading {}", path.display()), error)
}

fn fill(file: &mut File, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    let have = buffer.len();
    buffer.resize(have + READ_BYTES, 0);
    let read = file.read(&mut buffer[have..]);
    buffer.truncate(have + *read.as_ref().unwrap_or(&0));
    read
}

impl Source for FileSource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let path = self.path(at).to_owned();
        let mut file = File::open(&path).map_err(|error| {
            HostError::storage(format!("the input file {}", path.display()), format!("cannot be opened: {error}"))
                .with_help("put it back where it was; the job goes on from its last checkpoint")
        })?;
        let length = file.metadata().map_err(|error| failed(&path, error))?.len();
        let (first, column) = self.header(&path, &mut file)?;
        let position = match start {
            Start::At(position) => position.max(first),
            Start::Oldest | Start::Timestamp(_) => first,
            Start::Newest => length,
        };
        if position > length && position > first {
            return Err(HostError::storage(format!("the input file {}", path.display()), format!("has {length} bytes, but was read up to {position} before"))
                .with_help("it was cut or replaced: put the old one back, or run the job under another name or --data"));
        }
        file.seek(SeekFrom::Start(position)).map_err(|error| failed(&path, error))?;
        let open = OpenFile { file, position, buffer: Vec::new(), begin: 0, cutter: Cutter::default(), column, paused: false, told_end: false };
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
            let path = self.paths.get(at.partition as usize).map_or(Path::new(""), PathBuf::as_path);
            let room = (budget.records_max - records, budget.bytes_max - bytes);
            let (batch, at_end) = open.read(path, at.partition, self.format, self.follow, room, &mut self.scratch)?;
            if !batch.is_empty() {
                records += batch.len();
                bytes += batch.bytes();
                found.push(Polled::Records { at: *at, batch, next: open.position });
            }
            if at_end && !self.follow {
                open.told_end = true;
                found.push(Polled::End { at: *at });
            }
        }
        Ok(())
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        let path = self.path(at).to_owned();
        let length = std::fs::metadata(&path).map_err(|error| failed(&path, error))?.len();
        Ok(Some(length))
    }
}

impl OpenFile {
    /// Records up to `room` (records, bytes); and whether the file's end was reached.
    fn read(
        &mut self,
        path: &Path,
        partition: u32,
        format: FileFormat,
        follow: bool,
        room: (usize, usize),
        scratch: &mut Vec<u8>,
    ) -> Result<(Batch, bool), HostError> {
        let mut rows = BatchBuilder::with_capacity(room.0.min(1_024), READ_BYTES.min(room.1));
        while rows.len() < room.0 && rows.bytes() < room.1 {
            let ahead = &self.buffer[self.begin..];
            if let Some(end) = self.cutter.next(format, ahead) {
                self.push(path, partition, format, end, &mut rows, scratch)?;
                continue;
            }
            if ahead.len() > RECORD_BYTES_MAX {
                return Err(wrong(
                    path,
                    self.position,
                    format!("a record of more than {RECORD_BYTES_MAX} bytes begins here"),
                    "is a line end or a closing quote missing?",
                ));
            }
            self.buffer.drain(..self.begin);
            self.begin = 0;
            if fill(&mut self.file, &mut self.buffer).map_err(|error| failed(path, error))? > 0 {
                continue;
            }
            // A followed file's last line may be half written.
            if !follow && !self.buffer.is_empty() {
                let end = self.buffer.len();
                self.push(path, partition, format, end, &mut rows, scratch)?;
            }
            return Ok((rows.into_batch(), true));
        }
        Ok((rows.into_batch(), false))
    }

    fn push(&mut self, path: &Path, partition: u32, format: FileFormat, end: usize, rows: &mut BatchBuilder, scratch: &mut Vec<u8>) -> Result<(), HostError> {
        let record = trim(&self.buffer[self.begin..self.begin + end]);
        let mut fields = Fields { partition, ..jsonl::unset(self.position as i64) };
        match format {
            FileFormat::Csv | FileFormat::Jsonl if record.is_empty() => {}
            FileFormat::Jsonl => {
                jsonl::push_line(record, rows, fields)
                    .map_err(|reason| wrong(path, self.position, format!("the line {reason}"), "correct the file, or take the line out"))?;
            }
            FileFormat::Lines | FileFormat::Csv => {
                if let Some(n) = self.column {
                    let time = column(record, n, scratch).and_then(|text| std::str::from_utf8(text).ok()).and_then(parse_ms);
                    fields.timestamp = time.unwrap_or(fields.timestamp);
                }
                rows.push(None, Some(record), Default::default(), Fields { key_id: NONE, ..fields });
            }
        }
        self.begin += end;
        self.position += end as u64;
        Ok(())
    }
}

fn wrong(path: &Path, position: Offset, reason: String, help: &str) -> HostError {
    HostError::storage(format!("the input file {}, byte {position}", path.display()), reason).with_help(help)
}
