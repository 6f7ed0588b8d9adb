//! Committed state in the host's RocksDB: keys are prefixed by store and task, so a task's state is one range.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rocksdb::{ColumnFamily, DB, Direction, IteratorMode, ReadOptions, WriteOptions};
use serde::{Deserialize, Serialize};

use super::cache::{Cache, TOGETHER as CACHED_TOGETHER};
use super::failure::failure;
use super::{Flow, LAYOUTS, StateStore, StoreHandle, StoreId};
use crate::error::HostError;

/// The column family that holds state.
pub(crate) const STATE_FAMILY: &str = "state";
/// Store number 0 is ours: names of stores → numbers.
const NAMES: [u8; 8] = [0; 8];

/// See the module. One per worker or tool; all over one database.
pub struct RocksStore {
    db: Arc<DB>,
    cache: Rc<RefCell<Cache>>,
    scratch: RefCell<Scratch>,
    /// Held while a number is given to a new store, by all who share the database; opening a store is rare.
    numbering: Arc<Mutex<()>>,
    // Dropped after `db`: the folder is given up when the database is closed.
    _folder: Arc<dyn Any + Send + Sync>,
}

/// What a look-up needs for a while, kept from one to the next.
#[derive(Default)]
struct Scratch {
    /// Full keys, one after another, and where each ends.
    keys: Vec<u8>,
    ends: Vec<usize>,
    /// By key: its place in the cache; `None`: not there.
    places: Vec<Option<u32>>,
}

/// A store's name as it is kept.
#[derive(Serialize, Deserialize)]
struct Name {
    job: String,
    operator: String,
    store: String,
}

impl RocksStore {
    /// `cache` is for whoever may write these stores to keep up to date; `folder` is what must outlive the database: the lock on its folder.
    pub(crate) fn new(db: Arc<DB>, numbering: Arc<Mutex<()>>, cache: Rc<RefCell<Cache>>, folder: Arc<dyn Any + Send + Sync>) -> Self {
        RocksStore { db, cache, scratch: RefCell::default(), numbering, _folder: folder }
    }

    fn family(&self) -> &ColumnFamily {
        match self.db.cf_handle(STATE_FAMILY) {
            Some(family) => family,
            None => unreachable!("all column families are made when the data folder is opened"),
        }
    }

    /// The store's handle; a store that was never opened gets a number.
    fn register(&self, id: &StoreId) -> Result<StoreHandle, HostError> {
        let _guard = self.numbering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = self.find(id)? {
            return Ok(found);
        }
        let mut last = 0;
        self.scan(StoreHandle(NAMES), &[], &[], &mut |_, number| {
            last = last.max(number.try_into().map_or(0, u32::from_be_bytes));
            Flow::Continue(())
        })?;
        let number = last + 1;
        // Synced, like every write whose loss a reader could notice: state is kept under this number.
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        let doing = || format!("registering store `{}` of operator `{}`", id.store, id.operator);
        self.db.put_cf_opt(self.family(), name_key(id)?, number.to_be_bytes(), &synced).map_err(|error| failure(doing(), &error))?;
        Ok(handle(number, id.task))
    }

    /// Nothing of an empty store need be looked for below.
    fn note_if_empty(&self, store: StoreHandle) -> Result<(), HostError> {
        let mut is_empty = true;
        self.scan(store, &[], &[], &mut |_, _| {
            is_empty = false;
            Flow::Break(())
        })?;
        if is_empty {
            self.cache.borrow_mut().begin_whole(store.0);
        }
        Ok(())
    }

    /// All stores that were ever opened: job, operator, store.
    pub fn stores(&self) -> Result<Vec<(String, String, String)>, HostError> {
        let mut found = Vec::new();
        self.scan(StoreHandle(NAMES), &[], &[], &mut |key, _| {
            found.extend(serde_json::from_slice::<Name>(key).ok().map(|name| (name.job, name.operator, name.store)));
            Flow::Continue(())
        })?;
        Ok(found)
    }

    /// The store's handle if it was ever opened.
    pub fn find(&self, id: &StoreId) -> Result<Option<StoreHandle>, HostError> {
        let key = name_key(id)?;
        let number = self.db.get_cf(self.family(), key).map_err(failed)?;
        Ok(number.and_then(|bytes| bytes.try_into().ok()).map(|number| handle(u32::from_be_bytes(number), id.task)))
    }

