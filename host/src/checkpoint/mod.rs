//! Makes a checkpoint durable, phase by phase. The ledger is the transport's side of it: one atomic write in the embedded log, a transaction on Kafka.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::HostError;
use crate::record::{Offset, TaskId};
use crate::state::Change;

/// How far a task has come: what a checkpoint keeps of it besides state, timers and outputs. Stored as JSON (a few KiB at most).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskProgress {
    /// Next position by input name (job input or internal stream). Each task reads the partition of its own number, a job input of several files its n-th file.
    pub positions: BTreeMap<String, Offset>,
    /// Highest event time seen, by input or operator that has a watermark of its own, ms.
    pub event_time_max: BTreeMap<String, i64>,
    /// By internal input: the last watermark that each upstream task sent, ms. Idleness and ends are not kept: upstream says them again after a restart.
    pub upstream: BTreeMap<String, BTreeMap<u32, i64>>,
    /// By output name: the mark its sink returned at flush, where it returned one.
    pub sinks: BTreeMap<String, Vec<u8>>,
    /// By operator: the digest that made this checkpoint.
    pub digests: BTreeMap<String, String>,
    /// By input on Kafka: the id of the topic that its position counts in. A topic deleted and made again is another.
    #[serde(default)]
    pub topics: BTreeMap<String, String>,
    /// By `operator/store`: the version of the values' format.
    #[serde(default)]
    pub store_versions: BTreeMap<String, u32>,
}

/// What takes part in a checkpoint: a task, to the functions here.
pub trait Participant {
    fn id(&self) -> TaskId;
    /// Has all sinks accept what was sent, and says how far the task has come.
    fn flush(&mut self) -> Result<TaskProgress, HostError>;
    /// The overlays' writes.
    fn changes(&self) -> Box<dyn Iterator<Item = Change<'_>> + '_>;
    /// All of it is durable: empty the overlays.
    fn forget(&mut self);
}

/// Makes one checkpoint of a worker, in the order that makes recovery simple: an offset never outruns the outputs it stands for, and the local store never runs
/// ahead of what is committed. The caller has settled: no guest call is in flight. On an error the caller drops the tasks and restores them from the last checkpoint.
pub fn make<P: Participant>(tasks: &mut [P], ledger: &mut dyn Ledger) -> Result<(), HostError> {
    let progress = flush(tasks)?;
    record(tasks, ledger)?;
    ledger.commit(&progress)?;
    apply(tasks, ledger)?;
    forget(tasks);
    Ok(())
}

fn flush<P: Participant>(tasks: &mut [P]) -> Result<Vec<(TaskId, TaskProgress)>, HostError> {
    tasks.iter_mut().map(|task| Ok((task.id(), task.flush()?))).collect()
}

fn record<P: Participant>(tasks: &[P], ledger: &mut dyn Ledger) -> Result<(), HostError> {
    ledger.record(&mut tasks.iter().flat_map(|task| task.changes()))
}

fn apply<P: Participant>(tasks: &[P], ledger: &mut dyn Ledger) -> Result<(), HostError> {
    ledger.apply(&mut tasks.iter().flat_map(|task| task.changes()))
}

fn forget<P: Participant>(tasks: &mut [P]) {
    for task in tasks {
        task.forget();
    }
}

/// The durable side of checkpoints. One per worker, on its thread; shares the transaction in progress with the worker's sinks and stores.
///
/// Order: `progress` at start of a task; then per checkpoint, after all sinks flushed: `record`, `commit`, `apply`. Or `abort`.
/// In the embedded log `commit` stages and `apply` writes all in one synced batch; on Kafka `commit` ends the transaction and `apply` follows it.
/// Either way: after a crash at any point, a reader of outputs and the next `progress` agree.
pub trait Ledger {
    /// What the last durable checkpoint says of a task; `None`: there was none.
    fn progress(&mut self, task: TaskId) -> Result<Option<TaskProgress>, HostError>;
    /// Puts the changes of state into what `commit` makes durable: on Kafka the changelog. Nothing where `apply` itself does that.
    fn record(&mut self, changes: &mut dyn Iterator<Item = Change<'_>>) -> Result<(), HostError>;
    /// Makes outputs, changelog and progress durable together (or stages them for `apply`).
    fn commit(&mut self, tasks: &[(TaskId, TaskProgress)]) -> Result<(), HostError>;
    /// Brings the stores up to the commit.
    fn apply(&mut self, changes: &mut dyn Iterator<Item = Change<'_>>) -> Result<(), HostError>;
    /// Drops what sinks have staged and what `commit` has.
    fn abort(&mut self) -> Result<(), HostError>;
}
