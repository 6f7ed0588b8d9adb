//! A transport in memory: streams, progress and state that outlive a worker, and nothing else does. For simulation and tests; a checkpoint here is as atomic
//! as in the embedded log, and can be made to fail at each of its steps.

mod ends;
mod source;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::checkpoint::TaskProgress;
use crate::error::HostError;
use crate::job::{Job, Plan, PlanInput, SinkKind, SourceKind, Target};
use crate::record::{Batch, BatchBuilder, TaskId};
use crate::sink::Sink;
use crate::source::Source;
use crate::state::{MemoryStore, StateStore};
use crate::worker::Transport;

use ends::{MemoryLedger, MemorySink};
use source::MemorySource;

/// Where a checkpoint fails, as if the process died there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    BeforeFlush,
    AfterFlush,
    BeforeCommit,
    AfterCommit,
    BeforeApply,
    AfterApply,
}

impl CrashPoint {
    pub const ALL: [CrashPoint; 6] =
        [CrashPoint::BeforeFlush, CrashPoint::AfterFlush, CrashPoint::BeforeCommit, CrashPoint::AfterCommit, CrashPoint::BeforeApply, CrashPoint::AfterApply];
}

/// What survives a crash.
#[derive(Default)]
struct Durable {
    /// By stream: its partitions.
    streams: BTreeMap<String, Vec<BatchBuilder>>,
    progress: BTreeMap<TaskId, TaskProgress>,
}

/// The memory that workers share and that survives them. Clones are the same log.
#[derive(Clone, Default)]
pub struct MemoryLog {
    durable: Rc<RefCell<Durable>>,
    store: Rc<MemoryStore>,
    crash: Rc<RefCell<Option<CrashPoint>>>,
    faults: Rc<RefCell<Faults>>,
}

/// How badly this transport behaves.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Outputs become durable at `commit`, the rest at `apply`: what the checkpoint must never do. For the test that proves the simulation bites.
    pub torn: bool,
    /// How many records each poll of a partition gives next (0: nothing this time, late); when used up, all there is.
    pub portions: VecDeque<usize>,
    /// How many records already given are given once more, before the next ones.
    pub repeats: VecDeque<usize>,
}

impl MemoryLog {
    pub fn new() -> Self {
        MemoryLog::default()
    }

    /// Creates a stream, or leaves it as it is.
    pub fn create(&self, stream: &str, partitions: u32) {
        self.durable.borrow_mut().streams.entry(stream.to_owned()).or_insert_with(|| (0..partitions).map(|_| BatchBuilder::default()).collect());
    }

    /// Appends records to a partition, as another job would.
    pub fn append(&self, stream: &str, partition: u32, records: &Batch) {
        append(&mut self.durable.borrow_mut(), stream, partition, records);
    }

    /// All records of a partition.
    pub fn read(&self, stream: &str, partition: u32) -> Batch {
        self.durable.borrow().streams.get(stream).map(|partitions| partitions[partition as usize].as_batch().clone()).unwrap_or_default()
    }

    pub fn progress(&self, task: TaskId) -> Option<TaskProgress> {
        self.durable.borrow().progress.get(&task).cloned()
    }

    /// Fails the next checkpoint there.
    pub fn crash_at(&self, point: CrashPoint) {
        *self.crash.borrow_mut() = Some(point);
    }

    pub fn set_faults(&self, faults: Faults) {
        *self.faults.borrow_mut() = faults;
    }

    fn passes(&self, point: CrashPoint) -> Result<(), HostError> {
        let mut crash = self.crash.borrow_mut();
        if *crash == Some(point) {
            *crash = None;
            return Err(HostError::external("making a checkpoint", anyhow::anyhow!("simulated crash at {point:?}")));
        }
        Ok(())
    }

    /// One worker's ends.
    pub fn transport(&self, job: &Job, plan: &Plan) -> MemoryTransport {
        MemoryTransport { log: self.clone(), job: job.clone(), plan: plan.clone(), staged: Rc::default() }
    }
}

fn append(durable: &mut Durable, stream: &str, partition: u32, records: &Batch) {
    let Some(target) = durable.streams.get_mut(stream).and_then(|partitions| partitions.get_mut(partition as usize)) else {
        unreachable!("streams are created before they are written");
    };
    for mut view in records {
        view.offset = target.len() as i64;
        view.partition = partition;
        target.push_view(view);
    }
}

/// Outputs on their way to the next commit: stream, partition, records.
type Staged = Rc<RefCell<Vec<(String, u32, Batch)>>>;

/// One worker's ends of a [`MemoryLog`]. Outputs and inputs of a job must be streams.
pub struct MemoryTransport {
    log: MemoryLog,
    job: Job,
    plan: Plan,
    staged: Staged,
}

impl MemoryTransport {
    fn open(&self, stream: &str, partitions: u32, task: TaskId) -> Box<dyn Sink> {
        self.log.create(stream, partitions);
        Box::new(MemorySink::new(self.log.clone(), stream, partitions, task, self.staged.clone()))
    }
}

impl Transport for MemoryTransport {
    fn source(&mut self, input: usize) -> Result<Box<dyn Source>, HostError> {
        let (stream, bounded) = match &self.plan.inputs[input] {
            PlanInput::Job { input, .. } => match &self.job.inputs[*input].source {
                SourceKind::Stream { stream, bounded } => (stream.clone(), *bounded),
                _ => return Err(HostError::job(self.job.inputs[*input].name.as_str(), "the memory transport has streams only")),
            },
            PlanInput::Internal { stream, partitions, .. } => {
                self.log.create(stream, *partitions);
                (stream.clone(), false)
            }
        };
        Ok(Box::new(MemorySource::new(self.log.clone(), stream, bounded)))
    }

    fn sink(&mut self, target: Target, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        match target {
            Target::Repartition(input) => match &self.plan.inputs[input] {
                PlanInput::Internal { stream, partitions, .. } => Ok(self.open(stream, *partitions, task)),
                PlanInput::Job { .. } => unreachable!("a plan repartitions into internal streams"),
            },
            Target::Output(output) => match &self.job.outputs[output].sink {
                SinkKind::Stream { stream, options } => Ok(self.open(stream, options.partitions, task)),
                _ => Err(HostError::job(self.job.outputs[output].name.as_str(), "the memory transport has streams only")),
            },
            Target::Operator(_) => unreachable!("an operator is no sink"),
        }
    }

    fn dead_letters(&mut self, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        Ok(self.open(&self.job.errors.dead_letter_stream, 1, task))
    }

    fn state(&mut self) -> Rc<dyn StateStore> {
        self.log.store.clone()
    }

    fn ledger(&mut self) -> Result<Box<dyn crate::checkpoint::Ledger>, HostError> {
        Ok(Box::new(MemoryLedger::new(self.log.clone(), self.staged.clone())))
    }
}
