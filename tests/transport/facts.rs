//! What a job may rely on, whether its streams live in the embedded log or on Kafka. Each fact is about one [`Transport`]; [`contract`] makes tests of them all. Offsets
//! ascend, and may leave out numbers; polls wait a bounded time.

use std::time::Instant;

use millstream::record::{BatchBuilder, Fields, NO_TIMESTAMP, NONE, partition_of};
use millstream::source::{InputPartition, PollBudget, Polled, Start};
use millstream::state::{Change, StoreId};
use millstream_tests::transport::{BOUND, Record, Transport, WAITING, Worker, check, count, numbered, pack, poll_until, produce, read, read_placed, unpack};

pub const AT: InputPartition = InputPartition { input: 0, partition: 0 };

pub fn records_come_back_as_they_were_sent<T: Transport>() {
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

pub fn records_are_hidden_until_the_checkpoint_and_after_an_abort<T: Transport>() {
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
    // Whoever aborts begins anew.
    drop((sink, worker));
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&numbered(7, 2), 0)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, numbered(7, 2));
}

pub fn offsets_count_on_over_checkpoints_writers_and_restarts<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 2).unwrap();
    produce(&transport, "s", 1, 0, 2_500);
    produce(&transport, "s", 1, 2_500, 1);
    let transport = transport.reopened();
    produce(&transport, "s", 1, 2_501, 30);
    let worker = transport.worker("job");
    assert_eq!(read(&worker, "s", 1, Start::Oldest), (0, numbered(0, 2_531)));
    assert_eq!(read(&worker, "s", 0, Start::Oldest), (0, vec![]));
    let at = InputPartition { input: 0, partition: 1 };
    let mut source = worker.source("s", false);
    let end = source.assign(at, Start::Newest).unwrap();
    let began = Instant::now();
    while source.end(at).unwrap() != Some(end) {
        assert!(began.elapsed() < BOUND, "the end is {end}, and said to be at {:?}", source.end(at));
        source.poll(WAITING, &mut Vec::new()).unwrap();
    }
    assert!(end >= 2_531);
}

pub fn reading_begins_at_oldest_newest_or_any_offset<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    produce(&transport, "s", 0, 0, 1_500);
    produce(&transport, "s", 0, 1_500, 1_500);
    let worker = transport.worker("job");
    let (_, all) = read_placed(&worker, "s", 0, Start::Oldest);
    for n in [0, 1, 1_023, 1_024, 1_499, 1_500, 1_501, 2_999] {
        let offset = all[n as usize].0;
        assert_eq!(read(&worker, "s", 0, Start::At(offset)), (offset, numbered(n, 3_000 - n)));
        // Also where what follows is no record.
        assert_eq!(read(&worker, "s", 0, Start::At(offset + 1)), (offset + 1, numbered(n + 1, 2_999 - n)));
    }
    let (end, none) = read(&worker, "s", 0, Start::Newest);
    assert!(end >= 3_000 && none.is_empty(), "{end}");
    assert_eq!(read(&worker, "s", 0, Start::At(end)), (end, vec![]));
    let beyond = worker.source("s", false).assign(AT, Start::At(end + 1)).unwrap_err().to_string();
    assert!(beyond.contains(&format!("ends at {end}")) && beyond.contains(&(end + 1).to_string()), "{beyond}");
}

pub fn a_time_means_the_first_record_not_before_it<T: Transport>() {
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
    // By number of the record.
    let places = [(i64::MIN, 0), (0, 0), (10, 0), (11, 1), (25, 1), (31, 3), (41, 6), (50, 6), (51, 7), (60_000, 7), (60_001, 8), (120_000_000, 2_006)];
    let all = read_placed(&worker, "s", 0, Start::Oldest).1;
    assert_eq!(all.len(), 2_007);
    for (time, n) in places {
        assert_eq!(read(&worker, "s", 0, Start::Timestamp(time)).0, all[n].0, "time {time}");
    }
    let end = read(&worker, "s", 0, Start::Newest).0;
    assert_eq!(read(&worker, "s", 0, Start::Timestamp(120_000_001)).0, end, "none so late: the end");
}

pub fn keys_go_to_the_partition_kafka_gives_them<T: Transport>() {
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
    assert!(refused.contains("partition"), "{refused}");
}

pub fn store_id(worker: &Worker, task: u32) -> StoreId {
    StoreId { job: worker.job.clone(), operator: "count".into(), store: "counts".into(), task }
}

