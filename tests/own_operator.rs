//! From nothing to an own operator, as a person does it in each language: `new`, `test`, a mistake that the test shows, `build`. And what `millstream test` makes of cases.

use std::path::Path;
use std::process::{Command, Output};

use millstream::build::Language;
use millstream_tests::binary::millstream;
use millstream_tests::components::component;

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(millstream()).args(args).current_dir(folder).output().expect("the binary starts")
}

/// What it said, if it ended with that exit code.
#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("room on disk");
        std::fs::write(path, text).expect("room on disk");
    }
}

#[test]
fn every_language_goes_from_nothing_to_a_tested_component() {
    for language in Language::ALL {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let (folder, name) = (scratch.path(), language.name());
        assert!(said(&run(folder, &["new", "page-views", "--lang", name]), 0).contains("millstream test page-views"), "{name}");
        let report = said(&run(folder, &["test", "page-views", "--junit", "report.xml"]), 0);
        assert!(report.contains("case first: passed") && report.contains("restored 4 times"), "{name}: {report}");
        let junit = std::fs::read_to_string(folder.join("report.xml")).expect("a report");
        assert!(junit.contains("<testcase classname=\"page-views\" name=\"first\"") && junit.contains("failures=\"0\""), "{name}: {junit}");
        said(&run(folder, &["build", "page-views"]), 0);
        let looked = said(&run(folder, &["inspect", "page-views/page-views.wasm"]), 0);
        assert!(looked.contains("page-views 0.1.0") && looked.contains("counts (version 1)"), "{name}: {looked}");
        assert!(looked.lines().filter(|line| line.starts_with("imports")).all(|line| !line.contains("wasi")), "{name}: {looked}");

        let expected = folder.join("page-views/cases/first/expected.jsonl");
        let sound = std::fs::read_to_string(&expected).expect("a case");
        std::fs::write(&expected, sound.replace("\"2\"", "\"3\"")).expect("room on disk");
        let report = said(&run(folder, &["test", "page-views", "--component", "page-views/page-views.wasm"]), 1);
        assert!(report.contains("- {\"key\":\"ann\",\"value\":\"3\"}\n+ {\"key\":\"ann\",\"value\":\"2\"}"), "{name}: {report}");
    }
}

/// A folder with one case, tested with a component of the suites.
struct Trial(tempfile::TempDir);

impl Trial {
    fn new(files: &[(&str, &str)]) -> Trial {
        let trial = Trial(tempfile::tempdir().expect("a scratch folder"));
        write(&trial.0.path().join("cases/one"), files);
        trial
    }

    fn test(&self, name: &str, args: &[&str]) -> Output {
        let component = component(name).display().to_string();
        run(self.0.path(), &[&["test", ".", "--component", &component], args].concat())
    }
}

#[test]
fn time_ports_and_config_are_the_cases() {
    let input = r#"{"port":"right","key":"a","value":"1","timestamp":1000}
{"port":"left","key":"a","value":"2","timestamp":1010}
{"port":"left","key":"a","value":"3","timestamp":5000}
"#;
    let settings = "config = { within_ms = 50 }\nwatermark = { disorder = \"10s\", step = \"1s\" }\n";
    let trial = Trial::new(&[("input.jsonl", input), ("expected.jsonl", r#"{"key":"a","value":"2|1"}"#), ("case.toml", settings)]);
    let report = said(&trial.test("rust-join", &[]), 0);
    assert!(report.contains("restored 3 times"), "{report}");

    // A window of event time: the second record moves the watermark, the third is late; times are compared once the case gives one.
    let input = "{\"key\":\"a\",\"value\":\"5\",\"timestamp\":100}\n{\"key\":\"a\",\"value\":\"6\",\"timestamp\":2100}\n{\"key\":\"a\",\"value\":\"7\",\"timestamp\":200}\n";
    let expected = r#"{"key":"a","value":{"sum":5,"count":1,"start":0,"end":1000},"timestamp":999}
{"key":"a","value":{"sum":6,"count":1,"start":2000,"end":3000},"timestamp":2999}
{"port":"late","key":"a","value":"7","timestamp":200}
"#;
    let trial = Trial::new(&[("input.jsonl", input), ("expected.jsonl", expected), ("case.toml", "config = { size_ms = 1000 }")]);
    said(&trial.test("rust-window", &[]), 0);
    write(&trial.0.path().join("cases/one"), &[("expected.jsonl", &expected.replace("999}", "998}"))]);
    assert!(said(&trial.test("rust-window", &[]), 1).contains("\"timestamp\":999"));
}

/// Sets a timer a minute from now for each record, and emits its key when it fires.
const REMINDER: &str = r#"#include "millstream.h"
static const ms_text IN[] = {MS_TEXT("in")}, OUT[] = {MS_TEXT("out")};
const ms_description *ms_describe(void) {
  static const ms_description d = {.name = MS_TEXT("reminder"), .version = MS_TEXT("1"), .inputs = IN, .inputs_n = 1, .outputs = OUT, .outputs_n = 1};
  return &d;
}
ms_outcome ms_open(const ms_setup *setup) { (void)setup; return MS_OK; }
ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  for (uint32_t row = 0; row < ms_rows(input); row++) ms_timer(row, MS_PROCESSING, context->now + 60000, ms_at(input, row).key, ms_text_of(""));
  return MS_OK;
}
ms_outcome ms_on_timer(const ms_context *context, const ms_batch *due) {
  (void)context;
  for (uint32_t row = 0; row < ms_rows(due); row++) ms_emit((ms_out){.row = row, .key = ms_at(due, row).key, .value = ms_text_of("time is up")});
  return MS_OK;
}
"#;
/// Counts in a variable of its own.
const FORGETFUL: &str = r#"#include "millstream.h"
static const ms_text IN[] = {MS_TEXT("in")}, OUT[] = {MS_TEXT("out")};
static uint64_t seen;
const ms_description *ms_describe(void) {
  static const ms_description d = {.name = MS_TEXT("forgetful"), .version = MS_TEXT("1"), .inputs = IN, .inputs_n = 1, .outputs = OUT, .outputs_n = 1};
  return &d;
}
ms_outcome ms_open(const ms_setup *setup) { (void)setup; return MS_OK; }
ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    uint8_t room[20];
    ms_emit((ms_out){.row = row, .key = ms_at(input, row).key, .value = ms_digits(++seen, room)});
  }
  return MS_OK;
}
"#;

