//! Golden cases: a folder with a job, its input and what must come out. Prepared in a scratch folder, run by whoever asks, compared record by record.
//!
//! A case is written for the reference language. `window` is that; `window@go` is the same case with Go's operators in place of the reference's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millstream::log::Log;
use millstream::record::jsonl;
use serde_json::Value;
use tempfile::TempDir;

use crate::components::component;
use crate::languages::{LANGUAGES, Language, reference};

/// Cases in which several tasks write one partition: order holds per key.
const ORDERED_BY_KEY: [&str; 1] = ["word-count"];

/// One case, ready to run in a folder of its own.
pub struct Case {
    pub name: String,
    pub folder: TempDir,
    /// By stream: what must come out.
    expected: BTreeMap<String, Vec<Value>>,
    digest: String,
}

/// All cases in all languages that have their operators.
pub fn names() -> Vec<String> {
    let mut names = folders();
    for case in folders() {
        let operators = operators(&case);
        let languages = LANGUAGES[1..].iter().filter(|language| operators.iter().all(|operator| language.has(operator)));
        names.extend(languages.map(|language| format!("{case}@{language}")));
    }
    names
}

/// All cases in the reference language, and one in each other language: for suites where a case takes seconds.
pub fn names_with_languages_once() -> Vec<String> {
    let mut names = folders();
    names.extend(LANGUAGES[1..].iter().map(|language| format!("{IN_EACH_LANGUAGE}@{language}")));
    names
}

/// A keyed count with rejects.
const IN_EACH_LANGUAGE: &str = "rejects";

/// The language of a case by its name.
pub fn language_of(name: &str) -> &'static Language {
    let language = name.split_once('@').map_or(reference().name, |(_, language)| language);
    LANGUAGES.iter().find(|known| known.name == language).unwrap_or_else(|| panic!("case {name}: no such language"))
}

fn folder_of(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(case)
}

fn folders() -> Vec<String> {
    let entries = std::fs::read_dir(folder_of("")).expect("the cases' folder");
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()).filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.len() >= 12, "cases are missing: {names:?}");
    names
}

/// How components of the reference stand in a job.
const REFERENCE_COMPONENT: &str = "{components}/rust-";

/// The operators that a case's job has.
fn operators(case: &str) -> Vec<String> {
    let job = std::fs::read_to_string(folder_of(case).join("job.toml")).unwrap_or_else(|e| panic!("case {case}: {e}"));
    let found: Vec<_> = job.split(REFERENCE_COMPONENT).skip(1).filter_map(|rest| rest.split_once(".wasm")).map(|(name, _)| name.to_owned()).collect();
    assert!(!found.is_empty(), "case {case}: no operator of the reference");
    found
}

/// A scratch folder, in memory where the system has such a place: these jobs sync at each of hundreds of checkpoints, which is not what they test.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a scratch folder")
}

impl Case {
    pub fn prepare(name: &str) -> Case {
        Case::prefixed(name, "")
    }

