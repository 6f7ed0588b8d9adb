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

/// What `stream cat` prints.
pub fn stream(data: &Path, stream: &str) -> String {
    let output = Command::new(millstream()).args(["stream", "cat", stream, "--data"]).arg(data).output().expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
