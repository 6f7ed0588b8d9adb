//! Prints what operators cost natively with link-time optimisation, as their components have it: `name ns-of-CPU-per-record`, a line each.
//!
//! In the host's own workspace they are built without it (it would compile wasmtime anew), which flatters Wasm: trivial functions of the SDK stay calls.
//! Operators with state are measured over maps in memory here, so their figure stands beside no other.

#[path = "../../../../bench/src/records.rs"]
mod records;

use std::time::Duration;

use cpu_time::ThreadTime;
use millstream_sdk::layout::{self, Batch};
use millstream_sdk::{Call, Instance, Operator, Setup, testing::MemoryHost};
use records::{BATCH, FILTER, MAP};

const SAMPLES: usize = 41;
const SAMPLE: Duration = Duration::from_millis(50);

fn main() {
    print::<filter_map::FilterMap>("map", MAP, &records::records(BATCH, records::words));
    print::<json::Project>("json-filter", FILTER, &records::records(BATCH, records::flight));
}

fn print<O: Operator>(name: &str, config: &str, input: &Batch) {
    let setup = Setup { config: config.into(), inputs: vec!["in".to_owned()], outputs: vec!["out".to_owned()], stores: Vec::new() };
    let mut instance = Instance::<O>::open(&setup).expect("the operator opens");
    let mut host = MemoryHost::default();
    let mut samples: Vec<f64> = (0..SAMPLES).map(|_| sample(&mut instance, input, &mut host)).collect();
    samples.sort_by(f64::total_cmp);
    println!("{name} {:.1}", samples[SAMPLES / 2]);
}

/// ns of CPU per record over one sample's time.
fn sample<O: Operator>(instance: &mut Instance<O>, input: &Batch, host: &mut MemoryHost) -> f64 {
    let (began, mut calls) = (ThreadTime::now(), 0u32);
    loop {
        let effects = instance.process(Call { watermark: 0, now: 0, task: 0 }, input, host).expect("an operator that works");
        std::hint::black_box(&effects);
        calls += 1;
        let took = began.elapsed();
        if took >= SAMPLE {
            return took.as_nanos() as f64 / f64::from(calls) / input.len() as f64;
        }
    }
}