    /// With `prefix` before the names of the job and of all streams it writes, for where others have jobs and streams, too.
    pub fn prefixed(name: &str, prefix: &str) -> Case {
        let source = folder_of(name.split('@').next().expect("a first piece"));
        let components_of = format!("{}{}-", "{components}/", language_of(name));
        let folder = scratch();
        let components = component("rust-count").parent().expect("a folder").display().to_string();
        let mut expected = BTreeMap::new();
        let mut digest = String::new();
        for entry in std::fs::read_dir(&source).unwrap_or_else(|e| panic!("case {name}: {e}")) {
            let path = entry.expect("an entry").path();
            let file = path.file_name().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a text").replace("@MIB@", &"x".repeat(1 << 20));
            if let Some(stream) = file.strip_prefix("expected-").and_then(|file| file.strip_suffix(".jsonl")) {
                let rows = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}/{file}: {e}")));
                expected.insert(format!("{prefix}{stream}"), rows.collect());
                continue;
            }
            let text =
                text.replace(REFERENCE_COMPONENT, &components_of).replace("{dir}", &folder.path().display().to_string()).replace("{components}", &components);
            let text = if file == "job.toml" { prefixed(&text, prefix) } else { text };
            if file == "job.toml" {
                digest = digest_of_first_component(&text);
            }
            std::fs::write(folder.path().join(file), text).expect("room on disk");
        }
        Case { name: name.to_owned(), folder, expected, digest }
    }

    pub fn job(&self) -> PathBuf {
        self.folder.path().join("job.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the streams hold now, compared with what they must. `digests`: whether dead letters must name the case's own component.
    pub fn check(&self, digests: bool) {
        let log = Log::open(&self.data()).expect("the data folder");
        self.compare(digests, |stream| self.read(&log, stream));
    }

    /// What `read` finds in each stream, partition by partition in order, compared with what must be there.
    pub fn compare(&self, digests: bool, mut read: impl FnMut(&str) -> Vec<Value>) {
        for (stream, expected) in &self.expected {
            let normal = |rows: &[Value]| rows.iter().map(|row| self.normal(row, digests)).collect::<Vec<_>>();
            let (mut expected, mut found) = (normal(expected), normal(&read(stream)));
            if ORDERED_BY_KEY.iter().any(|case| self.name.split('@').next() == Some(case)) {
                for rows in [&mut expected, &mut found] {
                    rows.sort_by_key(|row| row["key"].as_str().map(str::to_owned));
                }
            }
            let differs = (0..expected.len().max(found.len())).find(|n| expected.get(*n) != found.get(*n));
            if let Some(n) = differs {
                let show = |rows: &[Value]| rows.get(n).map_or_else(|| "nothing".to_owned(), |row| row.to_string().chars().take(400).collect());
                panic!(
                    "case {}, stream {stream}: {} records expected, {} found; the first difference is at {n}:\n  expected {}\n  found    {}",
                    self.name,
                    expected.len(),
                    found.len(),
                    show(&expected),
                    show(&found)
                );
            }
        }
    }

    /// All records of a stream of the embedded log; offsets must follow one another.
    fn read(&self, log: &Log, stream: &str) -> Vec<Value> {
        let described = log.describe(stream).unwrap_or_else(|e| panic!("case {}: {e}", self.name));
        let mut rows = Vec::new();
        for (partition, ends) in described.partitions.iter().enumerate() {
            let mut next = ends.first;
            while let Some(batch) = log.read(stream, partition as u32, next).expect("a readable block") {
                for view in &batch {
                    assert_eq!(view.offset as u64, next, "case {}, stream {stream}: a gap in the offsets", self.name);
                    next += 1;
                    rows.push(jsonl::to_json(view, false));
                }
            }
            assert_eq!(next, ends.next, "case {}, stream {stream}: the end is not where it is said to be", self.name);
        }
        rows
    }

    /// Takes out what may differ: a trap's text after its kind, and digests where components were swapped.
    fn normal(&self, row: &Value, digests: bool) -> Value {
        let mut row = row.clone();
        if let Some(headers) = row.get_mut("headers").and_then(Value::as_object_mut) {
            if let Some(Value::String(reason)) = headers.get_mut("millstream.reason")
                && reason.starts_with("trap: ")
            {
                *reason = "trap".to_owned();
            }
            if let Some(Value::String(digest)) = headers.get_mut("millstream.digest")
                && (!digests || *digest == "@DIGEST@")
            {
                *digest = if digests { self.digest.clone() } else { String::new() };
            }
        }
        row
    }
}

/// A job file with other names. The job's own comes first; dead letters go by that where the file does not name their stream.
fn prefixed(job: &str, prefix: &str) -> String {
    job.replacen("name = \"", &format!("name = \"{prefix}"), 1).replace("\nstream = \"", &format!("\nstream = \"{prefix}"))
}

fn digest_of_first_component(job: &str) -> String {
    let path = job.lines().find_map(|line| line.strip_prefix("component = ")).expect("a component").trim_matches('"').to_owned();
    let loaded = millstream::operator::Loaded::load(&crate::components::engine(), Path::new(&path), millstream::operator::Grants { state: true });
    loaded.unwrap_or_else(|e| panic!("{path}: {e}")).digest.clone()
}
