//! Jobs on a broker for the scenarios: job files of a few shapes, records for them, hosts that run them, and the recount that says whether all was exact.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::broker::Broker;
use super::host::Host;
use super::produce::Outgoing;
use super::reader::Record;
use super::wait::until;
use crate::binary::millstream;
use crate::components::component;

/// Whether the scenarios run in their full length, not in the short form of CI.
pub fn long() -> bool {
    std::env::var_os("MILLSTREAM_LONG").is_some()
}

/// A count of the short form, or of the long one.
pub fn scaled<T>(short: T, full: T) -> T {
    if long() { full } else { short }
}

/// Partitions of inputs and outputs.
pub const PARTITIONS: usize = 4;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each record goes out as it is.
    Copy,
    /// How often each key was seen, after each record; state by key.
    Count,
    /// The same for the words in values: two stages, a repartition between them.
    Words,
    /// Pairs of records of one key, of two inputs.
    Join,
}

/// By key: values in order.
pub type ByKey = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// A job with topics of its own.
pub struct Job<'a> {
    pub broker: &'a Broker,
    pub name: String,
    shape: Shape,
    scratch: TempDir,
    workers: u32,
    sections: BTreeMap<&'static str, String>,
    component: Option<&'static str>,
}

impl<'a> Job<'a> {
    /// Makes its topics.
    pub fn new(broker: &'a Broker, shape: Shape) -> Job<'a> {
        let job = Job::unmade(broker, shape);
        job.inputs().iter().chain([&job.output()]).for_each(|input| broker.create_topic(input, PARTITIONS, &[]));
        job
    }

    /// Without its topics.
    pub fn unmade(broker: &'a Broker, shape: Shape) -> Job<'a> {
        let name = broker.name(&format!("{shape:?}").to_lowercase());
        let scratch = tempfile::Builder::new().prefix("millstream-job-").tempdir().expect("a scratch folder");
        Job { broker, name, shape, scratch, workers: 2, sections: BTreeMap::new(), component: None }
    }

    pub fn workers(mut self, workers: u32) -> Job<'a> {
        self.workers = workers;
        self
    }

    /// Another component for its last operator.
    pub fn component(mut self, component: &'static str) -> Job<'a> {
        self.component = Some(component);
        self
    }

    /// Lines for a section of the job file: `input` (each), `operator` (the last), `output`, or one by its own name, such as `kafka`.
    pub fn with(mut self, section: &'static str, lines: &str) -> Job<'a> {
        let all = self.sections.entry(section).or_default();
        all.push_str(lines);
        all.push('\n');
        self
    }

    /// Its input topics.
    pub fn inputs(&self) -> Vec<String> {
        match self.shape {
            Shape::Join => vec![format!("{}.left", self.name), format!("{}.right", self.name)],
            _ => vec![self.input()],
        }
    }

    pub fn input(&self) -> String {
        format!("{}.in", self.name)
    }

    pub fn output(&self) -> String {
        format!("{}.out", self.name)
    }

    /// The topic of its last operator's state.
    pub fn changelog(&self) -> String {
        format!("{}.op.changelog", self.name)
    }

    pub fn dead_letters(&self) -> String {
        format!("{}.dead-letters", self.name)
    }

    pub fn data(&self, instance: &str) -> PathBuf {
        self.scratch.path().join(instance)
    }

    fn text(&self) -> String {
        let section = |name: &str| self.sections.get(name).map(String::as_str).unwrap_or_default();
        let mut text = format!("name = \"{}\"\nworkers = {}\n", self.name, self.workers);
        for (name, lines) in self.sections.iter().filter(|(name, _)| !["input", "operator", "output"].contains(*name)) {
            let _ = writeln!(text, "[{name}]\n{lines}");
        }
        for topic in self.inputs() {
            let name = topic.rsplit('.').next().unwrap_or("in");
            let _ = writeln!(text, "[input.{name}]\nstream = \"{topic}\"\n{}", section("input"));
        }
        let of = |name: &str| component(self.component.unwrap_or(name)).display().to_string();
        let last = match self.shape {
            Shape::Copy => format!("component = \"{}\"\ninput = [\"in\"]", of("rust-identity")),
            Shape::Count => format!("component = \"{}\"\ninput = [\"in\"]\nstores = [\"counts\"]", of("rust-count")),
            Shape::Words => {
                let _ = writeln!(text, "[operator.split]\ncomponent = \"{}\"\ninput = [\"in\"]\n", component("rust-split").display());
                format!("component = \"{}\"\ninput = [{{ from = \"split\", by = \"key\" }}]\nstores = [\"counts\"]", of("rust-count"))
            }
            Shape::Join => format!(
                "component = \"{}\"\ninput = [\"left\", \"right\"]\nstores = [\"left\", \"right\"]\nconfig = {{ within_ms = 1000000000000 }}",
                of("rust-join")
            ),
        };
        let _ = writeln!(text, "[operator.op]\n{last}\nlimits = {{ call = \"20s\" }}\n{}", section("operator"));
        let _ = writeln!(text, "[output.out]\nstream = \"{}\"\nfrom = \"op\"\npartitions = {PARTITIONS}\n{}", self.output(), section("output"));
        text
    }

    /// The job file, written anew.
    pub fn file(&self) -> PathBuf {
        let file = self.scratch.path().join("job.toml");
        // Written whole: another host may be reading it.
        let new = self.scratch.path().join(format!("job.toml.{:?}", std::thread::current().id()));
        std::fs::write(&new, self.text()).expect("room on disk");
        std::fs::rename(&new, &file).expect("room on disk");
        file
    }

    /// A host that takes part in the job.
    pub fn start(&self, instance: &str) -> Host {
        self.start_at(&self.broker.bootstrap(), instance, &[])
    }

    /// The same by another way, and with arguments.
    pub fn start_at(&self, bootstrap: &str, instance: &str, args: &[&str]) -> Host {
        let args = [&["--bootstrap", bootstrap, "--instance", instance], args].concat();
        Host::start(&self.file(), &self.data(instance), &args)
    }

    /// What the group has still to read, of inputs and in between.
    pub fn lag(&self) -> i64 {
        let between = (self.shape == Shape::Words).then(|| format!("{}.split-op.repartition", self.name));
        self.inputs().into_iter().chain(between).map(|topic| self.broker.lag(&self.name, &topic)).sum()
    }

    /// Waits until everything is read and committed.
    #[track_caller]
    pub fn await_done(&self, bound: Duration) {
        until(&format!("the lag of {} to be 0", self.name), bound, || (self.lag() == 0).then_some(()));
    }

    /// How many records the job has committed, about: their offsets hold markers too.
    pub fn committed(&self) -> i64 {
        self.broker.committed_offsets(&self.name).iter().filter(|((topic, _), _)| self.inputs().contains(topic)).map(|(_, offset)| offset).sum()
    }

    /// Waits for the group's positions to move.
    #[track_caller]
    pub fn await_progress(&self, bound: Duration) {
        let before = self.committed();
        until(&format!("{} to go on from {before}", self.name), bound, || (self.committed() > before).then_some(()));
    }

    /// What the output must hold, by what the inputs hold now.
    pub fn expected(&self) -> ByKey {
        let inputs: Vec<Vec<Record>> = self.inputs().iter().map(|topic| self.broker.read_committed(topic)).collect();
        match self.shape {
            Shape::Copy => by_key(&inputs[0]),
            Shape::Count => by_key(&inputs[0]).into_iter().map(|(key, values)| (key, counted(values.len()))).collect(),
            Shape::Words => words(&inputs[0]).into_iter().map(|(word, count)| (word, counted(count))).collect(),
            Shape::Join => {
                let (left, right) = (by_key(&inputs[0]), by_key(&inputs[1]));
                let pairs = left.iter().filter_map(|(key, left)| Some((key.clone(), pairs(left, right.get(key)?))));
                pairs.collect()
            }
        }
    }

    /// Recounts: each record of the output, by what the inputs hold. Panics unless it is exact. Returns how many records there are.
    #[track_caller]
    pub fn assert_exact(&self) -> usize {
        let records = self.broker.read_committed(&self.output());
        let (difference, count) = self.difference(&by_key(&records));
        if let Some((key, _)) = &difference.first {
            let places = records.iter().filter(|record| record.key.as_ref() == Some(key));
            let places = places.map(|record| {
                let value = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned();
                format!("{value} at {}/{} of {}", record.partition, record.offset, record.timestamp.unwrap_or_default())
            });
            println!("{}: {:?}: {}", self.output(), String::from_utf8_lossy(key), places.collect::<Vec<_>>().join(", "));
        }
        assert!(difference.none(), "{}: {difference:?}", self.name);
        count
    }

    /// The same for what somebody else read.
    #[track_caller]
    pub fn compare(&self, found: &ByKey) -> usize {
        let (difference, count) = self.difference(found);
        assert!(difference.none(), "{}: {difference:?}", self.name);
        count
    }

    /// How what was found differs from what must be there, and how many records it is.
    fn difference(&self, found: &ByKey) -> (Difference, usize) {
        let mut found = found.clone();
        if self.shape == Shape::Join {
            // Which pair of a key comes first depends on which side did.
            found.values_mut().for_each(|values| values.sort());
        }
        (Difference::between(&self.expected(), &found), found.values().map(Vec::len).sum())
    }

    /// The rows of the job's counts as `millstream state scan` shows them, of the changelog or of a data folder. By key.
    fn scan(&self, of: Of<'_>) -> BTreeMap<Vec<u8>, serde_json::Value> {
        let mut command = Command::new(millstream());
        command.args(["state", "scan", "counts", "--job", &self.name, "--limit", "100000000"]);
        match of {
            Of::Changelog => command.args(["--bootstrap", &self.broker.bootstrap()]),
            Of::Folder(data) => command.arg("--data").arg(data),
        };
        let output = command.output().expect("the binary starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut rows = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let key = row["key"].as_str().expect("a key of text").as_bytes().to_vec();
            assert!(rows.insert(key, row).is_none(), "twice: {line}");
        }
        rows
    }

    /// The job's counts, as numbers.
    pub fn counts(&self, of: Of<'_>) -> BTreeMap<Vec<u8>, u64> {
        self.scan(of).into_iter().map(|(key, row)| (key, row["value_u64_le"].as_u64().expect("a count"))).collect()
    }

    /// The same of `rust-count-v2`, which keeps them as text.
    pub fn texts(&self, of: Of<'_>) -> BTreeMap<Vec<u8>, String> {
        self.scan(of).into_iter().map(|(key, row)| (key, row["value"].as_str().expect("a text").to_owned())).collect()
    }

    /// What the counts must be.
    pub fn expected_counts(&self) -> BTreeMap<Vec<u8>, u64> {
        self.expected().into_iter().map(|(key, values)| (key, values.len() as u64)).collect()
    }
}

/// Whose state is meant.
pub enum Of<'a> {
    Changelog,
    /// A data folder that nobody has open.
    Folder(&'a Path),
}

/// How an output differs from what it must be.
#[derive(Debug, Default)]
pub struct Difference {
    pub lost: usize,
    pub doubled: usize,
    /// Keys whose values are right, and in the wrong order.
    pub disordered: usize,
    /// A key that differs, and where.
    first: Option<(Vec<u8>, String)>,
}

impl Difference {
    pub fn between(expected: &ByKey, found: &ByKey) -> Difference {
        let mut difference = Difference::default();
        let nothing = Vec::new();
        for key in expected.keys().chain(found.keys().filter(|key| !expected.contains_key(*key))) {
            let (want, have) = (expected.get(key).unwrap_or(&nothing), found.get(key).unwrap_or(&nothing));
            if want == have {
                continue;
            }
            let mut balance: BTreeMap<&[u8], i64> = BTreeMap::new();
            want.iter().for_each(|value| *balance.entry(value).or_default() += 1);
            have.iter().for_each(|value| *balance.entry(value).or_default() -= 1);
            let (lost, doubled) = balance.values().fold((0, 0), |(lost, doubled), n| (lost + (*n).max(0), doubled + (-n).max(0)));
            difference.lost += lost as usize;
            difference.doubled += doubled as usize;
            difference.disordered += usize::from(lost == 0 && doubled == 0);
            difference.first.get_or_insert_with(|| {
                let at = want.iter().zip(have).position(|(want, have)| want != have).unwrap_or(want.len().min(have.len()));
                let around =
                    |values: &[Vec<u8>]| values.iter().skip(at.saturating_sub(1)).take(4).map(|v| String::from_utf8_lossy(v).into_owned()).collect::<Vec<_>>();
                let text = format!("key {:?}, value {at}: want {:?}, have {:?}", String::from_utf8_lossy(key), around(want), around(have));
                (key.clone(), text)
            });
        }
        difference
    }

    pub fn none(&self) -> bool {
        self.lost + self.doubled + self.disordered == 0
    }
}

/// Values by key, in the order of each partition.
pub fn by_key(records: &[Record]) -> ByKey {
    let mut found = ByKey::new();
    for record in records {
        found.entry(record.key.clone().unwrap_or_default()).or_default().push(record.value.clone().unwrap_or_default());
    }
    found
}

fn counted(count: usize) -> Vec<Vec<u8>> {
    (1..=count).map(|n| n.to_string().into_bytes()).collect()
}

fn words(records: &[Record]) -> BTreeMap<Vec<u8>, usize> {
    let mut found = BTreeMap::new();
    for record in records {
        for word in record.value.as_deref().unwrap_or_default().split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
            *found.entry(word.to_vec()).or_default() += 1;
        }
    }
    found
}

fn pairs(left: &[Vec<u8>], right: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut pairs: Vec<Vec<u8>> = left.iter().flat_map(|left| right.iter().map(move |right| [left.as_slice(), b"|", right].concat())).collect();
    pairs.sort();
    pairs
}

/// Numbered records with so many different keys. A key is always in the same partition.
pub fn numbered(range: std::ops::Range<usize>, keys: usize) -> Vec<Outgoing> {
    range.map(|n| number(n, keys)).collect()
}

/// One of them.
pub fn number(n: usize, keys: usize) -> Outgoing {
    Outgoing::of(format!("key-{}", n % keys), n.to_string()).to((n % keys % PARTITIONS) as i32)
}

/// Lines of four words.
pub fn lines(range: std::ops::Range<usize>, words: usize) -> Vec<Outgoing> {
    range.map(|n| line(n, words)).collect()
}

/// One of them.
pub fn line(n: usize, words: usize) -> Outgoing {
    let word = |n: usize| format!("w{}", n.wrapping_mul(2_654_435_761) % words);
    Outgoing::of(format!("line-{n}"), format!("{} {} {} {}", word(n), word(n + 7), word(n * 3), word(n * 5 + 1)))
}