#[test]
fn the_clock_moves_when_the_case_says_so() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let input = "{\"key\":\"a\"}\n{\"advance\":\"59s\"}\n{\"key\":\"b\"}\n{\"advance\":\"1s\"}\n";
    write(
        scratch.path(),
        &[("reminder.c", REMINDER), ("cases/one/input.jsonl", input), ("cases/one/expected.jsonl", "{\"key\":\"a\",\"value\":\"time is up\"}\n")],
    );
    let report = said(&run(scratch.path(), &["test"]), 0);
    assert!(report.contains("reminder: 1 case passed"), "{report}");
    let longer = input.to_owned() + "{\"advance\":\"1m\"}\n";
    write(scratch.path(), &[("cases/one/input.jsonl", &longer)]);
    assert!(said(&run(scratch.path(), &["test"]), 1).contains("+ {\"key\":\"b\",\"value\":\"time is up\"}"));
}

#[test]
fn what_is_not_in_a_store_is_found_out() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let expected = "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"a\",\"value\":\"2\"}\n";
    write(
        scratch.path(),
        &[("forgetful.c", FORGETFUL), ("cases/one/input.jsonl", "{\"key\":\"a\"}\n{\"key\":\"a\"}\n"), ("cases/one/expected.jsonl", expected)],
    );
    let report = said(&run(scratch.path(), &["test"]), 1);
    assert!(report.contains("what it must remember belongs into a store") && report.contains("- {\"key\":\"a\",\"value\":\"2\"}"), "{report}");
}

#[test]
fn refused_and_fatal_records_are_part_of_a_case() {
    let input = "{\"key\":\"a\",\"value\":\"poison\"}\n{\"key\":\"a\",\"value\":\"x\"}\n";
    let trial = Trial::new(&[("input.jsonl", input)]);
    assert!(said(&trial.test("rust-count", &[]), 1).contains("there is no expected.jsonl; `--accept` writes one"));
    assert!(said(&trial.test("rust-count", &["--accept"]), 0).contains("is written"));
    let written = std::fs::read_to_string(trial.0.path().join("cases/one/expected.jsonl")).expect("a file");
    assert_eq!(written, "{\"key\":\"a\",\"value\":\"1\"}\n{\"code\":1,\"key\":\"a\",\"reject\":\"poison\",\"value\":\"poison\"}\n");
    said(&trial.test("rust-count", &[]), 0);

    let trial =
        Trial::new(&[("input.jsonl", "{\"key\":\"a\",\"value\":\"trap\"}\n"), ("expected.jsonl", "{\"reject\":\"trap\",\"key\":\"a\",\"value\":\"trap\"}")]);
    said(&trial.test("c-misbehave", &[]), 0);
    let trial = Trial::new(&[("input.jsonl", "{\"key\":\"a\",\"value\":\"fatal\"}\n"), ("expected.jsonl", "")]);
    assert!(said(&trial.test("c-misbehave", &[]), 1).contains("told to fail"));
}

#[test]
fn a_case_that_cannot_be_read_is_named_with_its_line() {
    for (files, words) in [
        (&[("input.jsonl", "{\"key\":\"a\"}\nx\n")][..], "input.jsonl, line 2: is no JSON object"),
        (&[("input.jsonl", "{\"kye\":\"a\"}")], "line 1: is no record: unknown field `kye`"),
        (&[("input.jsonl", "{\"port\":\"left\"}")], "is for the input `left`; the operator has in"),
        (&[("input.jsonl", "{\"advance\":\"soon\"}")], "\"soon\" is no duration"),
        (&[("input.jsonl", "{\"advance\":\"1s\",\"key\":\"a\"}")], "make it two lines"),
        (&[("input.jsonl", ""), ("expected.jsonl", "{\"port\":\"late\"}")], "is of the output `late`; the operator has out"),
        (&[("input.jsonl", ""), ("expected.jsonl", "{\"code\":1}")], "`code` and no `reject`"),
        (&[("input.jsonl", ""), ("case.toml", "nwo = 1")], "unknown field `nwo`"),
        (&[("input.jsonl", ""), ("case.toml", "now = \"noon\"")], "is no time"),
        (&[("input.jsonl", ""), ("case.toml", "watermark = { disroder = \"1s\" }")], "disroder"),
    ] {
        let text = said(&Trial::new(files).test("rust-count", &["--json"]), 3);
        assert!(text.replace("\\\"", "\"").contains(words), "{words}: {text}");
    }
    let empty = tempfile::tempdir().expect("a scratch folder");
    assert!(said(&run(empty.path(), &["test"]), 3).contains("cases/first/input.jsonl"));
    let trial = Trial::new(&[("input.jsonl", "")]);
    assert!(said(&trial.test("rust-count", &["--case", "two"]), 3).contains("there is no such case, only one"));
}
