//! The C side of librdkafka, and all unsafe code of the transport: batches from a queue, records with time and headers, transactions without a detour.
//!
//! rust-rdkafka reads and writes one message a call, copies topic names, and sleeps in `flush`; what is here costs two thirds of that (the project's
//! benchmarks have the figures). Every handle keeps its client alive, and is given back before it.

mod produce;
mod transaction;

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{NonNull, null, null_mut};
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Deliveries, Events};
use crate::record::HeadersBuilder;

pub(super) use produce::{NO_TIMESTAMP, Outgoing, PlainRecords, produce, produce_plain};
pub(super) use transaction::{begin_transaction, commit_transaction, flush, init_transactions, send_offsets};

pub(super) type Consumer = BaseConsumer<Events>;
pub(super) type NativeProducer = BaseProducer<Deliveries>;

/// Whose handle it is.
#[derive(Clone)]
pub(super) enum Owner {
    Consumer(Arc<Consumer>),
    Producer(Arc<NativeProducer>),
}

impl Owner {
    fn client(&self) -> *mut sys::rd_kafka_t {
        match self {
            Owner::Consumer(consumer) => consumer.client().native_ptr(),
            Owner::Producer(producer) => producer.client().native_ptr(),
        }
    }
}

/// What a call to librdkafka came to when it failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub code: RDKafkaErrorCode,
    pub text: String,
    /// The same call may succeed, called again.
    pub retriable: bool,
}

impl From<RDKafkaErrorCode> for Failure {
    fn from(code: RDKafkaErrorCode) -> Failure {
        Failure::of(code)
    }
}

impl Failure {
    pub fn of(code: RDKafkaErrorCode) -> Failure {
        Failure { code, text: code.to_string(), retriable: false }
    }

    /// Takes an error object; null is success.
    ///
    /// # Safety
    /// `error` is null, or an error object that the caller owns.
    unsafe fn take(error: *mut sys::rd_kafka_error_t) -> Result<(), Failure> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: alive until the last line; its texts are copied before.
        unsafe {
            let failure = Failure {
                code: sys::rd_kafka_error_code(error).into(),
                text: format!("{}: {}", text(sys::rd_kafka_error_name(error)), text(sys::rd_kafka_error_string(error))),
                retriable: sys::rd_kafka_error_is_retriable(error) != 0,
            };
            sys::rd_kafka_error_destroy(error);
            Err(failure)
        }
    }
}

/// A topic of a client: what records are produced to, or partitions started on.
pub(super) struct Topic {
    handle: NonNull<sys::rd_kafka_topic_t>,
    owner: Owner,
}

impl Topic {
    pub fn open(owner: Owner, name: &str) -> Result<Topic, Failure> {
        let invalid = || Failure::of(RDKafkaErrorCode::InvalidTopic);
        let name = CString::new(name).map_err(|_| invalid())?;
        // SAFETY: a live client, a C string; no configuration of the topic's own.
        let handle = unsafe { sys::rd_kafka_topic_new(owner.client(), name.as_ptr(), null_mut()) };
        Ok(Topic { handle: NonNull::new(handle).ok_or_else(invalid)?, owner })
    }

    /// Has a partition's records come into `queue`, from `offset` on. For clients that read without a group.
    pub fn start(&self, partition: u32, offset: u64, queue: &Queue) -> Result<(), Failure> {
        // SAFETY: live handles of one client.
        match unsafe { sys::rd_kafka_consume_start_queue(self.handle.as_ptr(), partition as i32, offset as i64, queue.handle.as_ptr()) } {
            0 => Ok(()),
            _ => Err(last_failure()),
        }
    }

    /// Ends it. What is queued of the partition is dropped.
    pub fn stop(&self, partition: u32) {
        // SAFETY: a live handle; stopping what was not started is an error code, which says nothing new.
        unsafe { sys::rd_kafka_consume_stop(self.handle.as_ptr(), partition as i32) };
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: ours, and its client lives as long as `owner`.
        unsafe { sys::rd_kafka_topic_destroy(self.handle.as_ptr()) }
    }
}

