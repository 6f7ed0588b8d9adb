//! Where records come from. A source is driven by one worker, on its thread; positions belong to the checkpoint, not to the source.

mod cut;
mod file;
mod generator;
mod records;
mod stamped;
mod stdin;
#[cfg(test)]
mod tests;

use crate::error::HostError;
use crate::record::{Batch, Offset, TimestampMs};

pub use file::FileSource;
pub use generator::GeneratorSource;
pub use stamped::Stamped;
pub use stdin::StdinSource;

/// One partition of one of the job's inputs. `input` is the place in the plan's list of inputs (job inputs first, then internal streams).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InputPartition {
    pub input: u32,
    pub partition: u32,
}

/// Where to begin reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From the last checkpoint.
    At(Offset),
    Oldest,
    Newest,
    /// The first record whose timestamp is at or after this.
    Timestamp(TimestampMs),
}

/// How much one poll may return over all partitions.
#[derive(Clone, Copy, Debug)]
pub struct PollBudget {
    pub records_max: usize,
    pub bytes_max: usize,
    /// The longest to wait for a first record, ms; 0: return at once.
    pub wait_ms: u64,
}

/// What a poll found.
#[derive(Debug)]
pub enum Polled {
    /// At least one record of one partition, in order. `next` is the position after the last. Rows carry offset and partition; port and key-id are unset.
    Records { at: InputPartition, batch: Batch, next: Offset },
    /// There is no record below `next` any more: what lay between was none (a transaction's marker, an aborted record).
    Skipped { at: InputPartition, next: Offset },
    /// A bounded partition has no more records, now and in this run. Told once after the last record (and once after an assign at the end).
    End { at: InputPartition },
}

/// Reads partitions of one or more inputs. Calls come from one worker's thread: `assign` before anything else for a partition; `poll` often, also when
/// all is paused; `revoke` last. An error is [`HostError::External`] where a restart from the last checkpoint may cure it.
pub trait Source {
    /// Begins with a partition. Returns the position that `start` means, so that it is known before the first record.
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError>;
    /// Forgets a partition: nothing of it is returned any more.
    fn revoke(&mut self, at: InputPartition);
    /// Stops (or goes on) returning records of a partition, whose queue is full (or has room again). Nothing is lost.
    fn pause(&mut self, at: InputPartition, paused: bool);
    /// Appends what is there, within the budget (but at least one record, however large). Partitions take turns.
    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError>;
    /// One past the last record that could be read now; `None` where nobody can know (stdin, generator without an end).
    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError>;
}
