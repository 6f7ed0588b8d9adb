//! Files, standard input and the generator as inputs: what they find, where they go on, and what they say when the input is not what it was.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::error::HostError;
use crate::job::{FileFormat, GeneratorSpec, TimestampFrom};
use crate::record::{NO_TIMESTAMP, Offset};
use crate::time::SimulatedClock;

const AT: InputPartition = InputPartition { input: 0, partition: 0 };
const BUDGET: PollBudget = PollBudget { records_max: 1_000, bytes_max: 1 << 20, wait_ms: 0 };

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Scratch { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("in");
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn append(path: &Path, text: &str) {
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn field(name: &str) -> TimestampFrom {
    TimestampFrom::Field(name.to_owned())
}

fn file(path: &Path, format: FileFormat, follow: bool) -> FileSource {
    FileSource::new(vec![path.to_owned()], format, follow, &field("t"))
}

#[derive(Debug, Default, PartialEq)]
struct Found {
    /// Offset, timestamp, value.
    records: Vec<(i64, i64, String)>,
    next: Offset,
    ends: usize,
}

/// Polls until it is told an end, or nothing comes.
fn drain(source: &mut dyn Source, budget: PollBudget) -> Result<Found, HostError> {
    let mut all = Found::default();
    loop {
        let mut polled = Vec::new();
        source.poll(budget, &mut polled)?;
        if polled.is_empty() {
            return Ok(all);
        }
        for polled in polled {
            match polled {
                Polled::Skipped { .. } => panic!("files and generators skip nothing"),
                Polled::End { .. } => all.ends += 1,
                Polled::Records { batch, next, .. } => {
                    assert!(!batch.is_empty() && next > all.next);
                    all.next = next;
                    all.records
                        .extend(batch.iter().map(|row| (row.offset, row.timestamp, String::from_utf8_lossy(row.value.unwrap_or_default()).into_owned())));
                }
            }
        }
    }
}

fn values(found: &Found) -> Vec<&str> {
    found.records.iter().map(|(_, _, value)| value.as_str()).collect()
}

/// What an error says and advises.
fn said(error: HostError) -> String {
    match error {
        HostError::Storage { what, reason, help } => format!("{what}: {reason}; {}", help.expect("something to do")),
        HostError::Job { key, reason, help } => format!("{key}: {reason}; {}", help.expect("something to do")),
        other => panic!("{other}"),
    }
}

/// From any offset and with any budget the same records follow: what a restart from any checkpoint does.
#[test]
fn a_file_read_from_any_record_on_gives_the_same_rest() {
    let scratch = Scratch::new();
    for (format, text) in [
        (FileFormat::Lines, "a\n\nbc\r\nd"),
        (FileFormat::Jsonl, "{\"value\":\"a\"}\n\n{\"value\":\"b\"}\n"),
        (FileFormat::Csv, "t,x\n1,\"a\nb\"\n\n2,\"\"\"\"\n2013-01-01T00:00:00Z,c"),
    ] {
        let path = scratch.write(text);
        let mut source = file(&path, format, false);
        assert_eq!(source.assign(AT, Start::Oldest).unwrap(), 0);
        let whole = drain(&mut source, BUDGET).unwrap();
        assert_eq!((whole.next, whole.ends), (text.len() as u64, 1), "{text:?}");
        assert_eq!(source.end(AT).unwrap(), Some(text.len() as u64));
        for from in 0..whole.records.len() {
            for records_max in 1..4 {
                let offset = whole.records[from].0 as u64;
                let mut source = file(&path, format, false);
                source.assign(AT, Start::At(offset)).unwrap();
                let rest = drain(&mut source, PollBudget { records_max, ..BUDGET }).unwrap();
                assert_eq!(rest.records, whole.records[from..], "{text:?} from {offset}");
            }
        }
        let mut again = file(&path, format, false);
        assert_eq!(again.assign(AT, Start::At(whole.next)).unwrap(), whole.next);
        assert_eq!(drain(&mut again, BUDGET).unwrap(), Found { ends: 1, ..Found::default() });
    }
}

#[test]
fn lines_keep_their_bytes_and_csv_rows_their_quotes_and_times() {
    let scratch = Scratch::new();
    let mut source = file(&scratch.write("a\n\nbc\r\nd"), FileFormat::Lines, false);
    source.assign(AT, Start::Oldest).unwrap();
    assert_eq!(values(&drain(&mut source, BUDGET).unwrap()), ["a", "", "bc", "d"]);
    let mut source = file(&scratch.write("x,\"t\"\n\"a\nb\",7\nc,never\nd\ne,\"2013-01-01T00:00:00Z\"\n"), FileFormat::Csv, false);
    source.assign(AT, Start::Oldest).unwrap();
    let found = drain(&mut source, BUDGET).unwrap().records;
    let expected = [(6, 7, "\"a\nb\",7"), (14, NO_TIMESTAMP, "c,never"), (22, NO_TIMESTAMP, "d"), (24, 1_356_998_400_000, "e,\"2013-01-01T00:00:00Z\"")];
    assert_eq!(found, expected.map(|(offset, time, value)| (offset, time, value.to_owned())));
}

#[test]
fn a_followed_file_gives_whole_lines_as_they_come_and_no_end() {
    let scratch = Scratch::new();
    let path = scratch.write("t,");
    let mut source = file(&path, FileFormat::Csv, true);
    assert_eq!(source.assign(AT, Start::Newest).unwrap(), 0, "the header is not whole yet");
    assert_eq!(drain(&mut source, BUDGET).unwrap(), Found::default());
    append(&path, "x\n5,a\n6,");
    assert_eq!(drain(&mut source, BUDGET).unwrap(), Found { records: vec![(4, 5, "5,a".to_owned())], next: 8, ends: 0 });
    append(&path, "b\n");
    assert_eq!(values(&drain(&mut source, BUDGET).unwrap()), ["6,b"]);
    let mut newest = file(&path, FileFormat::Csv, true);
    assert_eq!(newest.assign(AT, Start::Newest).unwrap(), 12);
    append(&path, "7,c\n");
    assert_eq!(drain(&mut newest, BUDGET).unwrap().records, [(12, 7, "7,c".to_owned())]);
}

#[test]
fn a_last_line_that_gets_its_line_end_later_is_not_read_twice() {
    let scratch = Scratch::new();
    for end in ["\n", "\r\n"] {
        let path = scratch.write("a\nb");
        append(&path, &format!("{end}c\n"));
        let mut source = file(&path, FileFormat::Lines, false);
        assert_eq!(source.assign(AT, Start::At(3)).unwrap(), 3 + end.len() as u64);
        assert_eq!(values(&drain(&mut source, BUDGET).unwrap()), ["c"]);
    }
}

#[test]
fn a_file_that_is_not_what_it_was_is_named_with_what_to_do() {
    let scratch = Scratch::new();
    let path = scratch.write("ab\ncd\n");
    let assign = |position| file(&path, FileFormat::Lines, false).assign(AT, Start::At(position)).map_err(said);
    assert!(assign(7).unwrap_err().contains("has 6 bytes, but was read up to 7 before"));
    assert!(assign(4).unwrap_err().contains("where no record ends now"));
    assert!(assign(4).unwrap_err().contains("put the old one back"));
    assert_eq!(assign(3), Ok(3));
    std::fs::remove_file(&path).unwrap();
    let gone = assign(3).unwrap_err();
    assert!(gone.contains(&path.display().to_string()) && gone.contains("put it back"), "{gone}");
    std::fs::create_dir(&path).unwrap();
    assert!(assign(3).unwrap_err().contains("no regular file"));
}

#[test]
fn a_file_cut_replaced_or_removed_while_it_is_read_is_noticed() {
    let scratch = Scratch::new();
    let follow = || {
        let path = scratch.write("ab\ncd\n");
        let mut source = file(&path, FileFormat::Lines, true);
        source.assign(AT, Start::Oldest).unwrap();
        assert_eq!(drain(&mut source, BUDGET).unwrap().records.len(), 2);
        (path, source)
    };
    let (path, mut source) = follow();
    std::fs::write(&path, "ab\n").unwrap();
    assert!(said(drain(&mut source, BUDGET).unwrap_err()).contains("was cut"));
    let (path, mut source) = follow();
    let other = scratch.folder.path().join("other");
    std::fs::write(&other, "ab\ncd\nef\n").unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert!(said(drain(&mut source, BUDGET).unwrap_err()).contains("was replaced"));
    let (path, mut source) = follow();
    std::fs::remove_file(&path).unwrap();
    assert!(said(drain(&mut source, BUDGET).unwrap_err()).contains("cannot be found"));
}

#[test]
fn a_line_that_is_no_record_is_named_with_its_place() {
    let scratch = Scratch::new();
    let path = scratch.write("{\"value\":1}\n{\"value\":\n");
    let mut source = file(&path, FileFormat::Jsonl, false);
    source.assign(AT, Start::Oldest).unwrap();
    let text = said(drain(&mut source, BUDGET).unwrap_err());
    assert!(text.contains(&format!("{}, byte 12: the line is no JSON", path.display())), "{text}");
    let mut source = file(&scratch.write("a,b\n1,2\n"), FileFormat::Csv, false);
    source.assign(AT, Start::Oldest).unwrap();
    assert!(said(drain(&mut source, BUDGET).unwrap_err()).contains("has no column `t`"));
    assert!(said(file(&path, FileFormat::Csv, false).assign(AT, Start::At(4)).unwrap_err()).contains("has no column `t`"));
}

#[test]
fn records_are_bounded_and_the_largest_one_passes_any_budget() {
    let scratch = Scratch::new();
    let largest = "x".repeat(records::RECORD_BYTES_MAX - 1);
    let small = PollBudget { records_max: 1, bytes_max: 1, wait_ms: 0 };
    let mut source = file(&scratch.write(format!("a\n{largest}\nb\n")), FileFormat::Lines, false);
    source.assign(AT, Start::Oldest).unwrap();
    let found = drain(&mut source, small).unwrap();
    assert!(values(&found) == ["a", &largest, "b"], "{} records", found.records.len());
    for text in [format!("a\nx{largest}\n"), format!("a\n\"{largest}\n{largest}")] {
        let format = if text.contains('"') { FileFormat::Csv } else { FileFormat::Lines };
        let mut source = FileSource::new(vec![scratch.write(&text)], format, false, &TimestampFrom::Record);
        source.assign(AT, Start::Oldest).unwrap();
        let text = said(drain(&mut source, BUDGET).unwrap_err());
        assert!(text.contains("byte 2: a record of more than 16777216 bytes begins here"), "{text}");
    }
}

#[test]
fn a_paused_file_gives_nothing_and_loses_nothing() {
    let scratch = Scratch::new();
    let mut source = file(&scratch.write("a\nb\n"), FileFormat::Lines, false);
    source.assign(AT, Start::Oldest).unwrap();
    source.pause(AT, true);
    assert_eq!(drain(&mut source, BUDGET).unwrap(), Found::default());
    source.pause(AT, false);
    assert_eq!(values(&drain(&mut source, BUDGET).unwrap()), ["a", "b"]);
    source.revoke(AT);
    assert_eq!(drain(&mut source, BUDGET).unwrap(), Found::default());
}

/// Gives a text a few bytes at a time.
struct Trickle(Vec<u8>, usize);

impl Read for Trickle {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(into.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0.drain(..count);
        Ok(count)
    }
}

fn stdin(text: &[u8], step: usize, format: FileFormat, start: Start, budget: PollBudget) -> Result<Found, HostError> {
    let mut source = StdinSource::over(Box::new(Trickle(text.to_vec(), step)), format, &field("t"));
    source.assign(AT, start)?;
    let mut all = Found::default();
    while all.ends == 0 {
        let found = drain(&mut source, budget)?;
        all.records.extend(found.records);
        all.next = all.next.max(found.next);
        all.ends += found.ends;
        std::thread::yield_now();
    }
    assert_eq!(source.end(AT).unwrap(), None);
    Ok(all)
}

#[test]
fn standard_input_gives_records_however_the_bytes_come() {
    for step in 1..9 {
        let found = stdin(b"x,t\na,\"5\"\n\"b\n\",6", step, FileFormat::Csv, Start::Oldest, BUDGET).unwrap();
        assert_eq!(found, Found { records: vec![(4, 5, "a,\"5\"".to_owned()), (10, 6, "\"b\n\",6".to_owned())], next: 16, ends: 1 }, "step {step}");
    }
    let found = stdin(b"a\nb", 2, FileFormat::Lines, Start::At(100), BUDGET).unwrap();
    assert_eq!(found, Found { records: vec![(100, NO_TIMESTAMP, "a".to_owned()), (102, NO_TIMESTAMP, "b".to_owned())], next: 103, ends: 1 }, "after a restart");
}

#[test]
fn standard_input_is_bounded_but_takes_a_record_larger_than_the_budget() {
    let large = "x".repeat(5_000);
    let small = PollBudget { records_max: 1, bytes_max: 100, wait_ms: 0 };
    let found = stdin(format!("{large}\ny\n").as_bytes(), 1_000, FileFormat::Lines, Start::Oldest, small).unwrap();
    assert_eq!(values(&found), [large.as_str(), "y"]);
    let text = said(stdin(&vec![b'x'; records::RECORD_BYTES_MAX + 1], 1 << 16, FileFormat::Lines, Start::Oldest, BUDGET).unwrap_err());
    assert!(text.contains("standard input, byte 0"), "{text}");
    assert!(said(stdin(b"{}\n{", 9, FileFormat::Jsonl, Start::Oldest, BUDGET).unwrap_err()).contains("standard input, byte 3"));
}

fn generator(spec: &GeneratorSpec, start: Start, budget: PollBudget) -> Found {
    let mut source = GeneratorSource::new(spec.clone(), Arc::new(SimulatedClock::default()));
    source.assign(AT, start).unwrap();
    drain(&mut source, budget).unwrap()
}

const SPEC: GeneratorSpec =
    GeneratorSpec { seed: 7, partitions: 1, rate_per_s: None, count: Some(100), keys: 5, value_bytes: 50, first_timestamp_ms: 1_000, interval_ms: 10 };

#[test]
fn generated_records_follow_from_seed_and_offset_alone() {
    let whole = generator(&SPEC, Start::Oldest, BUDGET);
    assert_eq!((whole.records.len(), whole.next, whole.ends), (100, 100, 1));
    assert!(whole.records.iter().all(|(n, time, value)| *time == 1_000 + 10 * n && value.len() == 50 && value.starts_with(&format!("{{\"n\":{n},"))));
    for from in [0, 1, 50, 99, 100] {
        let rest = generator(&SPEC, Start::At(from), PollBudget { records_max: 7, ..BUDGET });
        assert_eq!(rest.records, whole.records[from as usize..]);
    }
    for (ms, first) in [(0, 0), (1_000, 0), (1_001, 1), (1_010, 1), (1_995, 100)] {
        assert_eq!(generator(&SPEC, Start::Timestamp(ms), BUDGET).records, whole.records[first..], "from {ms} ms");
    }
}

#[test]
fn a_generator_keeps_to_its_rate_and_to_the_budgets_bytes() {
    let clock = SimulatedClock::starting_at(500);
    let mut source = GeneratorSource::new(GeneratorSpec { rate_per_s: Some(20), ..SPEC }, Arc::new(clock.clone()));
    source.assign(AT, Start::At(10)).unwrap();
    assert_eq!(drain(&mut source, BUDGET).unwrap(), Found::default());
    clock.advance_ms(100);
    assert_eq!(drain(&mut source, BUDGET).unwrap().next, 12);
    clock.advance_ms(-100);
    assert_eq!(drain(&mut source, BUDGET).unwrap(), Found::default(), "a clock that goes back");
    let mut polled = Vec::new();
    let mut source = GeneratorSource::new(GeneratorSpec { value_bytes: 1 << 20, ..SPEC }, Arc::new(clock));
    source.assign(AT, Start::Oldest).unwrap();
    source.poll(BUDGET, &mut polled).unwrap();
    assert!(matches!(&polled[..], [Polled::Records { next: 1, .. }]), "{} bytes asked for", BUDGET.bytes_max);
}

/// Records given beforehand.
struct Given(Vec<Polled>);

impl Source for Given {
    fn assign(&mut self, _at: InputPartition, _start: Start) -> Result<Offset, HostError> {
        Ok(0)
    }

    fn revoke(&mut self, _at: InputPartition) {}

    fn pause(&mut self, _at: InputPartition, _paused: bool) {}

    fn poll(&mut self, _budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        found.append(&mut self.0);
        Ok(())
    }

    fn end(&mut self, _at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(None)
    }
}

#[test]
fn event_times_come_from_fields_and_headers_and_what_is_no_time_changes_nothing() {
    let stamped = |lines: &[&str], from: &TimestampFrom| {
        let mut rows = crate::record::BatchBuilder::default();
        lines.iter().for_each(|line| crate::record::jsonl::push_line(line.as_bytes(), &mut rows, crate::record::jsonl::unset(0)).unwrap());
        let polled = Polled::Records { at: AT, batch: rows.into_batch(), next: 1 };
        let mut source = Stamped::over(Box::new(Given(vec![polled])), from);
        drain(&mut *source, BUDGET).unwrap().records.into_iter().map(|(_, time, _)| time).collect::<Vec<_>>()
    };
    let none = NO_TIMESTAMP;
    let values = [
        r#"{"t":5}"#,
        r#"{"a":[{"t":1}],"t":"2013-01-01T00:00:00+01:00"}"#,
        r#"{"t":"6"}"#,
        r#"{"\u0074":7}"#,
        r#"{"t":1.5}"#,
        r#"{"t":null}"#,
        r#"{"t":{"t":1}}"#,
        "{",
        "7",
    ];
    let lines = values.map(|value| serde_json::json!({ "value": value }).to_string());
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(stamped(&lines, &field("t")), [5, 1_356_994_800_000, 6, 7, none, none, none, none, none]);
    assert_eq!(stamped(&[r#"{"timestamp":3,"value":"{\"t\":true}"}"#, "{}"], &field("t")), [3, none]);
    let header = TimestampFrom::Header("t".to_owned());
    let lines =
        [r#"{"headers":{"t":"5"}}"#, r#"{"headers":[{"name":"t","value":"5"},{"name":"t","value":"6"}]}"#, r#"{"headers":{"t":null},"timestamp":9}"#, "{}"];
    assert_eq!(stamped(&lines, &header), [5, 6, 9, none]);
}
