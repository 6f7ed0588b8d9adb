//! What an instance of an operator is given, what it gives back, and what it may call: the WIT in plain Rust, so that it runs natively too.

use crate::layout::Batch;
use crate::{Failure, Reject};

/// What the host tells an instance before anything else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// The job's config for this operator as JSON; empty: none.
    pub config: Vec<u8>,
    /// Names in order: a row's port is the place in the list.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub stores: Vec<String>,
}

/// The context of one call, the same for all its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Event time, ms; smallest i64: not known yet, largest: the input has ended.
    pub watermark: i64,
    /// Processing time, ms since 1970 UTC.
    pub now: i64,
    pub task: u32,
}

/// A row that the operator refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub row: u32,
    pub reject: Reject,
}

/// What one call asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    pub outputs: Batch,
    pub timers: Batch,
    pub rejects: Vec<Rejected>,
}

/// How grave a log line is; the number is the WIT's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Level {
    Error = 0,
    Warn = 1,
    Info = 2,
    Debug = 3,
}

/// A range of one store to read; see `range` in the WIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub store: u32,
    pub begin: Vec<u8>,
    /// Empty: to the store's end.
    pub end: Vec<u8>,
    pub limit: u32,
    pub bytes_max: u32,
}

/// An answer to a [`Range`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub rows: Batch,
    pub done: bool,
}

/// What an operator's instance may call: the WIT's `state` and `telemetry`. In a component the imports stand behind it, in tests a map.
pub trait Host {
    fn get_many(&mut self, keys: Batch) -> Result<Batch, Failure>;
    fn put_many(&mut self, rows: Batch) -> Result<(), Failure>;
    fn scan(&mut self, range: Range) -> Result<Page, Failure>;
    fn log(&mut self, level: Level, message: &[u8]);
    fn count(&mut self, name: &str, delta: u64);
}
