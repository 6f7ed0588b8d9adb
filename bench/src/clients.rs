//! Records into topics for benchmarks to read, and a look at what comes out.

use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

const API: Duration = Duration::from_secs(60);

/// Writes records by hand; keys go where the Java client would put them.
pub struct Feed {
    producer: BaseProducer,
}

impl Feed {
    pub fn open(bootstrap: &str) -> Feed {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("enable.idempotence", "true").set("partitioner", "murmur2_random");
        config.set("linger.ms", "1").set("delivery.report.only.error", "true");
        Feed { producer: config.create().expect("a producer") }
    }

    pub fn send(&self, topic: &str, key: &str, value: &str) {
        let mut record = BaseRecord::to(topic).key(key).payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => record = back,
                Err((error, _)) => panic!("writing to {topic}: {error}"),
            }
            self.producer.poll(Duration::from_millis(1));
        }
    }

    /// Records of a key of 16 bytes and a value of 100, each key as often as the others, no two of one key close together.
    pub fn load(&self, topic: &str, records: u64, keys: u64) {
        for n in 0..records {
            // A prime: all keys come before one comes again.
            let key = n * 514_229 % keys;
            self.send(topic, &format!("key-{key:012}"), &format!("{n:<12}{:a<88}", "the wheel grinds "));
        }
        self.settle();
    }

    pub fn settle(&self) {
        let began = Instant::now();
        while self.producer.in_flight_count() > 0 {
            assert!(began.elapsed() < API, "a broker that takes nothing");
            self.producer.poll(Duration::from_millis(5));
        }
    }
}

/// Sees committed records of a topic from now on.
pub struct Watch {
    consumer: BaseConsumer,
}

impl Watch {
    pub fn from_now(bootstrap: &str, topic: &str, partitions: usize) -> Watch {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("group.id", "bench-watch").set("enable.auto.commit", "false");
        // A broker answers a fetch that waits at the next write, not at a commit: the job is measured, not that.
        config.set("isolation.level", "read_committed").set("fetch.queue.backoff.ms", "1").set("fetch.wait.max.ms", "5");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions as i32 {
            let end = consumer.fetch_watermarks(topic, partition, API).expect("ends").1;
            list.add_partition_offset(topic, partition, Offset::Offset(end)).expect("an offset");
        }
        consumer.assign(&list).expect("an assignment");
        Watch { consumer }
    }

    /// The next record's key and value, if one comes within the time.
    pub fn next(&self, wait: Duration) -> Option<(String, String)> {
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        match self.consumer.poll(wait)? {
            Ok(message) => Some((text(message.key()), text(message.payload()))),
            Err(error) => panic!("reading an output: {error}"),
        }
    }

    /// Waits for a record of this key.
    pub fn until(&self, key: &str) {
        let began = Instant::now();
        while self.next(Duration::from_millis(100)).is_none_or(|(found, _)| found != key) {
            assert!(began.elapsed() < API, "no output of {key}");
        }
    }
}
