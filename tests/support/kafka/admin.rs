//! Topics: made, grown, emptied, deleted.

use pollster::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};

use super::broker::Broker;
use super::wait::{TIMEOUT, until};

impl Broker {
    /// A new topic under a name of its own, which is returned.
    pub fn topic(&self, name: &str, partitions: usize) -> String {
        let name = self.name(name);
        self.create_topic(&name, partitions, &[]);
        name
    }

    /// Creates a topic, replicated to all nodes. Returns when every partition has a leader.
    pub fn create_topic(&self, name: &str, partitions: usize, configs: &[(&str, &str)]) {
        let replicas = if self.proxied().len() == 3 { 3 } else { 1 };
        let topic = NewTopic::new(name, partitions as i32, TopicReplication::Fixed(replicas));
        let topic = configs.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let created = block_on(self.admin().create_topics([&topic], &options()));
        all(created, &format!("topic {name}"));
        until(&format!("leaders of {name}"), TIMEOUT, || (self.partitions(name) == partitions).then_some(()));
    }

    pub fn delete_topic(&self, name: &str) {
        let deleted = block_on(self.admin().delete_topics(&[name], &options()));
        all(deleted, &format!("the end of topic {name}"));
        until(&format!("the end of {name}"), TIMEOUT, || (self.partitions(name) == 0).then_some(()));
    }

    /// Grows a topic to so many partitions.
    pub fn add_partitions(&self, name: &str, partitions: usize) {
        let grown = block_on(self.admin().create_partitions(&[NewPartitions::new(name, partitions)], &options()));
        all(grown, &format!("{partitions} partitions of {name}"));
        until(&format!("leaders of {name}"), TIMEOUT, || (self.partitions(name) == partitions).then_some(()));
    }

    /// Deletes the records of a partition before an offset, as retention would.
    pub fn delete_records(&self, name: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(name, partition, Offset::Offset(before)).expect("an offset");
        let result = block_on(self.admin().delete_records(&list, &options()));
        let result = result.unwrap_or_else(|error| panic!("records of {name}: {error}"));
        for element in result.elements() {
            element.error().unwrap_or_else(|error| panic!("records of {name}: {error}"));
        }
    }

    /// Sets one setting of a topic. All others that it had go back to the broker's.
    pub fn configure(&self, name: &str, key: &str, value: &str) {
        let config = AlterConfig::new(ResourceSpecifier::Topic(name)).set(key, value);
        let altered = block_on(self.admin().alter_configs([&config], &options()));
        let altered = altered.unwrap_or_else(|error| panic!("{key} of {name}: {error}"));
        altered.into_iter().for_each(|altered| drop(altered.unwrap_or_else(|(_, code)| panic!("{key} of {name}: {code}"))));
    }

    /// How many partitions have a leader; 0 when there is no such topic.
    pub fn partitions(&self, name: &str) -> usize {
        let admin = self.admin();
        let metadata = admin.inner().fetch_metadata(Some(name), TIMEOUT).unwrap_or_else(|error| panic!("metadata of {name}: {error}"));
        let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none());
        topic.map_or(0, |topic| topic.partitions().iter().filter(|partition| partition.leader() >= 0).count())
    }

    /// The names of all topics but Kafka's own.
    pub fn topics(&self) -> Vec<String> {
        let admin = self.admin();
        let metadata = admin.inner().fetch_metadata(None, TIMEOUT).unwrap_or_else(|error| panic!("metadata: {error}"));
        metadata.topics().iter().map(|topic| topic.name().to_owned()).filter(|name| !name.starts_with("__")).collect()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

#[track_caller]
fn all<N: std::fmt::Display, C: std::fmt::Display>(results: rdkafka::error::KafkaResult<Vec<Result<N, (N, C)>>>, what: &str) {
    for result in results.unwrap_or_else(|error| panic!("{what}: {error}")) {
        if let Err((name, code)) = result {
            panic!("{what}: {name}: {code}");
        }
    }
}
