//! A cluster as the host sees it: topics, their partitions and ends. Shared by all workers of a job; the clients here read without a group.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset as RdOffset, TopicPartitionList};

use super::client::{Events, Trouble};
use super::raw::{self, Consumer, Failure};
use super::settings::{Settings, create};
use super::trial::Trial;
use crate::error::HostError;
use crate::record::Offset;

/// How long one question to the cluster may take, ms.
pub(super) const REQUEST_MS: u64 = 10_000;

/// Events of a client taken at once.
const EVENTS_MAX: usize = 32;
/// A topic that is not known after so long is not there.
const MADE: Duration = Duration::from_secs(3);
/// Whether a partition has a leader, or a group a coordinator, is asked again so often.
const LEADER: Duration = Duration::from_millis(20);

/// The clients here are told where the cluster is no more often than this: they keep what they were told.
const INTRODUCED: Duration = Duration::from_secs(5);

/// One partition of a topic.
pub type Place = (String, u32);

/// Which of a partition's records an end counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Up to the first record of a transaction that is still open.
    Committed,
    /// All that is written.
    Uncommitted,
}

/// Which offset of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    First,
    End(Isolation),
    /// The first whose timestamp is at or after this, ms; the end where there is none. Brokers count markers of transactions, too: see [`Cluster::first_since`].
    At(i64),
}

/// See the module.
pub struct Cluster {
    pub settings: Settings,
    pub trial: Trial,
    pub(super) trouble: Trouble,
    committed: Arc<Consumer>,
    uncommitted: Arc<Consumer>,
    /// When the clients here were told last where the cluster is.
    told: Mutex<Instant>,
}

impl Cluster {
    /// Sets up the clients. Reaches nothing yet: an absent cluster is met at the first question.
    pub fn connect(settings: Settings) -> Result<Arc<Cluster>, HostError> {
        Cluster::connect_on_trial(settings, Trial::default())
    }

    /// The same, for tests of what goes wrong.
    pub fn connect_on_trial(settings: Settings, trial: Trial) -> Result<Arc<Cluster>, HostError> {
        let trouble = Trouble::default();
        let reader = |isolation: &str| create::<Events, Consumer>(&settings.reader(isolation), Events::new(trouble.clone())).map(Arc::new);
        let (committed, uncommitted) = (reader("read_committed")?, reader("read_uncommitted")?);
        Ok(Arc::new(Cluster { settings, trial, trouble, committed, uncommitted, told: Mutex::new(Instant::now()) }))
    }

    pub(super) fn reader(&self) -> &Arc<Consumer> {
        &self.committed
    }

    /// Takes what the clients have to say, so that it does not pile up. Once in a while.
    pub fn tend(&self) {
        for client in [&self.committed, &self.uncommitted] {
            // An event a poll; what went wrong comes to the context, with its reason.
            (0..EVENTS_MAX).for_each(|_| drop(client.poll(Duration::ZERO)));
        }
    }

    /// The partition counts of the topics that exist, of those named. Fails where the cluster cannot be reached, or does not let us look.
    pub fn partitions(&self, topics: &[&str]) -> Result<BTreeMap<String, u32>, HostError> {
        Ok(self.describe(topics)?.into_iter().map(|(name, topic)| (name, topic.partitions)).collect())
    }

