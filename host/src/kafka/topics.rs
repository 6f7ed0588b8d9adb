//! Topics that a job makes or finds: created with the settings they need, or refused where they exist wrongly.

use std::ffi::{CStr, CString, c_char};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::bindings as sys;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer as _;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset as RdOffset, TopicPartitionList};

use super::cluster::{Cluster, Place, REQUEST_MS, code};
use super::settings::create;
use crate::error::HostError;
use crate::record::Offset;

/// The largest record that topics made by us take, bytes: a store's largest value and room around it.
const RECORD_BYTES_MAX: usize = 20 << 20;
/// What a broker takes where nobody said otherwise (`message.max.bytes`).
const RECORD_BYTES_DEFAULT: usize = 1_048_588;

/// What a topic is for, which decides how it is made and what is wrong with one that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For others to read: kept as the broker keeps topics, or as the job says.
    Output { retention_ms: Option<u64>, retention_bytes: Option<u64> },
    /// Between two stages: kept until read.
    Repartition,
    /// State: the last value of each key is kept for ever.
    Changelog,
}

/// Makes and inspects topics. One per job and process, used where jobs start: its calls block.
pub struct Topics {
    cluster: Arc<Cluster>,
    client: AdminClient<DefaultClientContext>,
}

impl Topics {
    pub fn new(cluster: &Arc<Cluster>) -> Result<Topics, HostError> {
        let client = create::<DefaultClientContext, _>(&cluster.settings.reader("read_committed"), DefaultClientContext)?;
        Ok(Topics { cluster: cluster.clone(), client })
    }

    fn options(&self) -> AdminOptions {
        let timeout = Some(Duration::from_millis(REQUEST_MS));
        AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
    }

    /// Creates a topic, or checks the one that is there. `partitions`: `None` leaves an existing one its own. Returns how many it has.
    pub fn ensure(&self, topic: &str, partitions: u32, exactly: bool, purpose: &Purpose) -> Result<u32, HostError> {
        if let Some(have) = self.cluster.partitions(&[topic])?.get(topic).copied() {
            self.check(topic, have, exactly.then_some(partitions), purpose)?;
            return Ok(have);
        }
        let settings = settings(purpose);
        let mut new = NewTopic::new(topic, partitions as i32, TopicReplication::Fixed(self.cluster.settings.replication));
        for (name, value) in &settings {
            new = new.set(name, value);
        }
        let made = block_on(self.client.create_topics([&new], &self.options()));
        let doing = || format!("creating topic `{topic}`");
        let made = made.map_err(|error| self.cluster.failed(doing(), code(&error)))?;
        match made.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => self.ensure_made(topic, partitions, exactly, purpose),
            Some(Err((_, RDKafkaErrorCode::InvalidReplicationFactor))) => {
                Err(HostError::job("kafka.replication", format!("{} is more than the cluster has brokers", self.cluster.settings.replication)))
            }
            Some(Err((_, code))) => Err(self.cluster.failed(doing(), code)),
            Some(Ok(_)) | None => self.ensure_made(topic, partitions, exactly, purpose),
        }
    }

    /// Waits until brokers show a topic that was made a moment ago, by us or by another host.
    fn ensure_made(&self, topic: &str, partitions: u32, exactly: bool, purpose: &Purpose) -> Result<u32, HostError> {
        for _ in 0..REQUEST_MS / 50 {
            if let Some(have) = self.cluster.partitions(&[topic])?.get(topic).copied() {
                self.check(topic, have, exactly.then_some(partitions), purpose)?;
                return Ok(have);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(HostError::external(format!("creating topic `{topic}`"), anyhow::anyhow!("it was made, but brokers do not show it yet")))
    }

    /// Refuses a topic that exists and is wrong for its purpose. `wanted`: the partitions it must have, where that matters.
    pub fn check(&self, topic: &str, have: u32, wanted: Option<u32>, purpose: &Purpose) -> Result<(), HostError> {
        let key = format!("stream `{topic}`");
        if let Some(wanted) = wanted.filter(|wanted| *wanted != have) {
            return Err(HostError::job(key, format!("the topic has {have} partitions, and the job needs {wanted}")).with_help(
                "keys would be looked for in the wrong place: was the input repartitioned? Run the job under another name, or make the topic anew once it is not needed",
            ));
        }
        let compacted = match purpose {
            Purpose::Output { .. } => return Ok(()),
            Purpose::Repartition => false,
            Purpose::Changelog => true,
        };
        let Some(policy) = self.config(topic, "cleanup.policy")? else { return Ok(()) };
        if (policy == "compact") != compacted {
            let wanted = if compacted { "compact" } else { "delete" };
            let reason = format!("the topic has cleanup.policy={policy}, and the job needs {wanted}: state or records would be lost");
            return Err(HostError::job(key, reason)
                .with_help(format!("set it (kafka-configs --alter --add-config cleanup.policy={wanted}), or run the job under another name")));
        }
        Ok(())
    }

    /// One setting of a topic; `None`: we may not see it.
    fn config(&self, topic: &str, name: &str) -> Result<Option<String>, HostError> {
        let found = block_on(self.client.describe_configs([&ResourceSpecifier::Topic(topic)], &self.options()));
        let found = found.map_err(|error| self.cluster.failed(format!("looking at the settings of topic `{topic}`"), code(&error)))?;
        let found = found.into_iter().next().and_then(Result::ok);
        Ok(found.and_then(|resource| resource.get(name).and_then(|entry| entry.value.clone())))
    }

    /// The largest record that a topic takes, bytes.
    pub fn record_bytes_max(&self, topic: &str) -> Result<usize, HostError> {
        let known = self.config(topic, "max.message.bytes")?.and_then(|bytes| bytes.parse().ok());
        Ok(known.unwrap_or(RECORD_BYTES_DEFAULT))
    }

    /// Deletes records before an offset, which nobody needs any more. Not being permitted to is no failure: they stay.
    pub fn trim(&self, before: &[(Place, Offset)]) -> Result<(), HostError> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in before.iter().filter(|(_, offset)| *offset > 0) {
            let added = list.add_partition_offset(topic, *partition as i32, RdOffset::Offset(*offset as i64));
            added.map_err(|error| HostError::external("trimming repartition topics", error))?;
        }
        if list.count() > 0
            && let Err(error) = block_on(self.client.delete_records(&list, &self.options()))
        {
            self.cluster.trouble.note(format!("trimming repartition topics: {error}"));
        }
        Ok(())
    }

    /// The ids that the cluster gave the topics when they were made; `None`: there is no such topic, or the broker is too old to say.
    pub fn ids(&self, topics: &[&str]) -> Result<Vec<Option<String>>, HostError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let names = topics.iter().map(|topic| super::cluster::c_name(topic)).collect::<Result<Vec<_>, _>>()?;
        let found = describe(&self.cluster, &names).map_err(|code| self.cluster.failed("looking for topics", code))?;
        Ok(topics.iter().map(|topic| found.iter().find(|found| found.name == *topic).map(|found| found.id.clone())).collect())
    }

    /// What our user may do with a topic, in the words of Kafka's tools; `None`: the broker does not say.
    pub fn allowed(&self, topic: &str) -> Result<Option<Vec<&'static str>>, HostError> {
        let names = [super::cluster::c_name(topic)?];
        let found = describe(&self.cluster, &names).map_err(|code| self.cluster.failed(format!("looking at topic `{topic}`"), code))?;
        Ok(found.into_iter().next().map(|found| found.allowed).filter(|allowed| !allowed.is_empty()))
    }
}

