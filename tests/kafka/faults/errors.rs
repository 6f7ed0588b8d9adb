//! N8: what a worker's checkpoint makes of each error that a cluster can answer with. librdkafka's mock cluster answers, each transactional request with each once.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream::checkpoint::TaskProgress;
use millstream::error::HostError;
use millstream::job::{Guarantee, LostPolicy, StartAt};
use millstream::kafka::{Cluster, InputTopic, Layout, Member, Opening, Producer, Settings, StageTopics, WorkerEnds};
use millstream::log::Log;
use millstream::record::TaskId;
use millstream::time::{Clock, RealClock};
use millstream_tests::kafka::{Api, Mock};
use millstream_tests::transport::{Record, pack};
use rdkafka::types::RDKafkaRespErr::{self as Error, *};

/// Two calls of 10 s each at the most.
const BOUND: Duration = Duration::from_secs(20);
const TASK: TaskId = TaskId { stage: 0, partition: 0 };

fn settings(bootstrap: String) -> Settings {
    let named = |name: &str| name.to_owned();
    let (job, group, instance, fingerprint, process) = (named("job"), named("job"), named("a"), named("f"), named("p"));
    let properties = vec![(named("reconnect.backoff.max.ms"), named("100")), (named("retry.backoff.ms"), named("20"))];
    let (guarantee, replication, checkpoint_interval_ms) = (Guarantee::ExactlyOnce, -1, 100);
    Settings { bootstrap, job, group, instance, guarantee, replication, checkpoint_interval_ms, properties, fingerprint, process }
}

fn layout() -> Layout {
    let (start, lost) = (StartAt::Oldest, LostPolicy::Fail);
    let input = InputTopic { input: 0, name: "in".into(), topic: "in".into(), id: None, start, lost, bounded: false };
    let (changelog, changelog_id) = ("job.op.changelog".into(), String::new());
    Layout { stages: vec![StageTopics { stage: 0, tasks: 1, operators: vec!["op".into()], inputs: vec![input], changelog, changelog_id }] }
}

struct Worker {
    cluster: Arc<Cluster>,
    member: Member,
    log: Arc<Log>,
    layout: Rc<Layout>,
    clock: Arc<dyn Clock>,
    done: u64,
}

impl Worker {
    /// From taking over the worker's place to the commit of an output, the changelog and the position.
    fn checkpoint(&mut self) -> Result<(), HostError> {
        let producer = Producer::open(&self.cluster, 0, &mut || self.member.tend())?;
        let local = self.log.local_state("job");
        let ends = WorkerEnds::new((&self.cluster, &self.layout), &producer, &local, &self.clock, BTreeMap::new(), Opening::default());
        let mut sink = ends.sink("out", 1, 1 << 20, TASK)?;
        let record = Record { key: Some(b"k".to_vec()), value: Some(b"v".to_vec()), headers: Vec::new(), timestamp: 1 };
        sink.send(&pack(&[record], 0))?;
        sink.flush()?;
        self.done += 1;
        let progress = TaskProgress { positions: BTreeMap::from([("in".to_owned(), self.done)]), ..TaskProgress::default() };
        let mut ledger = ends.ledger(&self.member);
        ledger.commit(&[(TASK, progress)])?;
        ledger.apply(&mut std::iter::empty())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    /// The client cured it.
    Cured,
    /// A new producer of the same id cures it.
    Again,
    /// Somebody else has the place, or a stranger its id: the group says which.
    Fenced,
    /// Somebody must grant or make something.
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

/// What may come of an error.
fn allowed(api: Api, error: Error) -> &'static [Class] {
    match error {
        RD_KAFKA_RESP_ERR_PRODUCER_FENCED => &[Class::Fenced],
        // To a produce request it may be the answer to an old one: librdkafka has the transaction aborted.
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH => &[Class::Fenced, Class::Again],
        RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED => &[Class::Job],
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED if matches!(api, Api::Produce | Api::AddPartitionsToTxn) => &[Class::Job],
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED if matches!(api, Api::AddOffsetsToTxn | Api::TxnOffsetCommit) => &[Class::Job],
        // Where these say nothing sensible, and for all others: never the end of the job.
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED | RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => &[Class::Job, Class::Again, Class::Cured],
        _ => &[Class::Cured, Class::Again],
    }
}

const ERRORS: [Error; 20] = [
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
];
const REQUESTS: [Api; 6] = [Api::InitProducerId, Api::AddPartitionsToTxn, Api::Produce, Api::AddOffsetsToTxn, Api::TxnOffsetCommit, Api::EndTxn];

#[test]
fn n8_each_error_of_each_transactional_request_has_its_class_and_a_new_producer_goes_on() {
    let mock = Mock::start(1);
    ["in", "out", "job.op.changelog"].iter().for_each(|topic| mock.topic(topic, 1));
    let cluster = Cluster::connect(settings(mock.bootstrap())).expect("clients");
    let member = Member::join(&cluster, 0, &["in"]).expect("a member");
    let data = tempfile::tempdir().expect("a scratch folder");
    let log = Log::open(data.path()).expect("a data folder");
    let mut worker = Worker { cluster, member, log, layout: Rc::new(layout()), clock: Arc::new(RealClock), done: 0 };
    worker.checkpoint().expect("a checkpoint without errors");
    let mut wrong = Vec::new();
    for api in REQUESTS {
        for error in ERRORS {
            mock.fail(api, &[error]);
            let began = Instant::now();
            let result = worker.checkpoint();
            let took = began.elapsed();
            mock.clear(api);
            let what = format!("{api:?} {error:?}: {:?} in {} ms", class(&result), took.as_millis());
            println!("n8: {what}: {}", result.as_ref().err().map(ToString::to_string).unwrap_or_default());
            if !allowed(api, error).contains(&class(&result)) || took > BOUND {
                wrong.push(what.clone());
            }
            if let Err(why) = worker.checkpoint() {
                wrong.push(format!("after {what}: {why}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
