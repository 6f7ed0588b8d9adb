//! What keyed state costs: read and write of 1 M keys through the overlay, RocksDB below, and the checkpoint that makes it durable. ns of CPU per key, all threads counted.
//!
//! `cargo bench -p millstream --bench state`

use std::error::Error;
use std::time::Instant;

use millstream::log::Log;
use millstream::record::{Batch, BatchBuilder, Fields};
use millstream::state::{StoreOptions, Stores};

const KEYS: u64 = 1_000_000;
const BATCH: usize = 1_000;
const BATCHES_PER_CHECKPOINT: usize = 100;
const CHECKPOINTS: usize = 20;

/// A small generator (SplitMix64): the same keys each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// CPU time of this process so far, all threads, ms (10 ms steps).
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

fn batch(keys: &mut dyn FnMut() -> u64, value: u64) -> Batch {
    let mut rows = BatchBuilder::default();
    for _ in 0..BATCH {
        let key = format!("key-{:08}", keys() % KEYS);
        rows.push(Some(key.as_bytes()), Some(&value.to_le_bytes()), Default::default(), Fields::default());
    }
    rows.into_batch()
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let log = Log::open(folder.path())?;
    let worker = log.worker("bench");
    let mut ledger = worker.ledger();
    let mut stores = Stores::open(worker.state(), "bench", "count", 0, &[StoreOptions { name: "counts".into(), ttl_ms: None }])?;

    let mut next = 0;
    let began = cpu_ms();
    for _ in 0..KEYS as usize / BATCH {
        let rows = batch(
            &mut || {
                next += 1;
                next - 1
            },
            0,
        );
        stores.put_many(&rows)?;
        stores.keep();
        if (next as usize).is_multiple_of(BATCH * BATCHES_PER_CHECKPOINT) {
            ledger.commit(&[])?;
            ledger.apply(&mut stores.changes())?;
            stores.forget();
        }
    }
    println!("fill {KEYS} keys: {} ns of CPU per key", (cpu_ms() - began) * 1_000_000 / KEYS);

    let mut random = Random(7);
    let batches: Vec<Batch> = (0..BATCHES_PER_CHECKPOINT * CHECKPOINTS).map(|n| batch(&mut || random.next(), n as u64)).collect();
    let (mut get, mut put, mut checkpoint) = (0, 0, 0);
    let began = cpu_ms();
    let mut found = 0;
    for (n, rows) in batches.iter().enumerate() {
        let at = Instant::now();
        found += stores.get_many(rows)?.iter().filter(|row| row.value.is_some()).count();
        get += at.elapsed().as_nanos();
        let at = Instant::now();
        stores.put_many(rows)?;
        stores.keep();
        put += at.elapsed().as_nanos();
        if (n + 1) % BATCHES_PER_CHECKPOINT == 0 {
            let at = Instant::now();
            ledger.commit(&[])?;
            ledger.apply(&mut stores.changes())?;
            stores.forget();
            checkpoint += at.elapsed().as_nanos();
        }
    }
    let all = (batches.len() * BATCH) as u128;
    assert_eq!(found as u128, all, "each key was written before");
    println!("random keys of {KEYS}, {BATCH} a batch, a checkpoint every {} keys:", BATCH * BATCHES_PER_CHECKPOINT);
    println!("  get {} ns, put {} ns, checkpoint {} ns per key (wall)", get / all, put / all, checkpoint / all);
    println!("  all in: {} ns of CPU per key", u128::from(cpu_ms() - began) * 1_000_000 / all);
    Ok(())
}
