//! One worker's producer: outputs, repartition records, changelog and dead letters of a checkpoint in one transaction, positions with them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::producer::Producer as _;
use rdkafka::types::RDKafkaErrorCode;

use super::client::Deliveries;
use super::cluster::{Cluster, REQUEST_MS, code};
use super::raw::{self, Consumer, Failure, NativeProducer, Outgoing, Owner, PlainRecords, Topic};
use super::settings::{ANSWER_MS_MIN, create};
use super::timestamp;
use super::trial::FailPoint;
use crate::error::HostError;
use crate::job::Guarantee;
use crate::record::{Batch, NO_TIMESTAMP, View};

/// How long brokers may take nothing before a record is given up on, and with it the transaction.
const FULL_QUEUE_MAX: Duration = Duration::from_secs(30);
/// A commit that took so long may have asked the broker more than once: requests are repeated when their time is up, or the
/// connection breaks, which the client reports.
const REPEATED_AFTER: Duration = Duration::from_millis(ANSWER_MS_MIN * 4 / 5);
/// One slice of waiting for acknowledgements, between which reports of failures are taken.
const FLUSH_SLICE_MS: u64 = 200;
/// What a client has to say at once, at most; the rest is heard later.
const SAYINGS_MAX: usize = 64;
/// A client that waits for so long is told where the cluster is.
const SILENCE: Duration = Duration::from_secs(2);
/// One slice of `init_transactions`, between which the consumer is tended.
const INIT_SLICE_MS: u64 = 500;
const MEET: Duration = Duration::from_millis(2);

/// See the module. Everything runs on the worker's thread.
pub struct Producer {
    cluster: Arc<Cluster>,
    client: Arc<NativeProducer>,
    topics: RefCell<BTreeMap<String, Rc<Topic>>>,
    /// A transaction is open.
    open: Cell<bool>,
    /// Produced since the last commit, bytes.
    staged_bytes: Cell<usize>,
    /// An end of a transaction that was committed may still be on its way.
    suspect: Cell<bool>,
}

impl Producer {
    /// Takes over the worker's place: ends what a producer of the same id left open, and fences it. `tend` is called in between, as this can take seconds.
    pub fn open(cluster: &Arc<Cluster>, number: usize, tend: &mut dyn FnMut() -> Result<(), HostError>) -> Result<Rc<Producer>, HostError> {
        let client: NativeProducer = create(&cluster.settings.producer(number), Deliveries::new(cluster.trouble.clone()))?;
        let producer = Producer::new(cluster, client, false);
        if cluster.settings.guarantee == Guarantee::ExactlyOnce {
            let began = Instant::now();
            let mut told = began;
            producer.meet_cluster();
            while let Err(failure) = raw::init_transactions(&producer.client, INIT_SLICE_MS) {
                tend()?;
                producer.introduce(&mut told);
                producer.client.poll(Duration::ZERO);
                if !failure.retriable || began.elapsed() > FULL_QUEUE_MAX {
                    return Err(producer.failed("taking over the worker's transactions", &failure));
                }
            }
        }
        Ok(Rc::new(producer))
    }

    /// Waits, within a bound, until the client has heard of the cluster: asked for a coordinator before that, it asks again after half a second only.
    fn meet_cluster(&self) {
        let began = Instant::now();
        while self.client.client().fetch_cluster_id(Duration::ZERO).is_none() && began.elapsed() < Duration::from_millis(INIT_SLICE_MS) {
            std::thread::sleep(MEET);
        }
    }

    /// Tells the client where the cluster is, when it has waited for long since it was `told`: it may have forgotten.
    fn introduce(&self, told: &mut Instant) {
        if told.elapsed() >= SILENCE {
            *told = Instant::now();
            self.cluster.introduce(self.client.client());
        }
    }

    /// For a tool: no transactions, no worker's place.
    pub(super) fn plain(cluster: &Arc<Cluster>) -> Result<Producer, HostError> {
        let client: NativeProducer = create(&cluster.settings.tool(), Deliveries::new(cluster.trouble.clone()))?;
        Ok(Producer::new(cluster, client, true))
    }

