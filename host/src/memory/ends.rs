//! Sink and ledger in memory: outputs, progress and state become durable together in `apply`.

use super::{CrashPoint, MemoryLog, Staged, append};
use crate::checkpoint::{Ledger, TaskProgress};
use crate::error::HostError;
use crate::record::{Batch, BatchBuilder, NONE, TaskId, partition_of};
use crate::sink::{Accepts, Sink};
use crate::state::Change;

pub(super) struct MemorySink {
    log: MemoryLog,
    stream: String,
    partitions: u32,
    task: TaskId,
    staged: Staged,
    bytes: usize,
}

impl MemorySink {
    pub fn new(log: MemoryLog, stream: &str, partitions: u32, task: TaskId, staged: Staged) -> Self {
        MemorySink { log, stream: stream.to_owned(), partitions, task, staged, bytes: 0 }
    }
}

impl Sink for MemorySink {
    fn accepts(&self) -> Accepts {
        Accepts::any(self.partitions)
    }

    fn restore(&mut self, _mark: Option<&[u8]>) -> Result<(), HostError> {
        Ok(())
    }

    fn send(&mut self, batch: &Batch) -> Result<usize, HostError> {
        let mut by_partition: Vec<BatchBuilder> = (0..self.partitions).map(|_| BatchBuilder::default()).collect();
        for view in batch {
            let partition = match (view.partition, view.key) {
                (NONE, Some(key)) => partition_of(key, self.partitions),
                (NONE, None) => self.task.partition % self.partitions,
                (explicit, _) => explicit,
            };
            by_partition[partition as usize].push_view(view);
        }
        for (partition, rows) in by_partition.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            self.staged.borrow_mut().push((self.stream.clone(), partition as u32, rows.into_batch()));
        }
        self.bytes += batch.bytes();
        Ok(self.bytes)
    }

    fn flush(&mut self) -> Result<Vec<u8>, HostError> {
        self.log.passes(CrashPoint::BeforeFlush)?;
        self.bytes = 0;
        self.log.passes(CrashPoint::AfterFlush)?;
        Ok(Vec::new())
    }

    fn abort(&mut self) -> Result<(), HostError> {
        self.staged.borrow_mut().clear();
        Ok(())
    }
}

pub(super) struct MemoryLedger {
    log: MemoryLog,
    staged: Staged,
    progress: Vec<(TaskId, TaskProgress)>,
}

impl MemoryLedger {
    pub fn new(log: MemoryLog, staged: Staged) -> Self {
        MemoryLedger { log, staged, progress: Vec::new() }
    }

    fn publish(&mut self) {
        let mut durable = self.log.durable.borrow_mut();
        for (stream, partition, records) in self.staged.borrow_mut().drain(..) {
            append(&mut durable, &stream, partition, &records);
        }
    }
}

impl Ledger for MemoryLedger {
    fn progress(&mut self, task: TaskId) -> Result<Option<TaskProgress>, HostError> {
        Ok(self.log.progress(task))
    }

    fn record(&mut self, _changes: &mut dyn Iterator<Item = Change<'_>>) -> Result<(), HostError> {
        Ok(())
    }

    fn commit(&mut self, tasks: &[(TaskId, TaskProgress)]) -> Result<(), HostError> {
        self.log.passes(CrashPoint::BeforeCommit)?;
        self.progress = tasks.to_vec();
        if self.log.faults.borrow().torn {
            self.publish();
        }
        self.log.passes(CrashPoint::AfterCommit)
    }

    fn apply(&mut self, changes: &mut dyn Iterator<Item = Change<'_>>) -> Result<(), HostError> {
        self.log.passes(CrashPoint::BeforeApply)?;
        self.publish();
        self.log.durable.borrow_mut().progress.extend(self.progress.drain(..));
        self.log.store.apply(changes);
        self.log.passes(CrashPoint::AfterApply)
    }

    fn abort(&mut self) -> Result<(), HostError> {
        self.staged.borrow_mut().clear();
        self.progress.clear();
        Ok(())
    }
}
