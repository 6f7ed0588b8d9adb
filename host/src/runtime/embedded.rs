//! Jobs on the embedded log: a run of their workers, and each worker's transport.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::run::{Between, Ended, Pause, Run};
use super::running::Shared;
use super::{Checked, Options, ends};
use crate::checkpoint::Ledger;
use crate::error::HostError;
use crate::job::{Job, Plan, PlanInput, SinkKind, SourceKind, Target};
use crate::log::{Log, LogWorker, StreamSettings};
use crate::record::TaskId;
use crate::sink::Sink;
use crate::source::{Source, Stamped};
use crate::state::StateStore;
use crate::time::Clock;
use crate::worker::{Transport, Worker};

const WATCH: Duration = Duration::from_millis(5);

/// Runs the job over an open data folder: tasks are dealt out to the workers once.
pub(super) fn run_once(checked: &Checked, shared: &Shared, options: &Options, log: &Arc<Log>) -> Result<Ended, HostError> {
    let plan = Arc::new(checked.plan(log)?);
    create_streams(log, &checked.job, &plan)?;
    let tasks: Vec<TaskId> = plan.stages.iter().flat_map(|stage| (0..stage.tasks).map(|partition| TaskId { stage: stage.number, partition })).collect();
    let run = Run { checked, shared, options, plan, failed: AtomicBool::new(false) };
    let worker = |number: usize| {
        let mine: Vec<TaskId> = tasks.iter().skip(number).step_by(checked.job.workers as usize).copied().collect();
        work(&run, log, number, &mine)
    };
    run.on_threads(worker, || {
        std::thread::sleep(WATCH);
        Ok(())
    })
}

fn work(run: &Run<'_>, log: &Arc<Log>, number: usize, tasks: &[TaskId]) -> Result<Ended, HostError> {
    let (job, clock) = (&run.checked.job, &run.options.clock);
    let mut transport = Embedded::new(run, log);
    let components = run.shared.components();
    let mut open = |operator: usize| run.open(operator, &components[operator]);
    let mut worker = Worker::open(job.clone(), &run.plan, tasks, clock.clone(), &mut transport, &mut open)?;
    worker.take_lines().into_iter().for_each(|line| run.shared.observer.notice(line));
    // After a restart all swaps are made once more, in order: whoever asked for one while the workers were away gets an answer.
    let mut swaps_made = 0;
    let pause = run.drive(number, &mut worker, &mut swaps_made, &mut House { log, plan: &run.plan, number })?;
    run.swap_nothing(&mut swaps_made);
    Ok(if pause == Pause::Finished { Ended::Finished } else { Ended::Stopped })
}

/// Drops what nobody needs any more.
struct House<'a> {
    log: &'a Log,
    plan: &'a Plan,
    number: usize,
}

impl Between for House<'_> {
    fn interrupts(&mut self) -> Result<bool, HostError> {
        Ok(false)
    }

    fn keep_house(&mut self, worker: &Worker, now_ms: i64) -> Result<(), HostError> {
        for task in worker.tasks() {
            for (at, position) in task.input_partitions() {
                if let PlanInput::Internal { stream, .. } = &self.plan.inputs[at.input as usize] {
                    self.log.trim_before(stream, at.partition, position)?;
                }
            }
        }
        if self.number == 0 { self.log.enforce_retention(now_ms) } else { Ok(()) }
    }
}

/// What output files say of whose they are.
pub(super) fn owner(job: &Job, data: &std::path::Path) -> String {
    let folder = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    format!("job {} in {}", job.name, folder.display())
}

struct Embedded<'a> {
    run: &'a Run<'a>,
    worker: LogWorker,
    job: Arc<Job>,
    plan: Arc<Plan>,
    clock: Arc<dyn Clock>,
    owner: String,
}

impl<'a> Embedded<'a> {
    fn new(run: &'a Run<'a>, log: &Arc<Log>) -> Self {
        let job = &run.checked.job;
        let (worker, owner) = (log.worker(&job.name), owner(job, log.path()));
        Embedded { run, worker, job: job.clone(), plan: run.plan.clone(), clock: run.options.clock.clone(), owner }
    }
}

/// Creates the streams that a job writes and does not find.
fn create_streams(log: &Log, job: &Job, plan: &Plan) -> Result<(), HostError> {
    let plain = |partitions| StreamSettings { partitions, retention_ms: None, retention_bytes: None };
    for output in &job.outputs {
        if let SinkKind::Stream { stream, options } = &output.sink {
            let known = log.streams().into_iter().find(|(name, _)| name == stream);
            // A stream that is there keeps its partitions: the job writes to what it finds.
            if known.is_none() {
                let (partitions, retention_ms, retention_bytes) = (options.partitions, options.retention_ms, options.retention_bytes);
                log.create_stream(stream, &StreamSettings { partitions, retention_ms, retention_bytes })?;
            }
        }
    }
    for input in &plan.inputs {
        if let PlanInput::Internal { stream, partitions, .. } = input {
            log.create_stream(stream, &plain(*partitions))?;
        }
    }
    log.create_stream(&job.errors.dead_letter_stream, &plain(1))
}

impl Transport for Embedded<'_> {
    fn source(&mut self, input: usize) -> Result<Box<dyn Source>, HostError> {
        let spec = match &self.plan.inputs[input] {
            PlanInput::Internal { stream, .. } => return self.worker.source(stream, false),
            PlanInput::Job { input, .. } => &self.job.inputs[*input],
        };
        if let SourceKind::Stream { stream, bounded } = &spec.source {
            return Ok(Stamped::over(self.worker.source(stream, *bounded)?, &spec.timestamp));
        }
        ends::source(spec, &self.clock).ok_or_else(|| HostError::job(spec.name.as_str(), "is a stream"))
    }

    fn sink(&mut self, target: Target, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        match target {
            Target::Repartition(input) => match &self.plan.inputs[input] {
                PlanInput::Internal { stream, .. } => self.worker.sink(stream, task),
                PlanInput::Job { .. } => unreachable!("a plan repartitions into internal streams"),
            },
            Target::Output(output) => match (&self.job.outputs[output], ends::sink(&self.job.outputs[output], task, &self.owner)) {
                (_, Some(sink)) => Ok(sink),
                (spec, None) => match &spec.sink {
                    SinkKind::Stream { stream, .. } => self.worker.sink(stream, task),
                    _ => unreachable!("an output is a stream or has an end of its own"),
                },
            },
            Target::Operator(_) => unreachable!("an operator is no sink"),
        }
    }

    fn dead_letters(&mut self, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        self.worker.sink(&self.job.errors.dead_letter_stream, task)
    }

    fn state(&mut self) -> Rc<dyn StateStore> {
        self.worker.state()
    }

    fn ledger(&mut self) -> Result<Box<dyn Ledger>, HostError> {
        Ok(self.worker.ledger())
    }

    fn is_stopping(&self) -> bool {
        self.run.stopping()
    }
}
