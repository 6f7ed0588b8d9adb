//! The command line as a stranger meets it: wrong words, wrong files, exit codes, JSON, two processes on one folder.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use millstream_tests::binary::millstream;
use millstream_tests::cases::{Case, scratch};
use serde_json::Value;

fn run(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut child =
        Command::new(millstream()).args(args).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    // A command that reads nothing may be gone already.
    let _written = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    child.wait_with_output().expect("its end")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code, not a signal")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn wrong_words_are_usage_errors() {
    let folder = scratch();
    for args in [&["rnu"][..], &["run"], &["run", "--dta", "x", "job.toml"], &["stream", "cat"]] {
        assert_eq!(code(&run(folder.path(), args, "")), 2, "{args:?}");
    }
}

#[test]
fn a_wrong_job_file_is_shown_with_line_and_hint() {
    let folder = scratch();
    let cases = [
        ("name = \"x\"\nworkers = \"two\"\n", 2, "invalid type"),
        ("name = \"x\"\n[input.a]\nstrem = \"s\"\n", 3, "did you mean `stream`?"),
        ("name = \"x\"\n[input.a]\nstream = \"s\"\n[output.o]\nstream = \"t\"\nfrom = \"b\"\n", 6, "no input or operator `b`"),
        ("name = \"x\"\n[input.a]\nfile = \"nowhere.csv\"\n", 3, "there is no file"),
        ("name = \"x\"\n[input.a]\nstream = \"s\"\nfile = \"f\"\n", 2, "exactly one of"),
        ("name = \"a b\"\n", 1, "cannot be the name of a job"),
        ("name = \"x\"\n[checkpoint]\ninterval = \"fast\"\n", 3, "is no duration"),
        ("name = \"x\"\n[operator.o]\ncomponent = \"no.wasm\"\ninput = [\"a\"]\n", 3, "there is no component"),
        ("name = \"x", 1, "string"),
        ("", 1, "missing field `name`"),
    ];
    for (text, line, words) in cases {
        std::fs::write(folder.path().join("job.toml"), text).expect("room on disk");
        let output = run(folder.path(), &["check", "job.toml", "--json"], "");
        assert_eq!(code(&output), 3, "{text:?}: {}", said(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{text:?}: {e}: {}", said(&output)));
        let error = &answer["error"];
        let all = format!("{} {}", error["message"], error["help"]);
        assert!(all.contains(words), "{text:?}: {all}");
        assert_eq!(error["line"], line, "{text:?}: {all}");
    }
    let output = run(folder.path(), &["run", "nowhere.toml"], "");
    assert_eq!(code(&output), 3);
    assert!(said(&output).contains("nowhere.toml"), "{}", said(&output));
}

#[test]
fn cycles_and_ports_that_do_not_exist_are_refused_by_name() {
    let case = Case::prepare("multi-output");
    let sound = std::fs::read_to_string(case.job()).expect("a job");
    for (from, to, words) in [
        ("from = \"route.a\"", "from = \"route.z\"", "no output port `z`"),
        ("input = [\"in\"]", "input = [\"route\"]", "route → route"),
        ("input = [\"in\"]", "input = [\"in\"]\nstores = [\"mine\"]", "nobody owns store `mine`"),
    ] {
        std::fs::write(case.job(), sound.replacen(from, to, 1)).expect("room on disk");
        let output = run(case.folder.path(), &["check", "job.toml", "--json"], "");
        assert_eq!(code(&output), 3, "{to}: {}", said(&output));
        assert!(said(&output).contains(words), "{to}: {}", said(&output));
    }
    std::fs::write(case.job(), sound.replace("rust-route.wasm", "rust-count.wasm")).expect("room on disk");
    let output = run(case.folder.path(), &["check", "job.toml", "--json"], "");
    assert!(said(&output).contains("the job grants it no store"), "{}", said(&output));
}

#[test]
fn streams_are_appended_listed_and_read() {
    let folder = scratch();
    let lines = "{\"key\":\"a\",\"value\":\"1\",\"timestamp\":5}\n{\"key\":\"b\",\"value\":null}\n{\"key_base64\":\"/w==\",\"value\":{\"x\":1}}\n";
    assert_eq!(code(&run(folder.path(), &["stream", "append", "s", "--data", "d", "--partitions", "1"], lines)), 0);
    let output = run(folder.path(), &["stream", "cat", "s", "--data", "d"], "");
    let rows: Vec<Value> = String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["key"], &rows[0]["timestamp"], &rows[1]["value"], &rows[2]["key_base64"]), (&"a".into(), &5.into(), &Value::Null, &"/w==".into()));
    let output = run(folder.path(), &["stream", "list", "--data", "d", "--json"], "");
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(listed[0]["partitions"][0]["next"], 3);
    let wrong = run(folder.path(), &["stream", "append", "s", "--data", "d"], "no json\n");
    assert_eq!(code(&wrong), 3);
    assert!(said(&wrong).contains("line 1"), "{}", said(&wrong));
    let nowhere = run(folder.path(), &["stream", "cat", "s", "--data", "other"], "");
    assert_eq!(code(&nowhere), 3);
    assert!(!folder.path().join("other").exists(), "a tool that only reads made a data folder");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let folder = scratch();
    let lines: String = (0..20_000).map(|n| format!("{{\"key\":\"{n}\"}}\n")).collect();
    run(folder.path(), &["stream", "append", "s", "--data", "d"], &lines);
    let mut child = Command::new(millstream())
        .args(["stream", "cat", "s", "--data", "d"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_folder_in_use_is_refused_with_the_owner() {
    let case = Case::prepare("map");
    let _owner = millstream::log::Log::open(&case.data()).expect("a data folder");
    let output = run(case.folder.path(), &["run", "job.toml", "--data", "data"], "");
    assert_eq!(code(&output), 6, "{}", said(&output));
    assert!(said(&output).contains(&format!("process {}", std::process::id())), "{}", said(&output));
}

#[test]
fn a_run_answers_in_json_and_state_can_be_read() {
    let case = Case::prepare("rejects");
    let output = run(case.folder.path(), &["run", "job.toml", "--data", "data", "--json"], "");
    assert_eq!(code(&output), 0, "{}", said(&output));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&answer["ended"], &answer["summary"]["records_in"]), (&"finished".into(), &300.into()));
    assert_eq!(answer["summary"]["rejected"], answer["summary"]["dead_letters"]);
    let output = run(case.folder.path(), &["state", "get", "counts", "k1", "--data", "data"], "");
    let row: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)));
    assert!(row["value_u64_le"].as_u64().is_some_and(|count| count > 0), "{row}");
    assert_eq!(code(&run(case.folder.path(), &["state", "get", "counts", "nobody", "--data", "data"], "")), 3);
}

/// The allocator looks for its settings by a symbol's name: a misspelt one would be no error.
#[test]
fn the_allocator_is_told_to_take_large_pages() {
    let output = Command::new(millstream()).arg("--version").env("MALLOC_CONF", "confirm_conf:true").output().expect("starts");
    assert!(said(&output).contains("Set conf value: thp:always"), "{}", said(&output));
}
