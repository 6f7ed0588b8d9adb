//! What one worker has staged, and how it becomes durable: offsets given out and everything written in one synced batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rocksdb::{WriteBatch, WriteOptions};

use super::stream::Stream;
use super::{BLOCKS, Log, META, TIMES, block};
use crate::error::HostError;
use crate::record::{Batch, Offset};

/// Blocks on their way to the next checkpoint, in order, and what they weigh.
#[derive(Default)]
pub(super) struct Staged {
    pub blocks: Vec<(Arc<Stream>, u32, Batch)>,
    pub bytes: usize,
}

impl Log {
    /// Writes blocks and `rest` in one synced batch, and shows the blocks to readers once that is durable.
    pub(super) fn commit(&self, blocks: &[(Arc<Stream>, u32, Batch)], mut rest: WriteBatch) -> Result<(), HostError> {
        let _guard = self.commit.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut ends: BTreeMap<(u32, u32), (Arc<Stream>, Offset)> = BTreeMap::new();
        let mut bytes = Vec::new();
        for (stream, partition, batch) in blocks {
            let (_, end) = ends.entry((stream.id, *partition)).or_insert_with(|| (stream.clone(), stream.end(*partition)));
            let latest = block::encode(batch, &mut bytes);
            let key = stream.key(*partition, *end);
            let mut time = [0; 16];
            time[0..8].copy_from_slice(&latest.to_le_bytes());
            time[8..16].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            rest.put_cf(self.family(BLOCKS), key, &bytes);
            rest.put_cf(self.family(TIMES), key, time);
            *end += batch.len() as u64;
        }
        for ((_, partition), (stream, end)) in &ends {
            rest.put_cf(self.family(META), stream.end_key(*partition), end.to_be_bytes());
        }
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        self.db.write_opt(rest, &synced).map_err(|error| self.broken("writing a checkpoint to", &error))?;
        for ((_, partition), (stream, end)) in ends {
            stream.ends[partition as usize].store(end, Ordering::Release);
        }
        Ok(())
    }

    /// Appends records by hand, in one synced write. Rows go by their partition, or by key.
    pub fn append(&self, name: &str, records: &Batch) -> Result<(), HostError> {
        let stream = self.stream(name)?;
        let staged = super::sink::split(&stream, 0, records)?;
        self.commit(&staged, WriteBatch::default())
    }
}
