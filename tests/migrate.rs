//! A component of a newer version takes over a store: its rows are rewritten, exactly once each, whatever happens on the way.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use millstream::runtime::{Options, run};
use millstream_tests::binary;
use millstream_tests::components::{cache, component};
use millstream_tests::folder::copy;
use millstream_tests::kafka::{Broker, Host, Job, Of, Shape, numbered};
use serde_json::Value;
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(120);
const KEYS: usize = 20_000;
const RECORDS: usize = 50_000;

/// A job that counts keys, in a folder of its own. Its input is the same each time.
struct Counting {
    folder: TempDir,
    /// As many tasks, and workers.
    partitions: usize,
}

impl Counting {
    fn new(partitions: usize) -> Counting {
        // On a disk: syncs are what a kill falls between.
        Counting { folder: tempfile::tempdir().expect("a scratch folder"), partitions }
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The job file with a component and more lines for its operator.
    fn job(&self, of: &str, lines: &str) -> PathBuf {
        let partitions = self.partitions;
        let text = format!(
            "name = \"counting\"\nworkers = {partitions}\n[checkpoint]\ninterval = \"20ms\"\n[input.in]\n\
             generator = {{ count = {RECORDS}, rate = 100000, partitions = {partitions}, keys = {KEYS}, seed = 5 }}\n[operator.count]\ncomponent = \"{}\"\ninput = [\"in\"]\n\
             stores = [\"counts\"]\n{lines}\n[output.out]\nstream = \"out\"\nfrom = \"count\"\npartitions = {partitions}\n",
            component(of).display()
        );
        let path = self.folder.path().join(format!("{of}.toml"));
        std::fs::write(&path, text).expect("room on disk");
        path
    }

    /// Runs version 1 for so many checkpoints of each worker. Returns how many records it took in.
    fn begin(&self, data: &str, checkpoints: u64) -> u64 {
        let options = Options { cache: Some(cache().join("compiled")), checkpoints_max: Some(checkpoints), ..Options::new(self.data(data)) };
        run(&self.job("rust-count", ""), &options).expect("a sound job").wait().expect("a sound end").records_in
    }

    /// Runs to the end with a component. Returns what the host said.
    fn finish(&self, data: &str, job: &Path) -> String {
        let (status, said) = Host::start(job, &self.data(data), &[]).ended(TIMEOUT);
        assert!(status.success(), "{status}: {said}");
        said
    }

    /// All that came out, in an order of its own: two tasks write.
    fn output(&self, data: &str) -> Vec<String> {
        let text = binary::stream(&self.data(data), "out");
        let mut rows: Vec<String> =
            text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).map(|row| format!("{} {}", row["key"], row["value"])).collect();
        rows.sort();
        rows
    }

