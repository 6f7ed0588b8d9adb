//! A block: a run of records of one partition, packed as they were built, with a checksum.
//!
//! `u8 version (1) · u32 crc32 of all that follows · u32 records · s64 latest timestamp · u32 index bytes · index · arena`, little-endian. Offsets and partitions in
//! the rows are filled in when a block is read: they follow from its key.

use super::stream::Stream;
use crate::error::HostError;
use crate::record::{Batch, NO_TIMESTAMP, Offset};

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 21;

/// An encoded block, ready to be stored under whatever offset it gets.
pub(super) struct Block {
    records: u32,
    latest_ms: i64,
    bytes: Vec<u8>,
}

impl Block {
    pub fn encode(batch: &Batch) -> Block {
        let latest_ms = (0..batch.len()).map(|n| batch.row(n).timestamp).max().unwrap_or(NO_TIMESTAMP);
        let records = batch.len() as u32;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + batch.bytes());
        bytes.push(VERSION);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&records.to_le_bytes());
        bytes.extend_from_slice(&latest_ms.to_le_bytes());
        bytes.extend_from_slice(&(batch.index().len() as u32).to_le_bytes());
        bytes.extend_from_slice(batch.index());
        bytes.extend_from_slice(batch.arena());
        let checksum = crc32fast::hash(&bytes[5..]);
        bytes[1..5].copy_from_slice(&checksum.to_le_bytes());
        Block { records, latest_ms, bytes }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn records(&self) -> u64 {
        self.records.into()
    }

    /// What is kept beside the block, so that looking for a time or a size need not read it: latest timestamp, bytes.
    pub fn times(&self) -> [u8; 16] {
        let mut times = [0; 16];
        times[0..8].copy_from_slice(&self.latest_ms.to_le_bytes());
        times[8..16].copy_from_slice(&(self.bytes.len() as u64).to_le_bytes());
        times
    }
}

/// Reads a block whose first record has offset `first`.
pub(super) fn decode(stream: &Stream, partition: u32, first: Offset, bytes: &[u8]) -> Result<Batch, HostError> {
    let damaged = |reason: String| {
        HostError::storage(format!("the block of stream `{}`, partition {partition}, offset {first}", stream.name), reason)
            .with_help("the data on disk is damaged: restore the folder from a backup, or start after this block (start = { offset = … })")
    };
    let Some((head, _)) = bytes.split_at_checked(HEAD_BYTES) else { return Err(damaged(format!("has {} bytes, too few", bytes.len()))) };
    if head[0] != VERSION {
        return Err(damaged(format!("has version {}, and this release reads {VERSION}", head[0])));
    }
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if crc32fast::hash(&bytes[5..]) != word(1) {
        return Err(damaged("fails its checksum".to_owned()));
    }
    let index_end = HEAD_BYTES.saturating_add(word(17) as usize);
    let Some((_, arena)) = bytes.split_at_checked(index_end) else { return Err(damaged("has an index longer than itself".to_owned())) };
    // The checksum says that these are the bytes we wrote, and we write well-formed batches: a second check of each row would say nothing new.
    let mut batch = Batch::trusted(bytes[HEAD_BYTES..index_end].to_vec(), arena.to_vec());
    if batch.len() != word(5) as usize {
        return Err(damaged(format!("says {} records, but holds {}", word(5), batch.len())));
    }
    for n in 0..batch.len() {
        batch.set_offset(n, (first + n as u64) as i64);
        batch.set_partition(n, partition);
    }
    Ok(batch)
}
