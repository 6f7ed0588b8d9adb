//! The streams of a data folder: their settings, ids, and how far each partition goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{Direction, IteratorMode, WriteOptions};
use serde::{Deserialize, Serialize};

use super::{BLOCKS, Log, META, TIMES, block};
use crate::error::HostError;
use crate::record::{Batch, Offset};

/// Longest stream name, bytes, as Kafka's.
const NAME_BYTES_MAX: usize = 249;
const PARTITIONS_MAX: u32 = 10_000;
const STREAM_KEY: &str = "stream\0";

/// What a stream is made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSettings {
    pub partitions: u32,
    /// Records older than this against the clock are dropped, block by block; `None`: never.
    pub retention_ms: Option<u64>,
    /// Each partition keeps about so many bytes; `None`: all.
    pub retention_bytes: Option<u64>,
}

/// A stream as tools show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamDescription {
    pub name: String,
    pub settings: StreamSettings,
    pub partitions: Vec<PartitionDescription>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionDescription {
    /// The oldest record still there.
    pub first: Offset,
    /// One past the newest.
    pub next: Offset,
    /// Bytes of its blocks, before compression.
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    id: u32,
    settings: StreamSettings,
}

/// An open stream. Ends move only after their records are durable.
pub(super) struct Stream {
    pub name: String,
    pub id: u32,
    pub settings: StreamSettings,
    pub ends: Vec<AtomicU64>,
}

impl Stream {
    pub fn end(&self, partition: u32) -> Offset {
        self.ends.get(partition as usize).map_or(0, |end| end.load(Ordering::Acquire))
    }

    /// The key of a block, or of the first block at or after an offset.
    pub fn key(&self, partition: u32, offset: Offset) -> [u8; 16] {
        let mut key = [0; 16];
        key[0..4].copy_from_slice(&self.id.to_be_bytes());
        key[4..8].copy_from_slice(&partition.to_be_bytes());
        key[8..16].copy_from_slice(&offset.to_be_bytes());
        key
    }

    pub fn end_key(&self, partition: u32) -> Vec<u8> {
        [b"end\0", &self.key(partition, 0)[0..8]].concat()
    }
}

pub(super) fn offset_of(key: &[u8]) -> Offset {
    key.get(8..16).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}

#[derive(Default)]
pub(super) struct Streams {
    by_name: BTreeMap<String, Arc<Stream>>,
    next_id: u32,
}

impl Log {
    /// Creates a stream; one that exists must have as many partitions (its retention stays as it is).
    pub fn create_stream(&self, name: &str, settings: &StreamSettings) -> Result<(), HostError> {
        check_name(name)?;
        if !(1..=PARTITIONS_MAX).contains(&settings.partitions) {
            return Err(HostError::job(name, format!("{} partitions, where 1 to {PARTITIONS_MAX} can be had", settings.partitions)));
        }
        let mut streams = self.lock_streams();
        if let Some(stream) = streams.by_name.get(name) {
            let have = stream.settings.partitions;
            if have == settings.partitions {
                return Ok(());
            }
            let help = "partitions of a stream cannot change, as keys would move: use its number, another name, or another --data";
            return Err(HostError::job(name, format!("the stream has {have} partitions, but {} were asked for", settings.partitions)).with_help(help));
        }
        let stored = Stored { id: streams.next_id, settings: settings.clone() };
        let value = serde_json::to_vec(&stored).map_err(|error| HostError::external(format!("creating stream `{name}`"), error))?;
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        let key = format!("{STREAM_KEY}{name}");
        self.db.put_cf_opt(self.family(META), key, value, &synced).map_err(|error| self.broken(&format!("creating stream `{name}` in"), &error))?;
        streams.add(name, stored, vec![0; settings.partitions as usize]);
        Ok(())
    }

    /// All streams by name.
    pub fn streams(&self) -> Vec<(String, StreamSettings)> {
        self.lock_streams().by_name.values().map(|stream| (stream.name.clone(), stream.settings.clone())).collect()
    }

    pub fn describe(&self, name: &str) -> Result<StreamDescription, HostError> {
        let stream = self.stream(name)?;
        let partitions = (0..stream.settings.partitions).map(|partition| {
            let (mut first, mut bytes) = (None, 0);
            self.each_time(&stream, partition, &mut |offset, _, size| {
                first.get_or_insert(offset);
                bytes += size;
                true
            })?;
            let next = stream.end(partition);
            Ok(PartitionDescription { first: first.unwrap_or(next), next, bytes })
        });
        Ok(StreamDescription { name: name.to_owned(), settings: stream.settings.clone(), partitions: partitions.collect::<Result<_, HostError>>()? })
    }

    /// Reads the block that holds `offset`, from that record on; `None` at the end.
    pub fn read(&self, name: &str, partition: u32, offset: Offset) -> Result<Option<Batch>, HostError> {
        let stream = self.stream(name)?;
        self.read_block(&stream, partition, offset)
    }

