//! What a worker lends its tasks for a turn: operators, limits, the clock's reading, counters. Tasks own none of it.

use super::key_ids::KeyIds;
use crate::job::RejectPolicy;
use crate::operator::{Limits, Operator};
use crate::time::Clock;

/// What to do with rejected rows and with records that an operator cannot survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorPolicy {
    pub reject: RejectPolicy,
    pub trap: RejectPolicy,
}

/// What a worker's tasks did, in records, since the worker began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Read from the job's inputs (not from internal streams) and processed.
    pub records_in: u64,
    /// Sent to the job's outputs.
    pub records_out: u64,
    pub rejected: u64,
    /// Records that trapped or overran a limit, alone.
    pub poisoned: u64,
    pub dead_letters: u64,
    pub timers: u64,
}

/// See the module. Lives for one turn; `now_ms` is the same throughout, so that a call's context is, too.
pub struct Env<'a> {
    /// By place in `Job::operators`; none where this worker's tasks do not need it.
    pub operators: &'a mut [Option<Box<dyn Operator>>],
    pub limits: &'a [Limits],
    pub clock: &'a dyn Clock,
    pub now_ms: i64,
    pub policy: ErrorPolicy,
    pub counters: &'a mut Counters,
    pub key_ids: &'a mut KeyIds,
    /// What sinks hold for the next checkpoint, as the last `send` said, bytes.
    pub staged_bytes: usize,
}

impl<'a> Env<'a> {
    pub(super) fn limits(&self, operator: usize) -> &'a Limits {
        &self.limits[operator]
    }
}

impl Counters {
    /// Adds another worker's.
    pub fn add(&mut self, other: &Counters) {
        self.records_in += other.records_in;
        self.records_out += other.records_out;
        self.rejected += other.rejected;
        self.poisoned += other.poisoned;
        self.dead_letters += other.dead_letters;
        self.timers += other.timers;
    }
}
