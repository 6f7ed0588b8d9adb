//! The ground that Kafka tests stand on holds: the broker, the reader, the proxy, the doors and the mock do what they say.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use millstream_tests::kafka::{Api, Broker, Direction, Door, Fate, Isolation, Mock, Outgoing, Proxy, Reader, Record, Transactional, reach, until};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;

const BOUND: Duration = Duration::from_secs(30);

fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()).collect()
}

fn numbered(range: std::ops::Range<u32>) -> Vec<Outgoing> {
    range.map(|n| Outgoing::of(format!("key-{n}"), format!("value-{n}")).to(0)).collect()
}

/// With what text a reader gives up that does not wait long.
fn refuses_to_read(broker: &Broker, topic: &str) -> String {
    let reader = Reader::open(&broker.client(), topic, Isolation::Committed).patience(Duration::from_millis(500));
    let said = catch_unwind(AssertUnwindSafe(|| { reader }.read())).expect_err("an open transaction");
    *said.downcast::<String>().expect("a text")
}

#[test]
fn a_record_comes_back_with_all_its_fields() {
    let broker = Broker::shared();
    let topic = broker.topic("fields", 3);
    let written = [
        Outgoing::of("key", "value").to(2).at(1_357_002_000_123).header("origin", Some(b"a")).header("empty", Some(b"")).header("null", None),
        Outgoing { partition: Some(0), ..Outgoing::default() },
        Outgoing::of("", "").to(0).at(1),
        Outgoing { key: Some(b"tombstone".to_vec()), partition: Some(2), timestamp: Some(5), ..Outgoing::default() },
        Outgoing { value: Some(vec![0, 255, 128]), partition: Some(1), ..Outgoing::default() },
    ];
    broker.produce(&topic, &written);
    let read = broker.read_committed(&topic);
    assert_eq!(read.iter().map(|record| (record.partition, record.offset)).collect::<Vec<_>>(), [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]);
    for (record, written) in read.iter().zip([1, 2, 4, 0, 3].map(|n| &written[n])) {
        assert_eq!((&record.key, &record.value, &record.headers), (&written.key, &written.value, &written.headers));
        assert!(written.timestamp.is_none() || record.timestamp == written.timestamp, "{record:?} of {written:?}");
        assert!(record.timestamp.is_some());
    }
}

#[test]
fn aborted_records_are_hidden_and_a_reader_reads_each_record_once() {
    let broker = Broker::shared();
    let topic = broker.topic("aborted", 1);
    let producer = broker.transactional(&broker.name("aborting"));
    let mut reader = Reader::open(&broker.client(), &topic, Isolation::Committed);
    assert!(reader.read().is_empty());
    producer.transact(&topic, &numbered(0..2), true);
    assert_eq!(values(&reader.read()), ["value-0", "value-1"]);
    producer.transact(&topic, &numbered(2..4), false);
    assert!(reader.read().is_empty());
    producer.transact(&topic, &numbered(4..5), true);
    assert_eq!(values(&reader.read()), ["value-4"]);
    assert_eq!(values(&broker.read_committed(&topic)), ["value-0", "value-1", "value-4"]);
    assert_eq!(values(&broker.read_uncommitted(&topic)), ["value-0", "value-1", "value-2", "value-3", "value-4"]);
    // Five records and three markers.
    assert_eq!(broker.high_watermarks(&topic), [8]);
}

#[test]
fn an_open_transaction_holds_the_reader_until_it_is_aborted() {
    let broker = Broker::shared();
    let topic = broker.topic("open", 1);
    let producer = broker.transactional(&broker.name("leaving-open"));
    broker.produce(&topic, &numbered(0..1));
    producer.begin();
    producer.send(&topic, &numbered(1..2));
    broker.produce(&topic, &numbered(2..3));
    let said = refuses_to_read(broker, &topic);
    assert!(said.contains("a transaction is open from offset 1 of 3"), "{said}");
    let read = std::thread::scope(|scope| {
        let reading = scope.spawn(|| broker.read_committed(&topic));
        producer.abort();
        reading.join().expect("a reader")
    });
    assert_eq!(values(&read), ["value-0", "value-2"]);
}

