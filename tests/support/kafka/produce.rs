//! Records into a topic, with every field: plain, and in transactions that are committed, aborted or left open.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use super::broker::Broker;
use super::wait::{TIMEOUT, until};

/// A feed writes so often.
const FEED_STEP: Duration = Duration::from_millis(20);

/// A record to write. Without a partition it goes by its key, without a time it is stamped now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    pub partition: Option<i32>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub timestamp: Option<i64>,
}

impl Outgoing {
    /// With a key and a value.
    pub fn of(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Outgoing {
        Outgoing { key: Some(key.as_ref().to_vec()), value: Some(value.as_ref().to_vec()), ..Outgoing::default() }
    }

    pub fn to(mut self, partition: i32) -> Outgoing {
        self.partition = Some(partition);
        self
    }

    /// In milliseconds. librdkafka takes 0 for "now": that time cannot be written with it.
    pub fn at(mut self, timestamp: i64) -> Outgoing {
        self.timestamp = Some(timestamp);
        self
    }

    pub fn header(mut self, name: &str, value: Option<&[u8]>) -> Outgoing {
        self.headers.push((name.to_owned(), value.map(<[u8]>::to_vec)));
        self
    }
}

impl Broker {
    /// Writes records and returns when all are acknowledged; the order per partition is that given.
    pub fn produce(&self, topic: &str, records: &[Outgoing]) {
        let producer = open(self.client().set("enable.idempotence", "true"));
        send(&producer, topic, records);
        settled(&producer, topic);
    }

    /// Writes records evenly over a time, on a thread of its own.
    pub fn feed(&self, topic: &str, records: Vec<Outgoing>, over: Duration) -> Feeding {
        let steps = (over.as_millis() / FEED_STEP.as_millis()).max(1) as usize;
        let portion = records.len().div_ceil(steps).max(1);
        self.feed_steps(topic, records.into_iter(), portion)
    }

    /// Writes records at a rate until there are none left, or [`Feeding::end`] is called.
    pub fn feed_on(&self, topic: &str, records: impl Iterator<Item = Outgoing> + Send + 'static, per_second: usize) -> Feeding {
        self.feed_steps(topic, records, (per_second * FEED_STEP.as_millis() as usize / 1_000).max(1))
    }

    fn feed_steps(&self, topic: &str, mut records: impl Iterator<Item = Outgoing> + Send + 'static, portion: usize) -> Feeding {
        let (mut config, topic, over) = (self.client(), topic.to_owned(), Arc::new(AtomicBool::new(false)));
        config.set("enable.idempotence", "true");
        let ended = over.clone();
        let feed = move || {
            let producer = open(&config);
            let began = Instant::now();
            for n in 0.. {
                let next: Vec<Outgoing> = records.by_ref().take(portion).collect();
                if next.is_empty() || ended.load(Ordering::Acquire) {
                    break;
                }
                std::thread::sleep((FEED_STEP * n).saturating_sub(began.elapsed()));
                send(&producer, &topic, &next);
            }
            settled(&producer, &topic);
        };
        Feeding { thread: std::thread::spawn(feed), over }
    }

    /// A producer for transactions. One that had this id before is fenced, and its open transaction aborted.
    pub fn transactional(&self, id: &str) -> Transactional {
        Transactional::open(self.client().set("transactional.id", id))
    }
}

/// Records on their way into a topic.
pub struct Feeding {
    thread: JoinHandle<()>,
    over: Arc<AtomicBool>,
}

impl Feeding {
    pub fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until all are acknowledged.
    #[track_caller]
    pub fn join(self) {
        assert!(self.thread.join().is_ok(), "not all records were taken");
    }

    /// Writes no more, and waits until those that were written are acknowledged.
    #[track_caller]
    pub fn end(self) {
        self.over.store(true, Ordering::Release);
        self.join();
    }
}

/// A producer whose transactions a test begins and ends. Dropped with one open, it leaves that to the broker's timeout.
pub struct Transactional {
    producer: ThreadedProducer<Reports>,
    bootstrap: String,
}

impl Transactional {
    /// With a configuration of the test's own, `transactional.id` included: through a proxy, say, or with a short `transaction.timeout.ms`.
    pub fn open(config: &ClientConfig) -> Transactional {
        let producer = open(config);
        // A fresh broker's coordinator is loading for a while, which is a retriable error.
        until("a transactional id", TIMEOUT, || match producer.init_transactions(TIMEOUT) {
            Err(KafkaError::Transaction(error)) if error.is_retriable() => None,
            ended => Some(ended),
        })
        .expect("a transactional id");
        Transactional { producer, bootstrap: config.get("bootstrap.servers").expect("bootstrap servers").to_owned() }
    }

    pub fn begin(&self) {
        self.producer.begin_transaction().expect("a transaction");
    }

    /// Writes records into the open transaction and returns when all are acknowledged.
    pub fn send(&self, topic: &str, records: &[Outgoing]) {
        send(&self.producer, topic, records);
        settled(&self.producer, topic);
    }

    /// Adds positions of a group to the transaction, by topic and partition the next offset to read.
    pub fn send_offsets(&self, group: &str, offsets: &BTreeMap<(String, i32), i64>) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        // Of a consumer that never joined: no generation, which the broker accepts for a group without members.
        let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &self.bootstrap).set("group.id", group).create()?;
        let metadata = consumer.group_metadata().expect("a consumer with a group has its metadata");
        self.producer.send_offsets_to_transaction(&list, &metadata, TIMEOUT)
    }

    pub fn commit(&self) {
        self.try_commit(TIMEOUT).expect("a commit");
    }

    pub fn try_commit(&self, timeout: Duration) -> KafkaResult<()> {
        self.producer.commit_transaction(timeout)
    }

    pub fn abort(&self) {
        self.producer.abort_transaction(TIMEOUT).expect("an abort");
    }

    /// Begin, send, and commit or abort.
    pub fn transact(&self, topic: &str, records: &[Outgoing], commit: bool) {
        self.begin();
        self.send(topic, records);
        if commit { self.commit() } else { self.abort() }
    }
}

/// Collects failed deliveries. The producer's own thread calls it.
#[derive(Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().expect("no panic while reporting").push(error.to_string());
        }
    }
}

fn open(config: &ClientConfig) -> ThreadedProducer<Reports> {
    let mut config = config.clone();
    config.set("linger.ms", "2");
    config.create_with_context(Reports::default()).expect("a producer")
}

fn send(producer: &ThreadedProducer<Reports>, topic: &str, records: &[Outgoing]) {
    for outgoing in records {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic);
        record.partition = outgoing.partition;
        record.key = outgoing.key.as_deref();
        record.payload = outgoing.value.as_deref();
        record.timestamp = outgoing.timestamp;
        if !outgoing.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(outgoing.headers.len());
            record.headers = Some(outgoing.headers.iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: value.as_deref() })));
        }
        let mut record = Some(record);
        until("room in the producer's queue", TIMEOUT, || match producer.send(record.take()?) {
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = Some(back);
                None
            }
            sent => Some(sent.map_err(|(error, _)| error)),
        })
        .unwrap_or_else(|error| panic!("a record for {topic}: {error}"));
    }
}

#[track_caller]
fn settled(producer: &ThreadedProducer<Reports>, topic: &str) {
    producer.flush(TIMEOUT).unwrap_or_else(|error| panic!("records for {topic}: {error}"));
    let failed = std::mem::take(&mut *producer.context().0.lock().expect("no panic while reporting"));
    assert!(failed.is_empty(), "{} records for {topic} failed, the first: {}", failed.len(), failed[0]);
}
