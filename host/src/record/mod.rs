//! The words everybody shares. The packed batch itself is defined in the crate `millstream-layout`, once for host and guests.

pub mod jsonl;
mod partition;

use std::fmt;
use std::sync::Arc;

pub use millstream_layout::*;
pub use partition::{murmur2, partition_of};

/// Event time of a record, ms since 1970 UTC.
pub type TimestampMs = i64;
/// The timestamp of a record that has none (`INHERIT` seen from the input's side).
pub const NO_TIMESTAMP: TimestampMs = INHERIT;

/// The next position to read in one partition: one past the last processed record, which is also what Kafka commits. A stream counts records, a file bytes.
pub type Offset = u64;

/// One partition of a named stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub stream: Arc<str>,
    pub partition: u32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.stream, self.partition)
    }
}

/// A task of a job: a stage × a partition number. The unit of order, state and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId {
    pub stage: u32,
    pub partition: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.stage, self.partition)
    }
}

/// The rows of a batch from `from` on. All of them: the batch itself.
pub fn rest(batch: Batch, from: usize) -> Batch {
    if from == 0 {
        return batch;
    }
    let mut rest = BatchBuilder::with_capacity(batch.len() - from, 0);
    rest.extend(&batch, from..batch.len());
    rest.into_batch()
}