#[test]
fn positions_of_a_group_commit_with_a_transaction_and_give_its_lag() {
    let broker = Broker::shared();
    let (input, output) = (broker.topic("lagging", 2), broker.topic("lagging-out", 1));
    let group = broker.name("group");
    broker.produce(&input, &[numbered(0..5), vec![Outgoing::of("k", "v").to(1)]].concat());
    assert_eq!(broker.lag(&group, &input), 6);
    let producer = broker.transactional(&broker.name("with-offsets"));
    let three = BTreeMap::from([((input.clone(), 0), 3)]);
    for commit in [false, true] {
        producer.begin();
        producer.send(&output, &numbered(0..1));
        producer.send_offsets(&group, &three).expect("offsets");
        if commit {
            producer.commit()
        } else {
            producer.abort()
        }
        assert_eq!(broker.committed_offsets(&group), if commit { three.clone() } else { BTreeMap::new() });
    }
    assert_eq!(broker.lag(&group, &input), 3);
}

#[test]
fn topics_are_made_grown_emptied_and_deleted() {
    let broker = Broker::shared();
    let topic = broker.name("changing");
    broker.create_topic(&topic, 1, &[("cleanup.policy", "compact,delete")]);
    assert!(broker.tool(&["ConfigCommand", "--bootstrap-server", "@B", "--describe", "--topic", &topic]).contains("cleanup.policy=compact,delete"));
    broker.produce(&topic, &numbered(0..4));
    broker.delete_records(&topic, 0, 3);
    assert_eq!(values(&broker.read_committed(&topic)), ["value-3"]);
    broker.add_partitions(&topic, 4);
    assert_eq!(broker.partitions(&topic), 4);
    broker.delete_topic(&topic);
    assert!(!broker.topics().contains(&topic));
}

#[test]
fn a_killed_or_frozen_broker_keeps_its_data() {
    let broker = Broker::start();
    let topic = broker.topic("kept", 1);
    broker.produce(&topic, &numbered(0..2));
    broker.kill();
    assert!(reach(&broker.client(), Duration::from_secs(1)).is_err(), "a killed broker answers");
    broker.restart();
    broker.produce(&topic, &numbered(2..3));
    broker.freeze();
    assert!(reach(&broker.client(), Duration::from_secs(1)).is_err(), "a frozen broker answers");
    broker.thaw();
    broker.produce(&topic, &numbered(3..4));
    broker.restart();
    assert_eq!(values(&broker.read_committed(&topic)), ["value-0", "value-1", "value-2", "value-3"]);
}

