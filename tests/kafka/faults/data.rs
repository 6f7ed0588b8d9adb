//! Records that are hard to take: poison, extremes of size, odd times (T5 to T7).

use std::time::Duration;

use millstream_tests::kafka::{Broker, Job, Outgoing, Record, Shape, Transactional, numbered, scaled};

const BOUND: Duration = Duration::from_secs(120);

fn value(record: &Record) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
}

fn header(record: &Record, name: &str) -> String {
    let found: Vec<_> = record.headers.iter().filter(|(header, _)| header == name).collect();
    assert_eq!(found.len(), 1, "header {name} of {record:?}");
    String::from_utf8_lossy(found[0].1.as_deref().unwrap_or_default()).into_owned()
}

/// One in a hundred, and the first and the last of each partition; across a kill -9. Each is a dead letter once, with where it came from and why.
#[test]
fn t5_poison_becomes_dead_letters_once_and_its_neighbours_do_not_notice() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Copy).component("rust-misbehave").with("operator", "stores = [\"state\"]");
    let count = scaled(4_000, 50_000);
    let poison = |n: usize| n % 100 == 50 || n < 4 || n + 4 >= count;
    let mut records = numbered(0..count, 400);
    // `panic` is the order to panic; as the key says which record it was, each has one of its own.
    for (n, record) in records.iter_mut().enumerate().filter(|(n, _)| poison(*n)) {
        let orders = ["panic", "reject:7"];
        (record.key, record.value) = (Some(format!("poison-{n}").into_bytes()), Some(orders[n / 50 % 2].as_bytes().to_vec()));
    }
    let feed = broker.feed(&job.input(), records.clone(), Duration::from_secs(4));
    let host = job.start("a");
    job.await_progress(BOUND);
    host.kill();
    let host = job.start("a");
    feed.join();
    job.await_done(BOUND);
    host.stop();
    let good = broker.read_committed(&job.output());
    let wanted: Vec<String> = (0..count).filter(|n| !poison(*n)).map(|n| n.to_string()).collect();
    let mut numbers: Vec<usize> = good.iter().map(|record| value(record).parse().expect("a number")).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().map(usize::to_string).eq(wanted.iter().cloned()), "{} good records, not {}", numbers.len(), wanted.len());
    let dead = broker.read_committed(&job.dead_letters());
    let sent = broker.read_committed(&job.input());
    let mut places: Vec<(String, String)> = dead.iter().map(|letter| (header(letter, "millstream.partition"), header(letter, "millstream.offset"))).collect();
    for letter in &dead {
        let (partition, offset) = (header(letter, "millstream.partition"), header(letter, "millstream.offset"));
        let origin = sent.iter().find(|record| (record.partition.to_string(), record.offset.to_string()) == (partition.clone(), offset.clone()));
        let origin = origin.unwrap_or_else(|| panic!("a dead letter of nothing: {letter:?}"));
        assert_eq!((&origin.key, &origin.value), (&letter.key, &letter.value));
        assert_eq!((header(letter, "millstream.input"), header(letter, "millstream.operator")), ("in".to_owned(), "op".to_owned()));
        assert!(!header(letter, "millstream.digest").is_empty() && !header(letter, "millstream.reason").is_empty());
    }
    places.sort();
    places.dedup();
    let bad = (0..count).filter(|n| poison(*n)).count();
    assert_eq!((dead.len(), places.len()), (bad, bad), "dead letters, different ones");
    println!("t5: {} good records exact, {bad} dead letters once each", good.len());
}