fn settings(purpose: &Purpose) -> Vec<(&'static str, String)> {
    let mut settings = vec![("max.message.bytes", RECORD_BYTES_MAX.to_string())];
    match purpose {
        Purpose::Output { retention_ms, retention_bytes } => {
            settings.extend(retention_ms.map(|ms| ("retention.ms", ms.to_string())));
            settings.extend(retention_bytes.map(|bytes| ("retention.bytes", bytes.to_string())));
        }
        Purpose::Repartition => {
            settings.extend([("cleanup.policy", "delete".to_owned()), ("retention.ms", "-1".to_owned()), ("retention.bytes", "-1".to_owned())]);
            // Segments are what trimming frees.
            settings.push(("segment.bytes", (50 << 20).to_string()));
        }
        Purpose::Changelog => settings.push(("cleanup.policy", "compact".to_owned())),
    }
    settings
}

/// What the cluster says of a topic.
struct Described {
    name: String,
    id: String,
    /// Empty: it does not say.
    allowed: Vec<&'static str>,
}

/// Those topics that exist.
fn describe(cluster: &Cluster, names: &[CString]) -> Result<Vec<Described>, RDKafkaErrorCode> {
    let client = cluster.reader().client().native_ptr();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: all that is made here is given back here; what the event holds is copied before the event goes.
    unsafe {
        let queue = sys::rd_kafka_queue_new(client);
        let options = sys::rd_kafka_AdminOptions_new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, REQUEST_MS as i32, std::ptr::null_mut(), 0);
        let refused = sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
        if !refused.is_null() {
            // What we may do is not said then; the rest is.
            sys::rd_kafka_error_destroy(refused);
        }
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        sys::rd_kafka_DescribeTopics(client, topics, options, queue);
        let event = sys::rd_kafka_queue_poll(queue, REQUEST_MS as i32 + 1_000);
        let found = if event.is_null() { Err(RDKafkaErrorCode::OperationTimedOut) } else { answers(event) };
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_TopicCollection_destroy(topics);
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_queue_destroy(queue);
        found
    }
}

/// # Safety
/// `event` is a live event.
unsafe fn answers(event: *mut sys::rd_kafka_event_t) -> Result<Vec<Described>, RDKafkaErrorCode> {
    let text = |text: *const c_char| if text.is_null() { String::new() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned() };
    // SAFETY: live as long as the event; an array of so many descriptions.
    unsafe {
        let failed = sys::rd_kafka_event_error(event);
        if failed != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(failed.into());
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let mut found = Vec::new();
        for n in 0..count {
            let topic = *topics.add(n);
            let error = sys::rd_kafka_TopicDescription_error(topic);
            if error.is_null() || sys::rd_kafka_error_code(error) == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                let id = sys::rd_kafka_TopicDescription_topic_id(topic);
                let mut count = 0;
                let operations = sys::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
                let allowed = (0..if operations.is_null() { 0 } else { count }).filter_map(|n| operation(*operations.add(n)));
                let name = text(sys::rd_kafka_TopicDescription_name(topic));
                found.push(Described { name, id: text(sys::rd_kafka_Uuid_base64str(id)), allowed: allowed.collect() });
            }
        }
        Ok(found)
    }
}

fn operation(operation: sys::rd_kafka_AclOperation_t) -> Option<&'static str> {
    use sys::rd_kafka_AclOperation_t::*;
    match operation {
        RD_KAFKA_ACL_OPERATION_READ => Some("Read"),
        RD_KAFKA_ACL_OPERATION_WRITE => Some("Write"),
        RD_KAFKA_ACL_OPERATION_DESCRIBE => Some("Describe"),
        RD_KAFKA_ACL_OPERATION_DELETE => Some("Delete"),
        _ => None,
    }
}

/// Waits for an answer of the admin client, whose own thread completes it.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
