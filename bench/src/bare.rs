//! What a Kafka client can do at best: consume, transform, produce with librdkafka's batch calls and nothing else, exactly once.

use std::ffi::{CStr, CString};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

const API: Duration = Duration::from_secs(30);
const BATCH: usize = 4_096;
const WAIT_MS: i32 = 20;
/// One transaction is open for so long.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
const NO_ERROR: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

/// Notes what is assigned: partitions' queues are forwarded before that is answered.
#[derive(Default)]
struct Events(Mutex<Vec<TopicPartitionList>>);

impl ClientContext for Events {}

impl ConsumerContext for Events {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.0.lock().expect("no panic while noting").push(partitions.clone());
        } else {
            consumer.unassign().expect("an answer");
        }
    }
}

/// # Safety
/// `error` is null, or an error object that the caller owns.
unsafe fn check(error: *mut sys::rd_kafka_error_t, doing: &str) {
    if !error.is_null() {
        // SAFETY: alive, by the contract.
        panic!("{doing}: {}", unsafe { CStr::from_ptr(sys::rd_kafka_error_string(error)) }.to_string_lossy());
    }
}

struct Loop {
    consumer: BaseConsumer<Events>,
    producer: BaseProducer,
    queue: *mut sys::rd_kafka_queue_t,
    output: *mut sys::rd_kafka_topic_t,
    input: String,
    /// By partition: the next offset of the open transaction.
    next: Vec<i64>,
    began: Option<Instant>,
    /// The transformed value.
    value: Vec<u8>,
}

/// Copies so many records of one topic to another, values in capitals, a transaction every 100 ms; as many partitions there as here.
pub fn run(bootstrap: &str, input: &str, output: &str, partitions: usize, records: u64) {
    let mut bare = Loop::open(bootstrap, input, output, partitions);
    let mut got = vec![null_mut(); BATCH];
    let mut left = records;
    while left > 0 {
        bare.serve();
        let taken = bare.take(&mut got);
        for &message in &got[..taken] {
            // SAFETY: ours until it is destroyed, two lines below.
            let message_ref = unsafe { &*message };
            assert_eq!(message_ref.err, NO_ERROR, "reading {input}");
            bare.send(message_ref);
            // SAFETY: given to us by the batch call, destroyed once.
            unsafe { sys::rd_kafka_message_destroy(message) };
        }
        left -= taken as u64;
        bare.producer.poll(Duration::ZERO);
        if left == 0 || bare.began.is_some_and(|began| began.elapsed() >= COMMIT_EVERY) {
            bare.commit();
        }
    }
    // SAFETY: both ours, both before their clients.
    unsafe {
        sys::rd_kafka_topic_destroy(bare.output);
        sys::rd_kafka_queue_destroy(bare.queue);
    }
}