/// All of a task's store.
pub fn rows(worker: &Worker, task: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
    let store = worker.state.open(&store_id(worker, task)).unwrap();
    let mut rows = Vec::new();
    let visit = &mut |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        std::ops::ControlFlow::Continue(())
    };
    worker.state.scan(store, b"", b"", visit).unwrap();
    rows
}

pub fn outputs_progress_and_state_become_durable_together<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    let mut worker = transport.worker("job");
    assert_eq!(worker.position(), None);
    let store = worker.state.open(&store_id(&worker, 3)).unwrap();
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&numbered(0, 10), 0)).unwrap();
    let change = |key, value| Change { store, key, value };
    let changes = [change(b"b", Some(&b"2"[..])), change(b"a", Some(b"1")), change(b"c", Some(b"3")), change(b"c", None)];
    worker.commit(&mut [&mut sink], 42, &changes).unwrap();
    worker.ledger.apply(&mut changes.into_iter()).unwrap();
    // A second round that nobody finishes.
    sink.send(&pack(&numbered(10, 10), 0)).unwrap();
    sink.flush().unwrap();
    worker.ledger.record(&mut [change(b"a", Some(b"5"))].into_iter()).unwrap();
    drop((worker, sink));

    let transport = transport.reopened();
    let mut worker = transport.worker("job");
    assert_eq!(worker.position(), Some(42));
    assert_eq!(transport.worker("another-job").position(), None);
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, numbered(0, 10));
    assert_eq!(worker.state.open(&store_id(&worker, 3)).unwrap(), store);
    assert_eq!(rows(&worker, 3), [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec())]);
    assert_eq!(rows(&worker, 4), [], "another task's store is empty");
}

pub fn a_crash_between_commit_and_apply_keeps_all_or_nothing<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    let mut worker = transport.worker("job");
    let store = worker.state.open(&store_id(&worker, 3)).unwrap();
    let mut sink = worker.sink("s", 0);
    let change = |value| [Change { store, key: b"sum", value: Some(value) }];
    sink.send(&pack(&numbered(0, 10), 0)).unwrap();
    worker.commit(&mut [&mut sink], 10, &change(b"45")).unwrap();
    worker.ledger.apply(&mut change(b"45").into_iter()).unwrap();
    sink.send(&pack(&numbered(10, 10), 0)).unwrap();
    worker.commit(&mut [&mut sink], 20, &change(b"190")).unwrap();
    drop((worker, sink));
    let transport = transport.reopened();
    let mut worker = transport.worker("job");
    let sum = match worker.position() {
        Some(10) => b"45".to_vec(),
        Some(20) => b"190".to_vec(),
        other => panic!("position {other:?}"),
    };
    assert_eq!(rows(&worker, 3), [(b"sum".to_vec(), sum)]);
    let position = worker.position().unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest).1, numbered(0, position));
}

pub fn big_records_pass_between_small_ones<T: Transport>() {
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

pub fn a_poll_keeps_to_its_budget_but_gives_at_least_one_record<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    produce(&transport, "s", 0, 0, 2_000);
    let worker = transport.worker("job");
    for (records_max, bytes_max) in [(1, usize::MAX), (7, usize::MAX), (1_500, usize::MAX), (usize::MAX, 1), (usize::MAX, 3_000), (64, 3_000)] {
        let mut source = worker.source("s", false);
        let mut next = source.assign(AT, Start::Oldest).unwrap();
        let mut records = Vec::new();
        let began = Instant::now();
        while records.len() < 2_000 {
            assert!(began.elapsed() < BOUND, "{} records came", records.len());
            let mut found = Vec::new();
            source.poll(PollBudget { records_max, bytes_max, wait_ms: 200 }, &mut found).unwrap();
            let batches: Vec<_> =
                found.iter().filter_map(|polled| if let Polled::Records { batch, next, .. } = polled { Some((batch, *next)) } else { None }).collect();
            assert!(batches.len() <= 1, "one partition, one batch: {found:?}");
            for (batch, after) in batches {
                assert!(batch.len() <= records_max && (batch.bytes() <= bytes_max || batch.len() == 1), "{} records of {} bytes", batch.len(), batch.bytes());
                next = check(batch, 0, next, after);
                records.extend(unpack(batch));
            }
        }
        assert_eq!(records, numbered(0, 2_000));
    }
}

