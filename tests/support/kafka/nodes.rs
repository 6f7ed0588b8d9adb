//! Which node does what, for tests that kill that one. Nodes count from 1.

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::broker::Broker;
use super::wait::{TIMEOUT, until};

impl Broker {
    /// The node that leads a partition.
    #[track_caller]
    pub fn leader(&self, topic: &str, partition: i32) -> u16 {
        let client: BaseConsumer = self.client().create().expect("a client");
        until(&format!("a leader of {topic}/{partition}"), TIMEOUT, || {
            let metadata = client.fetch_metadata(Some(topic), TIMEOUT).ok()?;
            let partitions = metadata.topics().first()?.partitions();
            u16::try_from(partitions.iter().find(|other| other.id() == partition)?.leader()).ok()
        })
    }

    /// The node that coordinates a group, which must exist.
    #[track_caller]
    pub fn group_coordinator(&self, group: &str) -> u16 {
        self.coordinator("__consumer_offsets", group)
    }

    /// The node that coordinates a transactional id, which must have been in use.
    #[track_caller]
    pub fn transaction_coordinator(&self, id: &str) -> u16 {
        self.coordinator("__transaction_state", id)
    }

    /// The active controller.
    #[track_caller]
    pub fn controller(&self) -> u16 {
        let said = self.tool(&["MetadataQuorumCommand", "--bootstrap-server", "@B", "describe", "--status"]);
        let leader = said.lines().find_map(|line| line.strip_prefix("LeaderId:")).and_then(|id| id.trim().parse().ok());
        leader.unwrap_or_else(|| panic!("no controller: {said}"))
    }

    fn coordinator(&self, topic: &str, name: &str) -> u16 {
        // Kafka takes the absolute value of Java's hash of the name.
        let hash = name.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        let partition = hash.checked_abs().unwrap_or(0) % self.partitions(topic) as i32;
        self.leader(topic, partition)
    }
}