    pub(super) fn read_block(&self, stream: &Stream, partition: u32, offset: Offset) -> Result<Option<Batch>, HostError> {
        if offset >= stream.end(partition) {
            return Ok(None);
        }
        let mut iterator = self.db.raw_iterator_cf(self.family(BLOCKS));
        iterator.seek_for_prev(stream.key(partition, offset));
        iterator.status().map_err(|error| self.broken("reading", &error))?;
        let Some((key, bytes)) = iterator.item().filter(|(key, _)| key[0..8] == stream.key(partition, 0)[0..8]) else {
            return Err(self.trimmed(stream, partition, offset)?);
        };
        let first = offset_of(key);
        let batch = block::decode(stream, partition, first, bytes)?;
        let skip = (offset - first) as usize;
        if skip >= batch.len() {
            return Err(HostError::storage(
                format!("stream `{}`, partition {partition}", stream.name),
                format!("has no record at offset {offset}, though it ends at {}", stream.end(partition)),
            ));
        }
        Ok(Some(crate::record::rest(batch, skip)))
    }

    /// What to say of an offset below the first.
    fn trimmed(&self, stream: &Stream, partition: u32, offset: Offset) -> Result<HostError, HostError> {
        let first = self.first_offset(stream, partition)?;
        Ok(HostError::storage(
            format!("stream `{}`, partition {partition}", stream.name),
            format!("offset {offset} is gone by retention; the oldest is {first}: {} records were passed over", first.saturating_sub(offset)),
        )
        .with_help("keep more (`retention`), or begin at the oldest record under another job name"))
    }

    pub(super) fn first_offset(&self, stream: &Stream, partition: u32) -> Result<Offset, HostError> {
        let mut first = None;
        self.each_time(stream, partition, &mut |offset, _, _| {
            first = Some(offset);
            false
        })?;
        Ok(first.unwrap_or_else(|| stream.end(partition)))
    }

    /// Visits blocks from the oldest: first offset, latest timestamp, bytes; until told to stop.
    pub(super) fn each_time(&self, stream: &Stream, partition: u32, visit: &mut dyn FnMut(Offset, i64, u64) -> bool) -> Result<(), HostError> {
        let begin = stream.key(partition, 0);
        for entry in self.db.iterator_cf(self.family(TIMES), IteratorMode::From(&begin, Direction::Forward)) {
            let (key, value) = entry.map_err(|error| self.broken("reading", &error))?;
            let (Some(latest), Some(bytes)) = (value.get(0..8), value.get(8..16)) else { break };
            let (latest, bytes) = (latest.try_into().map_or(i64::MIN, i64::from_le_bytes), bytes.try_into().map_or(0, u64::from_le_bytes));
            if key[0..8] != begin[0..8] || !visit(offset_of(&key), latest, bytes) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn stream(&self, name: &str) -> Result<Arc<Stream>, HostError> {
        self.lock_streams()
            .by_name
            .get(name)
            .cloned()
            .ok_or_else(|| HostError::job(name, format!("no such stream in {}", self.path.display())).with_help("`millstream stream list` shows what there is"))
    }

    pub(super) fn load_streams(&self) -> Result<(), HostError> {
        let mut streams = self.lock_streams();
        for entry in self.db.iterator_cf(self.family(META), IteratorMode::From(STREAM_KEY.as_bytes(), Direction::Forward)) {
            let (key, value) = entry.map_err(|error| self.broken("reading", &error))?;
            let Some(name) = std::str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(STREAM_KEY)) else { break };
            let stored: Stored = serde_json::from_slice(&value)
                .map_err(|error| HostError::storage(format!("the settings of stream `{name}`"), format!("cannot be read: {error}")))?;
            let ends = vec![0; stored.settings.partitions as usize];
            streams.add(name, stored, ends);
        }
        for stream in streams.by_name.values() {
            for partition in 0..stream.settings.partitions {
                let end = self.db.get_cf(self.family(META), stream.end_key(partition)).map_err(|error| self.broken("reading", &error))?;
                let end = end.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
                stream.ends[partition as usize].store(end, Ordering::Release);
            }
        }
        Ok(())
    }

    fn lock_streams(&self) -> std::sync::MutexGuard<'_, Streams> {
        // A panic elsewhere leaves the map as it was: entries are added whole.
        self.streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Streams {
    fn add(&mut self, name: &str, stored: Stored, ends: Vec<u64>) {
        self.next_id = self.next_id.max(stored.id + 1);
        let ends = ends.into_iter().map(AtomicU64::new).collect();
        self.by_name.insert(name.to_owned(), Arc::new(Stream { name: name.to_owned(), id: stored.id, settings: stored.settings, ends }));
    }
}

fn check_name(name: &str) -> Result<(), HostError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(fine) || name == "." || name == ".." {
        let help = format!("use letters, digits, `.`, `_` and `-`, at most {NAME_BYTES_MAX} of them, as for a Kafka topic");
        return Err(HostError::job(name, "cannot be the name of a stream").with_help(help));
    }
    Ok(())
}
