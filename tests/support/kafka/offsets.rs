//! The committed positions of groups, and how far they lag behind.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::broker::Broker;
use super::reader::watermarks;
use super::wait::{TIMEOUT, until};

/// What a client of its own takes for one answer, at most.
const ANSWERED: Duration = Duration::from_secs(15);

impl Broker {
    /// A group's committed offsets by topic and partition; partitions without one are left out. Waits for open transactions that carry any.
    #[track_caller]
    pub fn committed_offsets(&self, group: &str) -> BTreeMap<(String, i32), i64> {
        let metadata = self.member(group, "read_committed").fetch_metadata(None, TIMEOUT).unwrap_or_else(|error| panic!("metadata: {error}"));
        let mut list = TopicPartitionList::new();
        for topic in metadata.topics().iter().filter(|topic| !topic.name().starts_with("__")) {
            for partition in topic.partitions() {
                list.add_partition(topic.name(), partition.id());
            }
        }
        // A fresh broker's coordinator is loading for a while. Each time by a new client: one that asks a broker that stood still may forget it (decisions/0014).
        let ask = |isolation| self.member(group, isolation).committed_offsets(list.clone(), ANSWERED);
        let committed = until(&format!("committed offsets of {group}"), TIMEOUT, || {
            let unanswered = |error: &_| {
                let open = ask("read_uncommitted").map_or("nor with those of open transactions", |_| "but with those of open transactions they are");
                println!("the positions of {group} are not told, {open}: {error}");
            };
            ask("read_committed").inspect_err(unanswered).ok()
        });
        let place = |offset| if let Offset::Offset(offset) = offset { Some(offset) } else { None };
        committed.elements().iter().filter_map(|element| Some(((element.topic().to_owned(), element.partition()), place(element.offset())?))).collect()
    }

    /// How many offsets of a topic a group has still to read. Transaction markers count: a topic written in transactions keeps a lag of one per
    /// partition after its last record was read.
    #[track_caller]
    pub fn lag(&self, group: &str, topic: &str) -> i64 {
        let (consumer, committed) = (self.member(group, "read_committed"), self.committed_offsets(group));
        let lag = |partition: i32| {
            let (first, end) = watermarks(&consumer, topic, partition);
            end - committed.get(&(topic.to_owned(), partition)).copied().unwrap_or(first).max(first)
        };
        (0..self.partitions(topic) as i32).map(lag).sum()
    }

    /// How many members of a group have partitions.
    pub fn members_at_work(&self, group: &str) -> usize {
        let list = until(&format!("the members of {group}"), TIMEOUT, || self.member(group, "read_committed").fetch_group_list(Some(group), TIMEOUT).ok());
        let members = list.groups().iter().flat_map(|group| group.members());
        // Version, count of topics, length of user data: an assignment of nothing is no longer.
        members.filter(|member| member.assignment().is_some_and(|assignment| assignment.len() > 10)).count()
    }

    /// Not subscribed, so no member: it may ask while others are.
    fn member(&self, group: &str, isolation: &str) -> BaseConsumer {
        let mut config = self.client();
        config.set("group.id", group).set("enable.auto.commit", "false").set("isolation.level", isolation);
        config.create().expect("a consumer")
    }
}
