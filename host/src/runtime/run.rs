//! One run of a job's workers over an open data folder, until they end, are stopped, or one of them fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Options;
use super::check::Checked;
use super::embedded::{Embedded, create_streams};
use super::running::Shared;
use crate::error::HostError;
use crate::job::{Plan, PlanInput};
use crate::log::Log;
use crate::observe::WorkerReport;
use crate::operator::{Operator, WORKER_STACK_BYTES};
use crate::record::TaskId;
use crate::task::{Task, TaskPhase};
use crate::worker::Worker;

/// A worker without work looks again after so long, ms, and after twice that, up to the last.
const IDLE_MS: u64 = 1;
const IDLE_MS_MAX: u64 = 16;
const REPORT_MS: i64 = 100;
const HOUSEKEEPING_MS: i64 = 1_000;
/// Operators may recycle and hand over their logs after so many turns.
const SETTLE_TURNS: u64 = 16;

/// Why a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All inputs ended, and all that follows from them is done.
    Finished,
    /// It was asked to.
    Stopped,
}

struct Run<'a> {
    checked: &'a Checked,
    shared: &'a Shared,
    options: &'a Options,
    log: &'a Arc<Log>,
    plan: Arc<Plan>,
    /// A worker failed: the others stop, too.
    failed: AtomicBool,
}

pub(super) fn run_once(checked: &Checked, shared: &Shared, options: &Options, log: &Arc<Log>) -> Result<Ended, HostError> {
    let plan = Arc::new(checked.plan(log)?);
    create_streams(log, &checked.job, &plan)?;
    let tasks: Vec<TaskId> = plan.stages.iter().flat_map(|stage| (0..stage.tasks).map(|partition| TaskId { stage: stage.number, partition })).collect();
    let run = Run { checked, shared, options, log, plan, failed: AtomicBool::new(false) };
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for worker in 0..checked.job.workers as usize {
            let mine: Vec<TaskId> = tasks.iter().skip(worker).step_by(checked.job.workers as usize).copied().collect();
            let run = &run;
            let body = move || {
                let result = run.worker(worker, &mine);
                run.failed.fetch_or(result.is_err(), Ordering::Relaxed);
                result
            };
            let name = format!("{}-worker-{worker}", checked.job.name);
            let thread = std::thread::Builder::new().name(name).stack_size(WORKER_STACK_BYTES).spawn_scoped(scope, body);
            threads.push(thread.map_err(|error| HostError::external("starting a worker's thread", error))?);
        }
        let mut ended = Ended::Finished;
        let mut first_error = None;
        for thread in threads {
            match thread.join() {
                Ok(Ok(Ended::Finished)) => {}
                Ok(Ok(Ended::Stopped)) => ended = Ended::Stopped,
                Ok(Err(error)) => first_error = first_error.or(Some(error)),
                Err(_) => {
                    run.failed.store(true, Ordering::Relaxed);
                    first_error = first_error.or(Some(HostError::storage("a worker", "panicked: this is a bug in Millstream")));
                }
            }
        }
        first_error.map_or(Ok(ended), Err)
    })
}

