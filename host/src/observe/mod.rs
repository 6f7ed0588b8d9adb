//! What a running job says of itself: counters and log lines, behind functions named after events.
//!
//! Workers report once in a while, not per record; readers take a snapshot. A short lock guards it, off the data path.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::task::Counters;

/// Log lines that wait to be shown.
const LINES_MAX: usize = 1_000;

/// One job's numbers and words.
#[derive(Default)]
pub struct JobObserver {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    workers: BTreeMap<usize, WorkerReport>,
    /// What workers that are gone (after a failure) had counted.
    before: Counters,
    guest_counters: BTreeMap<(String, String), u64>,
    recycled: u64,
    lines: VecDeque<String>,
    lines_dropped: u64,
    paused: Option<String>,
    workers_paused: BTreeMap<usize, String>,
    /// By worker that restores state: records done, and in all.
    restoring: BTreeMap<usize, (u64, u64)>,
    restarts: u64,
}

/// What one worker reports, all since it was opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkerReport {
    pub counters: Counters,
    pub lag: u64,
    pub queued: u64,
    /// The least watermark of its tasks, ms.
    pub watermark: Option<i64>,
    pub checkpoints: u64,
    /// Processing time of the last checkpoint, ms.
    pub checkpoint_at_ms: i64,
    pub finished: bool,
}

/// A job's numbers, summed over its workers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    pub records_in: u64,
    pub records_out: u64,
    pub rejected: u64,
    pub poisoned: u64,
    pub dead_letters: u64,
    pub timers: u64,
    /// Records (bytes of files) not read yet, where known.
    pub lag: u64,
    pub queued: u64,
    pub watermark: Option<i64>,
    pub checkpoints: u64,
    /// The oldest of the workers' last checkpoints, processing time, ms.
    pub checkpoint_at_ms: Option<i64>,
    pub instances_recycled: u64,
    /// Times the job was started again after a failure of disk or files.
    pub restarts: u64,
    /// Why the job stands still, if it does.
    pub paused: Option<String>,
    /// Changelog records read to restore state, and to read in all, while that goes on.
    pub restoring: Option<(u64, u64)>,
    /// `operator.counter` → sum.
    pub counters: BTreeMap<String, u64>,
}

impl JobObserver {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Numbers are whole at any time; a panic elsewhere does not spoil them.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn worker_reported(&self, worker: usize, report: WorkerReport) {
        self.lock().workers.insert(worker, report);
    }

    pub fn guest_said(&self, operator: &str, level: u8, text: &str) {
        let level = ["error", "warn", "info", "debug"][usize::from(level.min(3))];
        self.said(format!("{operator} [{level}] {text}"));
    }

    pub fn guest_lines_dropped(&self, operator: &str, lines: u64) {
        self.said(format!("{operator}: {lines} log lines or counters over the limit were dropped"));
    }

    pub fn guest_counted(&self, operator: &str, name: &str, delta: u64) {
        *self.lock().guest_counters.entry((operator.to_owned(), name.to_owned())).or_default() += delta;
    }

    pub fn instance_recycled(&self) {
        self.lock().recycled += 1;
    }

    /// A worker is closed and will be opened again: its counters begin anew.
    pub fn worker_closed(&self, worker: usize) {
        let mut inner = self.lock();
        if let Some(report) = inner.workers.remove(&worker) {
            inner.before.add(&report.counters);
        }
    }

    /// A worker stands still until what failed is back.
    pub fn worker_paused(&self, worker: usize, why: &str) {
        self.worker_closed(worker);
        let mut inner = self.lock();
        let news = inner.workers_paused.insert(worker, why.to_owned()).is_none_or(|before| before != why);
        inner.restarts += 1;
        drop(inner);
        if news {
            self.said(format!("worker {worker} paused: {why}"));
        }
    }

    pub fn worker_resumed(&self, worker: usize) {
        let mut inner = self.lock();
        inner.restoring.remove(&worker);
        let paused = inner.workers_paused.remove(&worker).is_some();
        drop(inner);
        if paused {
            self.said(format!("worker {worker} goes on"));
        }
    }

    /// How far a worker has brought its state up, in changelog records: done, and in all.
    pub fn worker_restores(&self, worker: usize, done: u64, all: u64) {
        self.lock().restoring.insert(worker, (done, all));
    }

    /// Something that whoever runs the job should know.
    pub fn notice(&self, line: String) {
        self.said(line);
    }

    /// The job stands still until it can be started again.
    pub fn job_paused(&self, why: &str) {
        let mut inner = self.lock();
        inner.restarts += 1;
        let gone = std::mem::take(&mut inner.workers);
        for report in gone.values() {
            inner.before.add(&report.counters);
        }
        inner.paused = Some(why.to_owned());
        drop(inner);
        self.said(format!("paused: {why}"));
    }

    pub fn job_resumed(&self) {
        self.lock().paused = None;
    }

    fn said(&self, line: String) {
        let mut inner = self.lock();
        if inner.lines.len() < LINES_MAX {
            inner.lines.push_back(line);
        } else {
            inner.lines_dropped += 1;
        }
    }

    /// Lines since the last time, oldest first.
    pub fn take_lines(&self) -> Vec<String> {
        let mut inner = self.lock();
        let dropped = std::mem::take(&mut inner.lines_dropped);
        let mut lines: Vec<String> = inner.lines.drain(..).collect();
        if dropped > 0 {
            lines.push(format!("{dropped} more lines were dropped"));
        }
        lines
    }

    pub fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        let mut counters = inner.before;
        inner.workers.values().for_each(|report| counters.add(&report.counters));
        let reports = || inner.workers.values();
        Snapshot {
            records_in: counters.records_in,
            records_out: counters.records_out,
            rejected: counters.rejected,
            poisoned: counters.poisoned,
            dead_letters: counters.dead_letters,
            timers: counters.timers,
            lag: reports().map(|report| report.lag).sum(),
            queued: reports().map(|report| report.queued).sum(),
            watermark: reports().filter_map(|report| report.watermark).min(),
            checkpoints: reports().map(|report| report.checkpoints).sum(),
            checkpoint_at_ms: reports().filter(|report| !report.finished).map(|report| report.checkpoint_at_ms).min(),
            instances_recycled: inner.recycled,
            restarts: inner.restarts,
            paused: inner.paused.clone().or_else(|| inner.workers_paused.values().next().cloned()),
            restoring: inner.restoring.values().copied().reduce(|(done, all), (more, of)| (done + more, all + of)),
            counters: inner.guest_counters.iter().map(|((operator, name), sum)| (format!("{operator}.{name}"), *sum)).collect(),
        }
    }
}