    fn new(cluster: &Arc<Cluster>, client: NativeProducer, open: bool) -> Producer {
        let (cluster, client, topics) = (cluster.clone(), Arc::new(client), RefCell::default());
        Producer { cluster, client, topics, open: Cell::new(open), staged_bytes: Cell::new(0), suspect: Cell::new(false) }
    }

    /// Returns when all is acknowledged. For [`Producer::plain`].
    pub(super) fn settle(&self) -> Result<(), HostError> {
        self.flush()?;
        self.client.context().take_failed().map_or(Ok(()), |failed| Err(self.not_delivered(failed)))
    }

    /// The handle that records for a topic are produced to. Its metadata is fetched first, so that the first records find their partitions.
    pub(super) fn topic(&self, name: &str) -> Result<Rc<Topic>, HostError> {
        if let Some(topic) = self.topics.borrow().get(name) {
            return Ok(topic.clone());
        }
        let metadata = self.client.client().fetch_metadata(Some(name), Duration::from_millis(REQUEST_MS));
        let doing = || format!("opening topic `{name}`");
        let metadata = metadata.map_err(|error| self.cluster.failed(doing(), code(&error)))?;
        if let Some(error) = metadata.topics().first().and_then(|topic| topic.error()) {
            return Err(self.cluster.failed(doing(), error.into()));
        }
        let topic = Rc::new(Topic::open(Owner::Producer(self.client.clone()), name).map_err(|failure| self.cluster.failure(doing(), &failure))?);
        self.topics.borrow_mut().insert(name.to_owned(), topic.clone());
        Ok(topic)
    }

