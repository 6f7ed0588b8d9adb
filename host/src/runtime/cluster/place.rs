//! One worker's place in the group: what it holds, and how it comes by it. The order is what makes it exact: join (which throws out whoever had the place), take
//! over the transactions (which ends what was open), read the group's positions (which waits for commits of others that are just ending), restore, run.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::layout::{JobTopics, keys_moved};
use crate::error::HostError;
use crate::job::StartAt;
use crate::kafka::{self, Change, Cluster, Committed, Isolation, Layout, Member, Opening, Producer, Restore, Which, WorkerEnds};
use crate::log::LocalState;
use crate::record::{Offset, TaskId};
use crate::time::Clock;

/// After so long without being thrown out of the group a worker knows that the group still knows it: more than two heartbeats.
const STILL_MEMBER: Duration = Duration::from_millis(2_500);
const TEND: Duration = Duration::from_millis(20);

/// See the module. Used on the worker's thread.
pub(super) struct Place {
    pub cluster: Arc<Cluster>,
    pub member: Member,
    number: usize,
    producer: Option<Rc<Producer>>,
    /// What the group gave, until it takes it back.
    pub assigned: Option<Vec<kafka::Place>>,
    /// The assignment was answered: records come.
    accepted: bool,
    /// What the group said and nobody acted on yet.
    pending: Option<Change>,
}

/// A worker's state and positions on their way to where it can run.
pub(super) struct Opened {
    pub tasks: Vec<TaskId>,
    pub restore: Restore,
    pub ends: WorkerEnds,
}

impl Place {
    pub fn join(cluster: &Arc<Cluster>, layout: &Layout, number: usize) -> Result<Place, HostError> {
        let member = Member::join(cluster, number, &layout.subscription())?;
        Ok(Place { cluster: cluster.clone(), member, number, producer: None, assigned: None, accepted: false, pending: None })
    }

    /// Serves the group's client. `true`: the group wants something, see [`Place::obey`].
    pub fn wants_something(&mut self) -> Result<bool, HostError> {
        if let Some(producer) = &self.producer {
            producer.tend();
        }
        if self.pending.is_none() {
            self.pending = self.member.change()?;
        }
        Ok(self.pending.is_some())
    }

    /// Whether partitions are to be given back while they are still ours: what was done can be committed first.
    pub fn may_commit_first(&self) -> bool {
        self.pending == Some(Change::Revoked { lost: false })
    }

    /// Does what the group wants, once the worker has closed.
    pub fn obey(&mut self) -> Result<(), HostError> {
        match self.pending.take() {
            None => {}
            Some(Change::Assigned(places)) => {
                self.accepted = false;
                self.assigned = Some(places);
            }
            Some(Change::Revoked { lost }) => {
                self.assigned = None;
                self.accepted = false;
                if lost {
                    // What is open cannot be committed any more; the next producer of this id ends it.
                    self.producer = None;
                }
                self.member.release()?;
            }
        }
        Ok(())
    }

    /// After a failure whose outcome is not known: the next producer of the same id settles it.
    fn drop_producer(&mut self) {
        self.producer = None;
    }

    /// Somebody used this worker's transactional id. Whether the place is still ours is the group's to say: a successor joins it before it touches transactions.
    /// An error: it is not, step down. Otherwise it was a stranger, whom a new producer throws out in turn.
    pub fn fenced(&mut self, by: HostError) -> Result<HostError, HostError> {
        self.producer = None;
        let HostError::Fenced { doing, reason } = &by else { return Ok(by) };
        let began = Instant::now();
        while began.elapsed() < STILL_MEMBER && !self.member.is_dead() && !self.wants_something()? {
            std::thread::sleep(TEND);
        }
        if !self.member.is_dead() {
            return Ok(HostError::external(doing.clone(), anyhow::anyhow!("a stranger used this worker's transactional id: {reason}")));
        }
        if self.has_successor()? {
            return Err(by);
        }
        Ok(HostError::external(doing.clone(), anyhow::anyhow!("the group had lost this worker, which joins it anew: {reason}")))
    }

    /// After a failure: lets go of what may be unsound, and waits a little. What the group says meanwhile may end the worker.
    pub fn recover(&mut self, wait_ms: u64) -> Result<(), HostError> {
        self.drop_producer();
        self.member.introduce();
        match self.wait(wait_ms) {
            Ok(_) | Err(HostError::External { .. }) => Ok(()),
            Err(fenced @ HostError::Fenced { .. }) => self.fenced(fenced).map(drop),
            Err(other) => Err(other),
        }
    }

    /// Whether another process is this worker now. The group may have a member that nobody is: left by a request of ours whose answer got lost with a broker, which
    /// is told by whose it was, or by a process that died, which goes when its session ends.
    fn has_successor(&self) -> Result<bool, HostError> {
        let worker = self.cluster.settings.worker_id(self.number);
        let began = Instant::now();
        let first = self.cluster.members_named(&worker)?;
        if first.iter().all(|(_, ours)| *ours) {
            return Ok(false);
        }
        while began.elapsed() < Duration::from_millis(self.cluster.settings.session_ms()) + STILL_MEMBER {
            if self.cluster.members_named(&worker)? != first {
                return Ok(false);
            }
            std::thread::sleep(STILL_MEMBER / 5);
        }
        Ok(true)
    }

