//! One bounded turn of a worker, and its pace.

use super::Worker;
use crate::checkpoint;
use crate::error::HostError;
use crate::job::Job;
use crate::operator::Settled;
use crate::source::{PollBudget, Polled};
use crate::task::{Env, Task, TaskPhase};

/// Bytes of one poll over all partitions.
const POLL_BYTES_MAX: usize = 4 << 20;
/// Staged outputs of one worker before an early checkpoint.
const STAGED_BYTES_MAX: usize = 64 << 20;
/// Records of one poll, at first and at least.
const POLL_RECORDS_MIN: usize = 64;

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Records processed.
    pub processed: usize,
    /// All tasks have ended and a checkpoint holds all they did: nothing is left to do.
    pub finished: bool,
}

/// How many records a turn takes on: as many as keep it well inside the checkpoint interval.
pub(super) struct Pace {
    records: usize,
    records_max: usize,
    interval_ms: u64,
}

impl Pace {
    pub fn new(job: &Job) -> Self {
        let records_max = job.operators.iter().map(|operator| operator.limits.batch_records_max).max().unwrap_or(1_024).max(1);
        Pace { records: records_max.min(1_024), records_max, interval_ms: job.checkpoint_interval_ms }
    }

    /// After a turn of `ms`: shrinks fast when it took a good part of the interval, grows slowly otherwise.
    fn adapt(&mut self, processed: usize, ms: u64) {
        if ms > self.interval_ms / 4 {
            self.records = (self.records / 2).max(POLL_RECORDS_MIN.min(self.records_max));
        } else if processed >= self.records {
            self.records = (self.records + self.records / 8 + 1).min(self.records_max);
        }
    }
}

macro_rules! env {
    ($worker:expr, $now_ms:expr) => {
        Env {
            operators: &mut $worker.operators,
            limits: &$worker.limits,
            clock: &*$worker.clock,
            now_ms: $now_ms,
            policy: $worker.policy,
            counters: &mut $worker.counters,
            key_ids: &mut $worker.key_ids,
            staged_bytes: $worker.staged_bytes,
        }
    };
}

impl Worker {
    /// Polls, processes, and makes a checkpoint when it is due. Never waits for records.
    pub fn turn(&mut self) -> Result<Turn, HostError> {
        self.turn_after(0)
    }

    /// The same, where sources that can wait up to `wait_ms` for a record, or until a checkpoint is due. The caller waits where they cannot.
    pub fn turn_after(&mut self, wait_ms: u64) -> Result<Turn, HostError> {
        self.poll(if self.dirty { wait_ms.min(self.checkpoint_in_ms()) } else { wait_ms })?;
        let began_ms = self.clock.now_ms();
        let processed = self.process(began_ms)?;
        self.apply_back_pressure();
        let ended = self.tasks.iter().all(|task| task.phase() == TaskPhase::Ended);
        if self.dirty && (ended || self.checkpoint_due()) {
            self.checkpoint()?;
        }
        self.pace.adapt(processed, (self.clock.now_ms() - began_ms).max(0) as u64);
        Ok(Turn { processed, finished: ended && !self.dirty })
    }

    pub(super) fn resume_time(&mut self) -> Result<(), HostError> {
        let now_ms = self.clock.now_ms();
        let mut env = env!(self, now_ms);
        for task in &mut self.tasks {
            task.resume_time(&mut env)?;
        }
        self.staged_bytes = env.staged_bytes;
        Ok(())
    }

    fn poll(&mut self, wait_ms: u64) -> Result<(), HostError> {
        let mut budget = PollBudget { records_max: self.pace.records, bytes_max: POLL_BYTES_MAX, wait_ms };
        let mut found = Vec::new();
        for source in self.sources.iter_mut().flatten() {
            source.poll(budget, &mut found)?;
            // One wait a turn.
            budget.wait_ms = 0;
        }
        for polled in found {
            let (Polled::Records { at, .. } | Polled::Skipped { at, .. } | Polled::End { at }) = &polled;
            let Some(task) = self.by_input.get(at).map(|place| &mut self.tasks[*place]) else { continue };
            match polled {
                Polled::Records { at, batch, next } => task.push(at, batch, next),
                Polled::Skipped { at, next } => self.dirty |= task.skipped(at, next),
                Polled::End { at } => task.source_ended(at),
            }
        }
        Ok(())
    }

    fn process(&mut self, now_ms: i64) -> Result<usize, HostError> {
        let mut processed = 0;
        let before = self.counters.timers;
        let mut env = env!(self, now_ms);
        for task in &mut self.tasks {
            let was = task.phase();
            processed += task.process(&mut env, self.pace.records)?;
            // A task that has just ended has said so downstream, which a checkpoint must carry.
            self.dirty |= was != task.phase();
        }
        self.staged_bytes = env.staged_bytes;
        self.dirty |= processed > 0 || self.counters.timers > before || self.staged_bytes > 0;
        Ok(processed)
    }

    fn apply_back_pressure(&mut self) {
        let (records_max, bytes_max) = (self.job.queue_records_max, self.job.queue_bytes_max);
        for task in &mut self.tasks {
            task.pauses(records_max, bytes_max, |at, pause| {
                if let Some(source) = &mut self.sources[at.input as usize] {
                    source.pause(at, pause);
                }
            });
        }
    }

    fn checkpoint_in_ms(&self) -> u64 {
        let age_ms = (self.clock.now_ms() - self.checkpoint_at_ms).max(0) as u64;
        self.job.checkpoint_interval_ms.saturating_sub(age_ms)
    }

    fn checkpoint_due(&self) -> bool {
        self.checkpoint_in_ms() == 0
            || self.staged_bytes >= STAGED_BYTES_MAX
            || self.tasks.iter().map(Task::overlay_bytes).sum::<usize>() >= self.job.overlay_bytes_max
    }

    /// Makes a checkpoint now. On an error the worker must be dropped and opened again.
    pub fn checkpoint(&mut self) -> Result<(), HostError> {
        checkpoint::make(&mut self.tasks, &mut *self.ledger)?;
        self.staged_bytes = 0;
        self.dirty = false;
        self.checkpoints += 1;
        self.checkpoint_at_ms = self.clock.now_ms();
        Ok(())
    }

    /// Between batches: lets operators recycle their instances, and takes what they logged and counted. By place in `Job::operators`.
    pub fn settle(&mut self) -> Result<Vec<(usize, Settled)>, HostError> {
        let mut settled = Vec::new();
        for (n, operator) in self.operators.iter_mut().enumerate() {
            if let Some(operator) = operator {
                settled.push((n, operator.settle()?));
            }
        }
        Ok(settled)
    }

    /// Records between the tasks' positions and the ends of their inputs, where known, plus those that wait in queues.
    pub fn lag(&mut self) -> Result<u64, HostError> {
        let mut lag = 0;
        for task in &self.tasks {
            for (at, position) in task.input_partitions() {
                if let Some(source) = &mut self.sources[at.input as usize]
                    && let Some(end) = source.end(at)?
                {
                    lag += end.saturating_sub(position);
                }
            }
        }
        Ok(lag)
    }
}
