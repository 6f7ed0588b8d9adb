//! A data folder with known content, to be damaged and read again: what a reader must find in it, or be told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millstream::checkpoint::TaskProgress;
use millstream::error::HostError;
use millstream::log::{Log, StreamSettings};
use millstream::record::TaskId;
use millstream::state::{Change, Flow, StoreId};

use crate::transport::{Record, pack, unpack};

/// SplitMix64: one seed, one run.
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }
}

/// Everything a reader can see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// By stream and partition: the first offset and the records.
    pub streams: BTreeMap<(String, u32), (u64, Vec<Record>)>,
    pub state: BTreeMap<(u32, Vec<u8>), Vec<u8>>,
    pub progress: BTreeMap<TaskId, TaskProgress>,
}

pub const TASKS: u32 = 3;
pub const STREAMS: [(&str, u32); 2] = [("orders", 3), ("totals", 2)];

pub fn store(task: u32) -> StoreId {
    StoreId { job: "job".into(), operator: "count".into(), store: "counts".into(), task }
}

/// Makes the streams of [`STREAMS`].
pub fn create(log: &Log) -> Result<(), HostError> {
    STREAMS
        .iter()
        .try_for_each(|(name, partitions)| log.create_stream(name, &StreamSettings { partitions: *partitions, retention_ms: None, retention_bytes: None }))
}

/// One checkpoint of random outputs, state and progress. Returns what the folder then holds; on an error that is what it held before.
pub fn checkpoint(log: &std::sync::Arc<Log>, content: &Content, random: &mut Random, records: usize) -> Result<Content, HostError> {
    let mut after = content.clone();
    let worker = log.worker("job");
    let mut ledger = worker.ledger();
    for (name, partitions) in STREAMS {
        let mut sink = worker.sink(name, TaskId { stage: 0, partition: 0 })?;
        for partition in 0..partitions {
            let made = |random: &mut Random| Record {
                key: Some(random.bytes(8)),
                value: Some(random.bytes(100)),
                headers: Vec::new(),
                timestamp: random.below(1_000_000) as i64,
            };
            let rows: Vec<Record> = (0..random.below(records) + 1).map(|_| made(random)).collect();
            sink.send(&pack(&rows, partition))?;
            after.streams.entry((name.to_owned(), partition)).or_default().1.extend(rows);
        }
        sink.flush()?;
    }
    let task = TaskId { stage: 0, partition: random.below(TASKS as usize) as u32 };
    let progress = after.progress.entry(task).or_default();
    *progress.positions.entry("in".to_owned()).or_default() += records as u64;
    ledger.commit(&[(task, progress.clone())])?;
    let handle = worker.state().open(&store(task.partition))?;
    let mut writes = BTreeMap::new();
    for _ in 0..records {
        let value = (random.below(5) > 0).then(|| random.bytes(20));
        writes.insert(format!("key-{:04}", random.below(2_000)).into_bytes(), value);
    }
    ledger.apply(&mut writes.iter().map(|(key, value)| Change { store: handle, key, value: value.as_deref() }))?;
    for (key, value) in writes {
        match value {
            Some(value) => after.state.insert((task.partition, key), value),
            None => after.state.remove(&(task.partition, key)),
        };
    }
    Ok(after)
}

/// Reads all there is.
pub fn read(log: &std::sync::Arc<Log>) -> Result<Content, HostError> {
    let mut content = Content::default();
    for (name, settings) in log.streams() {
        let described = log.describe(&name)?;
        for partition in 0..settings.partitions {
            let mut records = Vec::new();
            let first = described.partitions[partition as usize].first;
            while let Some(batch) = log.read(&name, partition, first + records.len() as u64)? {
                records.extend(unpack(&batch));
            }
            content.streams.insert((name.clone(), partition), (first, records));
        }
    }
    let state = log.worker("job").state();
    for task in 0..TASKS {
        let handle = state.open(&store(task))?;
        state.scan(handle, b"", b"", &mut |key, value| {
            content.state.insert((task, key.to_vec()), value.to_vec());
            Flow::Continue(())
        })?;
        let keys: Vec<Vec<u8>> = (0..2_000).map(|n| format!("key-{n:04}").into_bytes()).collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let mut same = true;
        state.get_many(handle, &keys, &mut |n, value| same &= value == content.state.get(&(task, keys[n].to_vec())).map(Vec::as_slice))?;
        assert!(same, "a scan and a look-up of the same keys agree");
        let id = TaskId { stage: 0, partition: task };
        content.progress.extend(log.progress("job", id)?.map(|progress| (id, progress)));
    }
    Ok(content)
}

/// Files of a folder and below.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Copies a folder that nobody has open.
pub fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}
