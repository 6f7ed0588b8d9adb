//! A run of a job on a cluster: each worker holds its place in the group, opens what it is given, and opens it again when something fails.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::embedded::owner;
use super::super::run::{Between, Ended, Pause, Run};
use super::super::running::Shared;
use super::super::{Checked, Options};
use super::layout::{JobTopics, prepare, still_there};
use super::place::{Opened, Place};
use super::transport::ClusterTransport;
use crate::error::HostError;
use crate::job::PlanInput;
use crate::kafka::{Cluster, FailPoint, Layout, Settings, Topics};
use crate::log::Log;
use crate::worker::Worker;

/// Waits after a failure, ms: doubled each time up to the last.
const RETRY_MS: u64 = 100;
const RETRY_MS_MAX: u64 = 5_000;
/// A worker that waits for the group, or for others to finish, looks again after so long, ms.
const WAIT_MS: u64 = 10;
/// Whether the job's topics are still there is asked so often.
const WATCH: Duration = Duration::from_secs(5);
const WATCH_STEP: Duration = Duration::from_millis(5);
/// Records that all have read are deleted so often, ms.
const TRIM_MS: i64 = 10_000;

struct ClusterRun<'a> {
    run: Run<'a>,
    cluster: Arc<Cluster>,
    topics: &'a JobTopics,
    admin: &'a Topics,
    log: &'a Arc<Log>,
    owner: String,
    /// By worker.
    standing: Mutex<Vec<Standing>>,
}

/// What a worker has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    AtWork,
    /// The group gave it no task: others have them all. That may change, and is no end of the job.
    Idle,
    /// All its tasks have ended.
    Finished,
}

/// Runs the job on its cluster, with copies of its state in an open data folder.
pub(in super::super) fn run_once(checked: &Checked, shared: &Shared, options: &Options, log: &Arc<Log>, settings: Settings) -> Result<Ended, HostError> {
    let cluster = Cluster::connect_on_trial(settings, options.trial.clone())?;
    let admin = Topics::new(&cluster)?;
    refuse_strangers(&cluster)?;
    let topics = prepare(checked, &cluster, &admin)?;
    shared.observer.job_resumed();
    let run = Run { checked, shared, options, plan: topics.plan.clone(), failed: AtomicBool::new(false) };
    let standing = Mutex::new(vec![Standing::AtWork; checked.job.workers as usize]);
    let owner = owner(&checked.job, log.path());
    let cluster_run = ClusterRun { run, cluster: cluster.clone(), topics: &topics, admin: &admin, log, owner, standing };
    let mut watched = Instant::now();
    let watch = || {
        std::thread::sleep(WATCH_STEP);
        if watched.elapsed() < WATCH {
            return Ok(());
        }
        cluster.tend();
        let there = still_there(&topics, &cluster);
        watched = Instant::now();
        // A cluster that does not answer is the workers' to notice.
        if matches!(there, Err(HostError::External { .. })) { Ok(()) } else { there }
    };
    cluster_run.run.on_threads(|number| cluster_run.work(number), watch)
}

/// The group hands partitions to all its members: whoever else is in it would take records away from the job.
fn refuse_strangers(cluster: &Cluster) -> Result<(), HostError> {
    let strangers = cluster.strangers()?;
    if strangers.is_empty() {
        return Ok(());
    }
    let Settings { group, job, .. } = &cluster.settings;
    let same_name = strangers.iter().any(|stranger| stranger.starts_with(&format!("millstream.{job}.")));
    let who = strangers.join(", ");
    let why = match same_name {
        true => format!("another job named `{job}` runs, with other inputs, operators or outputs ({who}); stop it, or give this one another name"),
        false => format!("it is in use by something that is not this job ({who}); give the job a group of its own: group = \"…\" in [kafka], or another name"),
    };
    // Members that died are in the group until their session ends, so waiting may cure it.
    Err(HostError::external(format!("joining group `{group}`"), anyhow::anyhow!(why)))
}

