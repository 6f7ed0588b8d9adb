//! Transactions, and what comes before their end: all calls that wait for the cluster.

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::Consumer as _;
use rdkafka::producer::Producer as _;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::{Consumer, Failure, NativeProducer, timeout};

/// What librdkafka may need beyond the time it is given, ms.
const GRACE_MS: u64 = 1_000;

/// Waits until all records are acknowledged, without the 100 ms slices of `BaseProducer::flush`.
pub(in crate::kafka) fn flush(producer: &NativeProducer, timeout_ms: u64) -> Result<(), Failure> {
    // SAFETY: a live client.
    match unsafe { sys::rd_kafka_flush(producer.client().native_ptr(), timeout(timeout_ms)) } {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        failed => Err(Failure::of(failed.into())),
    }
}

pub(in crate::kafka) fn init_transactions(producer: &NativeProducer, timeout_ms: u64) -> Result<(), Failure> {
    // SAFETY: a live client.
    unsafe { Failure::take(sys::rd_kafka_init_transactions(producer.client().native_ptr(), timeout(timeout_ms))) }
}

pub(in crate::kafka) fn begin_transaction(producer: &NativeProducer) -> Result<(), Failure> {
    // SAFETY: a live client.
    unsafe { Failure::take(sys::rd_kafka_begin_transaction(producer.client().native_ptr())) }
}

/// The group's metadata: which member commits, of which generation.
struct GroupMetadata(NonNull<sys::rd_kafka_consumer_group_metadata_t>);

// SAFETY: plain data of its own, which nothing else refers to.
unsafe impl Send for GroupMetadata {}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) }
    }
}

/// Puts the group's positions into the transaction, as the member that `consumer` is now.
///
/// librdkafka 2.12 keeps to its time for the transaction's coordinator only: while it looks for the group's, it waits for a connection that may never come, and
/// the call with it. So the call has a thread of its own, which is left alone with the producer when its time is over: [`RDKafkaErrorCode::OperationTimedOut`], and
/// the producer can do nothing more but go. Whatever the call does later, the epoch of the next producer of the same id refuses it.
pub(in crate::kafka) fn send_offsets(
    producer: &Arc<NativeProducer>,
    offsets: &TopicPartitionList,
    consumer: &Consumer,
    timeout_ms: u64,
) -> Result<(), Failure> {
    // SAFETY: a live client, which gives a copy.
    let group = NonNull::new(unsafe { sys::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()) });
    let group = GroupMetadata(group.ok_or_else(|| Failure::of(RDKafkaErrorCode::UnknownGroup))?);
    let (producer, offsets) = (producer.clone(), offsets.clone());
    let (say, said) = std::sync::mpsc::sync_channel(1);
    let send = move || {
        let group = group;
        // SAFETY: live handles, all of them this thread's own or shared with it.
        let sent = unsafe {
            let client = producer.client().native_ptr();
            Failure::take(sys::rd_kafka_send_offsets_to_transaction(client, offsets.ptr(), group.0.as_ptr(), timeout(timeout_ms)))
        };
        // Nobody may wait any more.
        let _heard = say.send(sent);
    };
    if let Err(error) = std::thread::Builder::new().name("positions".to_owned()).spawn(send) {
        return Err(Failure { text: format!("no thread to commit positions on: {error}"), ..Failure::of(RDKafkaErrorCode::Fail) });
    }
    let late = || Failure { text: format!("no answer within {} s", (timeout_ms + GRACE_MS) / 1_000), ..Failure::of(RDKafkaErrorCode::OperationTimedOut) };
    said.recv_timeout(Duration::from_millis(timeout_ms + GRACE_MS)).unwrap_or_else(|_| Err(late()))
}

pub(in crate::kafka) fn commit_transaction(producer: &NativeProducer, timeout_ms: u64) -> Result<(), Failure> {
    // SAFETY: a live client.
    unsafe { Failure::take(sys::rd_kafka_commit_transaction(producer.client().native_ptr(), timeout(timeout_ms))) }
}