    /// Waits a little, and serves the group's client meanwhile. `true`: the group wants something.
    pub fn wait(&mut self, ms: u64) -> Result<bool, HostError> {
        let until = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < until {
            if self.wants_something()? {
                return Ok(true);
            }
            std::thread::sleep(TEND.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(false)
    }

    /// Takes on what was assigned: from here to a running worker, but for the restoring, which takes its time.
    pub fn open(&mut self, topics: &JobTopics, layout: &Rc<Layout>, local: &LocalState, clock: &Arc<dyn Clock>) -> Result<Opened, HostError> {
        let assigned = self.assigned.clone().unwrap_or_default();
        check_partitions(topics, &assigned)?;
        let tasks = layout.tasks(&assigned);
        let producer = match &self.producer {
            Some(producer) => producer.clone(),
            None => {
                let member = &self.member;
                let producer = Producer::open(&self.cluster, self.number, &mut || member.tend())?;
                self.producer = Some(producer.clone());
                producer
            }
        };
        let reads: Vec<(kafka::InputTopic, u32)> = layout.reads(&tasks).map(|(input, partition)| (input.clone(), partition)).collect();
        let places: Vec<kafka::Place> = reads.iter().map(|(input, partition)| (input.topic.clone(), *partition)).collect();
        let committed: BTreeMap<kafka::Place, Committed> =
            places.iter().cloned().zip(self.member.committed(&places)?).filter_map(|(place, committed)| Some((place, committed?))).collect();
        let mut opening = Opening { extents: kafka::extents(&self.cluster, &places)?, ..Opening::default() };
        let bounded: Vec<kafka::Place> = reads.iter().filter(|(input, _)| input.bounded).map(|(input, partition)| (input.topic.clone(), *partition)).collect();
        let ends = kafka::settled_ends(&self.cluster, &bounded, &mut || self.member.tend())?;
        opening.ends = bounded.into_iter().zip(ends).collect();
        let starts = self.starts(&reads, &committed, &mut opening)?;
        if self.accepted {
            if let Err(error) = self.member.seek(&starts) {
                // The client has given up on a partition, as it does where a record is gone: only a new assignment has it begin again.
                self.member = Member::join(&self.cluster, self.number, &layout.subscription())?;
                (self.assigned, self.accepted, self.pending) = (None, false, None);
                return Err(error);
            }
        } else {
            self.member.accept(&starts)?;
            self.accepted = true;
        }
        let restore = Restore::begin(&self.cluster, layout, local, &tasks, clock.now_ms())?;
        let ends = WorkerEnds::new((&self.cluster, layout), &producer, local, clock, committed, opening);
        Ok(Opened { tasks, restore, ends })
    }

    /// Where each partition begins as far as that is known before state is restored; what turns out otherwise is sought.
    fn starts(
        &self,
        reads: &[(kafka::InputTopic, u32)],
        committed: &BTreeMap<kafka::Place, Committed>,
        opening: &mut Opening,
    ) -> Result<Vec<(kafka::Place, Offset)>, HostError> {
        let mut asked = Vec::new();
        for (input, partition) in reads {
            let place = (input.topic.clone(), *partition);
            let which = match input.start {
                _ if committed.contains_key(&place) => continue,
                StartAt::Oldest | StartAt::Offset(_) => Which::First,
                StartAt::Newest => Which::End(Isolation::Uncommitted),
                StartAt::Timestamp(ms) => {
                    let first = self.cluster.first_since(&place, ms, &mut || self.member.tend())?;
                    opening.since.insert(place, first);
                    continue;
                }
            };
            asked.push((place, which));
        }
        let answers = self.cluster.each_offset(&asked)?;
        // A partition that begins where nothing is any more could not be sought in; what the job makes of the gap is decided when its source opens.
        let within = |place: &kafka::Place, offset: Offset| {
            opening.extents.get(place).map_or(offset, |extent| offset.max(extent.first).min(extent.end.max(extent.first)))
        };
        let known = committed.iter().map(|(place, committed)| (place.clone(), within(place, committed.offset)));
        let since = opening.since.iter().map(|(place, first)| (place.clone(), *first));
        Ok(known.chain(since).chain(asked.into_iter().map(|(place, _)| place).zip(answers)).collect())
    }
}

/// A partition that no task reads would be read by nobody.
fn check_partitions(topics: &JobTopics, assigned: &[kafka::Place]) -> Result<(), HostError> {
    for stage in &topics.layout.stages {
        let is_read = |name: &str| stage.changelog == name || stage.inputs.iter().any(|input| input.topic == name);
        if let Some((topic, partition)) = assigned.iter().find(|(topic, partition)| *partition >= stage.tasks && is_read(topic)) {
            return Err(keys_moved(topic, &format!("a partition {partition}"), stage.tasks));
        }
    }
    Ok(())
}
