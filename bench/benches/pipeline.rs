//! Whole jobs on the embedded log, generator to output stream: records per CPU-second of the process, everything in it (compactions, syncs, start).

use std::error::Error;
use std::fs;
use std::path::Path;

use cpu_time::ProcessTime;
use millstream::runtime::{Options, run};
use millstream_bench::table;
use millstream_tests::components;

/// Runs of each job; they take turns, so that what disturbs the machine for a while disturbs all.
const ROUNDS: usize = 5;

struct Pipeline {
    name: &'static str,
    component: &'static str,
    records: u64,
    keys: u64,
    /// Lines of the operator's table.
    operator: &'static str,
    aim: &'static str,
}

const PIPELINES: [Pipeline; 3] = [
    Pipeline { name: "stateless: map", component: "rust-filter-map", records: 5_000_000, keys: 1_000, operator: "config = { map = \"upper\" }", aim: "1,000" },
    Pipeline { name: "keyed count, 1 k keys", component: "rust-count", records: 3_000_000, keys: 1_000, operator: "stores = [\"counts\"]", aim: "" },
    Pipeline { name: "keyed count, 1 M keys", component: "rust-count", records: 3_000_000, keys: 1_000_000, operator: "stores = [\"counts\"]", aim: "300" },
];

fn job(pipeline: &Pipeline) -> String {
    let Pipeline { component, records, keys, operator, .. } = pipeline;
    let component = components::component(component);
    format!(
        "name = \"bench\"\n\n[input.records]\n\
         generator = {{ seed = 1, partitions = 1, count = {records}, keys = {keys}, value-bytes = \"84b\" }}\n\n\
         [operator.work]\ncomponent = {:?}\ninput = [\"records\"]\n{operator}\n\n[output.results]\nstream = \"results\"\nfrom = \"work\"\n",
        component.display().to_string()
    )
}

/// Thousands of records per CPU-second.
fn measure(pipeline: &Pipeline, folder: &Path) -> Result<f64, Box<dyn Error>> {
    let file = folder.join("job.toml");
    fs::write(&file, job(pipeline))?;
    let data = folder.join("data");
    let options = Options { cache: Some(components::cache().join("compiled")), ..Options::new(&data) };
    let began = ProcessTime::now();
    let end = run(&file, &options)?.wait()?;
    let took = began.elapsed();
    fs::remove_dir_all(&data)?;
    assert_eq!(end.records_in, pipeline.records, "a bounded job runs to its end");
    Ok(pipeline.records as f64 / took.as_secs_f64() / 1e3)
}

fn main() -> Result<(), Box<dyn Error>> {
    // Under `cargo test --benches` there is nothing to show.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let mut rates = PIPELINES.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (pipeline, rates) in PIPELINES.iter().zip(&mut rates) {
            let folder = tempfile::tempdir()?;
            rates.push(measure(pipeline, folder.path())?);
        }
    }
    let mut rows = String::new();
    for (pipeline, mut rates) in PIPELINES.iter().zip(rates) {
        rates.sort_by(f64::total_cmp);
        let (low, median, high) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
        rows += &format!("| {} | {median:.0} | {low:.0} to {high:.0} | {} |\n", pipeline.name, pipeline.aim);
    }
    table::publish(
        "pipeline",
        &format!(
            "## Whole jobs on the embedded log\n\nGenerator, one operator in Rust, output stream; records of 100 bytes, one task, default checkpoints (synced), data on disk. Thousands of\n\
             records per CPU-second of the whole process; {ROUNDS} runs in turns: median, lowest and highest.\n\n\
             | job | median | range | aim |\n|---|---|---|---|\n{rows}\n    MILLSTREAM_BENCH_SAVE=1 cargo bench -p millstream-bench --bench pipeline\n"
        ),
    )?;
    Ok(())
}