    /// Sends all rows of a batch; `partition` says where each goes. Returns the bytes since the last commit.
    pub(super) fn send(&self, topic: &Topic, batch: &Batch, mut partition: impl FnMut(&View<'_>) -> u32) -> Result<usize, HostError> {
        self.begin()?;
        for view in batch {
            let target = partition(&view);
            self.put(topic, target, &view)?;
        }
        self.staged_bytes.set(self.staged_bytes.get() + batch.bytes());
        Ok(self.staged_bytes.get())
    }

    /// Sends a record that has neither headers nor an event time.
    pub(super) fn send_plain(&self, topic: &Topic, partition: u32, key: &[u8], value: Option<&[u8]>) -> Result<(), HostError> {
        self.begin()?;
        self.staged_bytes.set(self.staged_bytes.get() + key.len() + value.map_or(0, <[u8]>::len));
        self.produce(topic, &Outgoing { partition, key: Some(key), value, headers: Default::default(), timestamp: 0 })
    }

    /// Sends many such records to one partition.
    pub(super) fn send_plain_many(&self, topic: &Topic, partition: u32, records: &PlainRecords<'_>) -> Result<(), HostError> {
        self.begin()?;
        self.staged_bytes.set(self.staged_bytes.get() + records.bytes());
        let mut begin = 0;
        self.while_full(|| match raw::produce_plain(topic, partition, records, begin) {
            None => Ok(()),
            // What comes before it is on its way.
            Some((first, failure)) => {
                begin = first;
                Err(failure)
            }
        })
    }

    fn put(&self, topic: &Topic, partition: u32, view: &View<'_>) -> Result<(), HostError> {
        let View { key, value, .. } = *view;
        let timestamp = match view.timestamp {
            NO_TIMESTAMP => raw::NO_TIMESTAMP,
            time if timestamp::needs_header(time) => {
                let (timestamp, headers) = timestamp::stand_in(time, view.headers);
                return self.produce(topic, &Outgoing { partition, key, value, headers: headers.headers(), timestamp });
            }
            time => time,
        };
        self.produce(topic, &Outgoing { partition, key, value, headers: view.headers, timestamp })
    }

    fn produce(&self, topic: &Topic, record: &Outgoing<'_>) -> Result<(), HostError> {
        self.while_full(|| raw::produce(topic, record))
    }

    /// Tries again as long as the client's queue is full, within a bound.
    fn while_full(&self, mut hand_over: impl FnMut() -> Result<(), Failure>) -> Result<(), HostError> {
        let mut full_since = None;
        loop {
            match hand_over() {
                Ok(()) => return Ok(()),
                Err(failure) if failure.code == RDKafkaErrorCode::QueueFull && full_since.get_or_insert_with(Instant::now).elapsed() < FULL_QUEUE_MAX => {
                    self.client.poll(Duration::from_millis(1));
                }
                Err(failure) => return Err(self.failed("writing records", &failure)),
            }
        }
    }

    fn begin(&self) -> Result<(), HostError> {
        if !self.open.get() {
            if self.suspect.get() {
                let reason = "the last transaction may have been ended twice: a new producer takes over, so that nothing late ends the next one";
                return Err(HostError::external("beginning a transaction", anyhow::anyhow!(reason)));
            }
            if self.cluster.settings.guarantee == Guarantee::ExactlyOnce {
                raw::begin_transaction(&self.client).map_err(|failure| self.failed("beginning a transaction", &failure))?;
            }
            self.open.set(true);
        }
        Ok(())
    }

    /// Takes what the client has to say. Once a turn: failed deliveries wait for it.
    pub fn tend(&self) {
        self.client.poll(Duration::ZERO);
    }

    /// Makes everything since the last commit durable, with the group's positions. After an error the outcome is unknown: this producer must go, and a new one
    /// of the same id takes over (see [`Producer::open`]), which settles it; never abort after a commit that timed out, and never go on with this one, as
    /// librdkafka has no KIP-890: a delayed end may hit a later transaction.
    pub(super) fn commit(&self, offsets: &TopicPartitionList, member: &Consumer) -> Result<(), HostError> {
        if !self.open.get() && offsets.count() == 0 {
            return Ok(());
        }
        self.begin()?;
        let trial = &self.cluster.trial;
        trial.passes(FailPoint::AfterProduce);
        self.flush()?;
        trial.passes(FailPoint::BeforeOffsets);
        match self.cluster.settings.guarantee {
            Guarantee::ExactlyOnce => {
                if offsets.count() > 0 {
                    raw::send_offsets(&self.client, offsets, member, REQUEST_MS).map_err(|failure| self.failed("committing positions", &failure))?;
                }
                trial.passes(FailPoint::AfterOffsets);
                self.end()?;
                trial.passes(FailPoint::AfterEnd);
            }
            Guarantee::AtLeastOnce => {
                if let Some(failed) = self.client.context().take_failed() {
                    return Err(self.not_delivered(failed));
                }
                if offsets.count() > 0 {
                    member.commit(offsets, CommitMode::Sync).map_err(|error| self.cluster.failed("committing positions", code(&error)))?;
                }
            }
        }
        self.open.set(false);
        self.staged_bytes.set(0);
        Ok(())
    }

    /// Waits until all records are acknowledged. A record that failed counts as not acknowledged until its report is taken, so it is asked for now and then: the
    /// first failure ends the waiting, not its time.
    fn flush(&self) -> Result<(), HostError> {
        let began = Instant::now();
        let mut told = began;
        while let Err(failure) = raw::flush(&self.client, FLUSH_SLICE_MS) {
            self.hear();
            self.introduce(&mut told);
            let context = self.client.context();
            let fatal = self.client.client().fatal_error().map(|(code, text)| Failure { text: format!("{code:?}: {text}"), ..Failure::of(code) });
            if context.has_failed() || fatal.is_some() || began.elapsed() > Duration::from_millis(REQUEST_MS) {
                return Err(self.failed("waiting for records to be acknowledged", &fatal.unwrap_or(failure)));
            }
        }
        self.hear();
        Ok(())
    }

    /// Takes what the client has to say; one call takes one thing.
    fn hear(&self) {
        for _ in 0..SAYINGS_MAX {
            self.client.poll(Duration::ZERO);
            if self.client.in_flight_count() == 0 {
                break;
            }
        }
    }

    /// Commits the transaction. librdkafka repeats the request by itself when its connection breaks or an answer does not come, and cannot tell the broker which
    /// transaction it ends: an older copy, still on its way, would end the next one. So where there may be one, this producer is not gone on with.
    fn end(&self) -> Result<(), HostError> {
        let trial = &self.cluster.trial;
        trial.ends_soon_at(FailPoint::DuringEnd);
        let began = Instant::now();
        let commit = || raw::commit_transaction(&self.client, trial.commit_ms.unwrap_or(REQUEST_MS));
        let mut ended = commit();
        while trial.keep_producer && ended.as_ref().is_err_and(|failure| failure.retriable) {
            ended = commit();
        }
        ended.map_err(|failure| self.failed("committing the transaction", &failure))?;
        self.hear();
        let repeated = self.client.context().was_disturbed() || began.elapsed() > REPEATED_AFTER;
        self.suspect.set(repeated && !trial.keep_producer);
        Ok(())
    }

    /// Why a transaction failed, as far as the cluster said: a client tells it to whoever would begin another, which it refuses then. The call that noticed often
    /// knows only that its time was over.
    fn cause(&self) -> Option<Failure> {
        let asks = self.open.get() && self.cluster.settings.guarantee == Guarantee::ExactlyOnce;
        let refused = asks.then(|| raw::begin_transaction(&self.client).err()).flatten();
        refused.filter(|cause| fences(cause.code) || cause.code as i32 > 0)
    }

    fn failed(&self, doing: &str, failure: &Failure) -> HostError {
        self.client.poll(Duration::ZERO);
        let cause = self.cause();
        let failure = cause.as_ref().unwrap_or(failure);
        let fatal = self.client.client().fatal_error().filter(|(code, _)| fences(*code));
        if let Some((_, reason)) = fatal.or_else(|| fences(failure.code).then(|| (failure.code, failure.text.clone()))) {
            return HostError::Fenced { doing: doing.to_owned(), reason };
        }
        if let Some(failed) = self.client.context().take_failed().filter(|(error, ..)| code(error) != RDKafkaErrorCode::PurgeQueue) {
            return self.not_delivered(failed);
        }
        match failure.code {
            RDKafkaErrorCode::Fatal if failure.text.contains("FENCED") => HostError::Fenced { doing: doing.to_owned(), reason: failure.text.clone() },
            RDKafkaErrorCode::InvalidTransactionTimeout => HostError::job("kafka.properties", "transaction.timeout.ms is more than the brokers allow")
                .with_help("lower it, or the checkpoint interval, of which it is three times by default, or raise transaction.max.timeout.ms of the brokers"),
            _ => self.cluster.failure(doing, failure),
        }
    }

    /// A record that the cluster refused says why the transaction failed.
    fn not_delivered(&self, (error, topic, partition): (rdkafka::error::KafkaError, String, i32)) -> HostError {
        let doing = format!("writing to topic `{topic}`, partition {partition}");
        match code(&error) {
            RDKafkaErrorCode::InvalidTimestamp => HostError::external(
                doing,
                anyhow::anyhow!(
                    "a record's timestamp is too far from the broker's clock; raise message.timestamp.after.max.ms of the topic: the job goes on by itself"
                ),
            ),
            RDKafkaErrorCode::MessageSizeTooLarge => HostError::external(
                doing,
                anyhow::anyhow!("a record is larger than the topic takes; raise max.message.bytes of the topic: the job goes on by itself"),
            ),
            other => self.cluster.failed(doing, other),
        }
    }
}

/// Somebody else has the transactional id.
fn fences(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::Fenced | RDKafkaErrorCode::InvalidProducerEpoch | RDKafkaErrorCode::ProducerFenced)
}