    fn scan(&self, data: &str) -> Vec<Value> {
        let mut command = Command::new(binary::millstream());
        let output = command.args(["state", "scan", "counts", "--limit", "1000000", "--data"]).arg(self.data(data)).output().expect("the binary starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// An error is laid out in lines for people.
fn unwrapped(said: &str) -> String {
    said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// Of what a host said: rows rewritten, and how long that took, ms.
fn rewritten(said: &str) -> (usize, u64) {
    let lines = said.lines().filter_map(|line| line.split_once("rewrote ")).map(|(_, rest)| rest);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).expect("a number");
    lines.fold((0, 0), |(rows, ms), line| {
        let words: Vec<&str> = line.split(' ').collect();
        (rows + number(words.first().copied()) as usize, ms + number(words.get(words.len().saturating_sub(2)).copied()))
    })
}

#[test]
fn a_newer_version_goes_on_with_every_row_and_an_older_one_is_refused() {
    let counting = Counting::new(2);
    counting.finish("whole", &counting.job("rust-count", ""));
    let expected = counting.output("whole");
    assert_eq!(expected.len(), 2 * RECORDS);
    let before = counting.begin("moved", 8);
    assert!(before > 0 && before < 2 * RECORDS as u64, "{before} records: not in the middle");
    let rows = counting.scan("moved").len();
    let said = counting.finish("moved", &counting.job("rust-count-v2", ""));
    assert_eq!(rewritten(&said).0, rows, "{said}");
    assert!(counting.output("moved") == expected, "the output differs");
    // Text now, and each key once in each task.
    let scanned = counting.scan("moved");
    let total: u64 = scanned.iter().map(|row| row["value"].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or_else(|| panic!("{row}"))).sum();
    assert_eq!(total, 2 * RECORDS as u64);
    assert!(!counting.finish("moved", &counting.job("rust-count-v2", "")).contains("rewrote"), "nothing is left to rewrite");
    // The older one cannot read what the newer one wrote, and says so; the newer one still can.
    let (status, said) = Host::start(&counting.job("rust-count", ""), &counting.data("moved"), &[]).ended(TIMEOUT);
    let said = unwrapped(&said);
    assert!(!status.success() && said.contains("rewriting store `counts`") && said.contains("from version 2 to 1"), "{said}");
    counting.finish("moved", &counting.job("rust-count-v2", ""));
}

#[test]
fn a_version_that_fails_on_the_way_has_changed_nothing_for_the_old_one() {
    let counting = Counting::new(1);
    counting.finish("whole", &counting.job("rust-count", ""));
    counting.begin("moved", 8);
    let last = counting.scan("moved").last().and_then(|row| row["key"].as_str().map(str::to_owned)).expect("a key");
    let (status, said) =
        Host::start(&counting.job("rust-count-v2", &format!("config = {{ refuse = \"{last}\" }}")), &counting.data("moved"), &[]).ended(TIMEOUT);
    let said = unwrapped(&said);
    assert!(!status.success() && said.contains(&format!("key {last} is refused")) && said.contains("store `counts`"), "{said}");
    // The old one takes over in the middle of it; and then the new one, sound this time.
    counting.begin("moved", 2);
    let rows = counting.scan("moved").len();
    let said = counting.finish("moved", &counting.job("rust-count-v2", ""));
    assert_eq!(rewritten(&said).0, rows, "what the faulty one wrote is not gone on with: {said}");
    assert!(counting.output("moved") == counting.output("whole"), "the output differs");
}

#[test]
fn killed_while_it_rewrites_it_goes_on_and_ends_in_the_same() {
    // At so many moments of the rewriting, again and again until enough have hit.
    const MOMENTS: u32 = 6;
    const KILLS_MAX: u32 = 30;
    let counting = Counting::new(2);
    counting.finish("whole", &counting.job("rust-count", ""));
    let expected = counting.output("whole");
    counting.begin("before", 16);
    let rows = counting.scan("before").len();
    let job = counting.job("rust-count-v2", "");
    copy(&counting.data("before"), &counting.data("calm"));
    let began = std::time::Instant::now();
    let mut host = Host::start(&job, &counting.data("calm"), &[]);
    host.await_said("rewrote", TIMEOUT);
    let until = began.elapsed();
    let (_, ms) = rewritten(&host.ended(TIMEOUT).1);
    // Both workers rewrite at once.
    let window = Duration::from_millis(ms / 2).min(until);
    let mut interrupted = 0;
    let mut kills = 0;
    while kills < MOMENTS || interrupted < 2 && kills < KILLS_MAX {
        let data = format!("killed-{kills}");
        copy(&counting.data("before"), &counting.data(&data));
        let mut host = Host::start(&job, &counting.data(&data), &[]);
        std::thread::sleep((until - window) + window * (kills % MOMENTS * 2 + 1) / (MOMENTS * 2));
        // On a machine that is fast now it may be over.
        if host.lives() {
            host.kill();
        }
        let left = rewritten(&counting.finish(&data, &job)).0;
        interrupted += usize::from(left > 0 && left < rows);
        assert!(counting.output(&data) == expected, "kill {kills}: the output differs");
        kills += 1;
    }
    println!("{rows} rows, {interrupted} of {kills} kills in the middle of them");
    assert!(interrupted >= 1, "no kill fell into the rewriting");
}

#[test]
fn on_kafka_the_rewriting_is_in_the_changelog_too() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count);
    broker.produce(&job.input(), &numbered(0..20_000, 5_000));
    let host = job.start("a");
    job.await_done(TIMEOUT);
    host.stop();
    let job = job.component("rust-count-v2");
    broker.produce(&job.input(), &numbered(20_000..30_000, 5_000));
    let mut host = job.start("a");
    host.await_said("rewrote", TIMEOUT);
    job.await_done(TIMEOUT);
    let (_, said) = host.stop();
    assert_eq!(rewritten(&said).0, 5_000, "{said}");
    assert_eq!(job.assert_exact(), 30_000);
    // Another host, without the folder: the changelog alone has it.
    broker.produce(&job.input(), &numbered(30_000..40_000, 5_000));
    let host = job.start("b");
    job.await_done(TIMEOUT);
    let (_, said) = host.stop();
    assert!(!said.contains("rewrote"), "{said}");
    assert_eq!(job.assert_exact(), 40_000);
    let by_tool = job.texts(Of::Changelog);
    assert_eq!(by_tool, job.expected_counts().into_iter().map(|(key, count)| (key, count.to_string())).collect());
}
