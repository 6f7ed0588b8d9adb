//! Timers as state: the keys of the reserved store are ordered by domain, time, key and payload.
//!
//! `u8 domain (0 event, 1 processing) · u64 time (big endian, sign bit flipped) · key (0x00 written as 0x00 0xFF) · 0x00 0x00 · payload`; the value is one byte of
//! flags: 1 the key was null, 2 the payload was null.

use super::TimeDomain;
use crate::record::{BatchBuilder, Fields, NONE, View};

const HEAD_BYTES: usize = 9;

pub(super) fn domain_byte(domain: TimeDomain) -> u8 {
    match domain {
        TimeDomain::Event => 0,
        TimeDomain::Processing => 1,
    }
}

fn put_head(into: &mut Vec<u8>, domain: TimeDomain, due_ms: i64) {
    into.clear();
    into.push(domain_byte(domain));
    into.extend_from_slice(&(due_ms as u64 ^ 1 << 63).to_be_bytes());
}

/// The first key that a timer of a domain can have which is due at or after `from_ms`.
pub(super) fn from(domain: TimeDomain, from_ms: i64) -> Vec<u8> {
    let mut key = Vec::with_capacity(HEAD_BYTES);
    put_head(&mut key, domain, from_ms);
    key
}

/// The first key of a domain after all timers due at or before `until_ms`.
pub(super) fn after(domain: TimeDomain, until_ms: i64) -> Vec<u8> {
    let mut key = Vec::with_capacity(HEAD_BYTES);
    match until_ms.checked_add(1) {
        Some(next) => put_head(&mut key, domain, next),
        None => key.push(domain_byte(domain) + 1),
    }
    key
}

/// The store's key of a timer.
pub(super) fn key(into: &mut Vec<u8>, domain: TimeDomain, timer: View<'_>) {
    put_head(into, domain, timer.timestamp);
    for byte in timer.key.unwrap_or_default() {
        into.push(*byte);
        if *byte == 0 {
            into.push(0xFF);
        }
    }
    into.extend_from_slice(&[0, 0]);
    into.extend_from_slice(timer.value.unwrap_or_default());
}

pub(super) fn flags(timer: View<'_>) -> u8 {
    u8::from(timer.key.is_none()) | u8::from(timer.value.is_none()) << 1
}

/// When the timer with this key is due, ms.
pub(super) fn due_ms(key: &[u8]) -> Option<i64> {
    let bytes: [u8; 8] = key.get(1..HEAD_BYTES)?.try_into().ok()?;
    Some((u64::from_be_bytes(bytes) ^ 1 << 63) as i64)
}

/// Appends the timer as a due row. `false`: the key is no timer's (which a checksum should have caught).
pub(super) fn push_due(into: &mut BatchBuilder, scratch: &mut Vec<u8>, key: &[u8], flags: u8) -> bool {
    let (Some(timestamp), Some(rest)) = (due_ms(key), key.get(HEAD_BYTES..)) else { return false };
    scratch.clear();
    let mut at = 0;
    let payload = loop {
        match (rest.get(at), rest.get(at + 1)) {
            (Some(0), Some(0)) => break &rest[at + 2..],
            (Some(0), Some(0xFF)) => {
                scratch.push(0);
                at += 2;
            }
            (Some(byte), _) if *byte != 0 => {
                scratch.push(*byte);
                at += 1;
            }
            _ => return false,
        }
    };
    let fields = Fields { port: u16::from(key[0]), timestamp, offset: -1, partition: NONE, key_id: NONE };
    into.push((flags & 1 == 0).then_some(scratch), (flags & 2 == 0).then_some(payload), Default::default(), fields);
    true
}