#[test]
fn a_broker_ends_with_its_owner() {
    let ended = catch_unwind(|| {
        let broker = Broker::start();
        assert!(reach(&broker.client(), BOUND).is_ok());
        std::panic::panic_any(broker.bootstrap());
    });
    let bootstrap = ended.expect_err("a panic").downcast::<String>().expect("an address");
    let error = std::net::TcpStream::connect(bootstrap.as_str()).expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn three_nodes_live_with_one_killed_and_tell_who_leads() {
    let broker = Broker::with().three_nodes().start();
    let topic = broker.topic("replicated", 3);
    let all: Vec<_> = (0..30).map(|n| Outgoing::of("k", format!("{n}")).to(n % 3)).collect();
    broker.produce(&topic, &all[..15]);
    let producer = broker.transactional("replicated");
    producer.transact(&topic, &numbered(0..1), false);
    // Its hash is negative.
    let said = broker.tool(&["TransactionsCommand", "--bootstrap-server", "@B", "describe", "--transactional-id", "replicated"]);
    assert!(said.lines().any(|line| line.starts_with(&broker.transaction_coordinator("replicated").to_string())), "{said}");
    assert!((1..=3).contains(&broker.controller()));
    let leader = broker.leader(&topic, 0);
    broker.kill_node(leader);
    broker.produce(&topic, &all[15..]);
    assert_ne!(broker.leader(&topic, 0), leader);
    producer.transact(&topic, &numbered(0..1), true);
    broker.restart_node(leader);
    assert_eq!(broker.read_committed(&topic).len(), 31);
}

#[test]
fn the_proxy_passes_delays_cuts_and_drops() {
    let broker = Broker::shared();
    let topic = broker.topic("proxied", 1);
    let proxy = Proxy::start(broker);
    let mut client = broker.client();
    client.set("bootstrap.servers", proxy.bootstrap());
    let producer = Transactional::open(client.clone().set("transactional.id", broker.name("proxied")));
    producer.transact(&topic, &numbered(0..1), true);
    assert_eq!((proxy.seen(Api::EndTxn), proxy.passed(Api::EndTxn), proxy.held(Api::EndTxn)), (1, 1, 0));
    proxy.delay(Duration::from_millis(100));
    let began = Instant::now();
    producer.transact(&topic, &numbered(1..2), true);
    // Partition, record, end: three requests and their answers at the least.
    assert!(began.elapsed() >= Duration::from_millis(600), "{:?}", began.elapsed());
    proxy.delay(Duration::ZERO);
    for direction in [Direction::ToBroker, Direction::ToClient] {
        proxy.cut(direction);
        assert!(reach(&client, Duration::from_secs(1)).is_err(), "{direction:?} is cut");
        proxy.mend();
    }
    proxy.refuse(true);
    proxy.drop_connections();
    assert!(reach(&client, Duration::from_secs(1)).is_err(), "refused");
    proxy.refuse(false);
    producer.transact(&topic, &numbered(2..3), true);
    proxy.throttle(Some(20_000));
    let began = Instant::now();
    producer.transact(&topic, &[Outgoing::of("k", vec![b'x'; 40_000]).to(0)], true);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(values(&broker.read_committed(&topic))[..3], ["value-0", "value-1", "value-2"]);
}

#[test]
fn an_answer_or_a_request_can_be_lost() {
    let broker = Broker::shared();
    let topic = broker.topic("lossy", 1);
    let proxy = Proxy::start(broker);
    let mut client = broker.client();
    client.set("bootstrap.servers", proxy.bootstrap()).set("transactional.id", broker.name("lossy"));
    let producer = Transactional::open(&client);
    for (n, fate) in [Fate::LoseRequest, Fate::LoseAnswer].into_iter().enumerate() {
        proxy.next(Api::EndTxn, fate, 1);
        // The client sends it again by itself; the broker knows that it is done.
        producer.transact(&topic, &numbered(n as u32..n as u32 + 1), true);
        assert_eq!((proxy.seen(Api::EndTxn), proxy.passed(Api::EndTxn)), (2 * n + 2, 2 * n + 1));
    }
    assert_eq!(values(&broker.read_committed(&topic)), ["value-0", "value-1"]);
}

/// The danger that scenario N7 is about: a client without the newer protocol of KIP-890 does not say which transaction an EndTxn ends. Its first one is
/// held, the connection ends by `how`, the second passes and the commit succeeds. Then the first arrives, in the next transaction.
fn late_end(name: &str, configure: impl Fn(&mut ClientConfig), how: impl Fn(&Proxy)) {
    let broker = Broker::shared();
    let topic = broker.topic(name, 1);
    let proxy = Proxy::start(broker);
    let mut client = broker.client();
    client.set("bootstrap.servers", proxy.bootstrap()).set("transactional.id", broker.name(name)).set("transaction.timeout.ms", "60000");
    configure(&mut client);
    let producer = Transactional::open(&client);
    producer.begin();
    producer.send(&topic, &numbered(0..1));
    proxy.hold(Api::EndTxn, 1);
    std::thread::scope(|scope| {
        let committing = scope.spawn(|| producer.commit());
        proxy.await_waiting(Api::EndTxn, 1, BOUND);
        how(&proxy);
        committing.join().expect("a commit");
    });
    assert_eq!((proxy.held(Api::EndTxn), proxy.waiting(Api::EndTxn), proxy.passed(Api::EndTxn)), (1, 1, 1));
    producer.begin();
    producer.send(&topic, &numbered(1..2));
    assert!(refuses_to_read(broker, &topic).contains("a transaction is open"));
    proxy.release(Api::EndTxn);
    // Nobody committed it.
    assert_eq!(values(&broker.read_committed(&topic)), ["value-0", "value-1"]);
    assert_eq!(proxy.waiting(Api::EndTxn), 0);
}

#[test]
fn a_late_end_after_a_timeout_commits_the_next_transaction() {
    let configure = |client: &mut ClientConfig| {
        client.set("socket.timeout.ms", "2000");
    };
    late_end("late-by-timeout", configure, |_| ());
}

#[test]
fn a_late_end_after_a_lost_connection_commits_the_next_transaction() {
    late_end("late-by-loss", |_| (), Proxy::drop_connections);
}

#[test]
fn the_end_of_a_transaction_held_for_a_producer_that_is_replaced_does_nothing() {
    let broker = Broker::shared();
    let topic = broker.topic("fenced-end", 1);
    let proxy = Proxy::start(broker);
    let mut client = broker.client();
    client.set("bootstrap.servers", proxy.bootstrap()).set("transactional.id", broker.name("fenced-end"));
    let first = Transactional::open(&client);
    first.begin();
    first.send(&topic, &numbered(0..1));
    proxy.hold(Api::EndTxn, 1);
    let ended = first.try_commit(Duration::from_secs(1));
    assert!(matches!(&ended, Err(KafkaError::Transaction(error)) if error.is_retriable()), "{ended:?}");
    proxy.await_waiting(Api::EndTxn, 1, BOUND);
    let second = Transactional::open(&client);
    second.begin();
    second.send(&topic, &numbered(1..2));
    proxy.release(Api::EndTxn);
    until("the held request to go on", BOUND, || (proxy.passed(Api::EndTxn) == 1).then_some(()));
    assert!(refuses_to_read(broker, &topic).contains("a transaction is open"));
    second.commit();
    assert_eq!(values(&broker.read_committed(&topic)), ["value-1"]);
}

#[test]
fn each_door_opens_with_the_right_key_only() {
    let broker = Broker::with().security().start();
    let opens = |what: &str, config| reach(&config, BOUND).unwrap_or_else(|why| panic!("{what}: {why}"));
    let refuses = |what: &str, config, why: &str| {
        let said = reach(&config, Duration::from_secs(3)).expect_err(what);
        assert!(said.to_lowercase().contains(why), "{what}: {said}");
    };
    opens("TLS", broker.client_at(Door::Tls, "ca.crt"));
    refuses("TLS, wrong authority", broker.client_at(Door::Tls, "wrong-ca.crt"), "certificate verify failed");
    refuses("TLS, another host's certificate", broker.client_at(Door::Elsewhere, "ca.crt"), "certificate verify failed");
    // Nothing but its name is wrong with it.
    opens("TLS, names unchecked", broker.client_at(Door::Elsewhere, "ca.crt").set("ssl.endpoint.identification.algorithm", "none").clone());
    let mut plain = broker.client();
    plain.set("bootstrap.servers", broker.bootstrap_of(Door::Tls));
    refuses("TLS, plain text", plain, "brokers are down");
    opens("client certificate", broker.client_with_certificate("ca.crt", "client"));
    refuses("client certificate of the wrong authority", broker.client_with_certificate("ca.crt", "wrong-client"), "bad certificate");
    refuses("no client certificate", broker.client_at(Door::ClientCertificates, "ca.crt"), "bad certificate");
    for door in [Door::Sasl, Door::SaslTls] {
        for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let what = format!("{door:?} {mechanism}");
            opens(&what, broker.client_as(door, mechanism, "app", "app-secret"));
            refuses(&format!("{what}, wrong password"), broker.client_as(door, mechanism, "app", "wrong"), "authentication failed");
        }
    }
}

