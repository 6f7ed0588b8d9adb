//! What librdkafka tells of itself, kept for whoever asks: rebalances for the worker, the last words of trouble for messages to people.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memmem;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientContext, TopicPartitionList};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Values are replaced whole; a panic elsewhere does not spoil them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last that went wrong on the way to the cluster, for people. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Trouble {
    last: Arc<Mutex<Option<String>>>,
}

impl Trouble {
    pub fn note(&self, text: impl Into<String>) {
        *lock(&self.last) = Some(text.into());
    }

    pub fn last(&self) -> Option<String> {
        lock(&self.last).clone()
    }

    /// An error of a client's. That no broker is left follows from what was said of each before, and says less.
    fn error(&self, error: &KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.note(format!("{error}: {reason}"));
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        let serious = matches!(level, RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error);
        // FAIL lines are warnings in form: a connection that cannot be made, and why. CONFWARN is about settings of the other kind of client.
        if serious && facility != "CONFWARN" {
            self.note(text.split("]: ").last().unwrap_or(text));
        }
    }
}

/// A rebalance that waits for the worker's answer.
pub(super) struct Rebalance {
    /// Assigned, or else revoked.
    pub assigned: bool,
    pub partitions: TopicPartitionList,
}

/// How a client's statistics say that it is connected to a broker.
const CONNECTED: &[u8] = b"\"state\":\"UP\"";

/// A consumer's context. The rebalance callback only notes: the worker settles, commits and closes with its own state at hand, and answers then.
#[derive(Default)]
pub(super) struct Events {
    pub trouble: Trouble,
    rebalances: Mutex<VecDeque<Rebalance>>,
    closing: AtomicBool,
    unconnected: AtomicBool,
}

impl Events {
    pub fn new(trouble: Trouble) -> Events {
        Events { trouble, ..Events::default() }
    }

    pub fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// Whether the client was connected to no broker when it looked last; once for each time.
    pub fn was_unconnected(&self) -> bool {
        self.unconnected.swap(false, Ordering::Relaxed)
    }

    /// From now on partitions are given back at once: nobody is there to answer while a consumer is dropped, and the drop waits for it.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for Events {
    /// They are long, and only this is asked of them.
    fn stats_raw(&self, statistics: &[u8]) {
        self.unconnected.store(memmem::find(statistics, CONNECTED).is_none(), Ordering::Relaxed);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.trouble.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble.error(&error, reason);
    }
}

impl ConsumerContext for Events {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let assigned = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if !self.closing.load(Ordering::Relaxed) {
            lock(&self.rebalances).push_back(Rebalance { assigned, partitions: partitions.clone() });
        } else if let Err(error) = consumer.unassign() {
            // Nothing depends on it any more: the consumer goes away with or without its partitions.
            self.trouble.note(error.to_string());
        }
    }
}

/// A producer's context: the first record that could not be delivered, which says more than the commit that fails for it.
#[derive(Default)]
pub(super) struct Deliveries {
    pub trouble: Trouble,
    disturbed: AtomicBool,
    failed: Mutex<Option<(KafkaError, String, i32)>>,
}

impl Deliveries {
    pub fn new(trouble: Trouble) -> Deliveries {
        Deliveries { trouble, ..Deliveries::default() }
    }

    /// Whether the client ever lost a connection, or an answer. Of equal troubles it reports one in 30 s, so the first stands for those that follow.
    pub fn was_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Relaxed)
    }

    pub fn has_failed(&self) -> bool {
        lock(&self.failed).is_some()
    }

    /// Why, to which topic and partition.
    pub fn take_failed(&self) -> Option<(KafkaError, String, i32)> {
        lock(&self.failed).take()
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // FAIL: a connection ended; the client says so as an error only where nothing was under way.
        if matches!(facility, "FAIL" | "REQTMOUT") {
            self.disturbed.store(true, Ordering::Relaxed);
        }
        self.trouble.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble.error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, delivery: &DeliveryResult<'_>, _opaque: ()) {
        if let Err((error, message)) = delivery {
            let mut failed = lock(&self.failed);
            // What is purged after the first failure only follows from it.
            if failed.is_none() {
                *failed = Some((error.clone(), message.topic().to_owned(), message.partition()));
            }
        }
    }
}
