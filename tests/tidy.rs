//! The mechanical rules of the project. Each finding names the file, the line, the rule and the remedy. Do not loosen a rule to pass.

use std::collections::BTreeSet;

use millstream_tests::root;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Who may name what.
const ONLY_IN: [(&str, &[&str]); 5] = [
    ("wasmtime::", &["host/src/operator/"]),
    ("rocksdb::", &["host/src/state/", "host/src/log/"]),
    ("rdkafka::", &["host/src/kafka/"]),
    ("tokio::", &[]),
    ("SystemTime", &["host/src/time/"]),
];

/// Host modules, and which others each may use. `record`, `time` and `error` know nothing; the stations know those three; what is more has its reason here.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("record", &[]),
    ("time", &[]),
    ("error", &[]),
    // Whole or not at all: what marks a folder or a file as ours, compiled code, components.
    ("files", &[]),
    // Job files give operators their limits, and watermarks their policy; the plan is made from descriptions.
    ("job", &["operator"]),
    // What a source or sink is to do is said in the job's words.
    ("source", &["job"]),
    ("sink", &["job", "files"]),
    // A database is shared by state and log: the log opens it.
    ("state", &[]),
    // A guest's state calls reach the stores lent to its call.
    ("operator", &["state", "files"]),
    ("checkpoint", &["state"]),
    ("task", &["job", "source", "sink", "state", "operator", "checkpoint"]),
    ("worker", &["job", "source", "sink", "state", "operator", "checkpoint", "task"]),
    ("log", &["source", "sink", "state", "checkpoint", "files"]),
    ("changelog", &["checkpoint"]),
    // Where an input starts, and what a crash may do, is said in the job's words; copies of state lie in the data folder.
    ("kafka", &["job", "source", "sink", "state", "checkpoint", "changelog", "log"]),
    ("memory", &["job", "source", "sink", "state", "checkpoint", "worker"]),
    // A job around one operator, in memory.
    ("cases", &["job", "operator", "memory", "worker"]),
    ("observe", &["task"]),
    ("build", &["files"]),
    ("runtime", &["job", "source", "sink", "state", "operator", "checkpoint", "task", "worker", "log", "kafka", "observe"]),
];
const KNOWN_BY_ALL: [&str; 3] = ["record", "time", "error"];

/// All files below the project with one of these endings, as paths from its root; build output and hidden folders aside.
fn files(endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder").filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "build" || path.ends_with("host/src/build") {
                folders.push(path);
            } else if path.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.strip_prefix(root()).expect("below the root").display().to_string());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// The part of a file that is not its unit tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

/// The host's own code: files that hold nothing but unit tests aside.
fn host_files() -> impl Iterator<Item = String> {
    files(&[".rs"]).into_iter().filter(|path| path.starts_with("host/src/") && !path.ends_with("/tests.rs") && !path.ends_with("/properties.rs"))
}

fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut findings = Vec::new();
    for path in files(&[".rs"]) {
        let text = read(&path);
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            findings.push(format!("{path}: {lines} lines, more than {FILE_LINES_MAX}: which two rooms are these?"));
        }
        if !text.starts_with("//!") {
            findings.push(format!("{path}:1: begins without `//!`: say what the file is for"));
        }
    }
    report("each Rust file opens with its purpose and fits a reader's head", &findings);
}

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    for path in files(&[".rs"]) {
        let mut open: Option<(usize, usize)> = None;
        for (n, line) in read(&path).lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let head = line.trim_start();
            let is_fn =
                ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "const fn ", "pub const fn ", "unsafe fn "].iter().any(|begin| head.starts_with(begin));
            if is_fn && !line.trim_end().ends_with(['}', ';']) {
                open = Some((n, indent));
            } else if let Some((began, at)) = open
                && indent == at
                && head.starts_with('}')
            {
                if n - began + 1 > FUNCTION_LINES_MAX {
                    findings.push(format!("{path}:{}: {} lines, more than {FUNCTION_LINES_MAX}: take a step out and name it", began + 1, n - began + 1));
                }
                open = None;
            }
        }
    }
    report("a function is read without scrolling", &findings);
}

