//! What the producer makes of each error that a cluster can answer with (N8): librdkafka's mock cluster answers, each transactional request with each error once.

use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Error, RDKafkaRespErr::*};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Events, Trouble};
use super::cluster::{Cluster, REQUEST_MS};
use super::producer::Producer;
use super::raw::Consumer;
use super::settings::{Settings, create};
use crate::error::HostError;
use crate::job::Guarantee;

fn settings(bootstrap: String) -> Settings {
    let named = |name: &str| name.to_owned();
    let (job, group, instance, fingerprint) = (named("job"), named("job"), named("a"), named("f"));
    // The mock closes connections at will: look again soon.
    let properties = vec![(named("reconnect.backoff.max.ms"), named("100")), (named("retry.backoff.ms"), named("20"))];
    let (guarantee, replication, checkpoint_interval_ms) = (Guarantee::ExactlyOnce, -1, 100);
    Settings { bootstrap, job, group, instance, guarantee, replication, checkpoint_interval_ms, properties, fingerprint }
}

/// One transaction, from taking over the worker's place to the commit of its positions.
fn transact(cluster: &std::sync::Arc<Cluster>, member: &Consumer) -> Result<(), HostError> {
    let producer = Producer::open(cluster, 0, &mut || Ok(()))?;
    let topic = producer.topic("out")?;
    producer.send_plain(&topic, 0, b"key", Some(b"value"))?;
    let mut positions = TopicPartitionList::new();
    positions.add_partition_offset("in", 0, Offset::Offset(7)).unwrap();
    producer.commit(&positions, member)
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    /// The client cured it.
    Cured,
    /// A new producer of the same id cures it.
    Again,
    /// Somebody else has the place, or a stranger its id: the group says which.
    Fenced,
    /// Somebody must grant something.
    Job,
}

fn class(result: &Result<(), HostError>) -> Class {
    match result {
        Ok(()) => Class::Cured,
        Err(HostError::External { .. }) => Class::Again,
        Err(HostError::Fenced { .. }) => Class::Fenced,
        Err(HostError::Job { .. }) => Class::Job,
        Err(other) => panic!("{other}"),
    }
}

/// What may come of an error; the first where nothing says otherwise.
fn allowed(error: Error) -> &'static [Class] {
    match error {
        RD_KAFKA_RESP_ERR_PRODUCER_FENCED => &[Class::Fenced],
        // In a produce request it may be an old request's answer: librdkafka has the transaction aborted.
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH => &[Class::Fenced, Class::Again],
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
        | RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
        | RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        | RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED => &[Class::Job],
        _ => &[Class::Cured, Class::Again],
    }
}

const ERRORS: [Error; 21] = [
    RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
    RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    RD_KAFKA_RESP_ERR__TRANSPORT,
    RD_KAFKA_RESP_ERR_UNKNOWN,
    RD_KAFKA_RESP_ERR_INVALID_TXN_STATE,
    RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
    RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
    RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
    RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
    RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
    RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
    RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
    RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
];

#[test]
fn each_error_of_each_transactional_request_has_its_class_and_a_new_producer_goes_on() {
    let mock: MockCluster<'static, DefaultProducerContext> = MockCluster::new(1).unwrap();
    mock.create_topic("out", 1, 1).unwrap();
    mock.create_topic("in", 1, 1).unwrap();
    let cluster = Cluster::connect(settings(mock.bootstrap_servers())).unwrap();
    let member: Consumer = create(&cluster.settings.member(0), Events::new(Trouble::default())).unwrap();
    transact(&cluster, &member).unwrap();
    let mut wrong = Vec::new();
    for api in [Api::InitProducerId, Api::AddPartitionsToTxn, Api::Produce, Api::AddOffsetsToTxn, Api::TxnOffsetCommit, Api::EndTxn] {
        for error in ERRORS {
            mock.request_errors(api, &[error]);
            let began = Instant::now();
            let result = transact(&cluster, &member);
            let took = began.elapsed();
            mock.clear_request_errors(api);
            println!(
                "{api:?} {error:?}: {:?} in {} ms: {}",
                class(&result),
                took.as_millis(),
                result.as_ref().err().map(ToString::to_string).unwrap_or_default()
            );
            if !allowed(error).contains(&class(&result)) || took > Duration::from_millis(2 * REQUEST_MS) {
                wrong.push(format!("{api:?} {error:?}: {:?} in {took:?}", class(&result)));
            }
            if let Err(why) = transact(&cluster, &member) {
                wrong.push(format!("after {api:?} {error:?}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