fn last_failure() -> Failure {
    // SAFETY: reads a value of this thread.
    Failure::of(unsafe { sys::rd_kafka_last_error() }.into())
}

/// Tells a client once more where the cluster is (`bootstrap`: addresses with commas). librdkafka since 2.10 forgets brokers that an answer does not name, those it was
/// set up with among them; an answer that names none, as from a broker that its controller takes for dead, leaves it without any, and by itself it may never look for
/// them again (its issue 5301). Clients that know their brokers lose nothing by it, but keep the text: not for every day.
pub(super) fn introduce<C: ClientContext>(client: &Client<C>, bootstrap: &str) {
    if let Ok(bootstrap) = CString::new(bootstrap) {
        // SAFETY: a live client, which copies the text.
        unsafe { sys::rd_kafka_brokers_add(client.native_ptr(), bootstrap.as_ptr()) };
    }
}

/// A queue of a consumer's, which partitions' queues are forwarded to.
pub(super) struct Queue {
    handle: NonNull<sys::rd_kafka_queue_t>,
    consumer: Arc<Consumer>,
}

impl Queue {
    pub fn new(consumer: &Arc<Consumer>) -> Queue {
        // SAFETY: a live client. A new queue is never null.
        let handle = unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        match NonNull::new(handle) {
            Some(handle) => Queue { handle, consumer: consumer.clone() },
            None => unreachable!("librdkafka ends the process when it has no memory for a queue"),
        }
    }

    /// Has a partition's records come here. Lost at each revoke, so to be said again at each assign, before it.
    pub fn forward(&self, topic: &str, partition: u32) -> Result<(), Failure> {
        let name = CString::new(topic).map_err(|_| Failure::of(RDKafkaErrorCode::InvalidTopic))?;
        // SAFETY: a reference to the partition's queue, given back here; the forwarding stays.
        unsafe {
            let queue = sys::rd_kafka_queue_get_partition(self.consumer.client().native_ptr(), name.as_ptr(), partition as i32);
            if queue.is_null() {
                return Err(Failure::of(RDKafkaErrorCode::UnknownPartition));
            }
            sys::rd_kafka_queue_forward(queue, self.handle.as_ptr());
            sys::rd_kafka_queue_destroy(queue);
        }
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: ours, and its client lives as long as `consumer`.
        unsafe { sys::rd_kafka_queue_destroy(self.handle.as_ptr()) }
    }
}

/// Messages taken from a queue, until the next are taken.
pub(super) struct Messages {
    taken: Vec<*mut sys::rd_kafka_message_t>,
}

impl Messages {
    pub fn new() -> Messages {
        Messages { taken: Vec::new() }
    }

    /// Takes what is there, at most `most`; if that is nothing, waits for one message. (With a wait and room for more, librdkafka would wait for a full array.)
    pub fn take(&mut self, queue: &Queue, most: usize, wait_ms: u64) {
        self.clear();
        self.taken.reserve(most.max(1));
        // SAFETY: the array has room for as many messages as we say; as many as it returns are ours then.
        let got = unsafe {
            let consume = |wait_ms: u64, most: usize| {
                sys::rd_kafka_consume_batch_queue(queue.handle.as_ptr(), wait_ms.min(60_000) as c_int, self.taken.as_ptr().cast_mut(), most)
            };
            match consume(0, most.max(1)) {
                0 if wait_ms > 0 => consume(wait_ms, 1),
                got => got,
            }
        };
        // SAFETY: the call filled so many; -1 (nothing, with an error of the queue's) counts as none.
        unsafe { self.taken.set_len(got.max(0) as usize) }
    }

    pub fn clear(&mut self) {
        for message in self.taken.drain(..) {
            // SAFETY: ours, and given back once.
            unsafe { sys::rd_kafka_message_destroy(message) }
        }
    }

