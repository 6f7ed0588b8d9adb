//! One worker as a static member of the job's group: which partitions are its, where it is in them, and the records that come.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset as RdOffset, TopicPartitionList};

use super::client::Events;
use super::cluster::{Cluster, Place, REQUEST_MS, code};
use super::inbox::Inbox;
use super::raw::Consumer;
use super::settings::create;
use crate::error::HostError;
use crate::record::Offset;

/// How often the thread that closes a consumer looks whether it is the last to have it.
const CLOSER_LOOKS: Duration = Duration::from_millis(5);

/// One slice of waiting for the group's positions, between which the client is told where the cluster is.
const POSITIONS: Duration = Duration::from_secs(2);

/// What the group says.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// These are the worker's from now on, instead of what was. To be answered by [`Member::accept`], when it is known where each begins.
    Assigned(Vec<Place>),
    /// None is any more. To be answered by [`Member::release`], after what was done is committed; where they are `lost`, others have them already, and a commit
    /// could only fail.
    Revoked { lost: bool },
}

/// See the module. Used on the worker's thread.
pub struct Member {
    cluster: Arc<Cluster>,
    pub(super) consumer: Arc<Consumer>,
    pub(super) inbox: Rc<RefCell<Inbox>>,
}

impl Member {
    /// Worker `number` of this host, which is in no group yet: it may read what it is told by [`Member::accept`].
    pub fn open(cluster: &Arc<Cluster>, number: usize) -> Result<Member, HostError> {
        let consumer: Arc<Consumer> = Arc::new(create(&cluster.settings.member(number), Events::new(cluster.trouble.clone()))?);
        let inbox = Rc::new(RefCell::new(Inbox::new(cluster, &consumer)));
        Ok(Member { cluster: cluster.clone(), consumer, inbox })
    }

    /// Joins the group. A process that is this member already is thrown out.
    pub fn join(cluster: &Arc<Cluster>, number: usize, topics: &[&str]) -> Result<Member, HostError> {
        let member = Member::open(cluster, number)?;
        member.consumer.subscribe(topics).map_err(|error| cluster.failed("joining the group", code(&error)))?;
        Ok(member)
    }