pub fn a_paused_partition_is_silent_and_loses_nothing<T: Transport>() {
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
    let mut found = poll_until(&mut source, "the other's records", |found| count(found, other) == 10);
    (0..3).for_each(|_| source.poll(WAITING, &mut found).unwrap());
    assert_eq!((count(&found, AT), count(&found, other)), (0, 10));
    source.revoke(other);
    source.pause(AT, false);
    produce(&transport, "s", 1, 10, 10);
    let mut found = poll_until(&mut source, "records of the partition that goes on", |found| count(found, AT) == 10);
    (0..3).for_each(|_| source.poll(WAITING, &mut found).unwrap());
    assert_eq!((count(&found, AT), count(&found, other)), (10, 0));
}

pub fn a_bounded_read_ends_once_where_the_end_was_when_it_began<T: Transport>() {
    let transport = T::fresh();
    transport.create("s", 1).unwrap();
    produce(&transport, "s", 0, 0, 5);
    let worker = transport.worker("job");
    let mut source = worker.source("s", true);
    source.assign(AT, Start::Oldest).unwrap();
    produce(&transport, "s", 0, 5, 5);
    let mut found = poll_until(&mut source, "the end", |found| matches!(found.last(), Some(Polled::End { .. })));
    (0..3).for_each(|_| source.poll(WAITING, &mut found).unwrap());
    assert_eq!(count(&found, AT), 5);
    assert_eq!(found.iter().filter(|polled| matches!(polled, Polled::End { at: AT })).count(), 1);
    // What came after the end is the next run's, from where this one ended.
    let position = found.iter().filter_map(|polled| match polled {
        Polled::Records { next, .. } | Polled::Skipped { next, .. } => Some(*next),
        Polled::End { .. } => None,
    });
    assert_eq!(read(&worker, "s", 0, Start::At(position.max().unwrap())).1, numbered(5, 5));
}

pub fn a_stream_is_made_once_and_keeps_its_partitions<T: Transport>() {
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

pub fn writers_on_several_threads_lose_nothing_and_keep_their_order<T: Transport>() {
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
        let began = Instant::now();
        while rounds != [ROUNDS; 3] {
            let mut found = Vec::new();
            source.poll(PollBudget { wait_ms: 2 * BOUND.as_millis() as u64, ..WAITING }, &mut found).unwrap();
            assert!(began.elapsed() < BOUND, "a waiting poll returns with what another thread has committed");
            for polled in found {
                match polled {
                    Polled::Records { batch, next: after, .. } => {
                        next = check(&batch, 0, next, after);
                        for record in unpack(&batch) {
                            let number = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap()).unwrap().parse::<u64>().unwrap();
                            let (writer, round) = (number(record.key) as usize, number(record.value));
                            assert_eq!(round, rounds[writer], "writer {writer}");
                            rounds[writer] += 1;
                        }
                    }
                    Polled::Skipped { next: after, .. } => next = after,
                    Polled::End { .. } => panic!("an unbounded read has no end"),
                }
            }
        }
        assert_eq!(rounds, [ROUNDS; 3]);
    });
}

pub fn a_batch_for_many_partitions_keeps_the_order_in_each<T: Transport>() {
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

/// Makes a test of each fact, for one transport.
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "the facts belong to whichever test binary includes this file")]
macro_rules! contract {
    ($transport:ty) => {
        contract!(
            $transport,
            [
                records_come_back_as_they_were_sent,
                records_are_hidden_until_the_checkpoint_and_after_an_abort,
                offsets_count_on_over_checkpoints_writers_and_restarts,
                reading_begins_at_oldest_newest_or_any_offset,
                a_time_means_the_first_record_not_before_it,
                keys_go_to_the_partition_kafka_gives_them,
                outputs_progress_and_state_become_durable_together,
                a_crash_between_commit_and_apply_keeps_all_or_nothing,
                big_records_pass_between_small_ones,
                a_poll_keeps_to_its_budget_but_gives_at_least_one_record,
                a_paused_partition_is_silent_and_loses_nothing,
                a_bounded_read_ends_once_where_the_end_was_when_it_began,
                a_stream_is_made_once_and_keeps_its_partitions,
                writers_on_several_threads_lose_nothing_and_keep_their_order,
                a_batch_for_many_partitions_keeps_the_order_in_each,
            ]
        );
    };
    ($transport:ty, [$($fact:ident),* $(,)?]) => {
        mod contract {
            $(
                #[test]
                fn $fact() {
                    crate::facts::$fact::<$transport>();
                }
            )*
        }
    };
}
