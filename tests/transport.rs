//! The contract of a transport: what a job may rely on, whether its streams live in the embedded log or (later) on Kafka. Each test is a fact about one
//! [`Transport`]; the macro at the end names the transports that must satisfy all of them.

use millstream::record::{BatchBuilder, Fields, NO_TIMESTAMP, NONE, partition_of};
use millstream::source::{InputPartition, PollBudget, Polled, Start};
use millstream::state::{Change, StoreId};
use millstream_tests::transport::{ALL, Embedded, Record, Transport, check, numbered, pack, produce, read, unpack};

const AT: InputPartition = InputPartition { input: 0, partition: 0 };

fn records_come_back_as_they_were_sent<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    let header = |name: &str, value: Option<&str>| (name.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec()));
    let records = vec![
        Record::new("key", "value", 1),
        Record { value: None, ..Record::new("tombstone", "", 2) },
        Record { key: None, ..Record::new("", "no key", -5) },
        Record { key: None, value: None, timestamp: NO_TIMESTAMP, ..Record::default() },
        Record::new("", "", i64::MAX),
        Record { headers: vec![header("a", Some("1")), header("a", None), header("", Some(""))], ..Record::new("with", "headers", 0) },
        Record { headers: (0..1_000).map(|n| header(&n.to_string(), Some("x"))).collect(), ..Record::new("with", "1000 headers", 0) },
    ];
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&records, 0)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest), (0, records));
}

fn records_are_hidden_until_the_checkpoint_and_after_an_abort<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&numbered(0, 3_000), 0)).unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, []);
    sink.flush().unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, []);
    sink.abort().unwrap();
    worker.ledger.abort().unwrap();
    sink.send(&pack(&numbered(7, 2), 0)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest), (0, numbered(7, 2)));
}

fn offsets_count_on_over_checkpoints_writers_and_restarts<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 2).unwrap();
    produce(&transport, "s", 1, 0, 2_500);
    produce(&transport, "s", 1, 2_500, 1);
    let transport = transport.reopened();
    produce(&transport, "s", 1, 2_501, 30);
    let worker = transport.worker("job");
    assert_eq!(read(&worker, "s", 1, Start::Oldest), (0, numbered(0, 2_531)));
    assert_eq!(read(&worker, "s", 0, Start::Oldest), (0, vec![]));
    assert_eq!(worker.source("s", false).end(InputPartition { input: 0, partition: 1 }).unwrap(), Some(2_531));
}

fn reading_begins_at_oldest_newest_or_any_offset<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    produce(&transport, "s", 0, 0, 1_500);
    produce(&transport, "s", 0, 1_500, 1_500);
    let worker = transport.worker("job");
    for offset in [0, 1, 1_023, 1_024, 1_499, 1_500, 1_501, 2_999, 3_000] {
        assert_eq!(read(&worker, "s", 0, Start::At(offset)), (offset, numbered(offset, 3_000 - offset)));
    }
    assert_eq!(read(&worker, "s", 0, Start::Newest), (3_000, vec![]));
    let beyond = worker.source("s", false).assign(AT, Start::At(3_001)).unwrap_err().to_string();
    assert!(beyond.contains("ends at 3000") && beyond.contains("3001"), "{beyond}");
}

fn a_time_means_the_first_record_not_before_it<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    let times = [10, 30, 20, 40, NO_TIMESTAMP, 25, 50];
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    for time in times {
        // A checkpoint each, so that records lie in blocks of their own.
        sink.send(&pack(&[Record::new("k", "v", time)], 0)).unwrap();
        worker.checkpoint(&mut [&mut sink], 0).unwrap();
    }
    sink.send(&pack(&numbered(1, 2_000), 0)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    let places = [(i64::MIN, 0), (0, 0), (10, 0), (11, 1), (25, 1), (31, 3), (41, 6), (50, 6), (51, 7), (60_000, 7), (60_001, 8), (120_000_000, 2_006)];
    for (time, offset) in places {
        assert_eq!(read(&worker, "s", 0, Start::Timestamp(time)).0, offset, "time {time}");
    }
    assert_eq!(read(&worker, "s", 0, Start::Timestamp(120_000_001)).0, 2_007, "none so late: the end");
}

fn keys_go_to_the_partition_kafka_gives_them<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 5).unwrap();
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 7);
    assert_eq!(sink.accepts().partitions, 5);
    let keyless = Record { key: None, ..Record::new("", "keyless", 0) };
    sink.send(&pack(&numbered(0, 500), NONE)).unwrap();
    sink.send(&pack(std::slice::from_ref(&keyless), NONE)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    for partition in 0..5 {
        let mut expected: Vec<Record> = numbered(0, 500).into_iter().filter(|record| partition_of(record.key.as_ref().unwrap(), 5) == partition).collect();
        // Without a key: by the task's number.
        expected.extend((partition == 7 % 5).then(|| keyless.clone()));
        assert_eq!(read(&worker, "s", partition, Start::Oldest).1, expected);
    }
    let refused = sink.send(&pack(&numbered(0, 1), 5)).unwrap_err().to_string();
    assert!(refused.contains("partition 5"), "{refused}");
}

