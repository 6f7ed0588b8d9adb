//! What it costs that an operator is Wasm: the boundary alone, and whole operators against themselves natively in the same host.

use std::collections::HashMap;

use criterion::{BenchmarkId, Criterion, Throughput};
use millstream::operator::{Limits, Operator, Setup};
use millstream_bench::cpu::CpuTime;
use millstream_bench::native;
use millstream_bench::records::{BATCH, FILTER, KEYS, MAP, flight, records, words};
use millstream_bench::table::{self, Figure};
use millstream_bench::work::{Work, setup, wasm};
use millstream_tests::guest::Guest;

const BATCHES: [usize; 4] = [1, 16, 256, 4096];
const BOUNDARY: &str = "boundary";
const OPERATORS: &str = "operators";

fn boundary(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group(BOUNDARY);
    for rows in BATCHES {
        let operators = [("rust", wasm("rust-identity", &setup("", &[]))), ("wat", Guest::default().opened(&Limits::default()))];
        group.throughput(Throughput::Elements(rows as u64));
        for (name, operator) in operators {
            let mut work = Work::new(operator, records(rows, words), &[]);
            assert_eq!(work.step(), rows);
            group.bench_function(BenchmarkId::new(name, rows), |bencher| bencher.iter(|| work.step()));
        }
    }
    group.finish();
}

/// A workload: the component's name, its input, the same operator natively.
type Workload = (&'static str, &'static str, fn(usize) -> String, &'static [&'static str], &'static str, fn(&Setup) -> Box<dyn Operator>);

const WORKLOADS: [Workload; 3] = [
    ("map", "rust-filter-map", words, &[], MAP, |setup| Box::new(native::open::<filter_map::FilterMap>("map", setup).expect("map opens"))),
    ("json-filter", "rust-json", flight, &[], FILTER, |setup| Box::new(native::open::<json::Project>("json", setup).expect("json opens"))),
    ("count", "rust-count", words, &["counts"], "", |setup| Box::new(native::open::<count::Count>("count", setup).expect("count opens"))),
];

fn operators(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group(OPERATORS);
    group.throughput(Throughput::Elements(BATCH as u64));
    for (name, component, value, stores, config, natively) in WORKLOADS {
        let setup = setup(config, stores);
        let mut in_wasm = Work::new(wasm(component, &setup), records(BATCH, value), stores);
        let mut native = Work::new(natively(&setup), records(BATCH, value), stores);
        assert_eq!(in_wasm.step(), native.step(), "{name}: the same operator gives the same");
        group.bench_function(BenchmarkId::new(name, "wasm"), |bencher| bencher.iter(|| in_wasm.step()));
        group.bench_function(BenchmarkId::new(name, "native"), |bencher| bencher.iter(|| native.step()));
    }
    group.finish();
}

fn boundary_section() -> Option<String> {
    let mut rows = String::new();
    for batch in BATCHES {
        let per_record =
            |figure: Figure| format!("{:.1} ({:.1} to {:.1})", figure.median / batch as f64, figure.low / batch as f64, figure.high / batch as f64);
        let (rust, wat) = (table::figure(BOUNDARY, "rust", batch)?, table::figure(BOUNDARY, "wat", batch)?);
        rows += &format!("| {batch} | {} | {} |\n", per_record(rust), per_record(wat));
    }
    Some(format!(
        "## The boundary\n\nOne call of `process` with records of 100 bytes (key 16, value 84) that are passed on: lowered, through the guest, lifted, checked. ns of CPU\n\
         per record, median and its 95 % interval. Floor: 25 at batches of 256 and more; aim: 5.\n\n\
         | records per batch | Rust SDK | hand-written WAT |\n|---|---|---|\n{rows}\n{COMMAND}"
    ))
}

/// What `guests/rust/native-bench` measures: the operators natively with link-time optimisation, ns per record by name.
fn optimised() -> std::io::Result<HashMap<String, f64>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/rust/Cargo.toml");
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo
        .args(["run", "--release", "--quiet", "--package", "native-bench", "--manifest-path", manifest])
        .env("CARGO_TARGET_DIR", table::figures().join("guests"))
        // A process with no host in it has a heap so small that each batch's memory would go back to the system and be faulted in again.
        .env("MALLOC_TRIM_THRESHOLD_", "268435456");
    let said = cargo.output()?;
    if !said.status.success() {
        return Err(std::io::Error::other(String::from_utf8_lossy(&said.stderr).into_owned()));
    }
    let lines = String::from_utf8_lossy(&said.stdout).into_owned();
    Ok(lines.lines().filter_map(|line| line.split_once(' ')).filter_map(|(name, ns)| Some((name.to_owned(), ns.parse().ok()?))).collect())
}

fn operators_section(optimised: &HashMap<String, f64>) -> Option<String> {
    let mut rows = String::new();
    for (name, ..) in WORKLOADS {
        let per_record = |side| table::figure(OPERATORS, name, side).map(|figure| figure.median / BATCH as f64);
        let (wasm, plain) = (per_record("wasm")?, per_record("native")?);
        let like = optimised.get(name).map_or("not measured | ".to_owned(), |native| format!("{native:.0} | {:.2}", native / wasm));
        rows += &format!("| {name} | {wasm:.0} | {plain:.0} | **{:.2}** | {like} |\n", plain / wasm);
    }
    Some(format!(
        "## Wasm against native\n\nThe same operator code of the Rust SDK as a component and natively, `process` alone (no source, no sink), batches of {BATCH}, records of 100\n\
         bytes, {KEYS} keys, state in memory. ns of CPU per record, medians. Floor of the ratio (native / Wasm): 0.80; aim: 0.95.\n\n\
         The ratio that the floor is for is the bold one: native in the same host, built as the host is. Components are built with link-time optimisation; the columns on the right\n\
         have native so, too (`guests/rust/native-bench`, which has no host around the call): a stricter comparison, as trivial functions of the SDK are calls in the host. `count`\n\
         needs the host's stores and has been measured there only.\n\n\
         | operator | Wasm | native in the host | ratio | native with LTO | ratio |\n|---|---|---|---|---|---|\n{rows}\n{COMMAND}"
    ))
}

const COMMAND: &str = "    MILLSTREAM_BENCH_SAVE=1 cargo bench -p millstream-bench --bench operator\n";

fn main() -> std::io::Result<()> {
    let criterion = Criterion::default().with_measurement(CpuTime).sample_size(40).output_directory(&table::figures());
    let mut criterion = criterion.configure_from_args();
    boundary(&mut criterion);
    operators(&mut criterion);
    criterion.final_summary();
    for (mark, section) in [("boundary", boundary_section()), ("wasm against native", operators_section(&optimised()?))] {
        if let Some(section) = section {
            table::publish(mark, &section)?;
        }
    }
    Ok(())
}