impl Loop {
    /// Settings as the host has them.
    fn open(bootstrap: &str, input: &str, output: &str, partitions: usize) -> Loop {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("group.id", output).set("group.instance.id", output);
        config.set("auto.offset.reset", "earliest").set("enable.auto.commit", "false").set("isolation.level", "read_committed");
        config.set("partition.assignment.strategy", "range").set("queued.min.messages", "100000").set("fetch.queue.backoff.ms", "5");
        let consumer = BaseConsumer::from_config_and_context(&config, Events::default()).expect("a consumer");
        consumer.subscribe(&[input]).expect("a subscription");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("transactional.id", output).set("transaction.timeout.ms", "60000");
        config.set("linger.ms", "5").set("batch.size", "1000000").set("delivery.report.only.error", "true");
        config.set("queue.buffering.max.messages", "1000000").set("queue.buffering.max.kbytes", "131072");
        let producer: BaseProducer = config.create().expect("a producer");
        let began = Instant::now();
        while let Err(error) = producer.init_transactions(API) {
            assert!(began.elapsed() < API, "transactions: {error}");
        }
        // So that the first records find their partitions.
        producer.client().fetch_metadata(Some(output), API).expect("the output topic");
        let name = CString::new(output).expect("a topic's name");
        // SAFETY: of live clients, destroyed before them.
        let (queue, output) = unsafe {
            (sys::rd_kafka_queue_new(consumer.client().native_ptr()), sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), null_mut()))
        };
        Loop { consumer, producer, queue, output, input: input.to_owned(), next: vec![-1; partitions], began: None, value: Vec::new() }
    }

    /// Answers an assignment. The consumer's own queue brings nothing else.
    fn serve(&self) {
        if let Some(Err(error)) = self.consumer.poll(Duration::ZERO) {
            panic!("reading {}: {error}", self.input);
        }
        for list in self.consumer.context().0.lock().expect("no panic while noting").drain(..) {
            for element in list.elements() {
                let name = CString::new(element.topic()).expect("a topic's name");
                // SAFETY: a reference to the partition's queue, given back here; the forwarding stays.
                unsafe {
                    let queue = sys::rd_kafka_queue_get_partition(self.consumer.client().native_ptr(), name.as_ptr(), element.partition());
                    sys::rd_kafka_queue_forward(queue, self.queue);
                    sys::rd_kafka_queue_destroy(queue);
                }
            }
            self.consumer.assign(&list).expect("an answer");
        }
    }

    fn take(&self, got: &mut [*mut sys::rd_kafka_message_t]) -> usize {
        // SAFETY: the array has room for as many as we say.
        let taken = unsafe {
            match sys::rd_kafka_consume_batch_queue(self.queue, 0, got.as_mut_ptr(), got.len()) {
                0 => sys::rd_kafka_consume_batch_queue(self.queue, WAIT_MS, got.as_mut_ptr(), 1),
                taken => taken,
            }
        };
        taken.max(0) as usize
    }

    fn send(&mut self, message: &sys::rd_kafka_message_t) {
        use sys::rd_kafka_vtype_t::*;
        self.next[message.partition as usize] = message.offset + 1;
        // SAFETY: a live producer and message; each member of the union is set as its kind says; F_COPY has the client keep no pointer of ours.
        unsafe {
            if self.began.is_none() {
                check(sys::rd_kafka_begin_transaction(self.producer.client().native_ptr()), "beginning");
                self.began = Some(Instant::now());
            }
            self.value.clear();
            self.value.extend_from_slice(std::slice::from_raw_parts(message.payload.cast(), message.len));
            self.value.make_ascii_uppercase();
            let mut parts: [sys::rd_kafka_vu_t; 6] = std::mem::zeroed();
            (parts[0].vtype, parts[0].u.rkt) = (RD_KAFKA_VTYPE_RKT, self.output);
            (parts[1].vtype, parts[1].u.i32_) = (RD_KAFKA_VTYPE_PARTITION, message.partition);
            (parts[2].vtype, parts[2].u.mem.ptr, parts[2].u.mem.size) = (RD_KAFKA_VTYPE_KEY, message.key, message.key_len);
            (parts[3].vtype, parts[3].u.mem.ptr, parts[3].u.mem.size) = (RD_KAFKA_VTYPE_VALUE, self.value.as_mut_ptr().cast(), self.value.len());
            (parts[4].vtype, parts[4].u.i64_) = (RD_KAFKA_VTYPE_TIMESTAMP, sys::rd_kafka_message_timestamp(message, null_mut()));
            (parts[5].vtype, parts[5].u.i) = (RD_KAFKA_VTYPE_MSGFLAGS, sys::RD_KAFKA_MSG_F_COPY);
            loop {
                let error = sys::rd_kafka_produceva(self.producer.client().native_ptr(), parts.as_ptr(), parts.len());
                if error.is_null() || sys::rd_kafka_error_code(error) != RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL {
                    return check(error, "producing");
                }
                sys::rd_kafka_error_destroy(error);
                self.producer.poll(Duration::from_millis(1));
            }
        }
    }

    fn commit(&mut self) {
        let mut list = TopicPartitionList::new();
        for (partition, next) in self.next.iter_mut().enumerate().filter(|(_, next)| **next >= 0) {
            list.add_partition_offset(&self.input, partition as i32, Offset::Offset(*next)).expect("an offset");
            *next = -1;
        }
        let (producer, ms) = (self.producer.client().native_ptr(), API.as_millis() as i32);
        // SAFETY: live clients; the group's metadata is given back after use. Not `BaseProducer::flush`, which sleeps in slices of 100 ms.
        unsafe {
            assert_eq!(sys::rd_kafka_flush(producer, ms), NO_ERROR, "flushing");
            let group = sys::rd_kafka_consumer_group_metadata(self.consumer.client().native_ptr());
            check(sys::rd_kafka_send_offsets_to_transaction(producer, list.ptr(), group, ms), "positions");
            sys::rd_kafka_consumer_group_metadata_destroy(group);
            check(sys::rd_kafka_commit_transaction(producer, ms), "committing");
        }
        self.began = None;
    }
}
