//! The streams of a data folder: their settings, ids, and how far each partition goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{Direction, IteratorMode, WriteBatch};
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
    /// Per partition: the oldest record kept. What lies before is gone by retention; what is missing after it was lost.
    pub firsts: Vec<AtomicU64>,
    pub ends: Vec<AtomicU64>,
}

impl Stream {
    pub fn end(&self, partition: u32) -> Offset {
        self.ends.get(partition as usize).map_or(0, |end| end.load(Ordering::Acquire))
    }

    pub fn first(&self, partition: u32) -> Offset {
        self.firsts.get(partition as usize).map_or(0, |first| first.load(Ordering::Acquire))
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

    pub fn first_key(&self, partition: u32) -> Vec<u8> {
        [b"first\0", &self.key(partition, 0)[0..8]].concat()
    }
}

impl Stream {
    /// Refuses an offset whose record retention has dropped.
    pub fn check_kept(&self, partition: u32, offset: Offset) -> Result<(), HostError> {
        let first = self.first(partition);
        if offset >= first {
            return Ok(());
        }
        let reason = format!("offset {offset} is gone by retention: the oldest is {first}, {} records would be passed over", first - offset);
        Err(HostError::storage(format!("stream `{}`, partition {partition}", self.name), reason)
            .with_help("keep more (`retention`), or begin at the oldest record under another job name"))
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
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(META), format!("{STREAM_KEY}{name}"), value);
        self.write(&mut self.committer(), batch, true, &format!("creating stream `{name}` in"))?;
        streams.add(name, stored);
        Ok(())
    }

    /// All streams by name.
    pub fn streams(&self) -> Vec<(String, StreamSettings)> {
        self.lock_streams().by_name.values().map(|stream| (stream.name.clone(), stream.settings.clone())).collect()
    }

    pub fn describe(&self, name: &str) -> Result<StreamDescription, HostError> {
        let stream = self.stream(name)?;
        let partitions = (0..stream.settings.partitions).map(|partition| {
            let mut bytes = 0;
            self.each_time(&stream, partition, &mut |_, _, size| {
                bytes += size;
                true
            })?;
            Ok(PartitionDescription { first: stream.first(partition), next: stream.end(partition), bytes })
        });
        Ok(StreamDescription { name: name.to_owned(), settings: stream.settings.clone(), partitions: partitions.collect::<Result<_, HostError>>()? })
    }

    /// Reads the block that holds `offset`, from that record on; `None` at the end. An offset before the oldest kept record is refused.
    pub fn read(&self, name: &str, partition: u32, offset: Offset) -> Result<Option<Batch>, HostError> {
        let stream = self.stream(name)?;
        if offset >= stream.end(partition) {
            return Ok(None);
        }
        let (first, block) = self.read_block(&stream, partition, offset)?;
        Ok(Some(crate::record::rest(block, (offset - first) as usize)))
    }

    /// The block that holds a record before the end, and its first offset.
    pub(super) fn read_block(&self, stream: &Stream, partition: u32, offset: Offset) -> Result<(Offset, Batch), HostError> {
        stream.check_kept(partition, offset)?;
        let mut iterator = self.db.raw_iterator_cf(self.family(BLOCKS));
        iterator.seek_for_prev(stream.key(partition, offset));
        iterator.status().map_err(|error| self.broken("reading", &error))?;
        if let Some((key, bytes)) = iterator.item().filter(|(key, _)| key[0..8] == stream.key(partition, 0)[0..8]) {
            let first = offset_of(key);
            let batch = block::decode(stream, partition, first, bytes)?;
            if offset - first < batch.len() as u64 {
                return Ok((first, batch));
            }
        }
        // Retention may have come in between.
        stream.check_kept(partition, offset)?;
        Err(HostError::storage(
            format!("stream `{}`, partition {partition}", stream.name),
            format!("the record at offset {offset} is missing, though {} to {} should be there", stream.first(partition), stream.end(partition)),
        )
        .with_help("the data on disk is damaged: restore the folder from a backup, or start after the gap (start = { offset = … })"))
    }

    /// Visits blocks from the oldest: first offset, latest timestamp, bytes; until told to stop.
    pub(super) fn each_time(&self, stream: &Stream, partition: u32, visit: &mut dyn FnMut(Offset, i64, u64) -> bool) -> Result<(), HostError> {
        let begin = stream.key(partition, stream.first(partition));
        for entry in self.db.iterator_cf(self.family(TIMES), IteratorMode::From(&begin, Direction::Forward)) {
            let (key, value) = entry.map_err(|error| self.broken("reading", &error))?;
            if key[0..8] != begin[0..8] {
                break;
            }
            let (Some(latest), Some(bytes)) = (value.get(0..8), value.get(8..16)) else {
                let what = format!("the times of stream `{}`, partition {partition}, offset {}", stream.name, offset_of(&key));
                return Err(HostError::storage(what, format!("have {} bytes, too few", value.len())));
            };
            let (latest, bytes) = (latest.try_into().map_or(i64::MIN, i64::from_le_bytes), bytes.try_into().map_or(0, u64::from_le_bytes));
            if !visit(offset_of(&key), latest, bytes) {
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
            streams.add(name, stored);
        }
        for stream in streams.by_name.values() {
            for partition in 0..stream.settings.partitions {
                stream.ends[partition as usize].store(self.stored_offset(stream, &stream.end_key(partition))?, Ordering::Release);
                stream.firsts[partition as usize].store(self.stored_offset(stream, &stream.first_key(partition))?, Ordering::Release);
            }
        }
        Ok(())
    }

    fn stored_offset(&self, stream: &Stream, key: &[u8]) -> Result<Offset, HostError> {
        let Some(bytes) = self.db.get_pinned_cf(self.family(META), key).map_err(|error| self.broken("reading", &error))? else { return Ok(0) };
        let wrong = |_| HostError::storage(format!("the ends of stream `{}`", stream.name), format!("have {} bytes, where 8 were expected", bytes.len()));
        bytes.as_ref().try_into().map(u64::from_be_bytes).map_err(wrong)
    }

    fn lock_streams(&self) -> std::sync::MutexGuard<'_, Streams> {
        // A panic elsewhere leaves the map as it was: entries are added whole.
        self.streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Streams {
    fn add(&mut self, name: &str, stored: Stored) {
        self.next_id = self.next_id.max(stored.id + 1);
        let zeros = || (0..stored.settings.partitions).map(|_| AtomicU64::new(0)).collect();
        let (firsts, ends) = (zeros(), zeros());
        self.by_name.insert(name.to_owned(), Arc::new(Stream { name: name.to_owned(), id: stored.id, settings: stored.settings, firsts, ends }));
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
