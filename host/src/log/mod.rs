//! The embedded log: durable, partitioned, append-only streams, checkpoints and state of one host, in one RocksDB. No server.
//!
//! A checkpoint is one synced write batch: outputs, positions, state and timers. Streams are stored as packed blocks, not an entry a record.
//! Column families: `blocks` (stream id · partition · first offset → block), `times` (the same key → latest timestamp · bytes), `progress` (job · task → JSON),
//! `state` (store id · task · key → value), `meta` (streams, ends of partitions, ids of stores).

mod block;
mod commit;
mod folder;
mod ledger;
mod retention;
mod sink;
mod source;
mod stream;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use rocksdb::{BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBRecoveryMode, Options};

use crate::checkpoint::Ledger;
use crate::error::HostError;
use crate::record::TaskId;
use crate::sink::Sink;
use crate::source::Source;
use crate::state::{RocksStore, StateStore};

pub use stream::{StreamDescription, StreamSettings};

use commit::Staged;
use folder::Folder;
use stream::Streams;

const BLOCKS: &str = "blocks";
const TIMES: &str = "times";
const PROGRESS: &str = "progress";
const META: &str = "meta";
const FAMILIES: [&str; 5] = [BLOCKS, TIMES, PROGRESS, META, crate::state::STATE_FAMILY];

/// Memory for blocks read, and for writes not flushed yet, of the whole host, bytes.
const BLOCK_CACHE_BYTES: usize = 256 << 20;
const WRITE_BUFFER_BYTES: usize = 64 << 20;
const WAL_BYTES_MAX: u64 = 512 << 20;

/// One data folder, opened by one process. Threads share it; the folder is free again when the last clone of the `Arc` is gone.
pub struct Log {
    db: Arc<DB>,
    streams: Mutex<Streams>,
    /// Held while offsets are given out and written: at checkpoints only, never on the way of a record.
    commit: Mutex<()>,
    numbering: Arc<Mutex<()>>,
    path: PathBuf,
    // Dropped last: whoever gets the folder next must find the database closed.
    _folder: Folder,
}

impl Log {
    /// Opens a data folder, or makes one. Refuses a folder in use, of a newer format, or damaged, each with what to do.
    pub fn open(path: &Path) -> Result<Arc<Log>, HostError> {
        let folder = Folder::take(path)?;
        let families = FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, family_options()));
        let db = DB::open_cf_descriptors(&database_options(), path.join("db"), families).map_err(|error| broken(path, "opening", &error))?;
        let log =
            Log { db: Arc::new(db), streams: Mutex::default(), commit: Mutex::default(), numbering: Arc::default(), path: path.to_owned(), _folder: folder };
        log.load_streams()?;
        Ok(Arc::new(log))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One worker's ends: what they stage becomes durable together.
    pub fn worker(self: &Arc<Self>, job: &str) -> LogWorker {
        LogWorker { log: self.clone(), job: job.to_owned(), staged: Rc::new(RefCell::new(Staged::default())) }
    }

    /// Committed state, for tools.
    pub fn state(&self) -> RocksStore {
        RocksStore::new(self.db.clone(), self.numbering.clone())
    }

    fn family(&self, name: &'static str) -> &ColumnFamily {
        match self.db.cf_handle(name) {
            Some(family) => family,
            None => unreachable!("all column families are made at open"),
        }
    }

    fn broken(&self, doing: &str, error: &rocksdb::Error) -> HostError {
        broken(&self.path, doing, error)
    }
}

/// One worker's ends of a [`Log`], for use on its thread.
pub struct LogWorker {
    log: Arc<Log>,
    job: String,
    staged: Rc<RefCell<Staged>>,
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
        Box::new(ledger::LogLedger::new(self.log.clone(), &self.job, self.staged.clone()))
    }

    pub fn state(&self) -> Rc<dyn StateStore> {
        Rc::new(self.log.state())
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // A log cut short by a power failure loses what was never acknowledged; any other damage is an error.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(2);
    options
}

fn family_options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE_BYTES / FAMILIES.len()));
    table.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(rocksdb::DBCompressionType::Lz4);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options
}

/// Says what a failure of the database means: damage and a folder in use stop the job, anything else (a full disk) may pass.
fn broken(path: &Path, doing: &str, error: &rocksdb::Error) -> HostError {
    let text = error.to_string();
    let folder = path.display();
    if error.kind() == rocksdb::ErrorKind::Corruption {
        let help = "the data on disk is damaged: restore the folder from a backup, or start over with another --data";
        return HostError::storage(format!("{doing} the data folder {folder}"), text).with_help(help);
    }
    let why = if text.contains("No space left") { "no space left: free some, and the job goes on by itself; " } else { "" };
    HostError::external(format!("{doing} the data folder {folder}"), anyhow::anyhow!("{why}{text}"))
}
