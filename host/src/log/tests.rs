//! What only the log's own room can show: damage below RocksDB's checksums, and what retention drops.

use std::sync::Arc;

use super::*;
use crate::record::{Batch, BatchBuilder, Fields, NO_TIMESTAMP, TaskId};
use crate::source::{InputPartition, PollBudget, Start};
use crate::state::{Change, StateStore, StoreId};

fn opened() -> (tempfile::TempDir, Arc<Log>) {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path()).unwrap();
    (folder, log)
}

fn create(log: &Log, retention_ms: Option<u64>, retention_bytes: Option<u64>) {
    log.create_stream("s", &StreamSettings { partitions: 2, retention_ms, retention_bytes }).unwrap();
}

/// A block of `records` records of about 100 bytes, all at one time.
fn records(records: usize, timestamp: i64) -> Batch {
    let mut rows = BatchBuilder::default();
    (0..records).for_each(|_| rows.push(None, Some(&[7; 100]), Default::default(), Fields { partition: 1, timestamp, ..Fields::default() }));
    rows.into_batch()
}

fn kept(log: &Log) -> (u64, u64) {
    let partition = log.describe("s").unwrap().partitions[1];
    (partition.first, partition.next)
}

#[test]
fn a_damaged_block_is_named_by_stream_partition_and_offset() {
    let (_folder, log) = opened();
    create(&log, None, None);
    log.append("s", &records(10, 0)).unwrap();
    log.append("s", &records(10, 0)).unwrap();
    let stream = log.stream("s").unwrap();
    let key = stream.key(1, 10);
    let sound = log.db.get_cf(log.family(BLOCKS), key).unwrap().unwrap();
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 6] = [
        ("checksum", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("checksum", |bytes| bytes[9] ^= 1),
        ("checksum", |bytes| bytes.truncate(500)),
        ("too few", |bytes| bytes.truncate(20)),
        ("too few", |bytes| bytes.clear()),
        ("version 2", |bytes| bytes[0] = 2),
    ];
    for (word, damage) in damages {
        let mut bytes = sound.clone();
        damage(&mut bytes);
        log.db.put_cf(log.family(BLOCKS), key, bytes).unwrap();
        let Err(HostError::Storage { what, reason, help: Some(_) }) = log.read("s", 1, 12) else { panic!("{word}: read a damaged block") };
        assert_eq!(what, "the block of stream `s`, partition 1, offset 10");
        assert!(reason.contains(word), "{reason}");
        assert_eq!(log.read("s", 1, 3).unwrap().unwrap().len(), 7, "the block before is as it was");
    }
    // A block that is not there at all.
    log.db.delete_cf(log.family(BLOCKS), key).unwrap();
    let missing = log.read("s", 1, 12).unwrap_err().to_string();
    assert_eq!(missing, "stream `s`, partition 1: the record at offset 12 is missing, though 0 to 20 should be there");
}

#[test]
fn records_older_than_their_time_are_dropped_block_by_block_but_never_the_newest() {
    let (folder, log) = opened();
    create(&log, Some(100), None);
    for timestamp in [10, 20, 30, NO_TIMESTAMP, 5] {
        log.append("s", &records(10, timestamp)).unwrap();
    }
    log.enforce_retention(110).unwrap();
    assert_eq!(kept(&log), (0, 50), "a record may be as old as the limit");
    log.enforce_retention(130).unwrap();
    assert_eq!(kept(&log), (20, 50));
    // A block without a time does not age, and holds back what comes after it.
    log.enforce_retention(1_000).unwrap();
    assert_eq!(kept(&log), (30, 50));
    log.append("s", &records(10, 6)).unwrap();
    log.trim_before("s", 1, 45).unwrap();
    assert_eq!(kept(&log), (40, 60), "the block that holds the offset stays");
    log.enforce_retention(i64::MAX).unwrap();
    assert_eq!(kept(&log), (50, 60), "the newest block stays");
    log.trim_before("s", 1, 60).unwrap();
    assert_eq!(kept(&log), (60, 60), "a reader that is done with everything needs nothing");
    drop(log);
    let log = Log::open(folder.path()).unwrap();
    assert_eq!(kept(&log), (60, 60));
    log.append("s", &records(1, 7)).unwrap();
    assert_eq!(kept(&log), (60, 61));
}

#[test]
fn a_partition_keeps_about_as_many_bytes_as_it_should() {
    let (_folder, log) = opened();
    create(&log, None, Some(50_000));
    (0..40).for_each(|_| log.append("s", &records(20, 0)).unwrap());
    log.enforce_retention(0).unwrap();
    let description = log.describe("s").unwrap();
    assert!((50_000..53_000).contains(&description.partitions[1].bytes), "{description:?}");
    assert_eq!((description.partitions[1].next, description.partitions[0].next), (800, 0));
}

#[test]
fn reading_what_retention_dropped_is_refused_with_how_much() {
    let (_folder, log) = opened();
    create(&log, None, None);
    (0..3).for_each(|_| log.append("s", &records(10, 0)).unwrap());
    let mut behind = log.worker("job").source("s", false).unwrap();
    let at = InputPartition { input: 0, partition: 1 };
    behind.assign(at, Start::At(5)).unwrap();
    log.trim_before("s", 1, 20).unwrap();
    let budget = PollBudget { records_max: 100, bytes_max: 1 << 20, wait_ms: 0 };
    for refused in [behind.poll(budget, &mut Vec::new()).unwrap_err(), behind.assign(at, Start::At(5)).unwrap_err(), log.read("s", 1, 5).unwrap_err()] {
        assert!(refused.to_string().contains("offset 5 is gone by retention: the oldest is 20, 15 records"), "{refused}");
    }
    assert_eq!(behind.assign(at, Start::Oldest).unwrap(), 20);
}

#[test]
fn a_long_trim_drops_exactly_what_a_short_one_would() {
    let (_folder, log) = opened();
    create(&log, None, None);
    (0..1_100).for_each(|_| log.append("s", &records(1, 0)).unwrap());
    log.trim_before("s", 1, 1_050).unwrap();
    assert_eq!(kept(&log), (1_050, 1_100));
    assert_eq!(log.describe("s").unwrap().partitions[1].bytes, 50 * 161);
    assert_eq!(log.read("s", 1, 1_050).unwrap().unwrap().len(), 1);
}

/// A restore applies a stretch of a changelog at once, where a key may come again, and not each of its values can be held.
#[test]
fn a_copy_has_the_last_of_several_values_that_come_at_once() {
    let (_folder, log) = opened();
    let id = StoreId { job: "job".into(), operator: "o".into(), store: "s".into(), task: 0 };
    let (long, mark) = ([7; 5_000], CopyMark { changelog: "c".into(), changelog_id: "i".into(), position: 1, at_ms: 0 });
    let (task, written) = (TaskId { stage: 0, partition: 0 }, log.local_state("job"));
    let store = written.open(&id).unwrap();
    for values in [[Some(&long[..]), Some(b"short")], [Some(b"short"), Some(&long)], [Some(&long), None]] {
        written.apply(&mut values.into_iter().map(|value| Change { store, key: b"k", value }), &[], &[(task, mark.clone())]).unwrap();
        // By one that remembers nothing.
        let read = log.local_state("job");
        let store = read.open(&id).unwrap();
        read.get_many(store, &[b"k"], &mut |_, value| assert_eq!(value, values[1])).unwrap();
    }
}