#[test]
fn an_access_rule_lets_a_user_in_and_its_absence_does_not() {
    let broker = Broker::with().security().start();
    broker.create_topic("guarded", 1, &[]);
    let app = broker.client_as(Door::SaslTls, "SCRAM-SHA-512", "app", "app-secret");
    let sees = || {
        use rdkafka::consumer::{BaseConsumer, Consumer};
        let consumer: BaseConsumer = app.create().expect("a consumer");
        let metadata = consumer.fetch_metadata(Some("guarded"), BOUND).expect("metadata");
        metadata.topics().iter().all(|topic| topic.error().is_none())
    };
    assert!(!sees());
    broker.tool(&["AclCommand", "--bootstrap-server", "@B", "--add", "--allow-principal", "User:app", "--operation", "Describe", "--topic", "guarded"]);
    until("the rule to hold", BOUND, || sees().then_some(()));
}

#[test]
fn the_mock_answers_with_the_errors_it_was_given() {
    let mock = Mock::start(1);
    mock.topic("out", 1);
    let producer = Transactional::open(mock.client().set("transactional.id", "mocked"));
    mock.fail(Api::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH]);
    producer.begin();
    producer.send("out", &numbered(0..1));
    let ended = producer.try_commit(BOUND);
    assert!(matches!(&ended, Err(KafkaError::Transaction(error)) if error.is_fatal()), "{ended:?}");
}
