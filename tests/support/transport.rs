//! The contract suite's view of a transport, and how the embedded log fits it. Kafka joins by implementing [`Transport`] and naming itself in `tests/transport.rs`.

use std::rc::Rc;
use std::sync::Arc;

use millstream::checkpoint::{Ledger, TaskProgress};
use millstream::error::HostError;
use millstream::log::{Log, LogWorker, StreamSettings};
use millstream::record::{Batch, BatchBuilder, Fields, HeadersBuilder, NONE, Offset, TaskId};
use millstream::sink::Sink;
use millstream::source::{InputPartition, PollBudget, Polled, Source, Start};
use millstream::state::StateStore;
use tempfile::TempDir;

/// Streams that outlive whoever writes and reads them. Shared by threads; what it opens stays on one.
pub trait Transport: Send + Sync + Sized {
    /// A new, empty one.
    fn fresh() -> Self;
    /// Everything opened is gone, as after the end of a process; the same streams are opened by another.
    fn reopened(self) -> Self;
    fn create(&self, stream: &str, partitions: u32) -> Result<(), HostError>;
    fn worker(&self, job: &str) -> Worker;
}

/// What a worker opens of streams that exist.
pub trait Ends {
    fn sink(&self, stream: &str, task: TaskId) -> Result<Box<dyn Sink>, HostError>;
    fn source(&self, stream: &str, bounded: bool) -> Result<Box<dyn Source>, HostError>;
}

impl Ends for LogWorker {
    fn sink(&self, stream: &str, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        LogWorker::sink(self, stream, task)
    }

    fn source(&self, stream: &str, bounded: bool) -> Result<Box<dyn Source>, HostError> {
        LogWorker::source(self, stream, bounded)
    }
}

/// One worker's ends.
pub struct Worker {
    ends: Box<dyn Ends>,
    pub ledger: Box<dyn Ledger>,
    pub state: Rc<dyn StateStore>,
}

impl Worker {
    pub fn sink(&self, stream: &str, task: u32) -> Box<dyn Sink> {
        self.ends.sink(stream, TaskId { stage: 0, partition: task }).unwrap()
    }

    pub fn source(&self, stream: &str, bounded: bool) -> Box<dyn Source> {
        self.ends.source(stream, bounded).unwrap()
    }

    /// Makes a checkpoint of what the sinks have taken; task 0 has then come to `position`.
    pub fn checkpoint(&mut self, sinks: &mut [&mut Box<dyn Sink>], position: Offset) -> Result<(), HostError> {
        for sink in sinks {
            sink.flush()?;
        }
        let mut progress = TaskProgress::default();
        progress.positions.insert("in".to_owned(), position);
        self.ledger.commit(&[(TASK, progress)])?;
        self.ledger.apply(&mut std::iter::empty())
    }

    /// Where the last checkpoint left task 0.
    pub fn position(&mut self) -> Option<Offset> {
        self.ledger.progress(TASK).unwrap().map(|progress| progress.positions["in"])
    }
}

pub const TASK: TaskId = TaskId { stage: 0, partition: 0 };

/// The embedded log in a folder of its own.
pub struct Embedded {
    log: Option<Arc<Log>>,
    folder: TempDir,
}

impl Embedded {
    pub fn log(&self) -> &Arc<Log> {
        self.log.as_ref().unwrap()
    }
}

impl Transport for Embedded {
    fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Embedded { log: Some(Log::open(folder.path()).unwrap()), folder }
    }

    fn reopened(mut self) -> Self {
        drop(self.log.take());
        self.log = Some(Log::open(self.folder.path()).unwrap());
        self
    }

    fn create(&self, stream: &str, partitions: u32) -> Result<(), HostError> {
        self.log().create_stream(stream, &StreamSettings { partitions, retention_ms: None, retention_bytes: None })
    }

    fn worker(&self, job: &str) -> Worker {
        let ends = self.log().worker(job);
        Worker { ledger: ends.ledger(), state: ends.state(), ends: Box::new(ends) }
    }
}

/// A record as tests compare it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    pub timestamp: i64,
}

impl Record {
    pub fn new(key: &str, value: &str, timestamp: i64) -> Record {
        Record { key: Some(key.into()), value: Some(value.into()), headers: Vec::new(), timestamp }
    }
}

/// Packs records, all for one partition (or by key: [`NONE`]).
pub fn pack(records: &[Record], partition: u32) -> Batch {
    let mut batch = BatchBuilder::default();
    for record in records {
        let mut headers = HeadersBuilder::default();
        record.headers.iter().for_each(|(name, value)| assert!(headers.push(name, value.as_deref())));
        let fields = Fields { port: 3, timestamp: record.timestamp, offset: 7, partition, key_id: 9 };
        batch.push(record.key.as_deref(), record.value.as_deref(), headers.headers(), fields);
    }
    batch.into_batch()
}

/// `count` records whose values are their numbers from `first` on, by the minute.
pub fn numbered(first: u64, count: u64) -> Vec<Record> {
    (first..first + count).map(|n| Record::new(&format!("key-{}", n % 10), &n.to_string(), n as i64 * 60_000)).collect()
}

/// Sends `count` numbered records to a partition and commits them.
pub fn produce(transport: &impl Transport, stream: &str, partition: u32, first: u64, count: u64) {
    let mut worker = transport.worker("producer");
    let mut sink = worker.sink(stream, 0);
    sink.send(&pack(&numbered(first, count), partition)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
}

/// A poll that returns at once with all there is.
pub const ALL: PollBudget = PollBudget { records_max: usize::MAX, bytes_max: usize::MAX, wait_ms: 0 };

/// Everything of a partition from `start` on; checks that offsets count on without a gap from the position that `assign` told.
pub fn read(worker: &Worker, stream: &str, partition: u32, start: Start) -> (Offset, Vec<Record>) {
    let mut source = worker.source(stream, true);
    let at = InputPartition { input: 0, partition };
    let begin = source.assign(at, start).unwrap();
    let (mut next, mut records) = (begin, Vec::new());
    loop {
        let mut found = Vec::new();
        source.poll(ALL, &mut found).unwrap();
        assert!(!found.is_empty(), "a bounded read ends with an end");
        for polled in found {
            match polled {
                Polled::End { at: ended } => {
                    assert_eq!(ended, at);
                    return (begin, records);
                }
                Polled::Skipped { next: after, .. } => next = next.max(after),
                Polled::Records { at: from, batch, next: after } => {
                    assert_eq!(from, at);
                    next = check(&batch, partition, next, after);
                    records.extend(unpack(&batch));
                }
            }
        }
    }
}

/// Checks what the rows of a polled batch carry, and returns the position after it.
pub fn check(batch: &Batch, partition: u32, first: Offset, after: Offset) -> Offset {
    assert!(!batch.is_empty(), "a polled batch holds at least one record");
    for (n, view) in batch.iter().enumerate() {
        assert_eq!((view.offset, view.partition), ((first + n as u64) as i64, partition));
        assert_eq!((view.port, view.key_id), (0, NONE), "port and key-id are unset");
    }
    assert_eq!(after, first + batch.len() as u64);
    after
}

pub fn unpack(batch: &Batch) -> Vec<Record> {
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    let record = |view: millstream::record::View<'_>| Record {
        key: owned(view.key),
        value: owned(view.value),
        headers: view.headers.iter().map(|(name, value)| (name.to_vec(), owned(value))).collect(),
        timestamp: view.timestamp,
    };
    batch.iter().map(record).collect()
}
