//! What one worker has staged, and how it becomes durable: offsets given out and everything written in one synced batch.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use rocksdb::{WriteBatch, WriteOptions};

use super::block::Block;
use super::mark::Mark;
use super::stream::Stream;
use super::{BLOCKS, Log, META, TIMES};
use crate::error::HostError;
use crate::record::{Batch, Offset};

/// A block on its way to a partition.
pub(super) struct StagedBlock {
    pub stream: Arc<Stream>,
    pub partition: u32,
    pub block: Block,
}

/// Blocks on their way to the next checkpoint, in order, and what they weigh.
#[derive(Default)]
pub(super) struct Staged {
    pub blocks: Vec<StagedBlock>,
    pub bytes: usize,
}

/// Who may write: one at a time.
pub(super) struct Committer {
    mark: Mark,
    /// A write failed; see [`Log`].
    failed: bool,
}

impl Committer {
    pub fn new(mark: Mark) -> Self {
        Committer { mark, failed: false }
    }
}

impl Log {
    pub(super) fn committer(&self) -> MutexGuard<'_, Committer> {
        // A panic while writing leaves the mark behind at most, and a mark may be behind.
        self.committer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes blocks and `rest` in one synced batch, and shows the blocks to readers once that is durable.
    pub(super) fn commit(&self, blocks: &[StagedBlock], mut rest: WriteBatch) -> Result<(), HostError> {
        let mut committer = self.committer();
        let mut ends: BTreeMap<(u32, u32), (&Stream, Offset)> = BTreeMap::new();
        for StagedBlock { stream, partition, block } in blocks {
            let (_, end) = ends.entry((stream.id, *partition)).or_insert_with(|| (stream, stream.end(*partition)));
            let key = stream.key(*partition, *end);
            rest.put_cf(self.family(BLOCKS), key, block.bytes());
            rest.put_cf(self.family(TIMES), key, block.times());
            *end += block.records();
        }
        for ((_, partition), (stream, end)) in &ends {
            rest.put_cf(self.family(META), stream.end_key(*partition), end.to_be_bytes());
        }
        self.write(&mut committer, rest, true, "writing a checkpoint to")?;
        for ((_, partition), (stream, end)) in ends {
            stream.ends[partition as usize].store(end, Ordering::Release);
        }
        drop(committer);
        if !blocks.is_empty() {
            self.committed.raise();
        }
        Ok(())
    }

    /// All writes of this log come through here, one after another, so that after a synced one everything up to it is on disk.
    pub(super) fn write(&self, committer: &mut Committer, batch: WriteBatch, sync: bool, doing: &str) -> Result<(), HostError> {
        if committer.failed {
            let what = format!("{doing} the data folder {}", self.path.display());
            return Err(HostError::external(what, anyhow::anyhow!("an earlier write failed: the folder must be opened again")));
        }
        let mut options = WriteOptions::default();
        options.set_sync(sync);
        // Keys of one batch are in order, mostly: each is looked for beside the one before.
        options.set_memtable_insert_hint_per_batch(true);
        if let Err(error) = self.db.write_opt(batch, &options) {
            committer.failed = true;
            return Err(self.broken(doing, &error));
        }
        if sync {
            committer.mark.reached(self.db.latest_sequence_number());
        }
        Ok(())
    }

    /// A write failed: nothing can be written before the folder is opened again, even when there is room.
    pub fn has_failed(&self) -> bool {
        self.committer().failed
    }

    /// Appends records by hand, in one synced write. Rows go by their partition, or by key.
    pub fn append(&self, name: &str, records: &Batch) -> Result<(), HostError> {
        let stream = self.stream(name)?;
        let staged = super::sink::split(&stream, 0, records)?;
        self.commit(&staged, WriteBatch::default())
    }
}
