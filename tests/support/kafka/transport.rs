//! Kafka as the contract suite sees it: topics under a prefix of the transport's own, workers that are in no group, since the suite hands out partitions itself.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use millstream::error::HostError;
use millstream::job::{Guarantee, LostPolicy, StartAt};
use millstream::kafka::{
    Cluster, InputTopic, Isolation, Layout, Member, Needed, Opening, Place, Producer, Purpose, Restore, Settings, StageTopics, Topics, Which, WorkerEnds,
};
use millstream::log::Log;
use millstream::record::{Offset, TaskId};
use millstream::sink::Sink;
use millstream::source::{InputPartition, PollBudget, Polled, Source, Start};
use millstream::time::{Clock, RealClock};
use tempfile::TempDir;

use super::broker::Broker;
use crate::transport::{Ends, Transport, Worker};

/// Tasks of each job, and so partitions of its changelog.
const TASKS: u32 = 8;

/// Streams of the shared broker, and a data folder of its own.
pub struct OnKafka {
    prefix: String,
    log: Option<Arc<Log>>,
    folder: TempDir,
}

impl OnKafka {
    /// The topic of a stream. Names that only a test of names uses stay as they are.
    pub fn topic(&self, stream: &str) -> String {
        topic(&self.prefix, stream)
    }

    /// A job's name in the cluster, and its group's.
    pub fn job(&self, job: &str) -> String {
        format!("{}.{job}", self.prefix)
    }

    /// What a worker `number` of a job calls itself to the cluster's transactions.
    pub fn transactional_id(&self, job: &str, number: usize) -> String {
        self.settings(job).worker_id(number)
    }

    fn settings(&self, job: &str) -> Settings {
        Settings {
            bootstrap: Broker::shared().bootstrap(),
            job: self.job(job),
            group: self.job(job),
            instance: "contract".to_owned(),
            guarantee: Guarantee::ExactlyOnce,
            replication: -1,
            checkpoint_interval_ms: 100,
            properties: Vec::new(),
            fingerprint: "contract".to_owned(),
            process: "contract".to_owned(),
        }
    }

    pub fn cluster(&self, job: &str) -> Arc<Cluster> {
        self.cluster_with(job, &[])
    }

    /// With properties of the test's own.
    pub fn cluster_with(&self, job: &str, properties: &[(&str, &str)]) -> Arc<Cluster> {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Cluster::connect(Settings { properties, ..self.settings(job) }).unwrap()
    }

    fn log(&self) -> &Arc<Log> {
        self.log.as_ref().unwrap()
    }

    /// The host is gone with its data folder; another one opens the same streams.
    pub fn elsewhere(mut self) -> Self {
        drop(self.log.take());
        self.folder = tempfile::tempdir().unwrap();
        self.log = Some(Log::open(self.folder.path()).unwrap());
        self
    }

    /// A job of one stage: it reads `in`, and keeps the state of an operator `count`.
    fn layout(&self, job: &str, cluster: &Arc<Cluster>) -> Layout {
        let (changelog, input) = (format!("{}.changelog", self.job(job)), self.topic("in"));
        let needed = |topic: &str, purpose| Needed { topic: topic.to_owned(), partitions: TASKS, exactly: true, purpose };
        let output = Purpose::Output { retention_ms: None, retention_bytes: None };
        Topics::new(cluster).unwrap().ensure(&[needed(&changelog, Purpose::Changelog), needed(&input, output)]).unwrap();
        let ids = cluster.describe(&[&changelog, &input]).unwrap();
        let read = InputTopic { name: "in".to_owned(), id: ids[&input].id.clone(), ..unbounded(&input) };
        let changelog_id = ids[&changelog].id.clone().unwrap();
        Layout { stages: vec![StageTopics { stage: 0, tasks: TASKS, operators: vec!["count".to_owned()], inputs: vec![read], changelog, changelog_id }] }
    }

    /// Takes the place of worker `number` of a job: whoever had it is fenced.
    pub fn worker_number(&self, job: &str, number: usize) -> Worker {
        let cluster = self.cluster(job);
        let layout = Rc::new(self.layout(job, &cluster));
        let member = Member::open(&cluster, number).unwrap();
        let producer = Producer::open(&cluster, number, &mut || member.tend()).unwrap();
        let place = (self.topic("in"), 0);
        let committed = member.committed(std::slice::from_ref(&place)).unwrap();
        let committed = committed.into_iter().flatten().map(|committed| (place.clone(), committed)).collect();
        let (local, clock): (_, Arc<dyn Clock>) = (self.log().local_state(&self.job(job)), Arc::new(RealClock));
        let tasks: Vec<TaskId> = (0..TASKS).map(|partition| TaskId { stage: 0, partition }).collect();
        let mut restore = Restore::begin(&cluster, &layout, &local, &tasks, clock.now_ms()).unwrap();
        while !restore.step().unwrap() {}
        let ends = WorkerEnds::new((&cluster, &layout), &producer, &local, &clock, committed, Opening::default());
        let (ledger, state) = (ends.ledger(&member), ends.state());
        Worker { job: self.job(job), ledger, state, ends: Box::new(KafkaEnds { prefix: self.prefix.clone(), ends }) }
    }
}

fn topic(prefix: &str, stream: &str) -> String {
    match !stream.is_empty() && stream.len() < 100 && stream.chars().all(|c| c.is_ascii_alphanumeric()) {
        true => format!("{prefix}.{stream}"),
        false => stream.to_owned(),
    }
}

