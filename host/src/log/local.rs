//! State of jobs whose streams live elsewhere: what this folder keeps is a copy of their changelogs, which knows how far it goes.
//!
//! Writes are not synced: after a crash of the machine the copy is an older one, and says so itself; what follows is read from the changelog again.
//!
//! What a checkpoint brings is held in the worker's cache until the copy is marked, which is when it is needed here: written a second's worth at a time, in the order
//! of the keys, neighbours find their places in the database beside one another, and a key that changes often is written once. Whatever is lost meanwhile lies past the mark.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use rocksdb::WriteBatch;
use serde::{Deserialize, Serialize};

use super::ledger::progress_key;
use super::{Log, META, PROGRESS};
use crate::error::HostError;
use crate::record::{Offset, TaskId};
use crate::state::{CACHED_TOGETHER, Cache, Change, RocksStore, STATE_FAMILY, StateStore, StoreHandle, StoreId, Visit};

/// So many held values are written, marked or not.
const HELD_MAX: usize = 1 << 18;
/// They go into the database in batches of so many bytes, which stay near the processor from one end to the other.
const BATCH_BYTES: usize = 64 << 10;

/// Which changelog a task's state here is a copy of, and how far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyMark {
    /// The changelog's name and the id its cluster gave it: a topic that is deleted and made again is another.
    pub changelog: String,
    pub changelog_id: String,
    /// All records below are in the copy. It may hold more: applying a changelog again from here ends in the same state.
    pub position: Offset,
    /// Processing time when this was true, ms.
    pub at_ms: i64,
}

/// One worker's view of the copies of a job's state, for use on its thread.
#[derive(Clone)]
pub struct LocalState {
    log: Arc<Log>,
    job: String,
    written: Rc<RocksStore>,
    cache: Rc<RefCell<Cache>>,
    /// Of tasks whose changes are held.
    progress: Rc<RefCell<BTreeMap<TaskId, Vec<u8>>>>,
}

impl Log {
    /// The copies of one job's state.
    pub fn local_state(self: &Arc<Self>, job: &str) -> LocalState {
        let cache: Rc<RefCell<Cache>> = Rc::default();
        LocalState { log: self.clone(), job: job.to_owned(), written: Rc::new(self.state_under(cache.clone())), cache, progress: Rc::default() }
    }

    /// A small value of the host's own that outlives it; `None`: never written.
    pub fn note(&self, name: &str) -> Result<Option<String>, HostError> {
        let bytes = self.db.get_cf(self.family(META), format!("note\0{name}")).map_err(|error| self.broken("reading", &error))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Writes such a value, synced.
    pub fn set_note(&self, name: &str, value: &str) -> Result<(), HostError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(META), format!("note\0{name}"), value);
        self.write(&mut self.committer(), batch, true, "writing to")
    }
}

impl LocalState {
    fn mark_key(&self, task: TaskId) -> Vec<u8> {
        [b"copy\0", progress_key(&self.job, task).as_slice()].concat()
    }

