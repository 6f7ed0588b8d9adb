//! Records on their way out.

use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::{Failure, Topic};
use crate::record::Headers;

/// "No timestamp" on the wire.
pub(in super::super) const NO_TIMESTAMP: i64 = -1;

/// A record on its way out.
pub(in super::super) struct Outgoing<'a> {
    pub partition: u32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
    /// 0 would be "now" to librdkafka.
    pub timestamp: i64,
}

/// Hands a record to the client, which copies it.
pub(in super::super) fn produce(topic: &Topic, record: &Outgoing<'_>) -> Result<(), Failure> {
    use sys::rd_kafka_vtype_t::*;
    let headers = pack(record.headers);
    // SAFETY: each member of the union is set as its kind says; F_COPY has the client keep no pointer of ours; headers are the client's on success, ours otherwise.
    unsafe {
        let mut parts: [sys::rd_kafka_vu_t; 7] = std::mem::zeroed();
        let bytes = |bytes: Option<&[u8]>| bytes.map_or((null_mut(), 0), |bytes| (bytes.as_ptr().cast::<c_void>().cast_mut(), bytes.len()));
        (parts[0].vtype, parts[0].u.rkt) = (RD_KAFKA_VTYPE_RKT, topic.handle.as_ptr());
        (parts[1].vtype, parts[1].u.i32_) = (RD_KAFKA_VTYPE_PARTITION, record.partition as i32);
        parts[2].vtype = RD_KAFKA_VTYPE_KEY;
        (parts[2].u.mem.ptr, parts[2].u.mem.size) = bytes(record.key);
        parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
        (parts[3].u.mem.ptr, parts[3].u.mem.size) = bytes(record.value);
        (parts[4].vtype, parts[4].u.i64_) = (RD_KAFKA_VTYPE_TIMESTAMP, record.timestamp);
        (parts[5].vtype, parts[5].u.i) = (RD_KAFKA_VTYPE_MSGFLAGS, sys::RD_KAFKA_MSG_F_COPY as c_int);
        (parts[6].vtype, parts[6].u.headers) = (RD_KAFKA_VTYPE_HEADERS, headers.unwrap_or(null_mut()));
        let count = if headers.is_some() { 7 } else { 6 };
        let sent = Failure::take(sys::rd_kafka_produceva(topic.owner.client(), parts.as_ptr(), count));
        if let (Err(_), Some(headers)) = (&sent, headers) {
            sys::rd_kafka_headers_destroy(headers);
        }
        sent
    }
}

/// Records for one partition that have neither headers nor a time of their own, on their way out together.
#[derive(Default)]
pub(in super::super) struct PlainRecords<'a> {
    /// All keys, one after another, and where each ends.
    keys: Vec<u8>,
    ends: Vec<usize>,
    values: Vec<Option<&'a [u8]>>,
}

impl<'a> PlainRecords<'a> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// A record whose key comes in two parts.
    pub fn push(&mut self, key: [&[u8]; 2], value: Option<&'a [u8]>) {
        key.iter().for_each(|part| self.keys.extend_from_slice(part));
        self.ends.push(self.keys.len());
        self.values.push(value);
    }

    pub fn clear(&mut self) {
        self.keys.clear();
        self.ends.clear();
        self.values.clear();
    }

    /// Of keys and values.
    pub fn bytes(&self) -> usize {
        self.keys.len() + self.values.iter().flatten().map(|value| value.len()).sum::<usize>()
    }

    fn key(&self, n: usize) -> &[u8] {
        &self.keys[if n == 0 { 0 } else { self.ends[n - 1] }..self.ends[n]]
    }
}

/// Hands records to the client from the one numbered `begin` on, in one call, which costs half of as many calls of [`produce`]. Returns the number of the first that it did not
/// take, and why; `None`: it took all.
pub(in super::super) fn produce_plain(topic: &Topic, partition: u32, records: &PlainRecords<'_>, begin: usize) -> Option<(usize, Failure)> {
    let pointer = |bytes: &[u8]| bytes.as_ptr().cast::<c_void>().cast_mut();
    // SAFETY: plain data, for which zeros are null pointers and no error.
    let empty = unsafe { std::mem::zeroed::<sys::rd_kafka_message_t>() };
    let message = |n: usize| {
        let (key, value) = (records.key(n), records.values[n]);
        let (payload, len) = value.map_or((null_mut(), 0), |value| (pointer(value), value.len()));
        sys::rd_kafka_message_t { payload, len, key: pointer(key), key_len: key.len(), ..empty }
    };
    let mut messages: Vec<sys::rd_kafka_message_t> = (begin..records.len()).map(message).collect();
    // SAFETY: live handles; as many messages as we say, whose keys and values outlive the call; F_COPY has the client keep no pointer of ours.
    let taken = unsafe {
        let (flags, count) = (sys::RD_KAFKA_MSG_F_COPY as c_int, messages.len() as c_int);
        sys::rd_kafka_produce_batch(topic.handle.as_ptr(), partition as i32, flags, messages.as_mut_ptr(), count)
    };
    let refused = messages.iter().position(|message| message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    let first = refused.or_else(|| usize::try_from(taken).ok())?;
    messages.get(first).map(|message| (begin + first, Failure::of(message.err.into())))
}

fn pack(headers: Headers<'_>) -> Option<*mut sys::rd_kafka_headers_t> {
    if headers.is_empty() {
        return None;
    }
    // SAFETY: a new list; names and values are copied into it.
    unsafe {
        let list = sys::rd_kafka_headers_new(8);
        for (name, value) in headers.iter() {
            let (value, bytes) = value.map_or((null(), 0), |value| (value.as_ptr().cast(), value.len() as isize));
            sys::rd_kafka_header_add(list, name.as_ptr().cast(), name.len() as isize, value, bytes);
        }
        Some(list)
    }
}