    /// The first of the topics of which a partition has no leader yet, as after it was made: who asks for its offsets then is refused.
    pub(super) fn leaderless<'a, 'b>(&self, topics: &'a [&'b str]) -> Result<Option<&'a &'b str>, HostError> {
        for topic in topics {
            // Both clients learn of the leaders by it.
            for client in [&self.committed, &self.uncommitted] {
                let metadata = client.fetch_metadata(Some(topic), Duration::from_millis(REQUEST_MS));
                let metadata = metadata.map_err(|error| self.failed(format!("looking for topic `{topic}`"), code(&error)))?;
                let led =
                    |found: &rdkafka::metadata::MetadataTopic| found.error().is_none() && found.partitions().iter().all(|partition| partition.leader() >= 0);
                if !metadata.topics().iter().all(led) {
                    return Ok(Some(topic));
                }
            }
        }
        Ok(None)
    }

    /// All topics but the cluster's own, with their partition counts.
    pub fn topics(&self) -> Result<BTreeMap<String, u32>, HostError> {
        let metadata = self.committed.fetch_metadata(None, Duration::from_millis(REQUEST_MS));
        let metadata = metadata.map_err(|error| self.failed("listing topics", code(&error)))?;
        let names = metadata.topics().iter().filter(|topic| !topic.name().starts_with("__"));
        Ok(names.map(|topic| (topic.name().to_owned(), topic.partitions().len() as u32)).collect())
    }

    /// Who is in the job's group that is not the job: other programs, or another job of the same name. By client id and address.
    pub fn strangers(&self) -> Result<Vec<String>, HostError> {
        let ours = format!("{}.", self.settings.client_id());
        let strangers = self.members()?.into_iter().filter(|member| !member.client_id.starts_with(&ours));
        Ok(strangers.map(|member| format!("{} at {}", member.client_id, member.address.trim_start_matches('/'))).collect())
    }

    /// The members that the group has under a worker's name: none, or one. Its id, which the group makes anew whenever a process joins under the name, and whether
    /// that was this process.
    pub fn members_named(&self, worker: &str) -> Result<Vec<(String, bool)>, HostError> {
        let (prefix, ours) = (format!("{worker}-"), self.settings.member_client_id());
        let named = self.members()?.into_iter().filter(|member| member.id.starts_with(&prefix));
        Ok(named.map(|member| (member.id, member.client_id == ours)).collect())
    }

    /// The members of the job's group, asked of its coordinator: brokers that are away have no say in it.
    fn members(&self) -> Result<Vec<raw::GroupMember>, HostError> {
        let group = &self.settings.group;
        let doing = || format!("looking at group `{group}`");
        let name = CString::new(group.as_str()).map_err(|_| HostError::job("kafka.group", "cannot be the name of a group"))?;
        let began = Instant::now();
        loop {
            match raw::group_members(&self.committed, &name, REQUEST_MS) {
                Err(failure) if failure.code == RDKafkaErrorCode::GroupIdNotFound => return Ok(Vec::new()),
                // As after the cluster's start.
                Err(failure) if has_no_coordinator(failure.code) && began.elapsed() < Duration::from_millis(REQUEST_MS) => std::thread::sleep(LEADER),
                members => return members.map_err(|failure| self.failure(doing(), &failure)),
            }
        }
    }

    /// One offset of each place, in their order.
    pub fn offsets(&self, places: &[Place], which: Which) -> Result<Vec<Offset>, HostError> {
        let asked = places.iter().map(|place| (place.clone(), which)).collect::<Vec<_>>();
        self.each_offset(&asked)
    }

    /// One offset of each place, each as it says, in their order.
    pub fn each_offset(&self, asked: &[(Place, Which)]) -> Result<Vec<Offset>, HostError> {
        let mut answers = vec![0; asked.len()];
        for isolation in [Isolation::Committed, Isolation::Uncommitted] {
            let of_this = |which: Which| matches!(which, Which::End(Isolation::Uncommitted)) == (isolation == Isolation::Uncommitted);
            let chosen: Vec<usize> = (0..asked.len()).filter(|n| of_this(asked[*n].1)).collect();
            if chosen.is_empty() {
                continue;
            }
            let client = if isolation == Isolation::Committed { &self.committed } else { &self.uncommitted };
            let mut past_the_end = Vec::new();
            for (n, offset) in chosen.iter().zip(self.ask(client, chosen.iter().map(|n| &asked[*n]))?) {
                match offset {
                    Some(offset) => answers[*n] = offset,
                    None => past_the_end.push(*n),
                }
            }
            let ends: Vec<(Place, Which)> = past_the_end.iter().map(|n| (asked[*n].0.clone(), Which::End(isolation))).collect();
            if !ends.is_empty() {
                for (n, offset) in past_the_end.iter().zip(self.ask(client, ends.iter())?) {
                    answers[*n] = offset.unwrap_or(0);
                }
            }
        }
        Ok(answers)
    }

    fn ask<'a>(&self, client: &Consumer, asked: impl Iterator<Item = &'a (Place, Which)>) -> Result<Vec<Option<Offset>>, HostError> {
        let (mut list, mut topics) = (TopicPartitionList::new(), BTreeSet::new());
        for ((topic, partition), which) in asked {
            topics.insert(topic.as_str());
            let offset = match which {
                Which::First => RdOffset::Beginning,
                Which::End(_) => RdOffset::End,
                Which::At(ms) => RdOffset::Offset((*ms).max(0)),
            };
            list.add_partition_offset(topic, *partition as i32, offset).map_err(|error| HostError::external("asking for offsets", error))?;
        }
        let doing = || format!("asking for the ends of {}", topics.iter().copied().collect::<Vec<_>>().join(", "));
        let began = Instant::now();
        let list = loop {
            let answer = raw::offsets_for(client, list.clone(), REQUEST_MS);
            let patience = match &answer {
                Ok(list) => list.elements().iter().filter_map(|one| one.error().err().and_then(|error| may_pass(code(&error)))).max(),
                Err(failure) => may_pass(failure.code),
            };
            if patience.is_none_or(|patience| began.elapsed() > patience) {
                break answer.map_err(|failure| self.failed(doing(), failure.code))?;
            }
            self.introduce_readers();
            std::thread::sleep(LEADER);
        };
        let answers = list.elements();
        let each = answers.iter().map(|answer| match answer.error() {
            Ok(()) => Ok(u64::try_from(raw::raw_offset(answer.offset())).ok()),
            Err(error) => Err(self.failed(format!("asking for the ends of {}-{}", answer.topic(), answer.partition()), code(&error))),
        });
        each.collect()
    }

    /// Tells a client where the cluster is: after a failure, or a long wait, it may have forgotten (see [`raw::introduce`]).
    pub(super) fn introduce<C: ClientContext>(&self, client: &Client<C>) {
        raw::introduce(client, &self.settings.bootstrap);
    }

    /// Tells the clients here, now and then.
    fn introduce_readers(&self) {
        // Where it is locked another thread does it.
        if let Ok(mut told) = self.told.try_lock()
            && told.elapsed() >= INTRODUCED
        {
            *told = Instant::now();
            [&self.committed, &self.uncommitted].iter().for_each(|client| self.introduce(client.client()));
        }
    }

    /// Says an error of the cluster's as people need it: who must act, and what last went wrong on the way.
    pub(super) fn failed(&self, doing: impl Into<String>, code: RDKafkaErrorCode) -> HostError {
        self.failure(doing, &Failure::of(code))
    }

    /// The same of a call's failure, whose text says more than its code.
    pub(super) fn failure(&self, doing: impl Into<String>, failure: &Failure) -> HostError {
        let (doing, code) = (doing.into(), failure.code);
        let bootstrap = &self.settings.bootstrap;
        match code {
            RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::GroupAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => {
                HostError::job(doing, format!("the cluster at {bootstrap} does not permit it: {code}"))
                    .with_help("the job's user needs the permissions that docs/kafka.md lists")
            }
            RDKafkaErrorCode::TransactionalIdAuthorizationFailed => HostError::job(doing, format!("the cluster at {bootstrap} does not permit it: {code}"))
                .with_help(format!("the job's user needs Write and Describe on transactional ids that begin with `{}.`", self.settings.job)),
            _ => {
                self.tend();
                self.introduce_readers();
                let why = self.trouble.last().map(|last| format!("; the last trouble: {last}")).unwrap_or_default();
                // That a topic is gone is told by looking at it: a client says the same of one whose leader it does not know, as where a broker has just come back.
                HostError::external(doing, anyhow::anyhow!("the cluster at {bootstrap}: {}{why}", failure.text))
            }
        }
    }
}