    pub fn len(&self) -> usize {
        self.taken.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        // SAFETY: alive until `clear`, which needs the borrow to have ended.
        self.taken.iter().map(|message| Message { message: unsafe { &**message } })
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.clear();
    }
}

/// One message, as librdkafka holds it.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    message: &'a sys::rd_kafka_message_t,
}

impl<'a> Message<'a> {
    /// What came instead of a record; [`RDKafkaErrorCode::PartitionEOF`] is no failure.
    pub fn error(&self) -> Option<RDKafkaErrorCode> {
        (self.message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| self.message.err.into())
    }

    /// The same for all messages of one topic of a client.
    pub fn topic_id(&self) -> usize {
        self.message.rkt as usize
    }

    pub fn topic(&self) -> String {
        // SAFETY: a message's topic lives as long as the message.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.message.rkt)) }.to_string_lossy().into_owned()
    }

    pub fn partition(&self) -> u32 {
        self.message.partition as u32
    }

    pub fn offset(&self) -> i64 {
        self.message.offset
    }

    pub fn key(&self) -> Option<&'a [u8]> {
        // SAFETY: what the message says of its own memory.
        (!self.message.key.is_null()).then(|| unsafe { std::slice::from_raw_parts(self.message.key.cast(), self.message.key_len) })
    }

    /// The value; for an error its text.
    pub fn value(&self) -> Option<&'a [u8]> {
        // SAFETY: what the message says of its own memory.
        (!self.message.payload.is_null()).then(|| unsafe { std::slice::from_raw_parts(self.message.payload.cast(), self.message.len) })
    }

    /// Of key and value.
    pub fn bytes(&self) -> usize {
        self.message.key_len + self.message.len
    }

    /// ms since 1970 UTC (the producer's or the broker's, as the topic has it); `None`: it has none.
    pub fn timestamp(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: a live message.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(self.message, &mut kind) };
        (kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp != NO_TIMESTAMP).then_some(timestamp)
    }

    /// Packs the headers. A name ends at its first NUL, as librdkafka hands it over.
    pub fn headers(&self, into: &mut HeadersBuilder) {
        into.clear();
        let mut headers = null_mut();
        // SAFETY: a live message; headers, names and values belong to it and are copied here.
        unsafe {
            if sys::rd_kafka_message_headers(self.message, &mut headers) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            for n in 0..sys::rd_kafka_header_cnt(headers) {
                let (mut name, mut value, mut bytes) = (null(), null(), 0);
                if sys::rd_kafka_header_get_all(headers, n, &mut name, &mut value, &mut bytes) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return;
                }
                let value = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast(), bytes));
                into.push(CStr::from_ptr(name).to_bytes(), value);
            }
        }
    }
}

fn timeout(ms: u64) -> c_int {
    ms.min(i32::MAX as u64) as c_int
}

/// The end of a partition as the last answer to a fetch said it, without asking; `None`: nothing was fetched yet.
pub(super) fn cached_end(consumer: &Consumer, topic: &CStr, partition: u32) -> Option<u64> {
    let (mut low, mut high) = (0, 0);
    // SAFETY: a live client, a C string, two places for the answer.
    let known = unsafe { sys::rd_kafka_get_watermark_offsets(consumer.client().native_ptr(), topic.as_ptr(), partition as i32, &mut low, &mut high) };
    (known == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| u64::try_from(high).ok()).flatten()
}

/// Where a consumer's partitions begin or end, or the first offsets at or after a time, in one request a broker: `offset` of each entry says what is asked.
pub(super) fn offsets_for(consumer: &Consumer, list: TopicPartitionList, timeout_ms: u64) -> Result<TopicPartitionList, Failure> {
    // SAFETY: a live client, and a list that the call fills in.
    match unsafe { sys::rd_kafka_offsets_for_times(consumer.client().native_ptr(), list.ptr(), timeout(timeout_ms)) } {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(list),
        failed => Err(Failure::of(failed.into())),
    }
}

