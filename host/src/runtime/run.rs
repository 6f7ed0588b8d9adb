//! One run of a job's workers, until they end, are stopped, or one of them fails: the threads, and what each does between two turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Options;
use super::check::Checked;
use super::running::Shared;
use crate::error::HostError;
use crate::job::Plan;
use crate::observe::WorkerReport;
use crate::operator::{Operator, WORKER_STACK_BYTES};
use crate::task::{Task, TaskPhase};
use crate::worker::Worker;

/// A worker without work looks again after so long, ms, and after twice that, up to the last; at its sources, where they can wait.
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

/// Why a worker stopped turning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    Finished,
    Stopped,
    /// Its transport has something to say first.
    Interrupted,
}

/// What a transport wants done between a worker's turns.
pub(super) trait Between {
    /// Once a turn. `true`: the worker must pause.
    fn interrupts(&mut self) -> Result<bool, HostError>;
    /// Once a second, right after a checkpoint, when positions are committed ones.
    fn keep_house(&mut self, worker: &Worker, now_ms: i64) -> Result<(), HostError>;
}

/// What all workers of a run share.
pub(super) struct Run<'a> {
    pub checked: &'a Checked,
    pub shared: &'a Shared,
    pub options: &'a Options,
    pub plan: Arc<Plan>,
    /// A worker failed: the others stop, too.
    pub failed: AtomicBool,
}

impl Run<'_> {
    /// Runs `body` on a thread a worker, and `meanwhile` on this one until all are done.
    pub fn on_threads(
        &self,
        body: impl Fn(usize) -> Result<Ended, HostError> + Sync,
        mut meanwhile: impl FnMut() -> Result<(), HostError>,
    ) -> Result<Ended, HostError> {
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for worker in 0..self.checked.job.workers as usize {
                let body = &body;
                let guarded = move || {
                    let result = body(worker);
                    self.failed.fetch_or(result.is_err(), Ordering::Relaxed);
                    result
                };
                let name = format!("{}-worker-{worker}", self.checked.job.name);
                let thread = std::thread::Builder::new().name(name).stack_size(WORKER_STACK_BYTES).spawn_scoped(scope, guarded);
                threads.push(thread.map_err(|error| HostError::external("starting a worker's thread", error))?);
            }
            let mut ended = Ended::Finished;
            let mut first_error = None;
            while threads.iter().any(|thread| !thread.is_finished()) && first_error.is_none() {
                if let Err(error) = meanwhile() {
                    self.failed.store(true, Ordering::Relaxed);
                    first_error = Some(error);
                }
            }
            for thread in threads {
                match thread.join() {
                    Ok(Ok(Ended::Finished)) => {}
                    Ok(Ok(Ended::Stopped)) => ended = Ended::Stopped,
                    Ok(Err(error)) => first_error = first_error.or(Some(error)),
                    Err(_) => {
                        self.failed.store(true, Ordering::Relaxed);
                        first_error = first_error.or(Some(HostError::storage("a worker", "panicked: this is a bug in Millstream")));
                    }
                }
            }
            first_error.map_or(Ok(ended), Err)
        })
    }

    /// Whether workers are to stop.
    pub fn stopping(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    /// Turns a worker until it is done, is to stop, or its transport interrupts. Stopped, it has made a last checkpoint.
    pub fn drive(&self, number: usize, worker: &mut Worker, swaps_made: &mut usize, between: &mut dyn Between) -> Result<Pause, HostError> {
        let clock = &self.options.clock;
        let (mut idle_ms, mut wait_ms) = (IDLE_MS, 0);
        let (mut reported_ms, mut kept_ms, mut turns) = (i64::MIN, clock.now_ms(), 0u64);
        loop {
            let before = worker.checkpoints().0;
            let began_ms = clock.now_ms();
            let turn = worker.turn_after(wait_ms)?;
            turns += 1;
            let enough = self.options.checkpoints_max.is_some_and(|max| worker.checkpoints().0 >= max);
            if turn.finished || enough || self.stopping() {
                if !turn.finished && !self.failed.load(Ordering::Relaxed) {
                    worker.checkpoint()?;
                }
                self.settle(worker)?;
                self.report(number, worker, turn.finished)?;
                return Ok(if turn.finished { Pause::Finished } else { Pause::Stopped });
            }
            if between.interrupts()? {
                self.settle(worker)?;
                // The next worker's counters begin anew.
                self.report(number, worker, false)?;
                return Ok(Pause::Interrupted);
            }
            self.obey(worker, swaps_made)?;
            if turns.is_multiple_of(SETTLE_TURNS) {
                self.settle(worker)?;
            }
            let now_ms = clock.now_ms();
            if now_ms - reported_ms.max(0) >= REPORT_MS {
                reported_ms = now_ms;
                self.report(number, worker, false)?;
            }
            if worker.checkpoints().0 > before && now_ms - kept_ms >= HOUSEKEEPING_MS {
                kept_ms = now_ms;
                between.keep_house(worker, now_ms)?;
            }
            if turn.processed > 0 {
                (idle_ms, wait_ms) = (IDLE_MS, 0);
            } else {
                let waited_ms = (clock.now_ms() - began_ms).max(0) as u64;
                clock.sleep_ms(wait_ms.saturating_sub(waited_ms));
                wait_ms = idle_ms;
                idle_ms = (idle_ms * 2).min(IDLE_MS_MAX);
            }
        }
    }

    pub fn open(&self, operator: usize, component: &Arc<crate::operator::Loaded>) -> Result<Box<dyn Operator>, HostError> {
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
    pub fn swap_nothing(&self, made: &mut usize) {
        for swap in self.shared.swaps_after(*made) {
            *made += 1;
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

    pub fn report(&self, number: usize, worker: &mut Worker, finished: bool) -> Result<(), HostError> {
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
}
