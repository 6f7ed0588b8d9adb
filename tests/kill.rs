//! Golden cases and the demo with the real binary, killed with -9 at random moments and started again until they finish: the same output each time.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_tests::binary;
use millstream_tests::cases::{Case, names_with_languages_once, scratch};

const TIMEOUT: Duration = Duration::from_secs(120);

/// A small generator: the same seed kills at the same moments, as far as a machine allows.
struct Seed(u64);

impl Seed {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn spawn(job: &Path, data: &Path) -> Child {
    let mut command = Command::new(binary::millstream());
    command.args(["run", "--quiet"]).arg(job).arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

/// Runs until the end, killing at `moments` first. Returns how many kills hit a running process.
fn run_with_kills(job: &Path, data: &Path, moments: impl Iterator<Item = Duration>) -> usize {
    let mut kills = 0;
    for moment in moments {
        let mut child = spawn(job, data);
        let began = Instant::now();
        let ended = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break Some(status);
            }
            if began.elapsed() >= moment {
                break None;
            }
            std::thread::yield_now();
        };
        if let Some(status) = ended {
            assert!(status.success(), "{job:?} failed: {}", said(child));
            return kills;
        }
        child.kill().expect("a kill");
        child.wait().expect("its end");
        kills += 1;
    }
    let began = Instant::now();
    let mut child = spawn(job, data);
    while child.try_wait().expect("a child").is_none() {
        if began.elapsed() > TIMEOUT {
            child.kill().expect("a kill");
            panic!("{job:?} did not finish: {}", said(child));
        }
        std::thread::yield_now();
    }
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{job:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    kills
}

fn said(child: Child) -> String {
    child.wait_with_output().map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default()
}

#[test]
fn each_case_killed_at_random_moments_gives_the_same() {
    let mut seed = Seed(20_130_131);
    let mut kills = 0;
    // How long a run takes differs by machine: rounds go on until enough kills have hit.
    for round in 0..6 {
        for name in names_with_languages_once() {
            let case = Case::prepare(&name);
            // Early ones hit the opening, later ones the records.
            let moments: Vec<_> = (0..6).map(|_| Duration::from_millis(4 + seed.below(90))).collect();
            kills += run_with_kills(&case.job(), &case.data(), moments.into_iter());
            case.check(true);
        }
        if kills >= 30 && round > 0 {
            break;
        }
    }
    println!("{kills} kills");
    assert!(kills >= 20, "only {kills} kills hit a running job");
}

#[test]
fn the_demo_killed_anywhere_ends_with_the_same_bytes_and_then_has_nothing_new() {
    let flights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/flights");
    let scratch = scratch();
    binary::build_demo(&flights, scratch.path());
    let job = scratch.path().join("job.toml");
    let whole = scratch.path().join("whole");
    run_with_kills(&job, &whole, std::iter::empty());
    let expected = binary::stream(&whole, "carrier-delays");
    binary::recount(&flights, scratch.path(), &[&expected]);
    let mut seed = Seed(7);
    let mut kills = 0;
    for round in 0..6 {
        let data = scratch.path().join(format!("killed-{round}"));
        let moments: Vec<_> = (0..4).map(|_| Duration::from_millis(10 + seed.below(350))).collect();
        kills += run_with_kills(&job, &data, moments.into_iter());
        // Which of a partition's carriers comes first may depend on the moment; each carrier's days do not.
        assert_eq!(by_key(&binary::stream(&data, "carrier-delays")), by_key(&expected), "round {round}");
        binary::recount(&flights, scratch.path(), &[&binary::stream(&data, "carrier-delays")]);
    }
    println!("{kills} kills");
    assert!(kills >= 10, "only {kills} kills hit a running job");
    let again = Command::new(binary::millstream()).arg("run").arg(&job).arg("--data").arg(&whole).output().expect("a run");
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing new"), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(binary::stream(&whole, "carrier-delays"), expected);
}

#[test]
fn the_job_in_five_languages_killed_anywhere_counts_each_flight_once() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let scratch = scratch();
    let job = binary::build_relay(&examples, scratch.path());
    let mut seed = Seed(5);
    let mut kills = 0;
    for round in 0..4 {
        let data = scratch.path().join(format!("killed-{round}"));
        let moments: Vec<_> = (0..4).map(|_| Duration::from_millis(50 + seed.below(900))).collect();
        kills += run_with_kills(&job, &data, moments.into_iter());
        println!("{}", binary::recount(&examples.join("relay"), scratch.path(), &[&binary::stream(&data, "alerts"), &binary::stream(&data, "tallies")]).trim());
    }
    println!("{kills} kills");
    assert!(kills >= 6, "only {kills} kills hit a running job");
}

/// Records by key, in order, without the places that depend on who came first.
fn by_key(lines: &str) -> Vec<(String, String, String)> {
    let mut rows: Vec<_> = lines
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
            (row["key"].to_string(), row["timestamp"].to_string(), row["value"].to_string())
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}