impl ClusterRun<'_> {
    fn work(&self, number: usize) -> Result<Ended, HostError> {
        let layout = Rc::new(self.topics.layout.clone());
        let mut swaps_made = 0;
        let mut place = None;
        let mut wait_ms = RETRY_MS;
        loop {
            let began = Instant::now();
            let held = self.hold(number, &mut place, &layout, &mut swaps_made);
            let error = match (held, &mut place) {
                (Ok(ended), _) => {
                    self.run.swap_nothing(&mut swaps_made);
                    return Ok(ended);
                }
                (Err(error @ HostError::Fenced { .. }), Some(place)) => place.fenced(error)?,
                (Err(error), _) => error,
            };
            if !matches!(error, HostError::External { .. }) {
                // Whoever missed a topic may not know which it was: looking at them all names it.
                return match still_there(self.topics, &self.cluster) {
                    Err(named) if !matches!(named, HostError::External { .. }) => Err(named),
                    _ => Err(error),
                };
            }
            self.run.shared.observer.worker_paused(number, &error.to_string());
            if self.log.has_failed() {
                // The supervisor opens the folder again, once all workers have let go of it.
                return Err(error);
            }
            if began.elapsed() > Duration::from_millis(RETRY_MS_MAX) {
                wait_ms = RETRY_MS;
            }
            if let Some(place) = &mut place {
                place.recover(wait_ms)?;
            } else {
                std::thread::sleep(Duration::from_millis(wait_ms));
            }
            if place.as_ref().is_some_and(|place| place.member.is_dead()) {
                place = None;
            }
            if self.run.stopping() {
                return Err(error);
            }
            wait_ms = (wait_ms * 2).min(RETRY_MS_MAX);
        }
    }

    /// Holds the worker's place until the job is over, or something fails.
    fn hold(&self, number: usize, place: &mut Option<Place>, layout: &Rc<Layout>, swaps_made: &mut usize) -> Result<Ended, HostError> {
        let place = match place {
            Some(place) => place,
            None => place.insert(Place::join(&self.cluster, layout, number)?),
        };
        loop {
            if place.wants_something()? {
                place.obey()?;
            }
            let waits = place.assigned.is_none();
            if !waits && self.standings()[number] == Standing::AtWork {
                match self.open_and_drive(number, place, layout, swaps_made)? {
                    (Pause::Stopped, _) => return Ok(Ended::Stopped),
                    (Pause::Finished, 0) => self.standings()[number] = Standing::Idle,
                    (Pause::Finished, _) => self.standings()[number] = Standing::Finished,
                    (Pause::Interrupted, _) => {}
                }
                continue;
            }
            if self.run.stopping() {
                return Ok(Ended::Stopped);
            }
            if self.is_over() {
                return Ok(Ended::Finished);
            }
            self.run.swap_nothing(swaps_made);
            place.wait(WAIT_MS)?;
            // New partitions are new work.
            if waits || place.wants_something()? {
                self.standings()[number] = Standing::AtWork;
            }
        }
    }

    fn standings(&self) -> MutexGuard<'_, Vec<Standing>> {
        // Values are replaced whole; a panic elsewhere does not spoil them.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this host's part of the job is done: nobody is at work, and somebody was.
    fn is_over(&self) -> bool {
        let standing = self.standings();
        standing.contains(&Standing::Finished) && !standing.contains(&Standing::AtWork)
    }

    /// Returns why it is over, and how many tasks there were.
    fn open_and_drive(&self, number: usize, place: &mut Place, layout: &Rc<Layout>, swaps_made: &mut usize) -> Result<(Pause, usize), HostError> {
        // A new assignment may be of a topic that was made again under the same name, whose offsets count other records.
        still_there(self.topics, &self.cluster)?;
        let (observer, clock, job) = (&self.run.shared.observer, &self.run.options.clock, &self.run.checked.job);
        let local = self.log.local_state(&job.name);
        let Opened { tasks, mut restore, ends } = place.open(self.topics, layout, &local, clock)?;
        if let Some(pause) = self.restore(number, place, &mut restore)? {
            return Ok((pause, tasks.len()));
        }
        let components = self.run.shared.components();
        let mut open = |operator: usize| self.run.open(operator, &components[operator]);
        let mut worker = {
            let member = &place.member;
            let (plan, targets, owner) = (&self.topics.plan, &self.topics.targets, &self.owner);
            let mut transport = ClusterTransport { job, plan, targets, member, ends: &ends, owner, run: &self.run };
            Worker::open(job.clone(), &self.topics.plan, &tasks, clock.clone(), &mut transport, &mut open)?
        };
        let (seeks, mut lines) = {
            let mut opening = ends.opening.borrow_mut();
            (std::mem::take(&mut opening.seeks), std::mem::take(&mut opening.lines))
        };
        lines.append(&mut worker.take_lines());
        place.member.seek(&seeks)?;
        lines.into_iter().for_each(|line| observer.notice(line));
        observer.worker_resumed(number);
        let mut between = Group { place, admin: self.admin, plan: &self.topics.plan, trimmed_ms: clock.now_ms() };
        let paused = self.run.drive(number, &mut worker, swaps_made, &mut between);
        let pause = match paused {
            Ok(Pause::Interrupted) if place.may_commit_first() => worker.checkpoint().map(|()| Pause::Interrupted),
            other => other,
        };
        // What the copies lack is written while the tasks are ours: who has lost them must not, as another worker of this host may have them, and writes there, too.
        if pause.is_ok() && (place.may_commit_first() || !place.wants_something()?) {
            local.settle()?;
        }
        if !matches!(pause, Ok(Pause::Finished)) {
            observer.worker_closed(number);
        }
        Ok((pause?, tasks.len()))
    }

    /// Brings the copies of state up, a step at a time, so that the group is answered meanwhile. `Some`: something came in between.
    fn restore(&self, number: usize, place: &mut Place, restore: &mut crate::kafka::Restore) -> Result<Option<Pause>, HostError> {
        let observer = &self.run.shared.observer;
        let began = Instant::now();
        restore.lines.drain(..).for_each(|line| observer.notice(line));
        let all = restore.progress().1;
        loop {
            let done = restore.step()?;
            self.cluster.trial.passes(FailPoint::DuringRestore);
            if done {
                break;
            }
            let (done, all) = restore.progress();
            observer.worker_restores(number, done, all);
            if place.wants_something()? {
                return Ok(Some(Pause::Interrupted));
            }
            if self.run.stopping() {
                return Ok(Some(Pause::Stopped));
            }
        }
        if all > 0 {
            observer.notice(format!("worker {number}: restored {all} changelog records in {} ms", began.elapsed().as_millis()));
        }
        Ok(None)
    }
}

/// What the group and the topics want between turns.
struct Group<'a> {
    place: &'a mut Place,
    admin: &'a Topics,
    plan: &'a crate::job::Plan,
    trimmed_ms: i64,
}

impl Between for Group<'_> {
    fn interrupts(&mut self) -> Result<bool, HostError> {
        self.place.wants_something()
    }

    fn keep_house(&mut self, worker: &Worker, now_ms: i64) -> Result<(), HostError> {
        if now_ms - self.trimmed_ms < TRIM_MS {
            return Ok(());
        }
        self.trimmed_ms = now_ms;
        let mut read = Vec::new();
        for (at, position) in worker.tasks().iter().flat_map(|task| task.input_partitions()) {
            if let PlanInput::Internal { stream, .. } = &self.plan.inputs[at.input as usize] {
                read.push(((stream.clone(), at.partition), position));
            }
        }
        self.admin.trim(&read)
    }
}
