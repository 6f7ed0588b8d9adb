//! Standard input as an input: one partition, at most once. What was read before a crash or a restart cannot be read again; the position counts bytes since the
//! job's first start and only says how far it came. A CSV text begins with its header each time the input is opened.

use std::io::Read;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::records::{Records, TextFormat};
use super::{InputPartition, PollBudget, Polled, Source, Start};
use crate::error::HostError;
use crate::job::{FileFormat, TimestampFrom};
use crate::record::{BatchBuilder, Offset};

const READ_BYTES: usize = 64 << 10;
/// Chunks that may wait between the reading thread and the worker.
const CHUNKS_MAX: usize = 64;

/// Reads on a thread of its own, so that a quiet terminal holds nobody up.
pub struct StdinSource {
    text: TextFormat,
    /// Until it is opened.
    input: Option<Box<dyn Read + Send>>,
    open: Option<OpenInput>,
}

struct OpenInput {
    at: InputPartition,
    chunks: Receiver<std::io::Result<Vec<u8>>>,
    records: Records,
    paused: bool,
    /// No chunk will come any more.
    over: bool,
    told_end: bool,
}

impl StdinSource {
    pub fn new(format: FileFormat, timestamp: &TimestampFrom) -> Self {
        StdinSource::over(Box::new(std::io::stdin()), format, timestamp)
    }

    /// Anything that can be read once, instead of standard input.
    pub fn over(input: Box<dyn Read + Send>, format: FileFormat, timestamp: &TimestampFrom) -> Self {
        StdinSource { text: TextFormat::new(format, timestamp), input: Some(input), open: None }
    }
}

fn start_reading(mut input: Box<dyn Read + Send>) -> Result<Receiver<std::io::Result<Vec<u8>>>, HostError> {
    let (send, receive) = sync_channel(CHUNKS_MAX);
    let read = move || {
        loop {
            let mut chunk = vec![0; READ_BYTES];
            let read = match input.read(&mut chunk) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read.map(|read| {
                    chunk.truncate(read);
                    chunk
                }),
            };
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
        let position = if let Start::At(position) = start { position } else { 0 };
        let Some(input) = self.input.take() else {
            return Err(HostError::storage("standard input", "can be read by one task only, and once").with_help("start the job again"));
        };
        let records = Records::new(self.text.clone(), "standard input".to_owned(), at.partition, position);
        self.open = Some(OpenInput { at, chunks: start_reading(input)?, records, paused: false, over: false, told_end: false });
        Ok(position)
    }

    fn revoke(&mut self, _at: InputPartition) {
        self.open = None;
    }

    fn pause(&mut self, _at: InputPartition, paused: bool) {
        if let Some(open) = &mut self.open {
            open.paused = paused;
        }
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        match &mut self.open {
            Some(open) if !open.paused && !open.told_end => open.poll(budget, found),
            _ => Ok(()),
        }
    }

    fn end(&mut self, _at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(None)
    }
}

impl OpenInput {
    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let mut rows = BatchBuilder::default();
        while !self.records.take(&mut rows, budget.records_max, budget.bytes_max)? {
            if self.over {
                self.records.take_rest(&mut rows)?;
                break;
            }
            match self.chunks.try_recv() {
                Ok(Ok(chunk)) if !chunk.is_empty() => self.records.room().extend_from_slice(&chunk),
                Ok(Ok(_)) | Err(TryRecvError::Disconnected) => self.over = true,
                Ok(Err(error)) => return Err(HostError::storage("standard input", format!("cannot be read: {error}"))),
                Err(TryRecvError::Empty) => break,
            }
        }
        let at = self.at;
        if !rows.is_empty() {
            found.push(Polled::Records { at, batch: rows.into_batch(), next: self.records.position() });
        }
        if self.over && self.records.waiting() == 0 {
            self.told_end = true;
            found.push(Polled::End { at });
        }
        Ok(())
    }
}
