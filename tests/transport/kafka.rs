//! The contract of a transport on Kafka, and what only a cluster can do to it: transactions of strangers, zombies, groups, hosts that are gone.

mod facts;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use facts::{AT, rows, store_id};
use millstream::error::HostError;
use millstream::kafka::{Change as GroupChange, Isolation, Member, Place, Which};
use millstream::source::{Polled, Start};
use millstream::state::Change;
use millstream_tests::kafka::{Broker, OnKafka, Outgoing, until};
use millstream_tests::transport::{BOUND, Record, Transport, WAITING, count, numbered, pack, poll_until, read, unpack};

contract!(millstream_tests::kafka::OnKafka);

fn outgoing(records: &[Record]) -> Vec<Outgoing> {
    let one = |record: &Record| Outgoing {
        partition: Some(0),
        key: record.key.clone(),
        value: record.value.clone(),
        headers: Vec::new(),
        timestamp: Some(record.timestamp),
    };
    records.iter().map(one).collect()
}

#[test]
fn aborted_and_open_records_of_strangers_are_hidden() {
    let (transport, broker) = (OnKafka::fresh(), Broker::shared());
    transport.create("s", 1).unwrap();
    let (topic, stranger) = (transport.topic("s"), broker.transactional(&broker.name("stranger")));
    stranger.transact(&topic, &outgoing(&numbered(1, 3)), true);
    stranger.transact(&topic, &outgoing(&numbered(4, 3)), false);
    stranger.transact(&topic, &outgoing(&numbered(7, 3)), true);
    stranger.begin();
    stranger.send(&topic, &outgoing(&numbered(10, 3)));
    broker.produce(&topic, &outgoing(&numbered(13, 2)));
    let worker = transport.worker("job");
    let committed = [numbered(1, 3), numbered(7, 3)].concat();
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, committed, "a bounded read ends where a transaction is open");
    let mut source = worker.source("s", false);
    source.assign(AT, Start::Oldest).unwrap();
    let mut found = poll_until(&mut source, "committed records", |found| count(found, AT) >= 6);
    (0..3).for_each(|_| source.poll(WAITING, &mut found).unwrap());
    stranger.abort();
    found.extend(poll_until(&mut source, "records behind the aborted ones", |found| count(found, AT) >= 2));
    let records: Vec<Record> = found.iter().flat_map(|polled| if let Polled::Records { batch, .. } = polled { unpack(batch) } else { Vec::new() }).collect();
    assert_eq!(records, [committed, numbered(13, 2)].concat());
}

#[test]
fn a_zombie_commits_nothing_and_learns_that_it_is_one() {
    let transport = OnKafka::fresh();
    transport.create("s", 1).unwrap();
    let mut zombie = transport.worker("job");
    let mut sink = zombie.sink("s", 0);
    sink.send(&pack(&numbered(0, 5), 0)).unwrap();
    zombie.checkpoint(&mut [&mut sink], 5).unwrap();
    sink.send(&pack(&numbered(5, 5), 0)).unwrap();
    let mut successor = transport.worker("job");
    assert_eq!(successor.position(), Some(5));
    let ended = sink.send(&pack(&numbered(10, 5), 0)).and_then(|_| zombie.checkpoint(&mut [&mut sink], 15));
    assert!(matches!(ended, Err(HostError::Fenced { .. })), "{ended:?}");
    let mut sink = successor.sink("s", 0);
    sink.send(&pack(&numbered(5, 2), 0)).unwrap();
    successor.checkpoint(&mut [&mut sink], 7).unwrap();
    drop(zombie);
    assert_eq!(read(&successor, "s", 0, Start::Oldest).1, numbered(0, 7));
    drop((successor, sink));
    assert_eq!(transport.worker("job").position(), Some(7));
}

#[test]
fn a_strangers_use_of_the_transactional_id_fences_the_worker() {
    let (transport, broker) = (OnKafka::fresh(), Broker::shared());
    transport.create("s", 1).unwrap();
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&numbered(0, 5), 0)).unwrap();
    drop(broker.transactional(&transport.transactional_id("job", 0)));
    let ended = worker.checkpoint(&mut [&mut sink], 5);
    assert!(matches!(ended, Err(HostError::Fenced { .. })), "{ended:?}");
    drop((worker, sink));
    let mut worker = transport.worker("job");
    assert_eq!((worker.position(), read(&worker, "s", 0, Start::Oldest).1), (None, vec![]));
}

