//! Topics that a job makes or finds: created with the settings they need, or refused where they exist wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, c_char};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication};
use rdkafka::bindings as sys;
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset as RdOffset, TopicPartitionList};

use super::cluster::{Cluster, Place, REQUEST_MS, code};
use super::raw::{self, text};
use super::settings::create;
use crate::error::HostError;
use crate::record::Offset;

/// The largest record that topics made by us take, bytes: a store's largest value and room around it.
const RECORD_BYTES_MAX: usize = 20 << 20;
/// What a broker takes where nobody said otherwise (`message.max.bytes`).
const RECORD_BYTES_DEFAULT: usize = 1_048_588;
/// Whether brokers show a new topic is asked so often.
const SHOWN: Duration = Duration::from_millis(20);

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

/// A topic that the job needs.
#[derive(Clone, Debug)]
pub struct Needed {
    pub topic: String,
    pub partitions: u32,
    /// One that exists must have as many; otherwise it keeps its own.
    pub exactly: bool,
    pub purpose: Purpose,
}

/// A topic that exists.
#[derive(Clone, Debug)]
pub struct Described {
    pub partitions: u32,
    /// What the cluster calls it: one deleted and made again is another. `None`: the brokers are too old to say.
    pub id: Option<String>,
    /// What our user may do with it, in the words of Kafka's tools; empty: the brokers do not say.
    pub allowed: Vec<&'static str>,
}

/// A topic that is as the job needs it.
#[derive(Clone, Debug)]
pub struct Ensured {
    pub partitions: u32,
    /// The largest record that it takes, bytes.
    pub record_bytes_max: usize,
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

    /// Creates those topics that are missing, and checks those that are there. Returns what is known of each.
    pub fn ensure(&self, needed: &[Needed]) -> Result<BTreeMap<String, Ensured>, HostError> {
        let names: Vec<&str> = needed.iter().map(|needed| needed.topic.as_str()).collect();
        let mut there = self.cluster.describe(&names)?;
        let missing: BTreeMap<&str, &Needed> =
            needed.iter().map(|needed| (needed.topic.as_str(), needed)).filter(|(name, _)| !there.contains_key(*name)).collect();
        if !missing.is_empty() {
            self.create(missing.values().copied())?;
            there = self.await_shown(&names)?;
        }
        let settings = self.configs(&names)?;
        let mut ensured = BTreeMap::new();
        for needed in needed {
            let partitions = there[&needed.topic].partitions;
            let setting = |name: &str| settings.get(&needed.topic)?.get(name).cloned();
            check(needed, partitions, setting("cleanup.policy").as_deref())?;
            let record_bytes_max = setting("max.message.bytes").and_then(|bytes| bytes.parse().ok()).unwrap_or(RECORD_BYTES_DEFAULT);
            ensured.insert(needed.topic.clone(), Ensured { partitions, record_bytes_max });
        }
        Ok(ensured)
    }

    /// Refuses a topic that exists, with so many partitions, and is not what the job needs.
    pub fn fits(&self, needed: &Needed, have: u32) -> Result<(), HostError> {
        let settings = self.configs(&[&needed.topic])?;
        check(needed, have, settings.get(&needed.topic).and_then(|settings| settings.get("cleanup.policy")).map(String::as_str))
    }

    /// One that is made by another host at the same moment is as good.
    fn create<'a>(&self, needed: impl Iterator<Item = &'a Needed>) -> Result<(), HostError> {
        let needed: Vec<(&Needed, Vec<(&str, String)>)> = needed.map(|needed| (needed, settings(&needed.purpose))).collect();
        let replication = self.cluster.settings.replication;
        let new = needed.iter().map(|(needed, settings)| {
            let topic = NewTopic::new(&needed.topic, needed.partitions as i32, TopicReplication::Fixed(replication));
            settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        });
        let made = block_on(self.client.create_topics(&new.collect::<Vec<_>>(), &self.options()));
        for made in made.map_err(|error| self.cluster.failed("creating the job's topics", code(&error)))? {
            match made {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, RDKafkaErrorCode::InvalidReplicationFactor)) => {
                    let reason = format!("{} is more than the cluster has brokers", self.cluster.settings.replication);
                    return Err(HostError::job("kafka.replication", reason));
                }
                Err((topic, code)) => return Err(self.cluster.failed(format!("creating topic `{topic}`"), code)),
            }
        }
        Ok(())
    }

    /// Waits until brokers show topics that were made a moment ago, by us or by another host.
    fn await_shown(&self, names: &[&str]) -> Result<BTreeMap<String, Described>, HostError> {
        let began = Instant::now();
        loop {
            let there = self.cluster.describe(names)?;
            let hidden = match names.iter().find(|name| !there.contains_key(**name)) {
                Some(hidden) => Some(hidden),
                None => self.cluster.leaderless(names)?,
            };
            let Some(hidden) = hidden else { return Ok(there) };
            if began.elapsed() > Duration::from_millis(REQUEST_MS) {
                return Err(HostError::external(format!("creating topic `{hidden}`"), anyhow::anyhow!("it was made, but brokers do not show it yet")));
            }
            std::thread::sleep(SHOWN);
        }
    }

    /// By topic all its settings; one that we may not see is left out.
    fn configs(&self, names: &[&str]) -> Result<BTreeMap<String, BTreeMap<String, String>>, HostError> {
        let names: BTreeSet<&str> = names.iter().copied().collect();
        let resources: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let found = block_on(self.client.describe_configs(&resources, &self.options()));
        let found = found.map_err(|error| self.cluster.failed("looking at the settings of the job's topics", code(&error)))?;
        let each = found.into_iter().filter_map(Result::ok).filter_map(|resource| {
            let OwnedResourceSpecifier::Topic(name) = resource.specifier else { return None };
            Some((name, resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()))
        });
        Ok(each.collect())
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
            self.cluster.introduce(self.client.inner());
        }
        Ok(())
    }
}

