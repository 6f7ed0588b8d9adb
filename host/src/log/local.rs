//! State of jobs whose streams live elsewhere: what this folder keeps is a copy of their changelogs, which knows how far it goes.
//!
//! Writes are not synced: after a crash of the machine the copy is an older one, and says so itself; what follows is read from the changelog again.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rocksdb::WriteBatch;
use serde::{Deserialize, Serialize};

use super::ledger::{StateWriter, progress_key};
use super::{Log, META, PROGRESS};
use crate::error::HostError;
use crate::record::{Offset, TaskId};
use crate::state::{Cache, Change, RocksStore, STATE_FAMILY, StateStore, StoreHandle, StoreId};

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
    cache: Rc<RefCell<Cache>>,
    writer: Rc<RefCell<StateWriter>>,
}

impl Log {
    /// The copies of one job's state.
    pub fn local_state(self: &Arc<Self>, job: &str) -> LocalState {
        LocalState { log: self.clone(), job: job.to_owned(), cache: Rc::default(), writer: Rc::default() }
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
    pub fn store(&self) -> RocksStore {
        self.log.state_under(self.cache.clone())
    }

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
        self.log.db.get_cf(self.log.family(PROGRESS), progress_key(&self.job, task)).map_err(|error| self.log.broken("reading", &error))
    }

    /// Applies what a checkpoint (or a stretch of changelogs) brings, in one write.
    pub fn apply(&self, changes: &mut dyn Iterator<Item = Change<'_>>, progress: &[(TaskId, &[u8])], marks: &[(TaskId, CopyMark)]) -> Result<(), HostError> {
        let mut batch = WriteBatch::default();
        for (task, bytes) in progress {
            batch.put_cf(self.log.family(PROGRESS), progress_key(&self.job, *task), bytes);
        }
        for (task, mark) in marks {
            let bytes = serde_json::to_vec(mark).map_err(|error| HostError::external("noting how far state goes", error))?;
            batch.put_cf(self.log.family(META), self.mark_key(*task), bytes);
        }
        let mut writer = self.writer.borrow_mut();
        let changes = writer.put(&self.log, &mut batch, changes);
        self.log.write(&mut self.log.committer(), batch, false, "writing state to")?;
        writer.refresh(&mut self.cache.borrow_mut(), &changes);
        Ok(())
    }

    /// Drops a task's copy: all stores of `operators`, its progress and its mark.
    pub fn wipe(&self, task: TaskId, operators: &[&str]) -> Result<(), HostError> {
        let mut batch = WriteBatch::default();
        let store = self.store();
        for (job, operator, name) in store.stores()? {
            if job == self.job && operators.contains(&operator.as_str()) {
                let StoreHandle(begin) = store.open(&StoreId { job, operator, store: name, task: task.partition })?;
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
