//! A job that runs: the supervisor's thread, and the handle to it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::check::{Checked, load};
use super::run::Ended;
use super::{Options, check, cluster, embedded};
use crate::error::HostError;
use crate::kafka::Settings;
use crate::log::Log;
use crate::observe::{JobObserver, Snapshot};
use crate::operator::Loaded;
use crate::time::{Clock, RealClock};

/// Waits between tries after a failure of disk or files, ms: doubled each time up to the last.
const RETRY_MS: u64 = 200;
const RETRY_MS_MAX: u64 = 5_000;

/// How long a swap waits for the workers, ms, and how often it looks whether they are still there.
const ANSWER_MS_MAX: i64 = 30_000;
const ANSWER_POLL: std::time::Duration = std::time::Duration::from_millis(10);

/// What the handle and the threads share.
pub(super) struct Shared {
    pub stop: AtomicBool,
    pub observer: JobObserver,
    /// What each operator runs now; a swap changes it.
    components: Mutex<Vec<Arc<Loaded>>>,
    swaps: Mutex<Vec<Swap>>,
}

/// A replacement, to be made by each worker at a checkpoint of its own.
#[derive(Clone)]
pub(super) struct Swap {
    pub operator: usize,
    pub component: Arc<Loaded>,
    pub answer: Sender<Result<(), HostError>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Lists are changed whole; a panic elsewhere does not spoil them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn components(&self) -> Vec<Arc<Loaded>> {
        lock(&self.components).clone()
    }

    /// Swaps that a worker has not made yet: it made the first `made`.
    pub fn swaps_after(&self, made: usize) -> Vec<Swap> {
        lock(&self.swaps).get(made..).map(<[Swap]>::to_vec).unwrap_or_default()
    }
}

/// The handle of a running job. Dropping it stops the job and waits for it.
pub struct Running {
    checked: Arc<Checked>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<Ended, HostError>>>,
}

/// Starts a checked job. Returns when the data folder is open and the job is sound against it; the rest happens on threads of its own.
pub fn start(checked: Checked, options: &Options) -> Result<Running, HostError> {
    let log = Log::open(&options.data)?;
    // A cluster may be away for now: what it has to say is heard when it is there.
    if cluster::settings(&checked.job, options, Some(&log))?.is_none() {
        checked.plan(&log)?;
    }
    let components = Mutex::new(checked.components.clone());
    let shared = Arc::new(Shared { stop: AtomicBool::new(false), observer: JobObserver::default(), components, swaps: Mutex::default() });
    let checked = Arc::new(checked);
    let (ours, theirs, options) = (checked.clone(), shared.clone(), options.clone());
    let supervise = move || supervise(&ours, &theirs, &options, log);
    let thread = std::thread::Builder::new().name(format!("{}-supervisor", checked.job.name)).spawn(supervise);
    let thread = thread.map_err(|error| HostError::external("starting the job's supervisor", error))?;
    Ok(Running { checked, shared, thread: Some(thread) })
}

/// Runs the job until it ends, is stopped, or fails for good. Start and restart are one path: open, restore, run.
fn supervise(checked: &Checked, shared: &Shared, options: &Options, log: Arc<Log>) -> Result<Ended, HostError> {
    let mut log = Some(log);
    let mut wait_ms = RETRY_MS;
    // To a cluster this process stays the same, however often it opens the job.
    let process = cluster::process_name();
    loop {
        let opened = log.take().map_or_else(|| Log::open(&options.data), Ok);
        let began_ms = options.clock.now_ms();
        let result = opened.and_then(|log| match cluster::settings(&checked.job, options, Some(&log))? {
            Some(settings) => cluster::run_once(checked, shared, options, &log, Settings { process: process.clone(), ..settings }),
            None => {
                shared.observer.job_resumed();
                embedded::run_once(checked, shared, options, &log)
            }
        });
        let error = match result {
            Err(error @ HostError::External { .. }) => error,
            ended => return ended,
        };
        // Every handle of the data folder is gone here: RocksDB does not recover from a full disk while it is open.
        shared.observer.job_paused(&error.to_string());
        if options.clock.now_ms() - began_ms > RETRY_MS_MAX as i64 {
            wait_ms = RETRY_MS;
        }
        let until_ms = options.clock.now_ms() + wait_ms as i64;
        while options.clock.now_ms() < until_ms {
            if shared.stop.load(Ordering::Relaxed) {
                return Err(error);
            }
            options.clock.sleep_ms(20);
        }
        wait_ms = (wait_ms * 2).min(RETRY_MS_MAX);
    }
}

impl Running {
    /// Asks the job to stop at its next checkpoint.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the job's end. `Ok`: it finished or was stopped; everything it did is durable.
    pub fn wait(mut self) -> Result<Snapshot, HostError> {
        let Some(thread) = self.thread.take() else { return Ok(self.snapshot()) };
        match thread.join() {
            Ok(result) => result.map(|_| self.snapshot()),
            Err(_) => Err(HostError::external("running the job", anyhow::anyhow!("the supervisor panicked: this is a bug in Millstream"))),
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        self.shared.observer.snapshot()
    }

    /// Log lines since the last call.
    pub fn take_lines(&self) -> Vec<String> {
        self.shared.observer.take_lines()
    }

    /// Replaces what an operator runs, at a checkpoint of each worker, and returns when all have. The new component must have the ports and stores of the old.
    /// If it cannot be opened the old one runs on, and the error says why.
    pub fn swap(&self, operator: &str, path: &Path) -> Result<(), HostError> {
        let key = format!("operator.{operator}");
        let Some(n) = self.checked.job.operators.iter().position(|spec| spec.name == operator) else {
            return Err(HostError::job(key, "there is no such operator in the job"));
        };
        let fresh = load(&self.checked.engine, &self.checked.job.operators[n], path)?;
        let old = self.shared.components()[n].clone();
        let (was, is) = (&old.description, &fresh.description);
        if (&was.inputs, &was.outputs, &was.stores) != (&is.inputs, &is.outputs, &is.stores) {
            return Err(HostError::job(key, "the new component has other ports, stores or store versions than the running one")
                .with_help("stop the job, change the job file, and start it again"));
        }
        let (answer, answers): (_, Receiver<Result<(), HostError>>) = channel();
        lock(&self.shared.components)[n] = fresh.clone();
        lock(&self.shared.swaps).push(Swap { operator: n, component: fresh, answer });
        let asked_ms = RealClock.now_ms();
        let mut waiting = self.checked.job.workers;
        // Each worker answers once, unless it ended before it was asked.
        while waiting > 0 && !self.is_over() {
            match answers.recv_timeout(ANSWER_POLL) {
                Ok(Ok(())) => waiting -= 1,
                Ok(Err(error)) => {
                    lock(&self.shared.components)[n] = old.clone();
                    let (answer, _) = channel();
                    lock(&self.shared.swaps).push(Swap { operator: n, component: old, answer });
                    return Err(error);
                }
                Err(_) if RealClock.now_ms() - asked_ms > ANSWER_MS_MAX => {
                    return Err(HostError::external(
                        format!("swapping operator `{operator}`"),
                        anyhow::anyhow!("a worker did not answer within {ANSWER_MS_MAX} ms"),
                    ));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            // A supervisor that panicked has been reported by its panic.
        }
    }
}

/// Checks and starts in one step.
pub fn run(path: &Path, options: &Options) -> Result<Running, HostError> {
    start(check(path, options)?, options)
}
