//! Where output records go. A sink belongs to one task and one output (or internal stream) and is driven on the worker's thread.

mod file;
mod stdout;
mod text;

use crate::error::HostError;
use crate::record::Batch;

pub use file::FileSink;
pub use stdout::StdoutSink;

/// What a sink promises after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    ExactlyOnce,
    /// Records since the last checkpoint may appear again; the CLI says so at start.
    AtLeastOnce,
}

/// Takes output records. Order of calls: `restore` once, then rounds of `send`…, `flush`, and after that the worker's [`crate::checkpoint::Ledger`] commits;
/// or `abort`. Nothing sent is visible to a reader before the commit (exactly-once sinks), and nothing is after an abort.
pub trait Sink {
    fn delivery(&self) -> Delivery;
    /// Partitions of the target; a file has 1.
    fn partitions(&self) -> u32;
    /// Goes back to where the last checkpoint left the target. `mark` is what `flush` returned then; `None`: there was none.
    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), HostError>;
    /// Stages all rows of a batch, in order. Rows whose partition is `NONE` go by murmur2 of the key; without a key to the task's number modulo the partitions.
    /// The bytes are copied or written; the batch is the caller's again. Returns the bytes staged since the last commit.
    fn send(&mut self, batch: &Batch) -> Result<usize, HostError>;
    /// Returns when all that was sent has been accepted (acknowledged, written and synced), with a mark that the checkpoint keeps. Empty: nothing to keep.
    fn flush(&mut self) -> Result<Vec<u8>, HostError>;
    /// Drops what was staged since the last commit.
    fn abort(&mut self) -> Result<(), HostError>;
}
