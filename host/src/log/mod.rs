//! The embedded log: durable, partitioned, append-only streams, checkpoints and state of one host, in one RocksDB. No server.
//!
//! A checkpoint is one synced write batch: outputs, positions, state and timers. Streams are stored as packed blocks, not an entry a record.
//! Column families: `blocks` (stream id · partition · first offset → block), `times` (the same key → latest timestamp · bytes), `progress` (job · task → JSON),
//! `state` (store id · task · key → value), `meta` (streams, ends of partitions, ids of stores).

mod block;
mod commit;
mod folder;
mod ledger;
mod local;
mod mark;
mod open;
mod retention;
mod sink;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod wait;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use rocksdb::{ColumnFamily, DB};

use crate::checkpoint::Ledger;
use crate::error::HostError;
use crate::record::TaskId;
use crate::sink::Sink;
use crate::source::Source;
use crate::state::{Cache, RocksStore, StateStore, failure};

pub use local::{CopyMark, LocalState};
pub use stream::{StreamDescription, StreamSettings};

use commit::{Committer, Staged};
use folder::Folder;
use mark::Mark;
use stream::Streams;
use wait::Signal;

/// The folder of RocksDB inside the data folder.
const DATABASE: &str = "db";
const BLOCKS: &str = "blocks";
const TIMES: &str = "times";
const PROGRESS: &str = "progress";
const META: &str = "meta";
const FAMILIES: [&str; 5] = [BLOCKS, TIMES, PROGRESS, META, crate::state::STATE_FAMILY];

/// One data folder, opened by one process: a second one, also a tool, is refused. Threads share it; the folder is free again when the last handle (this, and
/// what was opened through it) is gone.
///
/// After a write that failed nothing more is written through this `Log`: RocksDB does not recover from a full disk while it is open, and whether the failed write
/// will be found on disk is not known. Drop every handle and open the folder again: what is there then is what was committed.
pub struct Log {
    db: Arc<DB>,
    streams: Mutex<Streams>,
    /// Held while offsets are given out and written: at checkpoints only, never on the way of a record.
    committer: Mutex<Committer>,
    numbering: Arc<Mutex<()>>,
    committed: Signal,
    path: PathBuf,
    // Dropped last: whoever gets the folder next must find the database closed.
    folder: Arc<Folder>,
}

impl Log {
    /// Opens a data folder, or makes one. Refuses a folder in use, of a newer format, or damaged, each with what to do.
    pub fn open(path: &Path) -> Result<Arc<Log>, HostError> {
        let mut folder = Folder::take(path)?;
        let mut mark = Mark::open(path, &path.join(DATABASE))?;
        let db = open::database(path, folder.is_fresh(), mark.sequence())?;
        folder.made()?;
        mark.reached(db.latest_sequence_number());
        let log = Log {
            db: Arc::new(db),
            streams: Mutex::default(),
            committer: Mutex::new(Committer::new(mark)),
            numbering: Arc::default(),
            committed: Signal::default(),
            path: path.to_owned(),
            folder: Arc::new(folder),
        };
        log.load_streams()?;
        Ok(Arc::new(log))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One worker's ends: what they stage becomes durable together.
    pub fn worker(self: &Arc<Self>, job: &str) -> LogWorker {
        LogWorker { log: self.clone(), job: job.to_owned(), staged: Rc::default(), cache: Rc::default() }
    }

    /// Committed state as it is now, for tools: to be read before anybody writes more.
    pub fn state(&self) -> RocksStore {
        self.state_under(Rc::default())
    }

    fn state_under(&self, cache: Rc<RefCell<Cache>>) -> RocksStore {
        RocksStore::new(self.db.clone(), self.numbering.clone(), cache, self.folder.clone())
    }

    fn family(&self, name: &'static str) -> &ColumnFamily {
        match self.db.cf_handle(name) {
            Some(family) => family,
            None => unreachable!("all column families are made at open"),
        }
    }

    fn broken(&self, doing: &str, error: &rocksdb::Error) -> HostError {
        failure(format!("{doing} the data folder {}", self.path.display()), error)
    }
}

/// One worker's ends of a [`Log`], for use on its thread.
pub struct LogWorker {
    log: Arc<Log>,
    job: String,
    staged: Rc<RefCell<Staged>>,
    /// Committed values of this worker's stores, kept up to date by its ledger.
    cache: Rc<RefCell<Cache>>,
}

impl LogWorker {
    /// Reads a stream that exists. `bounded`: up to what is its end when a partition is assigned.
    pub fn source(&self, stream: &str, bounded: bool) -> Result<Box<dyn Source>, HostError> {
        Ok(Box::new(source::LogSource::new(self.log.clone(), self.log.stream(stream)?, bounded)))
    }

    /// Writes to a stream that exists, for one task.
    pub fn sink(&self, stream: &str, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        Ok(Box::new(sink::LogSink::new(self.log.stream(stream)?, task, self.staged.clone())))
    }

    pub fn ledger(&self) -> Box<dyn Ledger> {
        Box::new(ledger::LogLedger::new(self.log.clone(), &self.job, self.staged.clone(), self.cache.clone()))
    }

    pub fn state(&self) -> Rc<dyn StateStore> {
        Rc::new(self.log.state_under(self.cache.clone()))
    }
}