    /// Whether the values of a store begin with their expiry (see [`super::without_expiry`]).
    pub fn expires(&self, id: &StoreId) -> Result<bool, HostError> {
        let Some(layouts) = self.find(&StoreId { store: LAYOUTS.to_owned(), ..id.clone() })? else { return Ok(false) };
        let mut expires = false;
        self.get_many(layouts, &[id.store.as_bytes()], &mut |_, layout| expires = layout.is_some())?;
        Ok(expires)
    }

    /// The tasks that have rows in a store.
    pub fn tasks(&self, id: &StoreId) -> Result<Vec<u32>, HostError> {
        let Some(StoreHandle(mut prefix)) = self.find(id)? else { return Ok(Vec::new()) };
        let mut tasks = Vec::new();
        let mut task = 0;
        loop {
            prefix[4..8].copy_from_slice(&u32::to_be_bytes(task));
            let mut next = self.db.iterator_cf(self.family(), IteratorMode::From(&prefix, Direction::Forward));
            let Some(entry) = next.next() else { break };
            let (key, _) = entry.map_err(failed)?;
            let found = key.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
            let (Some(found), true) = (found, key.get(0..4) == Some(&prefix[0..4])) else { break };
            tasks.push(found);
            let Some(after) = found.checked_add(1) else { break };
            task = after;
        }
        Ok(tasks)
    }
}

fn name_key(id: &StoreId) -> Result<Vec<u8>, HostError> {
    let name = Name { job: id.job.clone(), operator: id.operator.clone(), store: id.store.clone() };
    let mut key = NAMES.to_vec();
    serde_json::to_writer(&mut key, &name).map_err(|error| HostError::external("naming a store", error))?;
    Ok(key)
}

fn handle(number: u32, task: u32) -> StoreHandle {
    let mut bytes = [0; 8];
    bytes[0..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..8].copy_from_slice(&task.to_be_bytes());
    StoreHandle(bytes)
}

fn failed(error: rocksdb::Error) -> HostError {
    failure("reading the state store", &error)
}

impl StateStore for RocksStore {
    fn open(&self, id: &StoreId) -> Result<StoreHandle, HostError> {
        let store = self.register(id)?;
        self.note_if_empty(store)?;
        Ok(store)
    }

    fn get_many(&self, store: StoreHandle, keys: &[&[u8]], found: &mut dyn FnMut(usize, Option<&[u8]>)) -> Result<(), HostError> {
        let mut scratch = self.scratch.borrow_mut();
        let Scratch { keys: full, ends, places } = &mut *scratch;
        full.clear();
        ends.clear();
        places.clear();
        for key in keys {
            store.add_key(key, full);
            ends.push(full.len());
        }
        let full_key = |n: usize| &full[if n == 0 { 0 } else { ends[n - 1] }..ends[n]];
        let mut cache = self.cache.borrow_mut();
        for begin in (0..keys.len()).step_by(CACHED_TOGETHER) {
            let some = begin..keys.len().min(begin + CACHED_TOGETHER);
            cache.fetch(some.clone().map(full_key));
            places.extend(some.map(|n| cache.find(full_key(n))));
        }
        let missing = || (0..keys.len()).filter(|n| places[*n].is_none());
        if cache.is_whole(store.0) || missing().next().is_none() {
            places.iter().enumerate().for_each(|(n, place)| found(n, place.and_then(|place| cache.at(place))));
            return Ok(());
        }
        let below = self.db.batched_multi_get_cf(self.family(), missing().map(full_key), false);
        let below = below.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let mut next = below.iter();
        for (n, place) in places.iter().enumerate() {
            match place {
                Some(place) => found(n, cache.at(*place)),
                None => found(n, next.next().and_then(|value| value.as_deref())),
            }
        }
        missing().zip(&below).for_each(|(n, value)| cache.put(full_key(n), value.as_deref()));
        Ok(())
    }

    fn scan(&self, store: StoreHandle, begin: &[u8], end: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> Flow) -> Result<(), HostError> {
        let mut options = ReadOptions::default();
        let after = u64::from_be_bytes(store.0).wrapping_add(1).to_be_bytes();
        options.set_iterate_upper_bound(if end.is_empty() { after.to_vec() } else { [&store.0, end].concat() });
        let mut rows = self.db.raw_iterator_cf_opt(self.family(), options);
        rows.seek([&store.0, begin].concat());
        while let Some((key, value)) = rows.item() {
            if visit(&key[store.0.len()..], value).is_break() {
                return Ok(());
            }
            rows.next();
        }
        rows.status().map_err(failed)
    }
}