#[test]
fn positions_are_in_the_transaction_of_the_outputs() {
    let (transport, broker) = (OnKafka::fresh(), Broker::shared());
    transport.create("s", 1).unwrap();
    // What somebody sees who knows nothing of us: the group's position of `in`, and the records.
    let (group, place, topic) = (transport.job("job"), (transport.topic("in"), 0), transport.topic("s"));
    let seen = || (broker.committed_offsets(&group).get(&place).copied(), broker.read_committed(&topic).len());
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    assert_eq!(seen(), (None, 0));
    for round in 1..4 {
        sink.send(&pack(&numbered(0, 5), 0)).unwrap();
        worker.checkpoint(&mut [&mut sink], 10 * round).unwrap();
        assert_eq!(seen(), (Some(10 * round as i64), 5 * round as usize));
    }
    // Flushed, and then gone: neither.
    sink.send(&pack(&numbered(0, 5), 0)).unwrap();
    sink.flush().unwrap();
    drop((worker, sink));
    let mut successor = transport.worker("job");
    assert_eq!(seen(), (Some(30), 15));
    assert_eq!(successor.position(), Some(30));
}

#[test]
fn a_host_without_its_folder_has_state_and_position_from_the_changelog() {
    let transport = OnKafka::fresh();
    transport.create("s", 1).unwrap();
    let mut worker = transport.worker("job");
    let store = worker.state.open(&store_id(&worker, 3)).unwrap();
    let change = |key, value| Change { store, key, value };
    let big = vec![7; 3 << 20];
    for (position, changes) in [
        (10, [change(b"kept", Some(&b"1"[..])), change(b"deleted", Some(b"2")), change(b"", Some(b"empty key"))]),
        (20, [change(b"kept", Some(b"")), change(b"deleted", None), change(b"big\0", Some(&big))]),
    ] {
        worker.commit(&mut [], position, &changes).unwrap();
        worker.ledger.apply(&mut changes.into_iter()).unwrap();
    }
    let here = rows(&worker, 3);
    assert_eq!(here, [(vec![], b"empty key".to_vec()), (b"big\0".to_vec(), big.clone()), (b"kept".to_vec(), vec![])]);
    drop(worker);
    let transport = transport.elsewhere();
    let mut worker = transport.worker("job");
    assert_eq!((worker.position(), rows(&worker, 3)), (Some(20), here));
    // And goes on from there.
    let store = worker.state.open(&store_id(&worker, 3)).unwrap();
    let changes = [Change { store, key: b"big\0", value: None }];
    worker.commit(&mut [], 30, &changes).unwrap();
    worker.ledger.apply(&mut changes.into_iter()).unwrap();
    drop(worker);
    let mut worker = transport.elsewhere().worker("job");
    assert_eq!((worker.position(), rows(&worker, 3).len()), (Some(30), 2));
}

/// Members of one group, served together until each holds so many partitions; which each holds.
fn settle(members: &[&Member], cluster: &millstream::kafka::Cluster, each: usize) -> Vec<Vec<Place>> {
    let began = Instant::now();
    let mut held: Vec<Option<Vec<Place>>> = vec![None; members.len()];
    while !held.iter().all(|places| places.as_ref().is_some_and(|places| places.len() == each)) {
        assert!(began.elapsed() < BOUND, "the group does not settle: {held:?}");
        for (member, held) in members.iter().zip(&mut held) {
            match member.change().unwrap() {
                Some(GroupChange::Assigned(places)) => {
                    let committed = member.committed(&places).unwrap();
                    let firsts = cluster.offsets(&places, Which::First).unwrap();
                    let starts = committed.into_iter().zip(firsts).map(|(committed, first)| committed.map_or(first, |committed| committed.offset));
                    member.accept(&places.iter().cloned().zip(starts).collect::<Vec<_>>()).unwrap();
                    *held = Some(places);
                }
                Some(GroupChange::Revoked { lost }) => {
                    assert!(!lost, "nobody was away");
                    member.release().unwrap();
                    *held = None;
                }
                None => std::thread::yield_now(),
            }
        }
    }
    held.into_iter().flatten().collect()
}