#[test]
fn t6_records_of_any_size_come_through_or_become_dead_letters() {
    let broker = Broker::shared();
    let job = Job::unmade(broker, Shape::Copy);
    broker.create_topic(&job.input(), 4, &[("max.message.bytes", "20000000")]);
    let headers = (0..1_000).map(|n| (format!("h{n}"), (n % 3 > 0).then(|| vec![b'x'; n % 50]))).collect();
    let records = [
        Outgoing::of("empty", "").to(0),
        Outgoing { key: None, value: Some(b"no key".to_vec()), partition: Some(1), ..Outgoing::default() },
        Outgoing { key: Some(b"no value".to_vec()), partition: Some(2), ..Outgoing::default() },
        Outgoing { headers, ..Outgoing::of("headers", "v").to(3) },
        Outgoing::of("large", vec![b'l'; 10_000_000]).to(0),
        Outgoing::of("", "empty key").to(1),
        Outgoing::of(vec![b'k'; 100_000], "long key").to(2),
    ];
    let mut client = broker.client();
    client.set("message.max.bytes", "30000000").set("transactional.id", broker.name("large"));
    let producer = Transactional::open(&client);
    producer.transact(&job.input(), &records, true);
    let host = job.start("a");
    job.await_done(BOUND);
    host.stop();
    let found = broker.read_committed(&job.output());
    let mut sent: Vec<_> = broker.read_committed(&job.input()).into_iter().map(|record| (record.key, record.value, record.headers, record.timestamp)).collect();
    let mut found: Vec<_> = found.into_iter().map(|record| (record.key, record.value, record.headers, record.timestamp)).collect();
    sent.sort();
    found.sort();
    assert!(sent.len() == records.len() && sent == found, "{} sent, {} found", sent.len(), found.len());
    // An output that takes less than what comes.
    let job = Job::unmade(broker, Shape::Copy);
    broker.create_topic(&job.input(), 4, &[("max.message.bytes", "20000000")]);
    broker.create_topic(&job.output(), 4, &[]);
    let producer = Transactional::open(client.set("transactional.id", broker.name("large")));
    producer.transact(&job.input(), &records, true);
    let host = job.start("a");
    job.await_done(BOUND);
    host.stop();
    let dead = broker.read_committed(&job.dead_letters());
    assert_eq!(dead.iter().map(|letter| letter.key.clone()).collect::<Vec<_>>(), [Some(b"large".to_vec())]);
    assert_eq!(broker.read_committed(&job.output()).len(), records.len() - 1);
    println!("t6: {} records exact, the one too large for its topic a dead letter: {}", records.len(), header(&dead[0], "millstream.reason"));
}

#[test]
fn t7_odd_times_come_through_and_what_a_topic_refuses_is_said() {
    let broker = Broker::shared();
    let far = [("message.timestamp.after.max.ms", "9223372036854775807")];
    let job = Job::unmade(broker, Shape::Copy);
    broker.create_topic(&job.input(), 4, &far);
    broker.create_topic(&job.output(), 4, &[]);
    let now = 1_700_000_000_000;
    let times = [now, now - 1_000, 5, now + 1, 1, -5, i64::from(i32::MIN), now - 1];
    broker.produce(&job.input(), &times.map(|at| Outgoing::of("k", at.to_string()).to(0).at(at)));
    let mut host = job.start("a");
    job.await_done(BOUND);
    // Times at or before 0 come in a header beside a stand-in (docs/kafka.md).
    let time = |record: &Record| match record.headers.last() {
        Some((name, Some(time))) if name == "millstream.timestamp" && record.timestamp == Some(1) => String::from_utf8_lossy(time).into_owned(),
        _ => record.timestamp.unwrap_or(-1).to_string(),
    };
    let found: Vec<_> = broker.read_committed(&job.output()).iter().map(|record| (value(record), time(record))).collect();
    let wanted: Vec<_> = broker.read_committed(&job.input()).iter().map(|record| (value(record), record.timestamp.unwrap_or(-1).to_string())).collect();
    assert_eq!(found, wanted);
    // Two hundred years from now.
    broker.produce(&job.input(), &[Outgoing::of("k", "far").to(0).at(8_000_000_000_000)]);
    host.await_said("too far from the broker's clock", BOUND);
    broker.configure(&job.output(), far[0].0, far[0].1);
    job.await_done(BOUND);
    println!("t7: {} records exact; {}", job.assert_exact(), host.said().lines().find(|line| line.contains("too far")).unwrap_or_default());
    host.stop();
}
