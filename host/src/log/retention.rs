//! Drops what a stream need not keep: by time, by size, and what an internal stream's readers are done with.

use std::sync::atomic::Ordering;

use rocksdb::WriteBatch;

use super::stream::Stream;
use super::{BLOCKS, Log, META, TIMES};
use crate::error::HostError;
use crate::record::{NO_TIMESTAMP, Offset};

/// So many blocks are dropped one by one; more as a range, which is less to write but costs every later read a look.
const SINGLE_DELETES_MAX: usize = 1_000;

impl Log {
    /// Applies every stream's retention as of `now_ms`, measured as Kafka does: by the records' own timestamps against the clock. Whole blocks go, never the newest;
    /// a block without any timestamp does not age.
    pub fn enforce_retention(&self, now_ms: i64) -> Result<(), HostError> {
        for (name, settings) in self.streams() {
            if settings.retention_ms.is_none() && settings.retention_bytes.is_none() {
                continue;
            }
            let stream = self.stream(&name)?;
            for partition in 0..settings.partitions {
                let keep_from = self.keep_from(&stream, partition, now_ms)?;
                self.trim(&stream, partition, keep_from)?;
            }
        }
        Ok(())
    }

    /// Drops the blocks of a partition that lie wholly before `offset`.
    pub fn trim_before(&self, name: &str, partition: u32, offset: Offset) -> Result<(), HostError> {
        let stream = self.stream(name)?;
        let end = stream.end(partition);
        let mut keep_from = if offset >= end { end } else { stream.first(partition) };
        self.each_time(&stream, partition, &mut |first, _, _| {
            if first <= offset && offset < end {
                keep_from = first;
            }
            first < offset
        })?;
        self.trim(&stream, partition, keep_from)
    }

    fn keep_from(&self, stream: &Stream, partition: u32, now_ms: i64) -> Result<Offset, HostError> {
        let mut blocks = Vec::new();
        self.each_time(stream, partition, &mut |first, latest, bytes| {
            blocks.push((first, latest, bytes));
            true
        })?;
        let oldest_ms = stream.settings.retention_ms.map(|ms| now_ms.saturating_sub(ms.min(i64::MAX as u64) as i64));
        let mut over = stream.settings.retention_bytes.map(|max| blocks.iter().map(|(_, _, bytes)| bytes).sum::<u64>().saturating_sub(max));
        let newest = blocks.len().saturating_sub(1);
        for (n, (first, latest, bytes)) in blocks.iter().enumerate() {
            let too_old = *latest != NO_TIMESTAMP && oldest_ms.is_some_and(|oldest| *latest < oldest);
            let too_much = over.is_some_and(|over| over >= *bytes);
            if n == newest || !(too_old || too_much) {
                return Ok(*first);
            }
            over = over.map(|over| over.saturating_sub(*bytes));
        }
        Ok(0)
    }

    /// Not synced: after a power failure records that were dropped may be there again, which harms nobody.
    fn trim(&self, stream: &Stream, partition: u32, keep_from: Offset) -> Result<(), HostError> {
        if keep_from <= stream.first(partition) {
            return Ok(());
        }
        let mut dropped = Vec::new();
        self.each_time(stream, partition, &mut |first, _, _| {
            if first < keep_from {
                dropped.push(stream.key(partition, first));
            }
            first < keep_from && dropped.len() <= SINGLE_DELETES_MAX
        })?;
        let mut batch = WriteBatch::default();
        for family in [BLOCKS, TIMES] {
            match dropped.len() <= SINGLE_DELETES_MAX {
                true => dropped.iter().for_each(|key| batch.delete_cf(self.family(family), key)),
                false => batch.delete_range_cf(self.family(family), stream.key(partition, 0), stream.key(partition, keep_from)),
            }
        }
        batch.put_cf(self.family(META), stream.first_key(partition), keep_from.to_be_bytes());
        self.write(&mut self.committer(), batch, false, "trimming streams in")?;
        // Never back, should two callers meet.
        stream.firsts[partition as usize].fetch_max(keep_from, Ordering::AcqRel);
        Ok(())
    }
}
