//! Standard input as an input: one partition, at most once. What was read before a crash cannot be read again, and the position only counts bytes.

use std::io::Read;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::cut::{Cutter, trim};
use super::{InputPartition, PollBudget, Polled, Source, Start};
use crate::error::HostError;
use crate::job::FileFormat;
use crate::record::{BatchBuilder, Fields, Offset, jsonl};

const READ_BYTES: usize = 64 << 10;
/// Chunks that may wait between the reading thread and the worker.
const CHUNKS_MAX: usize = 64;

/// Reads on a thread of its own, so that a quiet terminal holds nobody up.
pub struct StdinSource {
    format: FileFormat,
    chunks: Option<Receiver<std::io::Result<Vec<u8>>>>,
    assigned: Option<InputPartition>,
    position: Offset,
    buffer: Vec<u8>,
    cutter: Cutter,
    paused: bool,
    ended: bool,
    told_end: bool,
}

impl StdinSource {
    pub fn new(format: FileFormat) -> Self {
        let (buffer, cutter) = (Vec::new(), Cutter::default());
        StdinSource { format, chunks: None, assigned: None, position: 0, buffer, cutter, paused: false, ended: false, told_end: false }
    }

    fn push(&mut self, end: usize, skip: usize, rows: &mut BatchBuilder) -> Result<(), HostError> {
        let record = trim(&self.buffer[skip..skip + end]);
        let fields = Fields { partition: 0, ..jsonl::unset(self.position as i64) };
        match self.format {
            FileFormat::Jsonl | FileFormat::Csv if record.is_empty() => {}
            FileFormat::Jsonl => jsonl::push_line(record, rows, fields)
                .map_err(|reason| HostError::storage(format!("standard input, byte {}", self.position), format!("the line {reason}")))?,
            FileFormat::Lines | FileFormat::Csv => rows.push(None, Some(record), Default::default(), fields),
        }
        self.position += end as u64;
        Ok(())
    }
}

fn start_reading() -> Result<Receiver<std::io::Result<Vec<u8>>>, HostError> {
    let (send, receive) = sync_channel(CHUNKS_MAX);
    let read = move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut chunk = vec![0; READ_BYTES];
            let read = stdin.read(&mut chunk).map(|read| {
                chunk.truncate(read);
                chunk
            });
            let over = !matches!(&read, Ok(chunk) if !chunk.is_empty());
            if send.send(read).is_err() || over {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("millstream-stdin".to_owned()).spawn(read);
    thread.map_err(|error| HostError::external("starting to read standard input", error))?;
    Ok(receive)
}

impl Source for StdinSource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        if let Start::At(position) = start {
            self.position = position;
        }
        if self.chunks.is_none() {
            self.chunks = Some(start_reading()?);
        }
        self.assigned = Some(at);
        Ok(self.position)
    }

    fn revoke(&mut self, _at: InputPartition) {
        self.assigned = None;
    }

    fn pause(&mut self, _at: InputPartition, paused: bool) {
        self.paused = paused;
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let (Some(at), Some(chunks), false) = (self.assigned, &self.chunks, self.paused || self.told_end) else { return Ok(()) };
        while !self.ended && self.buffer.len() < budget.bytes_max {
            match chunks.try_recv() {
                Ok(Ok(chunk)) if !chunk.is_empty() => self.buffer.extend_from_slice(&chunk),
                Ok(Ok(_)) | Err(TryRecvError::Disconnected) => self.ended = true,
                Ok(Err(error)) => return Err(HostError::external("reading standard input", error)),
                Err(TryRecvError::Empty) => break,
            }
        }
        let mut rows = BatchBuilder::default();
        let mut begin = 0;
        while rows.len() < budget.records_max {
            match self.cutter.next(self.format, &self.buffer[begin..]) {
                Some(end) => {
                    self.push(end, begin, &mut rows)?;
                    begin += end;
                }
                None => break,
            }
        }
        if self.ended && rows.len() < budget.records_max && begin < self.buffer.len() {
            self.push(self.buffer.len() - begin, begin, &mut rows)?;
            begin = self.buffer.len();
        }
        self.buffer.drain(..begin);
        if !rows.is_empty() {
            found.push(Polled::Records { at, batch: rows.into_batch(), next: self.position });
        }
        if self.ended && self.buffer.is_empty() {
            self.told_end = true;
            found.push(Polled::End { at });
        }
        Ok(())
    }

    fn end(&mut self, _at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(None)
    }
}