/// Whether a topic that exists is what the job needs. `policy`: how it is cleaned up; `None`: we may not see it.
fn check(needed: &Needed, have: u32, policy: Option<&str>) -> Result<(), HostError> {
    let Needed { topic, partitions: wanted, exactly, purpose } = needed;
    let key = format!("stream `{topic}`");
    if *exactly && *wanted != have {
        return Err(HostError::job(key, format!("the topic has {have} partitions, and the job needs {wanted}")).with_help(
            "keys would be looked for in the wrong place: was the input repartitioned? Run the job under another name, or make the topic anew once it is not needed",
        ));
    }
    let compacted = match purpose {
        Purpose::Output { .. } => return Ok(()),
        Purpose::Repartition => false,
        Purpose::Changelog => true,
    };
    let Some(policy) = policy.filter(|policy| (*policy == "compact") != compacted) else { return Ok(()) };
    let wanted = if compacted { "compact" } else { "delete" };
    let reason = format!("the topic has cleanup.policy={policy}, and the job needs {wanted}: state or records would be lost");
    Err(HostError::job(key, reason)
        .with_help(format!("set it (kafka-configs --alter --add-config cleanup.policy={wanted}), or run the job under another name")))
}

impl Cluster {
    /// Those of the topics that exist, in one request.
    pub fn describe(&self, topics: &[&str]) -> Result<BTreeMap<String, Described>, HostError> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: BTreeSet<&str> = topics.iter().copied().collect();
        let names = names.into_iter().map(super::cluster::c_name).collect::<Result<Vec<_>, _>>()?;
        describe(self, &names).map_err(|Undescribed(topic, code)| match topic {
            Some(topic) => self.failed(format!("looking for topic `{topic}`"), code),
            None => self.failed("looking for topics", code),
        })
    }
}

fn settings(purpose: &Purpose) -> Vec<(&'static str, String)> {
    // Records may carry any event time; by default brokers refuse what lies more than an hour ahead.
    let mut settings = vec![("max.message.bytes", RECORD_BYTES_MAX.to_string()), ("message.timestamp.after.max.ms", i64::MAX.to_string())];
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

/// What failed, and for which topic.
struct Undescribed(Option<String>, RDKafkaErrorCode);

impl From<RDKafkaErrorCode> for Undescribed {
    fn from(code: RDKafkaErrorCode) -> Undescribed {
        Undescribed(None, code)
    }
}

fn describe(cluster: &Cluster, names: &[CString]) -> Result<BTreeMap<String, Described>, Undescribed> {
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    // SAFETY: the names outlive the call, which copies them; what is made here is given back here; the answer is read as what was asked.
    unsafe {
        let ask = |client, options, queue| {
            let refused = sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
            if !refused.is_null() {
                // What we may do is not said then; the rest is.
                sys::rd_kafka_error_destroy(refused);
            }
            let topics = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            sys::rd_kafka_DescribeTopics(client, topics, options, queue);
            sys::rd_kafka_TopicCollection_destroy(topics);
        };
        raw::ask_admin(cluster.reader(), kind, REQUEST_MS, ask, |event| answers(event))
    }
}

/// # Safety
/// `event` is a live answer to a description of topics.
unsafe fn answers(event: *mut sys::rd_kafka_event_t) -> Result<BTreeMap<String, Described>, Undescribed> {
    // SAFETY: live as long as the event; an array of so many descriptions.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let mut found = BTreeMap::new();
        for n in 0..count {
            let topic = *topics.add(n);
            let (name, error) = (text(sys::rd_kafka_TopicDescription_name(topic)), sys::rd_kafka_TopicDescription_error(topic));
            let code = if error.is_null() { RDKafkaErrorCode::NoError } else { sys::rd_kafka_error_code(error).into() };
            let mut partitions = 0;
            sys::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
            match code {
                RDKafkaErrorCode::NoError if partitions > 0 => {
                    let id = text(sys::rd_kafka_Uuid_base64str(sys::rd_kafka_TopicDescription_topic_id(topic)));
                    let mut count = 0;
                    let operations = sys::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
                    let allowed = (0..if operations.is_null() { 0 } else { count }).filter_map(|n| operation(*operations.add(n))).collect();
                    found.insert(name, Described { partitions: partitions as u32, id: Some(id).filter(|id| !id.is_empty()), allowed });
                }
                RDKafkaErrorCode::NoError | RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {}
                code => return Err(Undescribed(Some(name), code)),
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
