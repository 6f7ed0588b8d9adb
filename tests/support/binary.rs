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

/// Puts the demo's job, data and freshly built operators into a scratch folder.
pub fn build_demo(flights: &Path, scratch: &Path) {
    for operator in ["parse", "delays"] {
        let built =
            Command::new(millstream()).arg("build").arg(flights.join(operator)).arg("-o").arg(scratch.join("build").join(format!("{operator}.wasm"))).output();
        let built = built.expect("the binary starts");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }
    for file in ["job.toml", "flights-2013-01.csv", "airlines.csv"] {
        std::fs::copy(flights.join(file), scratch.join(file)).expect("room on disk");
    }
}

/// Puts the job in five languages, its operators freshly built, into a scratch folder. Returns the job file.
pub fn build_relay(examples: &Path, scratch: &Path) -> PathBuf {
    for project in ["flights/parse", "relay/score", "relay/enrich", "relay/report", "relay/tally"] {
        let component = format!("{}.wasm", project.rsplit('/').next().unwrap_or_default());
        let built = Command::new(millstream()).arg("build").arg(examples.join(project)).arg("-o").arg(scratch.join("build").join(component)).output();
        let built = built.expect("the binary starts");
        assert!(built.status.success(), "{project}: {}", String::from_utf8_lossy(&built.stderr));
    }
    let job = std::fs::read_to_string(examples.join("relay/job.toml")).expect("the job");
    let flights = examples.join("flights/flights-2013-01.csv").canonicalize().expect("the flights").display().to_string();
    let path = scratch.join("job.toml");
    std::fs::write(&path, job.replace("../flights/flights-2013-01.csv", &flights)).expect("room on disk");
    path
}

/// Counts the relay's flights again with its own script. Returns what it said.
#[track_caller]
pub fn recount_relay(examples: &Path, scratch: &Path, alerts: &str, tallies: &str) -> String {
    let file = |name: &str, text: &str| {
        let path = scratch.join(name);
        std::fs::write(&path, text).expect("room on disk");
        path
    };
    let (alerts, tallies) = (file("alerts.jsonl", alerts), file("tallies.jsonl", tallies));
    let counted = Command::new("python3").arg(examples.join("relay/recount.py")).args([alerts, tallies]).output().expect("python3");
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
