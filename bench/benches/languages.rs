//! What operators cost in each language: the same work, in one warm instance of each, and what it takes to load one.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use millstream::operator::{Grants, Limits, Loaded, WasmEngine};
use millstream_bench::cpu::CpuTime;
use millstream_bench::records::{FILTER, flight, words};
use millstream_bench::table;
use millstream_bench::work::{Work, in_turn, setup, wasm};
use millstream_tests::components;
use millstream_tests::languages::{LANGUAGES, Language};

const BATCH: usize = 1_000;
const GROUP: &str = "languages";
/// What the memory of an instance is looked at after.
const BATCHES: usize = 5_000;

/// An operator, its config, its stores, its input.
type Workload = (&'static str, &'static str, &'static [&'static str], fn(usize) -> String);

const WORKLOADS: [Workload; 3] = [("identity", "", &[], words), ("count", "", &["counts"], words), ("json", FILTER, &[], flight)];

fn work(language: &Language, (operator, config, stores, value): Workload) -> Work {
    Work::new(wasm(&language.component(operator), &setup(config, stores)), in_turn(BATCH, value), stores)
}

fn measure(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group(GROUP);
    group.throughput(Throughput::Elements(BATCH as u64));
    for workload in WORKLOADS {
        for language in LANGUAGES.iter().filter(|language| language.has(workload.0)) {
            let mut work = work(language, workload);
            // A collector has its first turns, an allocator its rooms.
            (0..100).for_each(|_| _ = work.step());
            group.bench_function(BenchmarkId::new(workload.0, language), |bencher| bencher.iter(|| work.step()));
        }
    }
    group.finish();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The parts of a line that are not ns per record: size, compile time, time to open, memory.
fn loading(language: &Language) -> String {
    let path = components::component(&language.component("count"));
    let bytes = std::fs::metadata(&path).expect("a component").len();
    let engine = WasmEngine::new(None).expect("an engine");
    let began = Instant::now();
    let loaded = Loaded::load(&engine, &path, Grants { state: true }).expect("a sound component");
    let compiled = began.elapsed();
    let opening = (0..20).map(|_| {
        let began = Instant::now();
        let _operator = loaded.open("count", &setup("", &["counts"]), &Limits::default()).expect("it opens");
        began.elapsed()
    });
    let opened = median(opening.collect());
    let mut work = work(language, WORKLOADS[1]);
    let mut memory = [0, 0];
    let mut recycled = 0;
    for n in 0..BATCHES {
        work.step();
        let settled = work.operator.settle().expect("settled");
        recycled += usize::from(settled.recycled);
        memory[usize::from(n > 0)] = settled.memory_bytes;
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    recycled += work.recycled;
    let recycled = if recycled == 0 { String::new() } else { format!(", recycled {recycled} times") };
    let (began, ended) = (mib(memory[0]), mib(memory[1]));
    format!("{} kB | {:.2} s | {:.0} µs | {began:.1} → {ended:.1} MiB{recycled}", bytes / 1000, compiled.as_secs_f64(), opened.as_secs_f64() * 1e6)
}

fn section() -> Option<String> {
    let mut rows = String::new();
    for language in &LANGUAGES {
        let figure = |operator: &str| match language.has(operator) {
            true => table::figure(GROUP, operator, language.name).map(|figure| format!("{:.0}", figure.median / BATCH as f64)),
            false => Some("–".to_owned()),
        };
        let [identity, count, json] = WORKLOADS.map(|(operator, ..)| figure(operator));
        rows += &format!("| {} | {} | {} | {} | {} |\n", language.name, identity?, count?, json?, loading(language));
    }
    Some(format!(
        "## Languages\n\nThe same operators in each language, in one warm instance, batches of {BATCH}, records of 100 bytes, 500 keys numbered by the host, state in memory. ns of CPU\n\
         per record, medians. On the right, of the keyed count: the component's size, the time to compile it (wall clock, no cache), to open an instance, and the\n\
         instance's memory after the first batch and after {BATCHES}.\n\n\
         | language | identity | keyed count | JSON filter | component | compile | open | memory |\n|---|---|---|---|---|---|---|---|\n{rows}\n\
         \x20   MILLSTREAM_BENCH_SAVE=1 cargo bench -p millstream-bench --bench languages\n"
    ))
}

fn main() -> std::io::Result<()> {
    let criterion = Criterion::default().with_measurement(CpuTime).sample_size(30).output_directory(&table::figures());
    let mut criterion = criterion.configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
    match section() {
        Some(section) => table::publish("languages", &section),
        None => Ok(()),
    }
}