/// A member of a group, as its coordinator tells.
pub(super) struct GroupMember {
    pub id: String,
    pub client_id: String,
    /// With a `/` before it.
    pub address: String,
}

/// A C string of the client's; null is empty.
///
/// # Safety
/// `text` is null, or a string that lives during the call.
pub(super) unsafe fn text(text: *const c_char) -> String {
    // SAFETY: as the caller says.
    if text.is_null() { String::new() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned() }
}

/// Asks the cluster something of the admin API: `ask` sends the request, with options and a queue for the answer, and `read` copies what the answer holds.
///
/// # Safety
/// `ask` and `read` keep none of what they are given, and `read` reads the event as the answer to that request.
pub(super) unsafe fn ask_admin<T, E: From<RDKafkaErrorCode>>(
    consumer: &Consumer,
    kind: sys::rd_kafka_admin_op_t,
    timeout_ms: u64,
    ask: impl FnOnce(*mut sys::rd_kafka_t, *mut sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
    read: impl FnOnce(*mut sys::rd_kafka_event_t) -> Result<T, E>,
) -> Result<T, E> {
    let client = consumer.client().native_ptr();
    // SAFETY: a live client; all that is made here is given back here.
    unsafe {
        let queue = sys::rd_kafka_queue_new(client);
        let options = sys::rd_kafka_AdminOptions_new(client, kind);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout(timeout_ms), null_mut(), 0);
        ask(client, options, queue);
        let event = sys::rd_kafka_queue_poll(queue, timeout(timeout_ms + 1_000));
        let found = if event.is_null() {
            Err(RDKafkaErrorCode::OperationTimedOut.into())
        } else {
            match sys::rd_kafka_event_error(event) {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => read(event),
                failed => Err(RDKafkaErrorCode::from(failed).into()),
            }
        };
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_queue_destroy(queue);
        found
    }
}

/// The members of a group.
pub(super) fn group_members(consumer: &Consumer, group: &CStr, timeout_ms: u64) -> Result<Vec<GroupMember>, Failure> {
    let mut groups = [group.as_ptr()];
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    // SAFETY: the names outlive the call, which copies them; the answer is read as what was asked.
    unsafe {
        let (groups, count) = (groups.as_mut_ptr(), groups.len());
        let ask = |client, options: *mut _, queue| sys::rd_kafka_DescribeConsumerGroups(client, groups, count, options, queue);
        ask_admin(consumer, kind, timeout_ms, ask, |event| described_members(event))
    }
}

/// # Safety
/// `event` is a live answer to a description of groups.
unsafe fn described_members(event: *mut sys::rd_kafka_event_t) -> Result<Vec<GroupMember>, Failure> {
    // SAFETY: live as long as the event; arrays are as long as the calls say.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event);
        let mut count = 0;
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        let mut found = Vec::new();
        for n in 0..if groups.is_null() { 0 } else { count } {
            let group = *groups.add(n);
            let failed = sys::rd_kafka_error_code(sys::rd_kafka_ConsumerGroupDescription_error(group));
            if failed != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(Failure::of(failed.into()));
            }
            for m in 0..sys::rd_kafka_ConsumerGroupDescription_member_count(group) {
                let member = sys::rd_kafka_ConsumerGroupDescription_member(group, m);
                found.push(GroupMember {
                    id: text(sys::rd_kafka_MemberDescription_consumer_id(member)),
                    client_id: text(sys::rd_kafka_MemberDescription_client_id(member)),
                    address: text(sys::rd_kafka_MemberDescription_host(member)),
                });
            }
        }
        Ok(found)
    }
}

/// The raw offset of a list's entry.
pub(super) fn raw_offset(offset: Offset) -> i64 {
    offset.to_raw().unwrap_or(-1_001)
}