fn outputs_progress_and_state_become_durable_together<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    let id = StoreId { job: "job".into(), operator: "count".into(), store: "counts".into(), task: 3 };
    let mut worker = transport.worker("job");
    assert_eq!(worker.position(), None);
    let store = worker.state.open(&id).unwrap();
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&numbered(0, 10), 0)).unwrap();
    sink.flush().unwrap();
    let mut progress = millstream::checkpoint::TaskProgress::default();
    progress.positions.insert("in".to_owned(), 42);
    worker.ledger.commit(&[(millstream_tests::transport::TASK, progress)]).unwrap();
    let changes = [Change { store, key: b"b", value: Some(b"2") }, Change { store, key: b"a", value: Some(b"1") }, Change { store, key: b"c", value: None }];
    worker.ledger.apply(&mut changes.into_iter()).unwrap();
    // A second round that nobody finishes.
    sink.send(&pack(&numbered(10, 10), 0)).unwrap();
    sink.flush().unwrap();
    worker.ledger.commit(&[(millstream_tests::transport::TASK, Default::default())]).unwrap();
    drop((worker, sink));

    let transport = transport.reopened();
    let mut worker = transport.worker("job");
    assert_eq!(worker.position(), Some(42));
    assert_eq!(transport.worker("another job").position(), None);
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, numbered(0, 10));
    assert_eq!(worker.state.open(&id).unwrap(), store);
    let mut rows = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        std::ops::ControlFlow::Continue(())
    };
    worker.state.scan(store, b"", b"", visit).unwrap();
    assert_eq!(rows, [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec())]);
    let neighbour = worker.state.open(&StoreId { task: 4, ..id }).unwrap();
    worker.state.scan(neighbour, b"", b"", &mut |_, _| panic!("another task's store is empty")).unwrap();
}

fn big_records_pass_between_small_ones<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    let mut records = numbered(0, 50);
    records[20].value = Some(vec![7; 12 << 20]);
    records[21].key = Some(vec![8; 2 << 20]);
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&records, 0)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest), (0, records));
}

fn a_poll_keeps_to_its_budget_but_gives_at_least_one_record<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    produce(&transport, "s", 0, 0, 2_000);
    let worker = transport.worker("job");
    for (records_max, bytes_max) in [(1, usize::MAX), (7, usize::MAX), (1_500, usize::MAX), (usize::MAX, 1), (usize::MAX, 3_000), (64, 3_000)] {
        let mut source = worker.source("s", false);
        let mut next = source.assign(AT, Start::Oldest).unwrap();
        let mut records = Vec::new();
        while records.len() < 2_000 {
            let mut found = Vec::new();
            source.poll(PollBudget { records_max, bytes_max, wait_ms: 0 }, &mut found).unwrap();
            let [Polled::Records { batch, next: after, .. }] = found.as_slice() else { panic!("one partition, one batch: {found:?}") };
            assert!(batch.len() <= records_max && (batch.bytes() <= bytes_max || batch.len() == 1), "{} records of {} bytes", batch.len(), batch.bytes());
            next = check(batch, 0, next, *after);
            records.extend(unpack(batch));
        }
        assert_eq!(records, numbered(0, 2_000));
    }
}

fn a_paused_partition_is_silent_and_loses_nothing<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 2).unwrap();
    produce(&transport, "s", 0, 0, 10);
    produce(&transport, "s", 1, 0, 10);
    let worker = transport.worker("job");
    let mut source = worker.source("s", false);
    let other = InputPartition { input: 0, partition: 1 };
    source.assign(AT, Start::Oldest).unwrap();
    source.assign(other, Start::Oldest).unwrap();
    source.pause(AT, true);
    let mut found = Vec::new();
    source.poll(ALL, &mut found).unwrap();
    assert!(matches!(found.as_slice(), [Polled::Records { at, next: 10, .. }] if *at == other), "{found:?}");
    source.revoke(other);
    source.pause(AT, false);
    found.clear();
    produce(&transport, "s", 1, 10, 10);
    source.poll(ALL, &mut found).unwrap();
    assert!(matches!(found.as_slice(), [Polled::Records { at: AT, next: 10, .. }]), "{found:?}");
}