#[test]
fn nothing_is_called_a_drawer_and_nothing_is_left_to_do() {
    let mut findings = Vec::new();
    for path in files(&[".rs"]) {
        for (n, line) in read(&path).lines().enumerate() {
            for name in ["util", "utils", "common", "helpers", "types"] {
                if line.trim() == format!("mod {name};") || line.trim() == format!("pub mod {name};") {
                    findings.push(format!("{path}:{}: a module called {name}: name it after what it does", n + 1));
                }
            }
            let bare = ["TO", "DO"].concat();
            if line.contains(&bare) || line.contains(&["todo", "!("].concat()) || line.contains(&["unimplemented", "!("].concat()) {
                findings.push(format!("{path}:{}: {bare}: do it, or say in the docs that it cannot be done", n + 1));
            }
        }
    }
    report("names say what, and nothing is half done", &findings);
}

#[test]
fn libraries_and_the_clock_are_named_in_their_rooms_only() {
    let mut findings = Vec::new();
    for path in host_files() {
        for (n, line) in code(&read(&path)).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for (name, rooms) in ONLY_IN {
                if line.contains(name) && !rooms.iter().any(|room| path.starts_with(room)) {
                    findings.push(format!("{path}:{}: names {name} outside {rooms:?}", n + 1));
                }
            }
        }
    }
    report("each library has one room", &findings);
}

#[test]
fn modules_depend_one_way() {
    let modules: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).chain(["cli"]).collect();
    let mut findings = Vec::new();
    for path in host_files() {
        let module = path["host/src/".len()..].split(['/', '.']).next().unwrap_or_default().to_owned();
        let Some((_, uses)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            assert!(["lib", "main", "cli"].contains(&module.as_str()), "{path}: a module that the table in tests/tidy.rs does not know");
            continue;
        };
        for (n, line) in code(&read(&path)).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for other in line.split("crate::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()) {
                let fine = other == module
                    || KNOWN_BY_ALL.contains(&other) && !KNOWN_BY_ALL.contains(&module.as_str())
                    || uses.contains(&other)
                    || !modules.contains(other);
                if !fine {
                    findings.push(format!("{path}:{}: `{module}` uses `{other}`, which it must not know", n + 1));
                }
            }
        }
    }
    // The three that know nothing of the stations may know one another's words.
    findings.retain(|finding| !KNOWN_BY_ALL.iter().any(|a| KNOWN_BY_ALL.iter().any(|b| finding.contains(&format!("`{a}` uses `{b}`")))));
    report("dependencies point one way", &findings);
}

#[test]
fn no_path_of_a_machine_is_in_the_project() {
    let mut findings = Vec::new();
    for path in files(&[".rs", ".md", ".toml", ".py", ".c", ".h", ".wit", ".wat", "Makefile", "setup", "kafka/broker"]) {
        for (n, line) in read(&path).lines().enumerate() {
            for wrong in [["/", "root/"].concat(), ["/", "work/"].concat(), ["/", "home/"].concat()] {
                if line.contains(&wrong) {
                    findings.push(format!("{path}:{}: names {wrong}: a path of one machine", n + 1));
                }
            }
        }
    }
    report("the project knows no machine", &findings);
}

#[test]
fn links_in_pages_lead_somewhere() {
    let mut findings = Vec::new();
    for path in files(&[".md"]) {
        let folder = root().join(&path).parent().expect("a folder").to_owned();
        for (n, line) in read(&path).lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap_or_default();
                if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                    findings.push(format!("{path}:{}: {target} is not there", n + 1));
                }
            }
        }
    }
    report("links lead somewhere", &findings);
}

#[test]
fn the_example_in_the_job_file_page_is_a_sound_job_file() {
    let page = read("docs/job-file.md");
    let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let folder = tempfile::tempdir().expect("a scratch folder");
    std::fs::write(folder.path().join("totals.wasm"), b"").expect("room on disk");
    let job = millstream::job::Job::parse(&folder.path().join("job.toml"), example).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((job.name.as_str(), job.workers, job.operators.len(), job.outputs.len()), ("example", 2, 1, 1));
}
