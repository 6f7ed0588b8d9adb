//! An operator at work: one call per batch, effects back. The Wasm implementation and its limits live here; nobody else names wasmtime.

mod bindings;
mod cache;
mod engine;
mod guest;
mod imports;
mod instance;
pub mod isolate;
mod load;
mod look;
mod native;
mod wasm;

use crate::error::{GuestFault, HostError};
use crate::record::Batch;
use crate::state::Stores;

pub use engine::{WORKER_STACK_BYTES, WasmEngine};
pub use isolate::{Isolated, Poisoned};
pub use load::{COMPONENT_BYTES_MAX, Grants, Loaded};
pub use native::NativeOperator;

/// What an operator says of itself, without running: `describe` in the WIT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub version: String,
    /// Names of the input ports; empty: any number of inputs.
    pub inputs: Vec<String>,
    /// Names of the output ports, the first being the default.
    pub outputs: Vec<String>,
    pub stores: Vec<StoreDescription>,
    /// JSON Schema of the config, or empty.
    pub config_schema: String,
}

/// A store the operator works with, and the version of its values' format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDescription {
    pub name: String,
    pub version: u32,
}

/// What the host tells an instance at open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// JSON; empty: none.
    pub config: Vec<u8>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub stores: Vec<String>,
}

/// The context of one call; same for all its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Event time, ms; `i64::MIN` unknown, `i64::MAX` ended.
    pub watermark: i64,
    /// Processing time, ms since 1970 UTC.
    pub now: i64,
    pub task: u32,
}

/// A row that the operator refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Row of the call's batch; checked to exist.
    pub row: u32,
    pub code: u16,
    pub message: String,
}

/// What one call asks for. Layout and rows named are checked; state writes are in the `Stores` already, pending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    pub outputs: Batch,
    pub timers: Batch,
    pub rejects: Vec<Reject>,
}

/// One operator of one worker: serves all tasks of that worker, one call at a time, on the worker's thread.
///
/// After a fault other than `Retry` and `Fatal` the implementation has replaced its instance, so the next call works again. The caller keeps or drops
/// the pending state writes ([`Stores::keep`], [`Stores::undo`]); an operator never does.
pub trait Operator {
    fn description(&self) -> &Description;
    /// SHA-256 of the component's bytes in hex; a native double says what it is.
    fn digest(&self) -> &str;
    /// Handles a batch. `input` is whole and checked. Row ports are set.
    fn process(&mut self, call: Call, input: &Batch, stores: &mut Stores) -> Result<Effects, GuestFault>;
    /// Fires timers, rows as [`Stores::take_due`] gave them.
    fn on_timer(&mut self, call: Call, due: &Batch, stores: &mut Stores) -> Result<Effects, GuestFault>;
    /// Rewrites rows of a store of an older version.
    fn migrate(&mut self, store: &str, from_version: u32, rows: &Batch) -> Result<Batch, GuestFault>;
    /// Between batches: replaces the instance when its memory passed the recycling watermark. Counters and logs since the last call are taken here.
    fn settle(&mut self) -> Result<Settled, HostError>;
}

/// What an operator's instances did since the last [`Operator::settle`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub recycled: bool,
    pub memory_bytes: u64,
    /// (level, text), oldest first; bounded.
    pub logs: Vec<(u8, String)>,
    pub logs_dropped: u64,
    pub counters: Vec<(String, u64)>,
}

/// Limits of one operator, from the job file. All hold per instance or per call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub memory_bytes_max: u64,
    pub call_ms_max: u64,
    /// Bytes that one call may hand to the host: results and arguments of imports.
    pub output_bytes_max: u64,
    pub batch_records_max: usize,
    pub batch_bytes_max: usize,
    /// Recycle the instance between batches above this share of its memory limit, percent.
    pub recycle_percent: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes_max: 256 << 20,
            call_ms_max: 1_000,
            output_bytes_max: 64 << 20,
            batch_records_max: 1_024,
            batch_bytes_max: 4 << 20,
            recycle_percent: 75,
        }
    }
}