fn unbounded(topic: &str) -> InputTopic {
    let (start, lost) = (StartAt::Oldest, LostPolicy::Fail);
    InputTopic { input: 0, name: topic.to_owned(), topic: topic.to_owned(), id: None, start, lost, bounded: false }
}

impl Transport for OnKafka {
    fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        OnKafka { prefix: Broker::shared().name("contract"), log: Some(Log::open(folder.path()).unwrap()), folder }
    }

    fn reopened(mut self) -> Self {
        drop(self.log.take());
        self.log = Some(Log::open(self.folder.path()).unwrap());
        self
    }

    fn create(&self, stream: &str, partitions: u32) -> Result<(), HostError> {
        let purpose = Purpose::Output { retention_ms: None, retention_bytes: None };
        let needed = Needed { topic: self.topic(stream), partitions, exactly: true, purpose };
        Topics::new(&self.cluster("creator"))?.ensure(&[needed]).map(drop)
    }

    fn worker(&self, job: &str) -> Worker {
        self.worker_number(job, 0)
    }
}

struct KafkaEnds {
    prefix: String,
    ends: WorkerEnds,
}

impl Ends for KafkaEnds {
    fn sink(&self, stream: &str, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        let topic = topic(&self.prefix, stream);
        let needed =
            |partitions| Needed { topic: topic.clone(), partitions, exactly: false, purpose: Purpose::Output { retention_ms: None, retention_bytes: None } };
        let there = Topics::new(&self.ends.cluster)?.ensure(&[needed(1)])?.remove(&topic);
        let there = there.ok_or_else(|| HostError::job(stream, "is not there"))?;
        self.ends.sink(&topic, there.partitions, there.record_bytes_max, task)
    }

    fn source(&self, stream: &str, bounded: bool) -> Result<Box<dyn Source>, HostError> {
        let (cluster, topic) = (&self.ends.cluster, topic(&self.prefix, stream));
        let stage = StageTopics {
            stage: 0,
            tasks: TASKS,
            operators: Vec::new(),
            inputs: vec![InputTopic { bounded, ..unbounded(&topic) }],
            changelog: String::new(),
            changelog_id: String::new(),
        };
        let layout = Rc::new(Layout { stages: vec![stage] });
        let ends = WorkerEnds::new((cluster, &layout), &self.ends.producer, &self.ends.local, &self.ends.clock, BTreeMap::new(), Opening::default());
        Ok(Box::new(Assigned { topic, ends, open: None, positions: BTreeMap::new(), paused: BTreeSet::new() }))
    }
}

/// A source with the part of its worker's that takes on partitions: all that it has at once, as the group hands them out. So each further partition has it begin
/// anew where it stands, with a client of its own.
struct Assigned {
    topic: String,
    ends: WorkerEnds,
    open: Option<(Member, Box<dyn Source>)>,
    positions: BTreeMap<InputPartition, Offset>,
    paused: BTreeSet<InputPartition>,
}

impl Assigned {
    fn place(&self, at: &InputPartition) -> Place {
        (self.topic.clone(), at.partition)
    }

    fn begin_anew(&mut self, assigned: InputPartition, start: Start) -> Result<Offset, HostError> {
        self.open = None;
        let starts: Vec<(Place, Offset)> = self.positions.iter().map(|(at, position)| (self.place(at), *position)).collect();
        let member = Member::open(&self.ends.cluster, 0)?;
        member.accept(&starts)?;
        let mut source = self.ends.source(&member, 0).ok_or_else(|| HostError::job(self.topic.as_str(), "is no input"))?;
        for (at, position) in &self.positions {
            let begins = source.assign(*at, if *at == assigned { start } else { Start::At(*position) })?;
            assert_eq!(begins, *position, "what is asked before is what counts");
        }
        self.paused.iter().for_each(|at| source.pause(*at, true));
        self.open = Some((member, source));
        Ok(self.positions[&assigned])
    }

    fn opened(&mut self) -> &mut (Member, Box<dyn Source>) {
        self.open.as_mut().expect("a partition was assigned")
    }
}

impl Source for Assigned {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let (cluster, place) = (&self.ends.cluster, self.place(&at));
        let position = match start {
            Start::At(offset) => offset,
            Start::Oldest => cluster.offsets(&[place], Which::First)?[0],
            Start::Newest => cluster.offsets(&[place], Which::End(Isolation::Uncommitted))?[0],
            Start::Timestamp(ms) => cluster.first_since(&place, ms, &mut || Ok(()))?,
        };
        self.positions.insert(at, position);
        self.begin_anew(at, start)
    }

    fn revoke(&mut self, at: InputPartition) {
        self.positions.remove(&at);
        self.paused.remove(&at);
        self.opened().1.revoke(at);
    }

    fn pause(&mut self, at: InputPartition, paused: bool) {
        if paused {
            self.paused.insert(at)
        } else {
            self.paused.remove(&at)
        };
        self.opened().1.pause(at, paused);
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let (member, source) = self.opened();
        member.tend()?;
        let had = found.len();
        source.poll(budget, found)?;
        for polled in &found[had..] {
            if let Polled::Records { at, next, .. } | Polled::Skipped { at, next } = polled {
                self.positions.insert(*at, *next);
            }
        }
        Ok(())
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        self.opened().1.end(at)
    }
}
