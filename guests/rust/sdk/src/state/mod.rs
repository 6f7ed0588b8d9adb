//! Keyed state as an operator sees it: typed stores, entries, scans. What is read ahead and written back is the cache's to know.

mod cache;
mod scan;
mod value;

use std::marker::PhantomData;

pub(crate) use cache::Cache;
pub use cache::Keys;
pub use scan::{Pairs, Scan};
pub use value::{Json, Value, ValueError};

use crate::{Failure, Stop, StoreDescription, fatal};

/// A declared store: key to value of type `V`, one value per key and task.
///
/// ```
/// # use millstream_sdk::{Store, StoreDescription};
/// const COUNTS: Store<u64> = Store::new("counts", 1);
/// const STORES: &[StoreDescription] = &[COUNTS.description()];
/// ```
#[derive(Debug)]
pub struct Store<V> {
    pub(crate) name: &'static str,
    version: u32,
    value: PhantomData<fn() -> V>,
}

impl<V> Store<V> {
    /// `version` is that of the values' format, from 1; raise it with the format and implement [`migrate`](crate::Operator::migrate).
    pub const fn new(name: &'static str, version: u32) -> Self {
        Store { name, version, value: PhantomData }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// For [`Operator::STORES`](crate::Operator::STORES).
    pub const fn description(&self) -> StoreDescription {
        StoreDescription { name: self.name, version: self.version }
    }
}

/// One key's value in a store, during a call. What is set here is seen by whoever looks next, and written back with the batch.
pub struct Entry<'e, V> {
    cache: &'e mut Cache,
    slot: usize,
    store: &'static str,
    value: PhantomData<fn() -> V>,
}

impl<'e, V: Value> Entry<'e, V> {
    pub(crate) fn new(cache: &'e mut Cache, slot: usize, store: &'static str) -> Self {
        Entry { cache, slot, store, value: PhantomData }
    }

    /// The value; `None`: there is none. Bytes that are no `V` stop the job: the store holds what this code cannot read.
    #[inline]
    pub fn get(&self) -> Result<Option<V>, Stop> {
        match self.cache.value(self.slot) {
            None => Ok(None),
            Some(bytes) => V::decode(bytes).map(Some).map_err(|e| fatal(unreadable(self.store, self.cache.key(self.slot), &e))),
        }
    }

    /// The value's bytes as they are stored.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.cache.value(self.slot)
    }

    #[inline]
    pub fn set(&mut self, value: &V) {
        self.cache.set(self.slot, value);
    }

    pub fn delete(&mut self) {
        self.cache.delete(self.slot);
    }
}

pub(crate) fn unreadable(store: &str, key: &[u8], error: &ValueError) -> String {
    format!("store `{store}`, key `{}`: {error}", key.escape_ascii())
}

pub(crate) fn no_store(name: &str) -> Failure {
    Failure::Fatal(format!("the operator does not declare the store `{name}`: add it to `STORES`"))
}
