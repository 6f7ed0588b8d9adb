//! The stores of one operator in one task: overlay above, committed store below, timers beside.

use std::rc::Rc;

use super::{Change, StateStore, StoreId};
use crate::error::{GuestFault, HostError};
use crate::record::Batch;

/// Which clock a timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeDomain {
    Event,
    Processing,
}

/// What one store of a job's operator may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    pub name: String,
    /// Entries vanish so long (event time, ms) after they were written; `None`: never. Nothing expires while the watermark is unknown.
    pub ttl_ms: Option<i64>,
}

/// All keyed state that one operator sees in one task. A value, moved into the guest's store for the time of a call and back.
pub struct Stores {
    _below: Rc<dyn StateStore>,
}

impl Stores {
    /// Opens the stores of `operator` in `task`, plus its timers.
    pub fn open(_below: Rc<dyn StateStore>, _job: &str, _operator: &str, _task: u32, _stores: &[StoreOptions]) -> Result<Stores, HostError> {
        todo!()
    }

    /// Before a call: event time as of now, for TTL.
    pub fn set_watermark(&mut self, _watermark: i64) {
        todo!()
    }

    /// `get-many` of the WIT.
    pub fn get_many(&mut self, _keys: &Batch) -> Result<Batch, GuestFault> {
        todo!()
    }

    /// `put-many` of the WIT.
    pub fn put_many(&mut self, _rows: &Batch) -> Result<(), GuestFault> {
        todo!()
    }

    /// `scan` of the WIT: rows and whether the range is done.
    pub fn scan(&mut self, _store: u32, _begin: &[u8], _end: &[u8], _limit: u32, _bytes_max: u32) -> Result<(Batch, bool), GuestFault> {
        todo!()
    }

    /// The call succeeded: its writes join the overlay.
    pub fn keep(&mut self) {
        todo!()
    }

    /// The call failed: its writes are forgotten.
    pub fn undo(&mut self) {
        todo!()
    }

    /// Sets and deletes timers, rows as in `effects.timers`. Joins the overlay at once (call it after `keep`).
    pub fn set_timers(&mut self, _timers: &Batch) -> Result<(), HostError> {
        todo!()
    }

    /// Takes up to `rows_max` timers due at or before `until`, ordered by timestamp, key, value; they are deleted (in the pending layer, so `undo` brings them back).
    pub fn take_due(&mut self, _domain: TimeDomain, _until: i64, _rows_max: usize) -> Result<Batch, HostError> {
        todo!()
    }

    /// When the earliest timer is due; `None`: there is none.
    pub fn next_due(&mut self, _domain: TimeDomain) -> Result<Option<i64>, HostError> {
        todo!()
    }

    /// Bytes the overlay holds (keys, values and what it costs to keep them).
    pub fn overlay_bytes(&self) -> usize {
        todo!()
    }

    /// The overlay's writes, for the checkpoint. Each key once, with its last value.
    pub fn changes(&self) -> Box<dyn Iterator<Item = Change<'_>> + '_> {
        todo!()
    }

    /// The overlay is applied: empty it.
    pub fn forget(&mut self) {
        todo!()
    }

    /// The checkpoint was aborted: drop overlay and pending writes, and what was remembered of timers.
    pub fn abort(&mut self) {
        todo!()
    }
}

/// For errors that name a store.
pub(crate) fn _describe(id: &StoreId) -> String {
    format!("{}/{}/{} of task {}", id.job, id.operator, id.store, id.task)
}