fn a_bounded_read_ends_once_where_the_end_was_when_it_began<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    produce(&transport, "s", 0, 0, 5);
    let worker = transport.worker("job");
    let mut source = worker.source("s", true);
    source.assign(AT, Start::Oldest).unwrap();
    produce(&transport, "s", 0, 5, 5);
    let mut found = Vec::new();
    (0..3).for_each(|_| source.poll(ALL, &mut found).unwrap());
    assert!(matches!(found.as_slice(), [Polled::Records { next: 5, .. }, Polled::End { at: AT }]), "{found:?}");
}

fn a_stream_is_made_once_and_keeps_its_partitions<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 3).unwrap();
    transport.create("s", 3).unwrap();
    let refused = transport.create("s", 4).unwrap_err().to_string();
    assert!(refused.contains("has 3 partitions"), "{refused}");
    for name in ["", ".", "..", "a/b", "a b", "ü", &"x".repeat(250)] {
        assert!(transport.create(name, 1).is_err(), "{name:?}");
    }
    assert!(transport.create("none", 0).is_err());
    assert!(transport.create(&"x".repeat(249), 1).is_ok());
}

fn writers_on_several_threads_leave_no_gap_and_keep_their_order<T: Transport>() {
    const ROUNDS: u64 = 40;
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let transport = &transport;
            scope.spawn(move || {
                let mut worker = transport.worker(&format!("writer-{writer}"));
                let mut sink = worker.sink("s", 0);
                for round in 0..ROUNDS {
                    sink.send(&pack(&[Record::new(&writer.to_string(), &round.to_string(), 0)], 0)).unwrap();
                    worker.checkpoint(&mut [&mut sink], 0).unwrap();
                }
            });
        }
        // A reader beside them, which waits for records instead of asking again and again.
        let worker = transport.worker("reader");
        let mut source = worker.source("s", false);
        let (mut next, mut rounds) = (source.assign(AT, Start::Oldest).unwrap(), [0; 3]);
        while next < 3 * ROUNDS {
            let mut found = Vec::new();
            source.poll(PollBudget { wait_ms: 60_000, ..ALL }, &mut found).unwrap();
            assert!(!found.is_empty(), "a waiting poll returns with what another thread has committed");
            for polled in found {
                let Polled::Records { batch, next: after, .. } = polled else { panic!("an unbounded read has no end") };
                next = check(&batch, 0, next, after);
                for record in unpack(&batch) {
                    let number = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap()).unwrap().parse::<u64>().unwrap();
                    let (writer, round) = (number(record.key) as usize, number(record.value));
                    assert_eq!(round, rounds[writer], "writer {writer}");
                    rounds[writer] += 1;
                }
            }
        }
        assert_eq!(rounds, [ROUNDS; 3]);
    });
}

fn a_batch_for_many_partitions_keeps_the_order_in_each<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 3).unwrap();
    let mut rows = BatchBuilder::default();
    for n in 0..9_000u64 {
        let partition = (n * 7 / 3 % 3) as u32;
        rows.push(None, Some(&n.to_le_bytes()), Default::default(), Fields { partition, timestamp: 0, ..Fields::default() });
    }
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    let staged = sink.send(rows.as_batch()).unwrap();
    assert!(staged >= 9_000 * 8, "staged bytes are told: {staged}");
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    for partition in 0..3 {
        let expected: Vec<u64> = (0..9_000).filter(|n| n * 7 / 3 % 3 == u64::from(partition)).collect();
        let found: Vec<u64> =
            read(&worker, "s", partition, Start::Oldest).1.iter().map(|r| u64::from_le_bytes(r.value.clone().unwrap().try_into().unwrap())).collect();
        assert_eq!(found, expected);
    }
}

macro_rules! contract {
    ($module:ident, $transport:ty, [$($fact:ident),* $(,)?]) => {
        mod $module {
            $(
                #[test]
                fn $fact() {
                    super::$fact::<$transport>();
                }
            )*
        }
    };
}

contract!(
    embedded,
    super::Embedded,
    [
        records_come_back_as_they_were_sent,
        records_are_hidden_until_the_checkpoint_and_after_an_abort,
        offsets_count_on_over_checkpoints_writers_and_restarts,
        reading_begins_at_oldest_newest_or_any_offset,
        a_time_means_the_first_record_not_before_it,
        keys_go_to_the_partition_kafka_gives_them,
        outputs_progress_and_state_become_durable_together,
        big_records_pass_between_small_ones,
        a_poll_keeps_to_its_budget_but_gives_at_least_one_record,
        a_paused_partition_is_silent_and_loses_nothing,
        a_bounded_read_ends_once_where_the_end_was_when_it_began,
        a_stream_is_made_once_and_keeps_its_partitions,
        writers_on_several_threads_leave_no_gap_and_keep_their_order,
        a_batch_for_many_partitions_keeps_the_order_in_each,
    ]
);
