//! Golden cases in process: run whole; stopped and restored again and again; with components replaced in the middle. Always the same output.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use millstream::runtime::{Options, Running, run};
use millstream_tests::cases::{Case, language_of, names, scratch};
use millstream_tests::components::{cache, component};

const TIMEOUT: Duration = Duration::from_secs(60);

fn options(case: &Case) -> Options {
    Options { cache: Some(cache().join("compiled")), ..Options::new(case.data()) }
}

fn start(case: &Case) -> Running {
    run(&case.job(), &options(case)).unwrap_or_else(|e| panic!("case {}: {e}", case.name))
}

/// Waits until a condition holds or the job is over.
fn until(running: &Running, what: &str, condition: impl Fn(&Running) -> bool) {
    let began = Instant::now();
    while !running.is_over() && !condition(running) {
        assert!(began.elapsed() < TIMEOUT, "waited too long for {what}: {:?}", running.snapshot());
        std::thread::yield_now();
    }
}

fn finish(case: &Case, running: Running) -> u64 {
    until(&running, "the end", |_| false);
    running.wait().unwrap_or_else(|e| panic!("case {}: {e}", case.name)).records_in
}

#[test]
fn each_case_run_whole_gives_what_is_expected_and_then_nothing_new() {
    for name in names() {
        let case = Case::prepare(&name);
        assert!(finish(&case, start(&case)) > 0, "case {name} read nothing");
        case.check(true);
        assert_eq!(finish(&case, start(&case)), 0, "case {name} read something again");
        case.check(true);
    }
}

/// Runs a case by a checkpoint or a few at a time until nothing is left. Returns how many stops there were.
fn run_in_pieces(case: &Case, mut before_each: impl FnMut(usize)) -> usize {
    for round in 0.. {
        before_each(round);
        let pieces = Options { checkpoints_max: Some(1 + round as u64 % 3), ..options(case) };
        let running = run(&case.job(), &pieces).unwrap_or_else(|e| panic!("case {}: {e}", case.name));
        until(&running, "a checkpoint", |_| false);
        let summary = running.wait().unwrap_or_else(|e| panic!("case {}: {e}", case.name));
        if summary.records_in == 0 && summary.timers == 0 && round > 3 {
            return round;
        }
    }
    unreachable!("counts to the end of numbers")
}

#[test]
fn each_case_stopped_and_restored_at_many_checkpoints_gives_the_same() {
    for name in names() {
        let case = Case::prepare(&name);
        let stops = run_in_pieces(&case, |_| {});
        assert!(stops >= 4, "case {name} was over after {stops} stops");
        finish(&case, start(&case));
        case.check(true);
    }
}

/// A copy of a component with one custom section more: the same code under another digest.
fn same_code_other_digest(component: &Path, folder: &Path) -> PathBuf {
    let mut bytes = std::fs::read(component).expect("a component");
    let (name, content) = (b"note", b"another digest");
    bytes.extend([0, (1 + name.len() + content.len()) as u8, name.len() as u8]);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(content);
    let copy = folder.join("copy.wasm");
    std::fs::write(&copy, bytes).expect("room on disk");
    copy
}

#[test]
fn each_case_with_another_component_after_each_restart_gives_the_same() {
    for name in names().into_iter().filter(|name| language_of(name).compiles_fast) {
        let case = Case::prepare(&name);
        let job = std::fs::read_to_string(case.job()).expect("a job");
        let parsed = millstream::job::Job::read(&case.job()).expect("a job");
        let copy = same_code_other_digest(&parsed.operators[0].component, case.folder.path());
        let other = job.replacen(&parsed.operators[0].component.display().to_string(), &copy.display().to_string(), 1);
        assert_ne!(job, other);
        run_in_pieces(&case, |round| std::fs::write(case.job(), if round % 2 == 0 { &job } else { &other }).expect("room on disk"));
        // A piece without new records may still have left some between the stages.
        finish(&case, start(&case));
        case.check(false);
    }
}

/// A live job counts keys while its operator is replaced again and again: by the same code under another digest, and by another language's.
#[test]
fn operators_swapped_under_load_lose_and_double_nothing() {
    let folder = scratch();
    let components = ["rust-count", "c-count"].map(component);
    let job = format!(
        "name = \"swap\"\nworkers = 2\n[checkpoint]\ninterval = \"5ms\"\n[input.in]\ngenerator = {{ count = 60000, rate = 10000, partitions = 2, keys = 50, seed = 5 }}\n\
         [operator.count]\ncomponent = \"{}\"\ninput = [\"in\"]\nstores = [\"counts\"]\n[output.out]\nstream = \"out\"\nfrom = \"count\"\npartitions = 2\n",
        components[0].display()
    );
    let path = folder.path().join("job.toml");
    std::fs::write(&path, job).expect("room on disk");
    let options = Options { cache: Some(cache().join("compiled")), ..Options::new(folder.path().join("data")) };
    let running = run(&path, &options).expect("a sound job");
    let copy = same_code_other_digest(&components[0], folder.path());
    let mut swaps = 0;
    while !running.is_over() {
        for component in [&copy, &components[1], &components[0]] {
            let began = Instant::now();
            running.swap("count", component).expect("a swap");
            println!("swapped in {:?}", began.elapsed());
            swaps += 1;
        }
    }
    let summary = running.wait().expect("a sound end");
    assert!(swaps >= 6, "only {swaps} swaps");
    assert_eq!((summary.records_in, summary.records_out, summary.dead_letters), (120_000, 120_000, 0));
    let log = millstream::log::Log::open(&options.data).expect("the data folder");
    let mut counts = std::collections::BTreeMap::new();
    for partition in 0..2 {
        let mut next = 0;
        while let Some(batch) = log.read("out", partition, next).expect("a block") {
            for view in &batch {
                // A key lives in both input partitions, so in two tasks, each with a count of its own.
                let count: u64 = std::str::from_utf8(view.value.expect("a count")).expect("text").parse().expect("a number");
                *counts.entry((view.key.expect("a key").to_vec(), count)).or_insert(0) += 1;
            }
            next += batch.len() as u64;
        }
    }
    assert_eq!(counts.values().sum::<u64>(), 120_000);
    assert!(
        counts.iter().all(|((key, count), times)| *times <= 2 && (*count == 1 || counts.contains_key(&(key.clone(), count - 1)))),
        "a count is missing or doubled"
    );
}

#[test]
fn a_swap_that_does_not_fit_leaves_the_running_operator_alone() {
    let case = Case::prepare("rejects");
    let running = start(&case);
    let refused = running.swap("count", &component("rust-join")).expect_err("other ports");
    assert!(refused.to_string().contains("other ports"), "{refused}");
    assert!(running.swap("nobody", &component("rust-count")).expect_err("no such operator").to_string().contains("no such operator"));
    finish(&case, running);
    case.check(true);
}
