//! Streams on Apache Kafka, through librdkafka: topics, one static group member and one transactional producer per worker, state in changelog topics with a copy here.
//!
//! ```text
//!  Member ──▶ Inbox ──▶ KafkaSource ──▶ (task) ──▶ KafkaSink ──┐
//!  group      batches                     │                    ├──▶ Producer: one transaction per checkpoint
//!                                    KafkaLedger ── changelog ─┘      outputs, changelog, progress, positions
//!                                         └── after the commit: local copy (crate::log::LocalState)
//! ```
//!
//! A rebalance, a restart and a failure are one path: read the group's positions, [`Restore`] the copies, open the worker. `docs/kafka.md` has the promises.

mod client;
mod cluster;
mod inbox;
mod layout;
mod ledger;
mod member;
mod producer;
mod raw;
mod restore;
mod settings;
mod sink;
mod source;
mod timestamp;
mod tool;
mod topics;
mod trial;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::checkpoint::Ledger;
use crate::error::HostError;
use crate::log::LocalState;
use crate::record::TaskId;
use crate::sink::Sink;
use crate::source::Source;
use crate::state::StateStore;
use crate::time::Clock;

pub use cluster::{Cluster, Isolation, Place, Which};
pub use layout::{InputTopic, Layout, StageTopics};
pub use member::{Change, Committed, Member};
pub use producer::Producer;
pub use restore::Restore;
pub use settings::{MESSAGE_BYTES_MAX, Settings, owned};
pub use source::{Extent, Opening, extents, settled_ends};
pub use topics::{Described, Ensured, Needed, Purpose, Topics};
pub use trial::{FailPoint, Trial};

use ledger::{Changelogs, KafkaLedger, KafkaState, LedgerParts};
use sink::KafkaSink;
use source::KafkaSource;

/// One worker's ends of a cluster, for one stretch of its work: from an assignment (or a failure) to the next.
pub struct WorkerEnds {
    pub cluster: Arc<Cluster>,
    pub layout: Rc<Layout>,
    pub producer: Rc<Producer>,
    pub local: LocalState,
    pub clock: Arc<dyn Clock>,
    /// The group's positions when the stretch began.
    pub committed: Rc<BTreeMap<Place, Committed>>,
    pub opening: Rc<RefCell<Opening>>,
    changelogs: Changelogs,
}

impl WorkerEnds {
    pub fn new(
        (cluster, layout): (&Arc<Cluster>, &Rc<Layout>),
        producer: &Rc<Producer>,
        local: &LocalState,
        clock: &Arc<dyn Clock>,
        committed: BTreeMap<Place, Committed>,
        opening: Opening,
    ) -> WorkerEnds {
        WorkerEnds {
            cluster: cluster.clone(),
            layout: layout.clone(),
            producer: producer.clone(),
            local: local.clone(),
            clock: clock.clone(),
            committed: Rc::new(committed),
            opening: Rc::new(RefCell::new(opening)),
            changelogs: Changelogs::default(),
        }
    }

    /// The source of an input that is a topic; `None`: it is none.
    pub fn source(&self, member: &Member, input: u32) -> Option<Box<dyn Source>> {
        let topic = self.layout.stages.iter().flat_map(|stage| &stage.inputs).find(|topic| topic.input == input)?;
        let (cluster, inbox, opening) = (self.cluster.clone(), member.inbox.clone(), self.opening.clone());
        Some(Box::new(KafkaSource { cluster, input: topic.clone(), inbox, opening }))
    }

    /// A task's end of a topic.
    pub fn sink(&self, topic: &str, partitions: u32, record_bytes_max: usize, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        let topic = self.producer.topic(topic)?;
        Ok(Box::new(KafkaSink { producer: self.producer.clone(), topic, partitions, record_bytes_max, task }))
    }

    pub fn state(&self) -> Rc<dyn StateStore> {
        let (local, layout, producer, changelogs) = (self.local.clone(), self.layout.clone(), self.producer.clone(), self.changelogs.clone());
        Rc::new(KafkaState { local, layout, producer, changelogs })
    }

    pub fn ledger(&self, member: &Member) -> Box<dyn Ledger> {
        Box::new(KafkaLedger::new(LedgerParts {
            cluster: self.cluster.clone(),
            layout: self.layout.clone(),
            producer: self.producer.clone(),
            member: member.consumer.clone(),
            local: self.local.clone(),
            clock: self.clock.clone(),
            committed: self.committed.clone(),
            changelogs: self.changelogs.clone(),
        }))
    }
}
