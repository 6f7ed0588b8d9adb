//! The flights job in every language that has its operators: the same bytes come out as of Rust's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use millstream_tests::binary;
use millstream_tests::cases::scratch;

fn flights() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/flights")
}

/// The folders that have operators of their own, by language. Rust's lie beside the job file.
fn languages() -> Vec<String> {
    let entries = std::fs::read_dir(flights()).expect("the example").filter_map(Result::ok);
    let folders = entries.filter(|entry| entry.path().join("parse").is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Runs a program that must succeed. Returns what it said.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// What the job's stream holds with the operators of a folder, whose cases pass and whose days are those of the CSV.
fn carrier_delays(operators: &Path) -> String {
    let (flights, scratch) = (flights(), scratch());
    binary::build_demo_with(operators, &flights, scratch.path());
    for operator in binary::DEMO_OPERATORS {
        let component = scratch.path().join("build").join(operator).with_extension("wasm");
        run(Command::new(binary::millstream()).arg("test").arg(operators.join(operator)).arg("--component").arg(component));
    }
    let data = scratch.path().join("data");
    run(Command::new(binary::millstream()).args(["run", "--quiet"]).arg(scratch.path().join("job.toml")).arg("--data").arg(&data));
    let stream = binary::stream(&data, "carrier-delays");
    binary::recount(&flights, scratch.path(), &[&stream]);
    stream
}

/// One test, so that builds do not run beside each other.
#[test]
fn flights_give_the_same_bytes_in_every_language() {
    let expected = carrier_delays(&flights());
    assert_eq!(expected.lines().count(), 471);
    assert!(languages().len() >= 5, "{:?}", languages());
    for language in languages() {
        let began = Instant::now();
        assert!(carrier_delays(&flights().join(&language)) == expected, "{language}: not the bytes of Rust's operators, though the same days");
        println!("{language}: {:.1} s", began.elapsed().as_secs_f64());
    }
}

#[test]
fn the_demo_names_its_languages_where_it_has_not_the_one_asked_for() {
    let refused = Command::new(flights().join("demo")).args(["--lang", "cobol"]).output().expect("bash");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("cobol"), "{said}");
    for language in languages().iter().map(String::as_str).chain(["rust"]) {
        assert!(said.split([' ', ',', '\n']).any(|word| word == language), "{language} is not in: {said}");
    }
}