/// How long it may take until a partition can be asked; `None`: waiting does not help. A topic that was made a moment ago is not known everywhere.
fn may_pass(code: RDKafkaErrorCode) -> Option<Duration> {
    use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
    match code {
        code if has_no_leader(code) => Some(Duration::from_millis(REQUEST_MS)),
        UnknownTopicOrPartition | UnknownTopic | UnknownPartition => Some(MADE),
        _ => None,
    }
}

/// Whether a partition's leader is being elected, or was and the client does not know it yet: of a topic that was made a moment ago, or when a broker goes or comes.
fn has_no_leader(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{FencedLeaderEpoch, LeaderNotAvailable, NotLeaderForPartition, UnknownLeaderEpoch};
    matches!(code, NotLeaderForPartition | LeaderNotAvailable | FencedLeaderEpoch | UnknownLeaderEpoch)
}

/// Whether a group's coordinator is still loading what it knows, or another broker has become it.
fn has_no_coordinator(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::NotCoordinator | RDKafkaErrorCode::CoordinatorNotAvailable | RDKafkaErrorCode::CoordinatorLoadInProgress)
}

/// The code inside one of rust-rdkafka's errors.
pub(super) fn code(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

pub(super) fn c_name(topic: &str) -> Result<CString, HostError> {
    CString::new(topic).map_err(|_| HostError::job(format!("stream `{topic}`"), "cannot be the name of a topic"))
}
