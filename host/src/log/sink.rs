//! Writes to a stream: rows go to their partition's block in the making, and wait for the worker's checkpoint.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::block::Block;
use super::commit::{Staged, StagedBlock};
use super::stream::Stream;
use crate::error::HostError;
use crate::record::{Batch, BatchBuilder, Fields, NONE, TaskId, View, partition_of};
use crate::sink::{Accepts, Sink};

/// A block is closed at so many records or bytes.
const BLOCK_RECORDS_MAX: usize = 1_024;
const BLOCK_BYTES_MAX: usize = 1 << 20;

pub(super) struct LogSink {
    stream: Arc<Stream>,
    task: TaskId,
    staged: Rc<RefCell<Staged>>,
    open: Vec<BatchBuilder>,
}

impl LogSink {
    pub fn new(stream: Arc<Stream>, task: TaskId, staged: Rc<RefCell<Staged>>) -> Self {
        let open = (0..stream.settings.partitions).map(|_| BatchBuilder::default()).collect();
        LogSink { stream, task, staged, open }
    }

    fn close(&mut self, partition: usize) {
        let block = Block::encode(self.open[partition].as_batch());
        self.open[partition].clear();
        self.staged.borrow_mut().blocks.push(StagedBlock { stream: self.stream.clone(), partition: partition as u32, block });
    }
}

/// What a record takes in an arena, bytes.
fn view_bytes(view: &View<'_>) -> usize {
    view.key.map_or(0, <[u8]>::len) + view.value.map_or(0, <[u8]>::len) + view.headers.bytes().len()
}

/// Splits records into blocks by partition.
pub(super) fn split(stream: &Arc<Stream>, task: u32, records: &Batch) -> Result<Vec<StagedBlock>, HostError> {
    let staged = Rc::new(RefCell::new(Staged::default()));
    let mut sink = LogSink::new(stream.clone(), TaskId { stage: 0, partition: task }, staged.clone());
    sink.send(records)?;
    sink.flush()?;
    Ok(staged.take().blocks)
}

impl Sink for LogSink {
    fn accepts(&self) -> Accepts {
        Accepts::any(self.stream.settings.partitions)
    }

    fn restore(&mut self, _mark: Option<&[u8]>) -> Result<(), HostError> {
        Ok(())
    }

    fn send(&mut self, batch: &Batch) -> Result<usize, HostError> {
        let partitions = self.stream.settings.partitions;
        for view in batch {
            let partition = match (view.partition, view.key) {
                (NONE, Some(key)) => partition_of(key, partitions),
                (NONE, None) => self.task.partition % partitions,
                (explicit, _) if explicit < partitions => explicit,
                (explicit, _) => return Err(HostError::job(&self.stream.name, format!("a record for partition {explicit}, but there are {partitions}"))),
            } as usize;
            let open = &mut self.open[partition];
            if open.len() >= BLOCK_RECORDS_MAX || open.bytes() >= BLOCK_BYTES_MAX || !open.fits(view_bytes(&view)) {
                self.close(partition);
            }
            let fields = Fields { port: 0, timestamp: view.timestamp, offset: 0, partition: NONE, key_id: NONE };
            self.open[partition].push(view.key, view.value, view.headers, fields);
        }
        let mut staged = self.staged.borrow_mut();
        staged.bytes += batch.bytes();
        Ok(staged.bytes)
    }

    fn flush(&mut self) -> Result<Vec<u8>, HostError> {
        for partition in 0..self.open.len() {
            if !self.open[partition].is_empty() {
                self.close(partition);
            }
        }
        Ok(Vec::new())
    }

    fn abort(&mut self) -> Result<(), HostError> {
        self.open.iter_mut().for_each(BatchBuilder::clear);
        *self.staged.borrow_mut() = Staged::default();
        Ok(())
    }
}
