//! What came out against what was expected, as people read it.

use std::path::Path;

use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use super::EXPECTED;
use super::play::Played;
use super::read::Case;
use crate::error::HostError;
use crate::record::{View, jsonl};

/// Equal lines that are shown around a difference.
const AROUND: usize = 2;
/// Lines of a difference that are shown.
const LINES_MAX: usize = 60;
/// Headers of a dead letter that say why it is one; the others were there before, or differ from build to build.
const PREFIX: &str = "millstream.";
const REASON: &str = "millstream.reason";
const CODE: &str = "millstream.code";
/// What an operator that could not survive a record leaves, before the text.
const TRAP: &str = "trap";

/// What is compared: each output's records and the refused ones, each list in its order.
struct Side {
    /// By name of the list, in the order of the component's outputs.
    lists: Vec<(String, Vec<Value>)>,
}

impl Side {
    fn expected(case: &Case, outputs: &[String]) -> Side {
        let mut side = Side::empty(outputs);
        for expected in case.expected.iter().flatten() {
            let line = jsonl::to_json(expected.record.view(0), false);
            match &expected.reject {
                None => side.push(&expected.port, canonical(line)),
                Some((reason, code)) => side.push(REJECTED, canonical(rejected(line, reason, *code))),
            }
        }
        side
    }

    fn found(played: &Played, outputs: &[String]) -> Side {
        let mut side = Side::empty(outputs);
        for (output, records) in outputs.iter().zip(&played.outputs) {
            records.iter().for_each(|record| side.push(output, canonical(jsonl::to_json(record, false))));
        }
        played.rejects.iter().for_each(|record| side.push(REJECTED, canonical(refused(record))));
        side
    }

    fn empty(outputs: &[String]) -> Side {
        Side { lists: outputs.iter().map(String::as_str).chain([REJECTED]).map(|name| (name.to_owned(), Vec::new())).collect() }
    }

    fn push(&mut self, list: &str, line: Value) {
        if let Some((_, lines)) = self.lists.iter_mut().find(|(name, _)| name == list) {
            lines.push(line);
        }
    }

    fn has(&self, field: &str) -> bool {
        self.lists.iter().flat_map(|(_, lines)| lines).any(|line| line.get(field).is_some())
    }

    fn without(mut self, field: &str) -> Side {
        for line in self.lists.iter_mut().flat_map(|(_, lines)| lines) {
            line.as_object_mut().map(|line| line.remove(field));
        }
        self
    }

    /// One line a record, as it would stand in the file.
    fn text(&self, outputs: &[String]) -> String {
        let mut text = String::new();
        for (list, lines) in &self.lists {
            for line in lines {
                let mut line = line.clone();
                if list != REJECTED
                    && outputs.first() != Some(list)
                    && let Some(fields) = line.as_object_mut()
                {
                    fields.insert("port".to_owned(), list.clone().into());
                }
                text.push_str(&line.to_string());
                text.push('\n');
            }
        }
        text
    }
}

/// The list of what was refused. No port is called so: `:` is in no name.
const REJECTED: &str = ":rejected";

/// Values that are JSON objects or lists compare as such, however they are written.
fn canonical(mut line: Value) -> Value {
    if let Some(Value::String(text)) = line.get("value")
        && let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
    {
        line["value"] = value;
    }
    line
}

fn rejected(mut line: Value, reason: &str, code: Option<u16>) -> Value {
    if let Some(fields) = line.as_object_mut() {
        fields.insert("reject".to_owned(), reason.into());
        if let Some(code) = code {
            fields.insert("code".to_owned(), code.into());
        }
    }
    line
}

/// A dead letter as a case would expect it.
fn refused(record: View<'_>) -> Value {
    let mut line = jsonl::to_json(record, false);
    let header = |name: &str| line["headers"].get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (reason, code) = (header(REASON), header(CODE).parse().ok());
    let is_trap = reason.strip_prefix(TRAP).is_some_and(|rest| rest.starts_with(':'));
    if let Some(headers) = line.get_mut("headers").and_then(Value::as_object_mut) {
        headers.retain(|name, _| !name.starts_with(PREFIX));
    }
    if line["headers"].as_object().is_some_and(Map::is_empty) {
        line.as_object_mut().map(|line| line.remove("headers"));
    }
    rejected(line, if is_trap { TRAP } else { &reason }, code)
}

/// What is different, if anything is. Times and codes count only if `expected.jsonl` gives any.
pub(super) fn differs(case: &Case, whole: &Played, outputs: &[String]) -> Option<String> {
    let mut found = Side::found(whole, outputs);
    if case.expected.is_none() {
        return Some(format!("there is no {EXPECTED}; `--accept` writes one of what came out:\n{}", shortened(found.text(outputs).lines().map(str::to_owned))));
    }
    let expected = Side::expected(case, outputs);
    for field in ["timestamp", "code"] {
        if !expected.has(field) {
            found = found.without(field);
        }
    }
    let difference = difference(&expected.text(outputs), &found.text(outputs))?;
    Some(format!("- expected, + came out\n{difference}{}", traps(whole)))
}

/// What is different when the operator was stopped and restored after every record.
pub(super) fn restored_differs(whole: &Played, pieces: &Played, outputs: &[String]) -> Option<String> {
    let difference = difference(&Side::found(whole, outputs).text(outputs), &Side::found(pieces, outputs).text(outputs))?;
    Some(format!(
        "something else comes out when the operator is stopped and restored after every record: what it must remember belongs into a store\n\
         - in one go, + restored\n{difference}{}",
        traps(pieces)
    ))
}

/// The whole texts of what the operator could not survive.
fn traps(played: &Played) -> String {
    let reasons = played.rejects.iter().filter_map(|record| {
        let line = jsonl::to_json(record, false);
        line["headers"].get(REASON).and_then(Value::as_str).filter(|reason| reason.starts_with(TRAP)).map(|reason| format!("\n{reason}"))
    });
    reasons.take(1).collect()
}

fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let diff = TextDiff::from_lines(expected, found);
    let mut lines = Vec::new();
    for (n, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if n > 0 {
            lines.push("  …".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("{sign} {}", change.value().trim_end_matches('\n')));
        }
    }
    Some(shortened(lines.into_iter()))
}

fn shortened(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    let mut text = lines.iter().take(LINES_MAX).fold(String::new(), |text, line| text + line + "\n");
    if lines.len() > LINES_MAX {
        text += &format!("  … and {} lines more\n", lines.len() - LINES_MAX);
    }
    text
}

/// Makes what came out what is expected.
pub(super) fn write(path: &Path, whole: &Played, outputs: &[String]) -> Result<(), HostError> {
    std::fs::write(path, Side::found(whole, outputs).text(outputs)).map_err(|error| HostError::external(format!("writing {}", path.display()), error))
}