impl Run<'_> {
    fn worker(&self, number: usize, tasks: &[TaskId]) -> Result<Ended, HostError> {
        let (job, clock) = (&self.checked.job, &self.options.clock);
        let mut transport = Embedded::new(self.log, job, &self.plan, clock);
        let components = self.shared.components();
        let mut open = |operator: usize| self.open(operator, &components[operator]);
        let mut worker = Worker::open(job.clone(), &self.plan, tasks, clock.clone(), &mut transport, &mut open)?;
        // After a restart all swaps are made once more, in order: whoever asked for one while the workers were away gets an answer.
        let mut swaps_made = 0;
        let mut idle_ms = IDLE_MS;
        let (mut reported_ms, mut kept_ms, mut turns) = (i64::MIN, clock.now_ms(), 0u64);
        loop {
            let before = worker.checkpoints().0;
            let turn = worker.turn()?;
            turns += 1;
            let enough = self.options.checkpoints_max.is_some_and(|max| worker.checkpoints().0 >= max);
            let stopping = enough || self.shared.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed);
            if turn.finished || stopping {
                if !turn.finished && !self.failed.load(Ordering::Relaxed) {
                    worker.checkpoint()?;
                }
                self.settle(&mut worker)?;
                self.report(number, &mut worker, turn.finished)?;
                self.swap_nothing(swaps_made);
                return Ok(if turn.finished { Ended::Finished } else { Ended::Stopped });
            }
            self.obey(&mut worker, &mut swaps_made)?;
            if turns.is_multiple_of(SETTLE_TURNS) {
                self.settle(&mut worker)?;
            }
            let now_ms = clock.now_ms();
            if now_ms - reported_ms.max(0) >= REPORT_MS {
                reported_ms = now_ms;
                self.report(number, &mut worker, false)?;
            }
            if worker.checkpoints().0 > before && now_ms - kept_ms >= HOUSEKEEPING_MS {
                kept_ms = now_ms;
                self.keep_house(number, &worker, now_ms)?;
            }
            if turn.processed > 0 {
                idle_ms = IDLE_MS;
            } else {
                clock.sleep_ms(idle_ms);
                idle_ms = (idle_ms * 2).min(IDLE_MS_MAX);
            }
        }
    }

    fn open(&self, operator: usize, component: &Arc<crate::operator::Loaded>) -> Result<Box<dyn Operator>, HostError> {
        let spec = &self.checked.job.operators[operator];
        component.open(&spec.name, &self.checked.setup(operator, component), &spec.limits)
    }

    /// Makes the swaps that were asked for since the last turn.
    fn obey(&self, worker: &mut Worker, made: &mut usize) -> Result<(), HostError> {
        for swap in self.shared.swaps_after(*made) {
            *made += 1;
            let mut refused = None;
            let result = worker.swap(swap.operator, || self.open(swap.operator, &swap.component).inspect_err(|error| refused = Some(error.to_string())));
            let answer = match (result, refused) {
                (Ok(()), _) => Ok(()),
                // The new one cannot be opened: the old one runs on.
                (Err(error), Some(_)) => Err(error),
                (Err(error), None) => return Err(error),
            };
            // Nobody may be waiting any more.
            let _heard = swap.answer.send(answer);
        }
        Ok(())
    }

    /// A worker that has ended has nothing to replace.
    fn swap_nothing(&self, made: usize) {
        for swap in self.shared.swaps_after(made) {
            let _heard = swap.answer.send(Ok(()));
        }
    }

    fn settle(&self, worker: &mut Worker) -> Result<(), HostError> {
        let observer = &self.shared.observer;
        for (operator, settled) in worker.settle()? {
            let name = &self.checked.job.operators[operator].name;
            settled.logs.iter().for_each(|(level, text)| observer.guest_said(name, *level, text));
            settled.counters.iter().for_each(|(counter, delta)| observer.guest_counted(name, counter, *delta));
            if settled.logs_dropped > 0 {
                observer.guest_lines_dropped(name, settled.logs_dropped);
            }
            if settled.recycled {
                observer.instance_recycled();
            }
        }
        Ok(())
    }

    fn report(&self, number: usize, worker: &mut Worker, finished: bool) -> Result<(), HostError> {
        let lag = worker.lag()?;
        let (checkpoints, checkpoint_at_ms) = worker.checkpoints();
        let running = || worker.tasks().iter().filter(|task| task.phase() == TaskPhase::Running);
        let report = WorkerReport {
            counters: worker.counters(),
            lag,
            queued: worker.tasks().iter().map(Task::queued_records).sum::<usize>() as u64,
            watermark: running().filter_map(Task::watermark).min(),
            checkpoints,
            checkpoint_at_ms,
            finished,
        };
        self.shared.observer.worker_reported(number, report);
        Ok(())
    }

    /// Drops what nobody needs any more. Called right after a checkpoint, when positions are committed ones.
    fn keep_house(&self, number: usize, worker: &Worker, now_ms: i64) -> Result<(), HostError> {
        for task in worker.tasks() {
            for (at, position) in task.input_partitions() {
                if let PlanInput::Internal { stream, .. } = &self.plan.inputs[at.input as usize] {
                    self.log.trim_before(stream, at.partition, position)?;
                }
            }
        }
        if number == 0 { self.log.enforce_retention(now_ms) } else { Ok(()) }
    }
}
