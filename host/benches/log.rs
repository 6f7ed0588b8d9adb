//! What the embedded log costs: records of 100 bytes appended in checkpoints and read back. Records per CPU-second, all threads counted (RocksDB's, too).
//!
//! `cargo bench -p millstream --bench log`

use std::error::Error;

use millstream::log::{Log, StreamSettings};
use millstream::record::{BatchBuilder, Fields, NONE, TaskId};
use millstream::source::{InputPartition, PollBudget, Polled, Start};

const RECORDS: u64 = 10_000_000;
const BATCH: u64 = 1_000;
const BATCHES_PER_CHECKPOINT: u64 = 100;
const PARTITIONS: u32 = 4;

/// CPU time of this process so far, all threads, ms (10 ms steps).
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

fn say(what: &str, began_ms: u64) {
    let ms = (cpu_ms() - began_ms).max(1);
    println!("{what}: {} records per CPU-second ({} ns each)", RECORDS * 1_000 / ms, ms * 1_000_000 / RECORDS);
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let log = Log::open(folder.path())?;
    log.create_stream("s", &StreamSettings { partitions: PARTITIONS, retention_ms: None, retention_bytes: None })?;
    let worker = log.worker("bench");
    let (mut sink, mut ledger) = (worker.sink("s", TaskId { stage: 0, partition: 0 })?, worker.ledger());
    // Text that compresses about as records do: by two thirds.
    let batches: Vec<_> = (0..100u64)
        .map(|n| {
            let mut rows = BatchBuilder::default();
            for at in 0..BATCH {
                let key = format!("carrier-{:04}", (n * 31 + at * 17) % 5_000);
                let value =
                    format!("{{\"flight\":{:07},\"from\":\"JFK\",\"to\":\"LAX\",\"delay\":{:04},\"note\":\"on time\"}}", n * BATCH + at, at * 7 % 1_440);
                let fields = Fields { timestamp: (n * BATCH + at) as i64, partition: NONE, ..Fields::default() };
                rows.push(Some(key.as_bytes()), Some(&value.as_bytes()[..value.len().min(88)]), Default::default(), fields);
            }
            rows.into_batch()
        })
        .collect();
    let began = cpu_ms();
    for n in 0..RECORDS / BATCH {
        sink.send(&batches[n as usize % batches.len()])?;
        if (n + 1) % BATCHES_PER_CHECKPOINT == 0 {
            sink.flush()?;
            ledger.commit(&[])?;
            ledger.apply(&mut std::iter::empty())?;
        }
    }
    say("append by key", began);

    let mut source = worker.source("s", true)?;
    for partition in 0..PARTITIONS {
        source.assign(InputPartition { input: 0, partition }, Start::Oldest)?;
    }
    let began = cpu_ms();
    let (mut read, mut ended) = (0, 0);
    let mut found = Vec::new();
    while ended < PARTITIONS {
        source.poll(PollBudget { records_max: 1_024, bytes_max: 4 << 20, wait_ms: 0 }, &mut found)?;
        for polled in found.drain(..) {
            match polled {
                Polled::Records { batch, .. } => read += batch.len() as u64,
                Polled::Skipped { .. } => {}
                Polled::End { .. } => ended += 1,
            }
        }
    }
    assert_eq!(read, RECORDS, "everything is read");
    say("read", began);
    Ok(())
}
