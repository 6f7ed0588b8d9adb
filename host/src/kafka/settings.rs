//! How the clients of a job are set up: our defaults, the user's properties over them, and over those what the guarantees rest on.

use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;

use crate::error::HostError;
use crate::job::Guarantee;

/// Properties that the host sets, as its guarantees depend on them.
const OWNED: [&str; 19] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "isolation.level",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "retries",
    "transactional.id",
];

/// The largest record that our producers hand on, bytes; brokers and topics have limits of their own (1 MiB, unless told otherwise).
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// A producer waits so long for an answer at least, ms.
pub(super) const ANSWER_MS_MIN: u64 = 1_000;

/// How often a member looks whether it is connected to any broker, ms (see `raw::introduce`).
const LOOKS_MS: &str = "5000";

/// A job's settings for one cluster, secrets filled in. Never printed.
#[derive(Clone)]
pub struct Settings {
    pub bootstrap: String,
    pub job: String,
    pub group: String,
    /// Names this host among those that share the job; the workers' ids are made of it.
    pub instance: String,
    pub guarantee: Guarantee,
    /// Of topics that the job makes; -1: as the broker has it.
    pub replication: i32,
    pub checkpoint_interval_ms: u64,
    /// librdkafka's own, in the order of the job file.
    pub properties: Vec<(String, String)>,
    /// Tells jobs of one name apart (see [`Settings::client_id`]).
    pub fingerprint: String,
    /// Tells this process from others that are this host, or were.
    pub process: String,
}

/// Why a property cannot be the user's to set; `None`: it can.
pub fn owned(property: &str) -> Option<&'static str> {
    OWNED.into_iter().find(|owned| *owned == property)
}

impl Settings {
    /// What brokers show of the job's clients: its name, and which of several jobs of that name it is.
    pub fn client_id(&self) -> String {
        format!("millstream.{}.{}", self.job, self.fingerprint)
    }

    /// The same of the group's members, and which process each is.
    pub fn member_client_id(&self) -> String {
        format!("{}.{}", self.client_id(), self.process)
    }

    /// Worker `number` of this host, to the group and to the transactions: the same after every restart.
    pub fn worker_id(&self, number: usize) -> String {
        format!("{}.{}.worker-{number}", self.job, self.instance)
    }

    /// How long the group waits for a sign of a member, ms.
    pub fn session_ms(&self) -> u64 {
        self.consumer("read_committed").get("session.timeout.ms").and_then(|ms| ms.parse().ok()).unwrap_or(45_000)
    }

    fn base(&self, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        // A cluster that is back is to be noticed soon, not after ten seconds.
        config.set("reconnect.backoff.max.ms", "1000");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name.as_str(), value.as_str());
        }
        config.set("bootstrap.servers", &self.bootstrap).set("client.id", self.client_id());
        config
    }

    fn consumer(&self, isolation: &str) -> ClientConfig {
        let mut config = self.base(&[
            ("session.timeout.ms", "10000"),
            ("heartbeat.interval.ms", "1000"),
            // Prefetched of all partitions together: enough to keep a worker busy, and no more memory than that.
            ("queued.min.messages", "50000"),
            ("queued.max.messages.kbytes", "32768"),
            // By default a consumer whose queue was full sleeps a second.
            ("fetch.queue.backoff.ms", "5"),
            // A partition that is taken on waits for the fetch in progress, and the end of one is known after a fetch that found nothing.
            ("fetch.wait.max.ms", "100"),
            ("topic.metadata.refresh.interval.ms", "10000"),
        ]);
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("isolation.level", isolation);
        config
    }

    /// A consumer that reads what it is told, without a group.
    pub(super) fn reader(&self, isolation: &str) -> ClientConfig {
        let mut config = self.consumer(isolation);
        // It fetches only what is known to be there, for one worker beside another.
        config.set("fetch.wait.max.ms", "10");
        config
    }

    /// Worker `number` as a static member of the group. `range` puts equal partition numbers of co-partitioned inputs on one member.
    pub(super) fn member(&self, number: usize) -> ClientConfig {
        let mut config = self.consumer("read_committed");
        config.set("group.id", &self.group).set("group.instance.id", self.worker_id(number)).set("partition.assignment.strategy", "range");
        config.set("client.id", self.member_client_id());
        if config.get("statistics.interval.ms").is_none() {
            config.set("statistics.interval.ms", LOOKS_MS);
        }
        config
    }

    /// A producer without a worker's place.
    pub(super) fn tool(&self) -> ClientConfig {
        let mut config = self.writer("60000");
        config.remove("transaction.timeout.ms");
        config
    }

    /// Worker `number`'s producer; transactional where the job is exactly-once.
    pub(super) fn producer(&self, number: usize) -> ClientConfig {
        // A transaction is open for up to a checkpoint interval, and must outlive a slow batch on top.
        let transaction_ms = (3 * self.checkpoint_interval_ms).max(10_000).to_string();
        let mut config = self.writer(&transaction_ms);
        match self.guarantee {
            Guarantee::ExactlyOnce => config.set("transactional.id", self.worker_id(number)),
            Guarantee::AtLeastOnce => config.remove("transaction.timeout.ms"),
        };
        config
    }

    fn writer(&self, transaction_ms: &str) -> ClientConfig {
        let largest = MESSAGE_BYTES_MAX.to_string();
        let mut config = self.base(&[
            ("linger.ms", "5"),
            ("batch.size", "1000000"),
            ("message.max.bytes", &largest),
            ("queue.buffering.max.messages", "1000000"),
            ("queue.buffering.max.kbytes", "131072"),
            ("topic.metadata.refresh.interval.ms", "10000"),
            ("transaction.timeout.ms", transaction_ms),
        ]);
        config.set("enable.idempotence", "true").set("delivery.report.only.error", "true");
        // What the client does about a request without an answer, or a connection that broke, must not stay unseen: see `Producer::end`.
        config.set("log.connection.close", "true").set_log_level(RDKafkaLogLevel::Info);
        if config.get("socket.timeout.ms").and_then(|ms| ms.parse::<u64>().ok()).is_some_and(|ms| ms < ANSWER_MS_MIN) {
            config.set("socket.timeout.ms", ANSWER_MS_MIN.to_string());
        }
        config
    }
}

/// Makes a client, or says which property is wrong. Values are not repeated: one may be a secret.
pub(super) fn create<C, T: FromClientConfigAndContext<C>>(config: &ClientConfig, context: C) -> Result<T, HostError>
where
    C: rdkafka::ClientContext,
{
    T::from_config_and_context(config, context).map_err(|error| match error {
        KafkaError::ClientConfig(_, description, name, _) => {
            let reason = if description.contains("Invalid value") { "has a value that the client does not take".to_owned() } else { description };
            HostError::job(format!("kafka.properties.{name}"), reason).with_help("names and values are those of librdkafka 2.12, see its CONFIGURATION.md")
        }
        KafkaError::ClientCreation(reason) => {
            HostError::job("kafka.properties", reason).with_help("two properties may not go together, or a file they name may be missing: certificates, keys")
        }
        other => HostError::external("making a Kafka client", other),
    })
}