    /// Serves the client: without it, and often, the group takes the worker for dead.
    pub fn tend(&self) -> Result<(), HostError> {
        if self.consumer.context().was_unconnected() {
            self.introduce();
        }
        match self.consumer.poll(Duration::ZERO) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(KafkaError::MessageConsumptionFatal(code))) => Err(self.fatal(code)),
            Some(Err(error)) => self.passing(&error),
        }
    }

    /// Tells the client where the cluster is: after a failure it may have forgotten it.
    pub fn introduce(&self) {
        self.cluster.introduce(self.consumer.client());
    }

    fn fatal(&self, code: RDKafkaErrorCode) -> HostError {
        let doing = format!("being a member of group `{}`", self.cluster.settings.group);
        match code {
            RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::UnreleasedInstanceId | RDKafkaErrorCode::Fenced => HostError::Fenced {
                doing,
                reason: format!("{code}; each process that shares a job needs a name of its own (--instance) and a data folder of its own"),
            },
            RDKafkaErrorCode::InconsistentGroupProtocol => self.not_ours(doing),
            other => {
                let fenced = self.consumer.client().fatal_error().filter(|(code, _)| *code == RDKafkaErrorCode::FencedInstanceId);
                match fenced {
                    Some((code, reason)) => HostError::Fenced { doing, reason: format!("{code}: {reason}") },
                    None => self.cluster.failed(doing, other),
                }
            }
        }
    }

    fn not_ours(&self, doing: String) -> HostError {
        HostError::job(doing, "the group is in use by something that is not this job: its members share partitions in another way")
            .with_help("give the job a group of its own: group = \"…\" in [kafka], or another name")
    }

    /// Most of what a client reports cures itself: it connects again, it asks again. What does not is named.
    fn passing(&self, error: &KafkaError) -> Result<(), HostError> {
        let doing = || format!("being a member of group `{}`", self.cluster.settings.group);
        match code(error) {
            RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::GroupAuthorizationFailed => Err(self.cluster.failed(doing(), code(error))),
            RDKafkaErrorCode::InconsistentGroupProtocol => Err(self.not_ours(doing())),
            RDKafkaErrorCode::InvalidSessionTimeout => Err(HostError::job("kafka.properties.session.timeout.ms", "is outside of what the brokers allow")
                .with_help("they allow 6000 to 1800000 by default")),
            // The context has noted it, with its reason. A topic that is gone is named by whoever watches them all, which this error does not.
            _ => Ok(()),
        }
    }

    /// The client takes part no more, for good: its place can only be joined anew.
    pub fn is_dead(&self) -> bool {
        self.consumer.client().fatal_error().is_some()
    }

    /// What the group said since the last call, oldest first. It waits for the answer before it says more.
    pub fn change(&self) -> Result<Option<Change>, HostError> {
        self.tend()?;
        Ok(self.consumer.context().next_rebalance().map(|rebalance| match rebalance.assigned {
            true => Change::Assigned(rebalance.partitions.elements().iter().map(|one| (one.topic().to_owned(), one.partition() as u32)).collect()),
            false => Change::Revoked { lost: self.consumer.assignment_lost() },
        }))
    }

    /// What the group has committed for partitions; `None`: nothing. Waits for transactions that are just ending.
    pub fn committed(&self, places: &[Place]) -> Result<Vec<Option<Committed>>, HostError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let mut list = TopicPartitionList::new();
        for (topic, partition) in places {
            list.add_partition(topic, *partition as i32);
        }
        let doing = "asking for the group's positions";
        let began = Instant::now();
        let list = loop {
            match self.consumer.committed_offsets(list.clone(), POSITIONS) {
                Err(error) if code(&error) == RDKafkaErrorCode::OperationTimedOut && began.elapsed() < Duration::from_millis(REQUEST_MS) => {
                    self.introduce();
                    self.tend()?;
                }
                answer => break answer.map_err(|error| self.cluster.failed(doing, code(&error)))?,
            }
        };
        let answers = list.elements();
        let each = answers.iter().map(|answer| {
            answer.error().map_err(|error| self.cluster.failed(doing, code(&error)))?;
            Ok(match answer.offset() {
                RdOffset::Offset(offset) => Some(Committed { offset: offset as Offset, metadata: answer.metadata().to_owned() }),
                _ => None,
            })
        });
        each.collect()
    }

    /// Answers an assignment: from now on records come, of these partitions from these offsets.
    pub fn accept(&self, starts: &[(Place, Offset)]) -> Result<(), HostError> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in starts {
            let added = list.add_partition_offset(topic, *partition as i32, RdOffset::Offset(*offset as i64));
            added.map_err(|error| HostError::external("taking on partitions", error))?;
        }
        self.inbox.borrow_mut().expect(starts)?;
        self.consumer.assign(&list).map_err(|error| self.cluster.failed("taking on partitions", code(&error)))
    }

    /// Answers a revocation: from now on no record comes.
    pub fn release(&self) -> Result<(), HostError> {
        self.inbox.borrow_mut().forget();
        self.consumer.unassign().map_err(|error| self.cluster.failed("giving partitions back", code(&error)))
    }

    /// Goes to other offsets than those that were accepted, or back after a failure: what was fetched of these partitions is dropped.
    pub fn seek(&self, starts: &[(Place, Offset)]) -> Result<(), HostError> {
        if starts.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in starts {
            let added = list.add_partition_offset(topic, *partition as i32, RdOffset::Offset(*offset as i64));
            added.map_err(|error| HostError::external("going to a position", error))?;
        }
        let doing = "going to a position";
        let sought = self.consumer.seek_partitions(list, Duration::from_millis(REQUEST_MS)).map_err(|error| self.cluster.failed(doing, code(&error)))?;
        for one in sought.elements() {
            one.error().map_err(|error| self.cluster.failed(doing, code(&error)))?;
        }
        self.inbox.borrow_mut().expect(starts)
    }
}

impl Drop for Member {
    /// A static member goes without a word, so that whoever comes back under its name finds its partitions. Nobody waits for that: after a
    /// broker's death (once in some twenty) rust-rdkafka's drop hands over a rebalance that came last, and the answer to it waits for ever for a group that librdkafka has
    /// taken down already. Then a thread and a client are left behind, not a worker.
    fn drop(&mut self) {
        self.consumer.context().close();
        // A revocation that was noted and not answered: the client would wait for the answer for ever.
        if let Err(error) = self.consumer.unassign() {
            self.cluster.trouble.note(format!("giving partitions back: {}", code(&error)));
        }
        // Its client is not taken down before its messages are given back.
        self.inbox.borrow_mut().forget();
        let last = self.consumer.clone();
        let closer = move || {
            while Arc::strong_count(&last) > 1 {
                std::thread::sleep(CLOSER_LOOKS);
            }
            drop(last);
        };
        if let Err(error) = std::thread::Builder::new().name("closing-consumer".to_owned()).spawn(closer) {
            // Then it is closed here, by whoever has it last.
            self.cluster.trouble.note(format!("closing a consumer on a thread of its own: {error}"));
        }
    }
}

/// A position of the group's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub offset: Offset,
    /// What was committed beside it.
    pub metadata: String,
}
