//! The independent reader: what a consumer sees, up to the high watermark at the time of the call.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::broker::Broker;
use super::wait::{TIMEOUT, until};

const POLL: Duration = Duration::from_millis(100);
/// How long a reader waits by default while a transaction is open.
const OPEN_TRANSACTION: Duration = Duration::from_secs(30);

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub timestamp: Option<i64>,
}

impl Record {
    fn of(message: &BorrowedMessage<'_>) -> Record {
        let headers = message.headers().map(|headers| headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect());
        Record {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            timestamp: message.timestamp().to_millis(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Committed records only, up to the first open transaction.
    Committed,
    /// All of them, aborted ones too.
    Uncommitted,
}

impl Broker {
    /// All committed records below the high watermark, partition by partition. Waits while a transaction is open; panics when that takes too long.
    #[track_caller]
    pub fn read_committed(&self, topic: &str) -> Vec<Record> {
        Reader::open(&self.client(), topic, Isolation::Committed).read()
    }

    /// All records below the high watermark, whatever became of their transactions.
    #[track_caller]
    pub fn read_uncommitted(&self, topic: &str) -> Vec<Record> {
        Reader::open(&self.client(), topic, Isolation::Uncommitted).read()
    }

    /// By partition: the high watermark, one past the last record or marker, of open transactions too.
    pub fn high_watermarks(&self, topic: &str) -> Vec<i64> {
        Reader::open(&self.client(), topic, Isolation::Uncommitted).ends()
    }
}

/// Reads a topic from its beginning, each record once, a piece per call. Belongs to no group.
pub struct Reader {
    topic: String,
    consumer: BaseConsumer,
    /// Its watermark is the high one; that of a `read_committed` client is the last stable offset.
    uncommitted: BaseConsumer,
    isolation: Isolation,
    patience: Duration,
    /// By partition: the next offset to read.
    next: Vec<i64>,
}

impl Reader {
    #[track_caller]
    pub fn open(client: &ClientConfig, topic: &str, isolation: Isolation) -> Reader {
        let mut config = client.clone();
        config.set("group.id", "reader-without-group").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.set("auto.offset.reset", "error").set("fetch.wait.max.ms", "20").set("fetch.queue.backoff.ms", "10");
        let uncommitted: BaseConsumer = config.clone().set("isolation.level", "read_uncommitted").create().expect("a client");
        let level = if isolation == Isolation::Committed { "read_committed" } else { "read_uncommitted" };
        let consumer: BaseConsumer = config.set("isolation.level", level).create().expect("a consumer");
        let partitions = until(&format!("topic {topic}"), TIMEOUT, || {
            let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).ok()?;
            metadata.topics().first().filter(|topic| topic.error().is_none()).map(|topic| topic.partitions().len())
        });
        let mut reader = Reader { topic: topic.to_owned(), consumer, uncommitted, isolation, patience: OPEN_TRANSACTION, next: Vec::new() };
        // Not 0: retention and DeleteRecords move the beginning.
        reader.next = (0..partitions).map(|partition| watermarks(&reader.uncommitted, topic, partition as i32).0).collect();
        reader
    }

    /// How long an open transaction may hold it up.
    pub fn patience(mut self, patience: Duration) -> Reader {
        self.patience = patience;
        self
    }

    /// What is new since the call before, up to the high watermarks of now.
    #[track_caller]
    pub fn read(&mut self) -> Vec<Record> {
        let ends = self.ends();
        if self.isolation == Isolation::Committed {
            self.await_stable(&ends);
        }
        let mut list = TopicPartitionList::new();
        // Partitions with nothing new are left out: they would report their end anyway.
        let mut reading: Vec<bool> = self.next.iter().zip(&ends).map(|(next, end)| next < end).collect();
        for (partition, next) in self.next.iter().enumerate().filter(|(partition, _)| reading[*partition]) {
            list.add_partition_offset(&self.topic, partition as i32, Offset::Offset(*next)).expect("an offset");
        }
        self.consumer.assign(&list).expect("an assignment");
        let mut records = Vec::new();
        let mut heard = Instant::now();
        while reading.contains(&true) {
            match self.consumer.poll(POLL) {
                None => assert!(heard.elapsed() < TIMEOUT, "{}: nothing came for {TIMEOUT:?}, read up to {:?} of {ends:?}", self.topic, self.next),
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let (partition, offset) = (message.partition() as usize, message.offset());
                    if offset < ends[partition] {
                        let expected = std::mem::replace(&mut self.next[partition], offset + 1);
                        assert!(offset >= expected, "{}: offset {offset} after {expected}: the reader itself is wrong", self.topic);
                        records.push(Record::of(&message));
                    }
                    reading[partition] &= offset + 1 < ends[partition];
                }
                // The end is stable and was so before we asked: what follows the last record is markers.
                Some(Err(KafkaError::PartitionEOF(partition))) => reading[partition as usize] = false,
                Some(Err(error)) => assert!(heard.elapsed() < TIMEOUT, "{}: {error}", self.topic),
            }
        }
        self.next = ends;
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    fn ends(&self) -> Vec<i64> {
        (0..self.next.len()).map(|partition| watermarks(&self.uncommitted, &self.topic, partition as i32).1).collect()
    }

    #[track_caller]
    fn await_stable(&self, ends: &[i64]) {
        let began = Instant::now();
        for (partition, end) in ends.iter().enumerate() {
            loop {
                let stable = watermarks(&self.consumer, &self.topic, partition as i32).1;
                if stable >= *end {
                    break;
                }
                let (topic, patience) = (&self.topic, self.patience);
                assert!(began.elapsed() < patience, "{topic}/{partition}: a transaction is open from offset {stable} of {end} for {patience:?}");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// The first offset and one past the last, as this client's isolation shows them.
#[track_caller]
pub(super) fn watermarks(client: &BaseConsumer, topic: &str, partition: i32) -> (i64, i64) {
    until(&format!("watermarks of {topic}/{partition}"), TIMEOUT, || client.fetch_watermarks(topic, partition, Duration::from_secs(5)).ok())
}
