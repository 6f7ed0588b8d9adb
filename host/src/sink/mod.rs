//! Where output records go. A sink belongs to one task and one output (or internal stream) and is driven on the worker's thread.

mod file;
mod stdout;
mod text;

use crate::error::HostError;
use crate::record::Batch;

pub use file::FileSink;
pub use stdout::StdoutSink;

/// What a target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepts {
    /// A file has 1.
    pub partitions: u32,
    /// The largest record, key, value and headers together, in bytes.
    pub record_bytes_max: usize,
}

impl Accepts {
    /// Records of any size.
    pub fn any(partitions: u32) -> Accepts {
        Accepts { partitions, record_bytes_max: usize::MAX }
    }
}

/// Takes output records. Order of calls: `restore` once, then rounds of `send`…, `flush`, and after that the worker's [`crate::checkpoint::Ledger`] commits;
/// or `abort`. Nothing sent is visible to a reader before the commit (exactly-once sinks), and nothing is after an abort.
pub trait Sink {
    fn accepts(&self) -> Accepts;
    /// Goes back to where the last checkpoint left the target. `mark` is what `flush` returned then; `None`: there was none.
    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), HostError>;
    /// Stages all rows of a batch, in order. Rows whose partition is `NONE` go by murmur2 of the key; without a key to the task's number modulo the partitions.
    /// The bytes are copied or written; the batch is the caller's again. Returns the bytes staged since the last commit.
    fn send(&mut self, batch: &Batch) -> Result<usize, HostError>;
    /// Returns when all that was sent has been accepted (acknowledged, written and synced; on Kafka the ledger waits for all sinks at once), with a mark that the
    /// checkpoint keeps. Empty: nothing to keep.
    fn flush(&mut self) -> Result<Vec<u8>, HostError>;
    /// Drops what was staged since the last commit.
    fn abort(&mut self) -> Result<(), HostError>;
}
