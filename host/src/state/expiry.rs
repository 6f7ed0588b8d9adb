//! Values that expire: in a store with a TTL each begins with the event time at which it does. And the guard against reading them otherwise than they were written.

use std::ops::ControlFlow;

use super::{StateStore, StoreHandle};
use crate::error::HostError;
use crate::time::{ENDED, UNKNOWN};

/// Before a value: the event time, ms, big endian, at which it expires.
const EXPIRY_BYTES: usize = 8;
/// In [`super::LAYOUTS`]: values begin with their expiry.
const WITH_EXPIRY: &[u8] = &[1];

/// The expiry of what is written now. Without a watermark nothing expires.
pub(super) fn of(watermark: i64, ttl_ms: i64) -> [u8; EXPIRY_BYTES] {
    let expiry = if matches!(watermark, UNKNOWN | ENDED) { ENDED } else { watermark.saturating_add(ttl_ms) };
    expiry.to_be_bytes()
}

/// A stored value as the guest sees it: without the expiry, and none once expired.
pub(super) fn live(ttl: bool, watermark: i64, stored: &[u8]) -> Option<&[u8]> {
    if !ttl {
        return Some(stored);
    }
    let (expiry, value) = stored.split_at_checked(EXPIRY_BYTES)?;
    let expiry = i64::from_be_bytes(expiry.try_into().ok()?);
    let expired = watermark != UNKNOWN && watermark != ENDED && expiry <= watermark;
    (!expired).then_some(value)
}

/// A stored value of a store with a TTL, without its expiry.
pub fn without_expiry(stored: &[u8]) -> &[u8] {
    stored.get(EXPIRY_BYTES..).unwrap_or_default()
}

/// Refuses a store whose values lie otherwise than they would be read: a `ttl` that came or went would turn bytes of a value into a time, or the other way round.
/// Returns what must be noted in the layouts (`None` inside: no entry), or nothing where all is as it was.
pub(super) fn layout(
    below: &dyn StateStore,
    (name, handle, ttl_ms): (&str, StoreHandle, Option<i64>),
    layouts: StoreHandle,
) -> Result<Option<Option<&'static [u8]>>, HostError> {
    let (mut expires, mut empty) = (false, true);
    below.get_many(layouts, &[name.as_bytes()], &mut |_, layout| expires = layout.is_some())?;
    if expires == ttl_ms.is_some() {
        return Ok(None);
    }
    below.scan(handle, &[], &[], &mut |_, _| {
        empty = false;
        ControlFlow::Break(())
    })?;
    if empty {
        return Ok(Some(ttl_ms.map(|_| WITH_EXPIRY)));
    }
    let (was, is) = if expires { ("with", "without") } else { ("without", "with") };
    Err(HostError::job(format!("store `{name}`"), format!("was written {was} a `ttl`, and is now to be read {is}"))
        .with_help("give the store another name, so that it begins empty, or leave `ttl` as it was (its length may change)"))
}