    /// What a task's state is a copy of; `None`: there is no copy.
    pub fn mark(&self, task: TaskId) -> Result<Option<CopyMark>, HostError> {
        let bytes = self.log.db.get_cf(self.log.family(META), self.mark_key(task)).map_err(|error| self.log.broken("reading", &error))?;
        // One that cannot be read is as good as none: the changelog has it all.
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The task's progress as the copy has it, as its changelog wrote it.
    pub fn progress(&self, task: TaskId) -> Result<Option<Vec<u8>>, HostError> {
        if let Some(held) = self.progress.borrow().get(&task) {
            return Ok(Some(held.clone()));
        }
        self.log.db.get_cf(self.log.family(PROGRESS), progress_key(&self.job, task)).map_err(|error| self.log.broken("reading", &error))
    }

    /// Applies what a checkpoint (or a stretch of changelogs) brings. Without marks it may be held back; whoever reads finds it all the same.
    pub fn apply(&self, changes: &mut dyn Iterator<Item = Change<'_>>, progress: &[(TaskId, &[u8])], marks: &[(TaskId, CopyMark)]) -> Result<(), HostError> {
        self.progress.borrow_mut().extend(progress.iter().map(|(task, bytes)| (*task, bytes.to_vec())));
        let mut batch = WriteBatch::default();
        let mut cache = self.cache.borrow_mut();
        let mut changes = Changes { all: changes, keys: Vec::new(), some: Vec::new() };
        while changes.next_some() {
            cache.fetch(changes.some.iter().map(|(key, _)| &changes.keys[key.clone()]));
            for (key, value) in &changes.some {
                let key = &changes.keys[key.clone()];
                if !cache.hold(key, *value) {
                    self.log.put_state(&mut batch, key, *value);
                }
            }
        }
        let much = cache.held() >= HELD_MAX;
        drop(cache);
        if marks.is_empty() && batch.is_empty() && !much {
            return Ok(());
        }
        self.write(batch, marks)
    }

    /// Writes what is held. Only while the tasks are this worker's.
    pub fn settle(&self) -> Result<(), HostError> {
        if self.cache.borrow().held() == 0 && self.progress.borrow().is_empty() {
            return Ok(());
        }
        self.write(WriteBatch::default(), &[])
    }

    /// Writes `batch` and what is held, the marks last: a copy that a crash finds in between holds more than its mark says, which it may.
    fn write(&self, mut batch: WriteBatch, marks: &[(TaskId, CopyMark)]) -> Result<(), HostError> {
        let (mut cache, mut progress) = (self.cache.borrow_mut(), self.progress.borrow_mut());
        let write = |batch| self.log.write(&mut self.log.committer(), batch, false, "writing state to");
        let mut bytes = 0;
        cache.visit_held(|key, value| {
            self.log.put_state(&mut batch, key, value);
            bytes += key.len() + value.map_or(0, <[u8]>::len);
            if bytes < BATCH_BYTES {
                return Ok(());
            }
            bytes = 0;
            write(std::mem::replace(&mut batch, WriteBatch::with_capacity_bytes(2 * BATCH_BYTES)))
        })?;
        for (task, bytes) in progress.iter() {
            batch.put_cf(self.log.family(PROGRESS), progress_key(&self.job, *task), bytes);
        }
        for (task, mark) in marks {
            let bytes = serde_json::to_vec(mark).map_err(|error| HostError::external("noting how far state goes", error))?;
            batch.put_cf(self.log.family(META), self.mark_key(*task), bytes);
        }
        write(batch)?;
        cache.release();
        progress.clear();
        Ok(())
    }

    /// Drops a task's copy: all stores of `operators`, its progress and its mark.
    pub fn wipe(&self, task: TaskId, operators: &[&str]) -> Result<(), HostError> {
        self.settle()?;
        let mut batch = WriteBatch::default();
        for (job, operator, name) in self.written.stores()? {
            if job == self.job && operators.contains(&operator.as_str()) {
                let Some(StoreHandle(begin)) = self.written.find(&StoreId { job, operator, store: name, task: task.partition })? else { continue };
                let end = u64::from_be_bytes(begin).wrapping_add(1).to_be_bytes();
                batch.delete_range_cf(self.log.family(STATE_FAMILY), begin, end);
            }
        }
        batch.delete_cf(self.log.family(PROGRESS), progress_key(&self.job, task));
        batch.delete_cf(self.log.family(META), self.mark_key(task));
        self.log.write(&mut self.log.committer(), batch, true, "dropping state from")?;
        *self.cache.borrow_mut() = Cache::default();
        Ok(())
    }
}

/// Changes, some at a time: their places in the cache are brought near together.
struct Changes<'c, 'a> {
    all: &'c mut dyn Iterator<Item = Change<'a>>,
    /// Their full keys, one after another.
    keys: Vec<u8>,
    some: Vec<(Range<usize>, Option<&'a [u8]>)>,
}

impl Changes<'_, '_> {
    fn next_some(&mut self) -> bool {
        self.keys.clear();
        self.some.clear();
        for change in self.all.take(CACHED_TOGETHER) {
            let begin = self.keys.len();
            change.store.add_key(change.key, &mut self.keys);
            self.some.push((begin..self.keys.len(), change.value));
        }
        !self.some.is_empty()
    }
}

/// Committed state: what is held is found by its key, and written before anything is looked for by a range.
impl StateStore for LocalState {
    fn open(&self, id: &StoreId) -> Result<StoreHandle, HostError> {
        self.written.open(id)
    }

    fn get_many(&self, store: StoreHandle, keys: &[&[u8]], found: &mut dyn FnMut(usize, Option<&[u8]>)) -> Result<(), HostError> {
        self.written.get_many(store, keys, found)
    }

    fn scan(&self, store: StoreHandle, begin: &[u8], end: &[u8], visit: Visit<'_>) -> Result<(), HostError> {
        self.settle()?;
        self.written.scan(store, begin, end, visit)
    }
}
