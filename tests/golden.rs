//! Golden cases in process: run whole; stopped and restored again and again; with components replaced in the middle. Always the same output.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use millstream::runtime::{Options, Running, run};
use millstream_tests::cases::{Case, names};
use millstream_tests::components::cache;

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

#[test]
fn each_case_stopped_and_restored_at_many_checkpoints_gives_the_same() {
    let mut stops = 0;
    for name in names() {
        let case = Case::prepare(&name);
        for round in 1.. {
            let running = start(&case);
            let checkpoints = 1 + round % 4;
            until(&running, "a checkpoint", |running| running.snapshot().checkpoints >= checkpoints);
            running.stop();
            let summary = running.wait().unwrap_or_else(|e| panic!("case {name}: {e}"));
            if summary.records_in == 0 && summary.timers == 0 && round > 1 {
                break;
            }
            stops += 1;
        }
        assert_eq!(finish(&case, start(&case)), 0);
        case.check(true);
    }
    assert!(stops >= 2 * names().len(), "the jobs were over before they could be stopped: {stops} stops");
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
fn each_case_with_components_swapped_in_the_middle_loses_and_doubles_nothing() {
    let mut swaps = 0;
    for name in names() {
        let case = Case::prepare(&name);
        let job = millstream::job::Job::read(&case.job()).expect("a job");
        let running = start(&case);
        'swaps: for _ in 0..3 {
            for operator in &job.operators {
                let copy = same_code_other_digest(&operator.component, case.folder.path());
                for component in [&copy, &operator.component] {
                    if running.is_over() {
                        break 'swaps;
                    }
                    running.swap(&operator.name, component).unwrap_or_else(|e| panic!("case {name}: {e}"));
                    swaps += 1;
                }
            }
        }
        finish(&case, running);
        case.check(false);
    }
    assert!(swaps >= 2 * names().len(), "the jobs were over before they could be swapped: {swaps} swaps");
}
