//! The real binary, and what it built.

use std::path::{Path, PathBuf};
use std::process::Command;

/// `millstream`, beside the test binaries: built with them, as the workspace is.
pub fn millstream() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let binary = test.parent().and_then(Path::parent).expect("the profile's folder").join("millstream");
    assert!(binary.is_file(), "{} is not there: run `cargo build --release` (or `make test`)", binary.display());
    binary
}

/// The demo's operators, a project each.
pub const DEMO_OPERATORS: [&str; 2] = ["parse", "delays"];

/// Builds an operator's project into the `build/` of a scratch folder.
fn build(project: &Path, scratch: &Path) {
    let component = scratch.join("build").join(project.file_name().expect("a name")).with_extension("wasm");
    let built = Command::new(millstream()).arg("build").arg(project).arg("-o").arg(component).output().expect("the binary starts");
    assert!(built.status.success(), "{}: {}", project.display(), String::from_utf8_lossy(&built.stderr));
}

/// Puts the demo's job, data and freshly built operators into a scratch folder.
pub fn build_demo(flights: &Path, scratch: &Path) {
    build_demo_with(flights, flights, scratch);
}

/// The same with operators of another folder: those of another language.
pub fn build_demo_with(operators: &Path, flights: &Path, scratch: &Path) {
    DEMO_OPERATORS.iter().for_each(|operator| build(&operators.join(operator), scratch));
    for file in ["job.toml", "flights-2013-01.csv", "airlines.csv"] {
        std::fs::copy(flights.join(file), scratch.join(file)).expect("room on disk");
    }
}

/// Puts the job in five languages, its operators freshly built, into a scratch folder. Returns the job file.
pub fn build_relay(examples: &Path, scratch: &Path) -> PathBuf {
    ["flights/parse", "relay/score", "relay/enrich", "relay/report", "relay/tally"].iter().for_each(|project| build(&examples.join(project), scratch));
    let job = std::fs::read_to_string(examples.join("relay/job.toml")).expect("the job");
    let flights = examples.join("flights/flights-2013-01.csv").canonicalize().expect("the flights").display().to_string();
    let path = scratch.join("job.toml");
    std::fs::write(&path, job.replace("../flights/flights-2013-01.csv", &flights)).expect("room on disk");
    path
}

/// Counts again what an example's streams hold (as `stream cat` prints them), with its own script. Returns what that said.
#[track_caller]
pub fn recount(example: &Path, scratch: &Path, streams: &[&str]) -> String {
    let files = streams.iter().enumerate().map(|(n, text)| {
        let path = scratch.join(format!("output-{n}.jsonl"));
        std::fs::write(&path, text).expect("room on disk");
        path
    });
    let counted = Command::new("python3").arg(example.join("recount.py")).args(files).output().expect("python3");
    let said = format!("{}{}", String::from_utf8_lossy(&counted.stdout), String::from_utf8_lossy(&counted.stderr));
    assert!(counted.status.success(), "{said}");
    said
}

/// What `stream cat` prints.
pub fn stream(data: &Path, stream: &str) -> String {
    let output = Command::new(millstream()).args(["stream", "cat", stream, "--data"]).arg(data).output().expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
