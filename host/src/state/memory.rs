//! Committed state in memory: the second implementation of [`StateStore`], for simulation and tests.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::{Change, Flow, StateStore, StoreHandle, StoreId};
use crate::error::HostError;

/// A store's rows, in order.
type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Default)]
pub struct MemoryStore {
    ids: RefCell<HashMap<StoreId, StoreHandle>>,
    rows: RefCell<BTreeMap<StoreHandle, Rows>>,
}

impl MemoryStore {
    /// What a ledger does when a checkpoint is durable.
    pub fn apply(&self, changes: &mut dyn Iterator<Item = Change<'_>>) {
        let mut rows = self.rows.borrow_mut();
        for change in changes {
            let store = rows.entry(change.store).or_default();
            match change.value {
                Some(value) => store.insert(change.key.to_vec(), value.to_vec()),
                None => store.remove(change.key),
            };
        }
    }
}

impl StateStore for MemoryStore {
    fn open(&self, id: &StoreId) -> Result<StoreHandle, HostError> {
        let mut ids = self.ids.borrow_mut();
        let next = StoreHandle((ids.len() as u64).to_be_bytes());
        Ok(*ids.entry(id.clone()).or_insert(next))
    }

    fn get_many(&self, store: StoreHandle, keys: &[&[u8]], found: &mut dyn FnMut(usize, Option<&[u8]>)) -> Result<(), HostError> {
        let rows = self.rows.borrow();
        let store = rows.get(&store);
        for (n, key) in keys.iter().enumerate() {
            found(n, store.and_then(|rows| rows.get(*key)).map(Vec::as_slice));
        }
        Ok(())
    }

    fn scan(&self, store: StoreHandle, begin: &[u8], end: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> Flow) -> Result<(), HostError> {
        let rows = self.rows.borrow();
        let Some(rows) = rows.get(&store) else { return Ok(()) };
        for (key, value) in rows.range(begin.to_vec()..) {
            if !end.is_empty() && key.as_slice() >= end || visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}
