//! The loop of one worker: one thread, its tasks, one checkpoint for all of them. It knows tasks and the stations' traits; concrete types come through [`Transport`].

mod migrate;
mod turn;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::checkpoint::{Ledger, TaskProgress};
use crate::error::HostError;
use crate::job::{Job, Plan, Target};
use crate::operator::{Limits, Operator};
use crate::record::TaskId;
use crate::sink::Sink;
use crate::source::{InputPartition, Source};
use crate::state::StateStore;
use crate::task::{self, Counters, ErrorPolicy, KeyIds, Task, TaskParts};
use crate::time::Clock;

use migrate::Migration;

pub use turn::Turn;

/// Opens a worker's ends of the transport. One per worker, used on its thread; all it opens share one transaction in progress.
pub trait Transport {
    /// The source of one of the plan's inputs, for the partitions that this worker will assign.
    fn source(&mut self, input: usize) -> Result<Box<dyn Source>, HostError>;
    /// A task's end of an output or an internal stream.
    fn sink(&mut self, target: Target, task: TaskId) -> Result<Box<dyn Sink>, HostError>;
    /// A task's end of the dead-letter stream.
    fn dead_letters(&mut self, task: TaskId) -> Result<Box<dyn Sink>, HostError>;
    fn state(&mut self) -> Rc<dyn StateStore>;
    fn ledger(&mut self) -> Result<Box<dyn Ledger>, HostError>;
    /// The job is to stop: what takes long while a worker is opened ends with an error then, and goes on at the next start.
    fn is_stopping(&self) -> bool {
        false
    }
}

/// Opens instances of an operator for a worker, by its place in `Job::operators`.
pub type OpenOperator<'a> = &'a mut dyn FnMut(usize) -> Result<Box<dyn Operator>, HostError>;

/// One worker. Dropping it forgets whatever is not committed; a new one with the same tasks goes on from the last checkpoint.
pub struct Worker {
    job: Arc<Job>,
    clock: Arc<dyn Clock>,
    sources: Vec<Option<Box<dyn Source>>>,
    operators: Vec<Option<Box<dyn Operator>>>,
    limits: Vec<Limits>,
    tasks: Vec<Task>,
    by_input: BTreeMap<InputPartition, usize>,
    ledger: Box<dyn Ledger>,
    policy: ErrorPolicy,
    counters: Counters,
    key_ids: KeyIds,
    pace: turn::Pace,
    staged_bytes: usize,
    /// Something happened since the last checkpoint that the next must keep.
    dirty: bool,
    checkpoints: u64,
    checkpoint_at_ms: i64,
    /// What people must be told.
    lines: Vec<String>,
}

impl Worker {
    /// Opens operators, restores the tasks from their last checkpoint, and brings event time back: start, restart and swap are this one path.
    pub fn open(
        job: Arc<Job>,
        plan: &Plan,
        tasks: &[TaskId],
        clock: Arc<dyn Clock>,
        transport: &mut dyn Transport,
        open_operator: OpenOperator<'_>,
    ) -> Result<Worker, HostError> {
        let now_ms = clock.now_ms();
        let mut worker = Worker {
            limits: job.operators.iter().map(|operator| operator.limits.clone()).collect(),
            policy: ErrorPolicy { reject: job.errors.reject, trap: job.errors.trap },
            pace: turn::Pace::new(&job),
            sources: plan.inputs.iter().map(|_| None).collect(),
            operators: job.operators.iter().map(|_| None).collect(),
            tasks: Vec::new(),
            by_input: BTreeMap::new(),
            ledger: transport.ledger()?,
            counters: Counters::default(),
            key_ids: KeyIds::default(),
            staged_bytes: 0,
            dirty: false,
            checkpoints: 0,
            checkpoint_at_ms: now_ms,
            lines: Vec::new(),
            job,
            clock,
        };
        for id in tasks {
            worker.open_task(plan, *id, transport, open_operator)?;
        }
        worker.resume_time()?;
        Ok(worker)
    }

    fn open_task(&mut self, plan: &Plan, id: TaskId, transport: &mut dyn Transport, open_operator: OpenOperator<'_>) -> Result<(), HostError> {
        let stage = &plan.stages[id.stage as usize];
        for node in &stage.nodes {
            if self.operators[node.operator].is_none() {
                self.operators[node.operator] = Some(open_operator(node.operator)?);
            }
        }
        for (input, _) in &stage.inputs {
            if self.sources[*input].is_none() {
                self.sources[*input] = Some(transport.source(*input)?);
            }
        }
        let mut progress = self.ledger.progress(id)?.unwrap_or_default();
        let state = transport.state();
        for node in &stage.nodes {
            self.migrate(node.operator, id, (&*state, &|| transport.is_stopping()), &mut progress)?;
        }
        let dead_letters = self.wants_dead_letters().then(|| transport.dead_letters(id)).transpose()?;
        let sources = &mut self.sources;
        let mut task = task::build(TaskParts {
            job: &self.job,
            plan,
            id,
            progress,
            state,
            open_sink: &mut |target| transport.sink(target, id),
            dead_letters,
            assign: &mut |at, start| match &mut sources[at.input as usize] {
                Some(source) => source.assign(at, start),
                None => unreachable!("the sources of a stage are opened before its tasks"),
            },
            now_ms: self.clock.now_ms(),
        })?;
        for (n, operator) in self.operators.iter().enumerate() {
            if let Some(operator) = operator {
                task.set_component(n, operator.as_ref());
            }
        }
        for (at, _) in task.input_partitions() {
            self.by_input.insert(at, self.tasks.len());
        }
        self.tasks.push(task);
        Ok(())
    }

    /// Rewrites what a component of another version wrote into an operator's stores, before anything reads it.
    fn migrate(
        &mut self,
        n: usize,
        task: TaskId,
        (state, is_stopping): (&dyn StateStore, &dyn Fn() -> bool),
        progress: &mut TaskProgress,
    ) -> Result<(), HostError> {
        let Some(operator) = &mut self.operators[n] else { return Ok(()) };
        let (job, spec) = (&self.job.name, &self.job.operators[n]);
        let mut migration = Migration { job, spec, task, state, ledger: &mut *self.ledger, progress, is_stopping };
        self.lines.extend(migration.run(&mut **operator)?);
        Ok(())
    }

    fn wants_dead_letters(&self) -> bool {
        use crate::job::RejectPolicy::DeadLetter;
        self.policy.reject == DeadLetter || self.policy.trap == DeadLetter
    }

    /// Replaces an operator at a checkpoint: whatever lasts is state, so a fresh instance of the new component goes on where the old one stopped.
    /// The new one is opened before the old one is dropped; if that fails the old one runs on, and the error is the caller's.
    pub fn swap(&mut self, operator: usize, open: impl FnOnce() -> Result<Box<dyn Operator>, HostError>) -> Result<(), HostError> {
        if self.operators[operator].is_none() {
            return Ok(());
        }
        self.checkpoint()?;
        let fresh = open()?;
        self.tasks.iter_mut().for_each(|task| task.set_component(operator, fresh.as_ref()));
        self.operators[operator] = Some(fresh);
        Ok(())
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What people must be told, once.
    pub fn take_lines(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Number of checkpoints since the worker was opened, and when the last was (processing time, ms).
    pub fn checkpoints(&self) -> (u64, i64) {
        (self.checkpoints, self.checkpoint_at_ms)
    }
}
