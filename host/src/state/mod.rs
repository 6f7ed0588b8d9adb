//! Keyed state: the store below (committed), the overlay above it (not committed yet), and timers, which are state ordered by time.

mod arena;
mod cache;
mod expiry;
mod failure;
mod memory;
mod merge;
mod overlay;
mod place;
#[cfg(test)]
mod properties;
mod rocks;
mod stores;
mod table;
mod timers;

use std::ops::ControlFlow;

use crate::error::HostError;

pub(crate) use cache::{Cache, TOGETHER as CACHED_TOGETHER};
pub use expiry::without_expiry;
pub(crate) use failure::{failure, is_damage};
pub use memory::MemoryStore;
pub use place::{Rewriting, StorePlace};
pub use rocks::RocksStore;
pub(crate) use rocks::STATE_FAMILY;
pub use stores::{StoreOptions, Stores, TimeDomain};

/// Names one store of one task. Task numbers make a store's keys a range of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId {
    pub job: String,
    pub operator: String,
    /// The store's name in the job file, or [`TIMERS`].
    pub store: String,
    pub task: u32,
}

/// The name of the reserved store that holds an operator's timers.
pub const TIMERS: &str = "$timers";

/// The name of the reserved store that says how values lie in a task's other stores: store name → 1 where values begin with the event time (8 bytes, big endian, ms)
/// at which they expire; no entry where they are as the guest wrote them. And where they lie: see [`StorePlace`].
pub const LAYOUTS: &str = "$layouts";

/// An opened store: the prefix of its keys in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreHandle(pub [u8; 8]);

impl StoreHandle {
    /// Adds a key of the store as the database has it.
    pub(crate) fn add_key(&self, key: &[u8], to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0);
        to.extend_from_slice(key);
    }
}

/// One write of an overlay on its way into a store; `None` deletes.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub store: StoreHandle,
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

/// What a visitor of a scan answers.
pub type Flow = ControlFlow<()>;

/// What a scan calls with each key and value.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Flow;

/// Committed state. Reads come from one worker's thread, and see nothing but what checkpoints have applied (writing is the [`crate::checkpoint::Ledger`]'s).
pub trait StateStore {
    /// Finds or registers a store and returns its handle; the same id gives the same handle for ever.
    fn open(&self, id: &StoreId) -> Result<StoreHandle, HostError>;
    /// Looks up keys, calling `found(n, value)` once per key, in order.
    fn get_many(&self, store: StoreHandle, keys: &[&[u8]], found: &mut dyn FnMut(usize, Option<&[u8]>)) -> Result<(), HostError>;
    /// Visits keys in [begin, end) in ascending order (`end` empty: to the store's end) until told to break. Keys come without the prefix.
    fn scan(&self, store: StoreHandle, begin: &[u8], end: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> Flow) -> Result<(), HostError>;
}

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 64 << 10;
/// The longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 16 << 20;
/// Rows of one `get-many` or `put-many`, at most.
pub const ROWS_PER_CALL_MAX: usize = 1 << 18;