#[test]
fn partitions_of_inputs_go_together_to_members_that_come_and_leave() {
    let transport = OnKafka::fresh();
    ["a", "b"].iter().for_each(|stream| transport.create(stream, 4).unwrap());
    let (cluster, topics) = (transport.cluster("job"), [transport.topic("a"), transport.topic("b")]);
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let join = |number| Member::join(&cluster, number, &topics).unwrap();
    let partitions = |places: &[Place]| {
        let mut by_topic = BTreeMap::<&str, Vec<u32>>::new();
        places.iter().for_each(|(topic, partition)| by_topic.entry(topic.as_str()).or_default().push(*partition));
        by_topic.values_mut().for_each(|partitions| partitions.sort());
        assert_eq!(by_topic[topics[0]], by_topic[topics[1]], "co-partitioned inputs are with one member");
        by_topic[topics[0]].clone()
    };
    let first = join(0);
    let alone = settle(&[&first], &cluster, 8);
    assert_eq!(partitions(&alone[0]), [0, 1, 2, 3]);
    let second = join(1);
    let shared = settle(&[&first, &second], &cluster, 4);
    let (ours, theirs) = (partitions(&shared[0]), partitions(&shared[1]));
    let mut all = [ours.clone(), theirs.clone()].concat();
    all.sort();
    assert_eq!(all, [0, 1, 2, 3]);
    // Whoever comes back under the same name has its place, and nobody else notices.
    drop(second);
    let again = join(1);
    let began = Instant::now();
    let back = loop {
        assert!(began.elapsed() < BOUND && first.change().unwrap().is_none(), "the other member is left alone");
        if let Some(GroupChange::Assigned(places)) = again.change().unwrap() {
            break places;
        }
    };
    assert_eq!(partitions(&back), theirs);
    assert_eq!(cluster.offsets(&back, Which::End(Isolation::Committed)).unwrap(), [0; 4]);
}

#[test]
fn a_run_that_was_killed_goes_on_where_its_last_commit_was() {
    let transport = OnKafka::fresh();
    transport.create("s", 1).unwrap();
    let (mut transport, mut expected) = (transport, Vec::new());
    for round in 0..5u64 {
        let mut worker = transport.worker("job");
        let position = worker.position().unwrap_or(0);
        assert_eq!(position, round * 10);
        let mut sink = worker.sink("s", 0);
        sink.send(&pack(&numbered(position, 10), 0)).unwrap();
        worker.checkpoint(&mut [&mut sink], position + 10).unwrap();
        expected.extend(numbered(position, 10));
        // Work that is not committed when the end comes, without a word to anybody.
        sink.send(&pack(&numbered(position + 10, 7), 0)).unwrap();
        drop((worker, sink));
        transport = if round % 2 == 0 { transport.reopened() } else { transport.elsewhere() };
    }
    let worker = transport.worker("reader");
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, expected);
}

/// What the group says until it says this.
fn await_change(member: &Member, others: &[Member], is_it: impl Fn(&GroupChange) -> bool) -> GroupChange {
    let began = Instant::now();
    loop {
        others.iter().for_each(|other| other.tend().unwrap());
        match member.change().unwrap() {
            Some(change) if is_it(&change) => return change,
            Some(other) => panic!("the group said {other:?}"),
            None => assert!(began.elapsed() < BOUND, "the group says nothing"),
        }
        std::thread::yield_now();
    }
}

/// The client waits for an answer to what the group said last. Whoever owns the member may go before it gave one.
#[test]
fn a_member_can_go_whatever_it_was_told_last() {
    /// So long without a word to its client, and a member is thrown out.
    const SILENCE: Duration = Duration::from_secs(1);
    let transport = OnKafka::fresh();
    transport.create("s", 4).unwrap();
    for told in ["assigned", "revoked", "lost"] {
        let silence = SILENCE.as_millis().to_string();
        let properties = [("session.timeout.ms", silence.as_str()), ("heartbeat.interval.ms", "100"), ("max.poll.interval.ms", &silence)];
        let (cluster, topic) = (transport.cluster_with(told, if told == "lost" { &properties } else { &[] }), transport.topic("s"));
        let (say, heard) = std::sync::mpsc::channel();
        let member = move || {
            let join = |number| Member::join(&cluster, number, &[&topic]).unwrap();
            let member = join(0);
            let assigned = await_change(&member, &[], |change| matches!(change, GroupChange::Assigned(_)));
            let mut others = Vec::new();
            if let (true, GroupChange::Assigned(places)) = (told != "assigned", assigned) {
                member.accept(&places.into_iter().map(|place| (place, 0)).collect::<Vec<_>>()).unwrap();
                if told == "lost" {
                    std::thread::sleep(SILENCE * 2);
                } else {
                    others.push(join(1));
                }
                await_change(&member, &others, |change| *change == GroupChange::Revoked { lost: told == "lost" });
            }
            drop(member);
            say.send(()).unwrap();
        };
        std::thread::spawn(member);
        heard.recv_timeout(BOUND).unwrap_or_else(|_| panic!("{told}: the member is not gone after {BOUND:?}"));
        // Its client is closed on a thread of its own.
        until("the client to be closed", BOUND, || (!threads().iter().any(|name| name.starts_with("closing-consum"))).then_some(()));
    }
}

/// The names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}
