//! Golden cases on a real broker, as they are: run whole; stopped and restored, from the changelog alone too; killed with -9. An independent reader finds the same
//! output as in the embedded log.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use millstream::observe::Snapshot;
use millstream::runtime::{Options, run};
use millstream_tests::binary;
use millstream_tests::cases::{Case, names_with_languages_once};
use millstream_tests::components::cache;
use millstream_tests::kafka::Broker;

const TIMEOUT: Duration = Duration::from_secs(120);
/// Most of a case's time goes into waiting for the broker.
const AT_ONCE: usize = 4;
/// The host's name: with the same one it takes its own place in the group over again, also after its data folder is gone.
const HOST: &str = "golden";
/// Kills of each stateful case, where the environment does not ask for more.
const KILLS: usize = 2;

/// Does something with each of these cases, several at a time.
fn with_each(names: &[String], work: impl Fn(&str) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    work(name);
                    println!("case {name}: {:?}", began.elapsed());
                }
            });
        }
    });
}

fn prepare(name: &str) -> Case {
    Case::prefixed(name, &format!("{}-", Broker::shared().name("golden")))
}

fn check(case: &Case) {
    case.compare(true, |stream| Broker::shared().rows(stream));
}

/// Runs a case to its end, or until each worker has made so many checkpoints.
fn run_case(case: &Case, checkpoints_max: Option<u64>) -> Snapshot {
    let options = Options {
        cache: Some(cache().join("compiled")),
        bootstrap: Some(Broker::shared().bootstrap()),
        instance: Some(HOST.to_owned()),
        checkpoints_max,
        ..Options::new(case.data())
    };
    let running = run(&case.job(), &options).unwrap_or_else(|e| panic!("case {}: {e}", case.name));
    let began = Instant::now();
    while !running.is_over() {
        assert!(began.elapsed() < TIMEOUT, "case {} takes too long: {:?} {:?}", case.name, running.take_lines(), running.snapshot());
        std::thread::sleep(Duration::from_millis(1));
    }
    running.wait().unwrap_or_else(|e| panic!("case {}: {e}", case.name))
}

#[test]
fn each_case_run_whole_gives_what_is_expected_and_then_nothing_new() {
    with_each(&names_with_languages_once(), |name| {
        let case = prepare(name);
        assert!(run_case(&case, None).records_in > 0, "case {name} read nothing");
        check(&case);
        assert_eq!(run_case(&case, None).records_in, 0, "case {name} read something again");
        check(&case);
    });
}

#[test]
fn each_case_stopped_and_restored_gives_the_same_with_its_data_folder_or_without() {
    let stops = AtomicUsize::new(0);
    with_each(&names_with_languages_once(), |name| {
        let case = prepare(name);
        for round in 0..4 {
            let halted = run_case(&case, Some(1 + round % 2));
            stops.fetch_add(usize::from(halted.records_in > 0), Ordering::Relaxed);
            if round % 2 == 1 {
                // What is restored then comes from the changelog alone.
                std::fs::remove_dir_all(case.data()).expect("a data folder");
            }
        }
        run_case(&case, None);
        check(&case);
        assert_eq!(run_case(&case, None).records_in, 0, "case {name} read something again");
    });
    let stops = stops.into_inner();
    println!("{stops} stops");
    assert!(stops >= 3 * names_with_languages_once().len(), "only {stops} stops hit a case in the middle");
}

/// A small generator: the same seed kills at the same moments, as far as a machine allows.
struct Seed(u64);

impl Seed {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn spawn(case: &Case) -> Child {
    let mut command = Command::new(binary::millstream());
    command.args(["run", "--quiet", "--bootstrap", &Broker::shared().bootstrap(), "--instance", HOST, "--data"]).arg(case.data()).arg(case.job());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// Waits for the end; `None`: it was not over after so long.
fn ended(child: &mut Child, within: Duration) -> Option<bool> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return Some(status.success());
        }
        if began.elapsed() >= within {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn said(child: Child) -> String {
    child.wait_with_output().map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default()
}

/// Kills a run at each of the moments, with its data folder gone after the second, and has another one finish. Returns how many kills hit a running process.
fn run_with_kills(case: &Case, moments: &[Duration]) -> usize {
    let mut kills = 0;
    for moment in moments {
        let mut child = spawn(case);
        match ended(&mut child, *moment) {
            Some(true) => break,
            Some(false) => panic!("case {} failed: {}", case.name, said(child)),
            None => {
                child.kill().expect("a kill");
                child.wait().expect("its end");
                kills += 1;
            }
        }
        if kills == 2 && case.data().is_dir() {
            std::fs::remove_dir_all(case.data()).expect("a data folder");
        }
    }
    let mut last = spawn(case);
    match ended(&mut last, TIMEOUT) {
        Some(true) => kills,
        Some(false) => panic!("case {} failed: {}", case.name, said(last)),
        None => {
            last.kill().expect("a kill");
            panic!("case {} did not finish: {}", case.name, said(last));
        }
    }
}

fn keeps_state(case: &Case) -> bool {
    std::fs::read_to_string(case.job()).is_ok_and(|job| job.contains("stores = ["))
}

#[test]
fn each_stateful_case_killed_at_random_moments_gives_the_same() {
    let asked = std::env::var("MILLSTREAM_KAFKA_KILLS").ok().map(|kills| kills.parse().expect("a number of kills"));
    let each: usize = asked.unwrap_or(KILLS);
    let stateful: Vec<String> = names_with_languages_once().into_iter().filter(|name| keeps_state(&Case::prepare(name))).collect();
    assert!(stateful.len() >= 7, "cases are missing: {stateful:?}");
    let kills = AtomicUsize::new(0);
    with_each(&stateful, |name| {
        let mut seed = Seed(name.bytes().fold(20_130_131, |seed, byte| seed * 31 + u64::from(byte)));
        let mut left = each;
        // A run may be over before its moment: rounds go on, with a case of their own each, and on a fast machine with earlier moments.
        for round in 0..each + 4 {
            let case = prepare(name);
            // Early ones hit the opening, later ones the records.
            let moments: Vec<_> = (0..left.min(4)).map(|_| Duration::from_millis(50 + seed.below(1_500 >> round.min(2)))).collect();
            let hit = run_with_kills(&case, &moments);
            check(&case);
            kills.fetch_add(hit, Ordering::Relaxed);
            left -= hit.min(left);
            if left == 0 {
                break;
            }
        }
    });
    let kills = kills.into_inner();
    println!("{kills} kills of {} cases", stateful.len());
    assert!(kills >= each * stateful.len() * 3 / 4, "only {kills} kills hit a running job");
}
