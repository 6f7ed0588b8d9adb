//! A case's files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EXPECTED, INPUT, SETTINGS};
use crate::error::HostError;
use crate::job::Duration;
use crate::operator::Description;
use crate::record::{Batch, BatchBuilder, jsonl};
use crate::time::parse_ms;

/// Where the clock stands at first: 2026-01-01, so that no case depends on the day it runs.
const NOW_MS: i64 = 1_767_225_600_000;
/// The input of an operator that takes any.
const ANY_INPUT: &str = "in";

/// What happens, in order.
pub(super) enum Step {
    /// A record comes, at the input of this place in [`Case::inputs`].
    Record(usize, Batch),
    /// Processing time goes on, ms.
    Advance(i64),
}

/// A record, or a refused one, that must come out.
pub(super) struct Expected {
    pub port: String,
    /// Its reason and code, if it must be refused.
    pub reject: Option<(String, Option<u16>)>,
    pub record: Batch,
}

pub(super) struct Case {
    pub path: PathBuf,
    pub inputs: Vec<String>,
    pub steps: Vec<Step>,
    /// `None`: there is no such file yet.
    pub expected: Option<Vec<Expected>>,
    pub now_ms: i64,
    pub config: Option<toml::Table>,
    pub watermark: toml::Table,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    config: Option<toml::Table>,
    now: Option<String>,
    watermark: Option<toml::Table>,
}

pub(super) fn case(folder: &Path, description: &Description) -> Result<Case, HostError> {
    let path = folder.join(SETTINGS);
    let settings = match text(&path)? {
        Some(text) => toml::from_str(&text).map_err(|error| HostError::job(path.display().to_string(), error.to_string()))?,
        None => Settings::default(),
    };
    let wrong = |now: &String| HostError::job(path.display().to_string(), format!("now: {now:?} is no time; expected one such as \"2026-01-01T00:00:00Z\""));
    let now_ms = settings.now.as_ref().map_or(Ok(NOW_MS), |now| parse_ms(now).ok_or_else(|| wrong(now)))?;
    let (inputs, steps) = steps(&folder.join(INPUT), &description.inputs)?;
    Ok(Case {
        path,
        inputs,
        steps,
        expected: expected(&folder.join(EXPECTED), &description.outputs)?,
        now_ms,
        config: settings.config,
        watermark: settings.watermark.unwrap_or_else(stream_time),
    })
}

/// The watermark is the highest event time seen.
fn stream_time() -> toml::Table {
    [("disorder", "0ms"), ("step", "1ms")].into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

fn text(path: &Path) -> Result<Option<String>, HostError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostError::external(format!("reading {}", path.display()), error)),
    }
}

/// The fields of a line, as they are written.
type Fields<'a> = BTreeMap<&'a str, &'a RawValue>;

/// The lines of a file that hold something, with their numbers.
fn lines<'a>(text: &'a str, path: &'a Path) -> impl Iterator<Item = Result<(usize, Fields<'a>), HostError>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(move |(n, line)| {
        let fields = serde_json::from_str(line).map_err(|error| wrong(path, n, &format!("is no JSON object: {error}")))?;
        Ok((n, fields))
    })
}

fn wrong(path: &Path, line: usize, reason: &str) -> HostError {
    HostError::job(format!("{}, line {}", path.display(), line + 1), reason)
}

fn taken<T: for<'de> Deserialize<'de>>(fields: &mut Fields<'_>, name: &str) -> Result<Option<T>, String> {
    fields.remove(name).map(|raw| serde_json::from_str(raw.get()).map_err(|error| format!("has a wrong `{name}`: {error}"))).transpose()
}

/// What is left of a line is a record.
fn record(fields: &Fields<'_>, into: &mut BatchBuilder) -> Result<(), String> {
    let parts: Vec<String> = fields.iter().map(|(name, raw)| format!("{}:{}", serde_json::Value::from(*name), raw.get())).collect();
    jsonl::push_line(format!("{{{}}}", parts.join(",")).as_bytes(), into, jsonl::unset(0))
}

fn steps(path: &Path, declared: &[String]) -> Result<(Vec<String>, Vec<Step>), HostError> {
    let text = text(path)?.unwrap_or_default();
    let (mut inputs, mut steps) = (declared.to_vec(), Vec::new());
    for line in lines(&text, path) {
        let (n, fields) = line?;
        steps.push(step(fields, !declared.is_empty(), &mut inputs).map_err(|reason| wrong(path, n, &reason))?);
    }
    if inputs.is_empty() {
        inputs.push(ANY_INPUT.to_owned());
    }
    Ok((inputs, steps))
}

/// `declared`: the operator says which inputs it has; else whatever the lines name is one.
fn step(mut fields: Fields<'_>, declared: bool, inputs: &mut Vec<String>) -> Result<Step, String> {
    if let Some(Duration(ms)) = taken(&mut fields, "advance")? {
        return if fields.is_empty() { Ok(Step::Advance(ms as i64)) } else { Err("moves the clock and is a record: make it two lines".to_owned()) };
    }
    let port: Option<String> = taken(&mut fields, "port")?;
    let input = match port {
        None if declared => 0,
        port => {
            let port = port.unwrap_or_else(|| ANY_INPUT.to_owned());
            match inputs.iter().position(|known| *known == port) {
                Some(place) => place,
                None if declared => return Err(format!("is for the input `{port}`; the operator has {}", inputs.join(", "))),
                None => {
                    inputs.push(port);
                    inputs.len() - 1
                }
            }
        }
    };
    let mut rows = BatchBuilder::default();
    record(&fields, &mut rows)?;
    Ok(Step::Record(input, rows.into_batch()))
}

fn expected(path: &Path, outputs: &[String]) -> Result<Option<Vec<Expected>>, HostError> {
    let Some(text) = text(path)? else { return Ok(None) };
    let mut expected = Vec::new();
    for line in lines(&text, path) {
        let (n, fields) = line?;
        expected.push(expectation(fields, outputs).map_err(|reason| wrong(path, n, &reason))?);
    }
    Ok(Some(expected))
}

fn expectation(mut fields: Fields<'_>, outputs: &[String]) -> Result<Expected, String> {
    let port: Option<String> = taken(&mut fields, "port")?;
    let port = port.or_else(|| outputs.first().cloned()).unwrap_or_default();
    let (reject, code): (Option<String>, Option<u16>) = (taken(&mut fields, "reject")?, taken(&mut fields, "code")?);
    if reject.is_none() && !outputs.contains(&port) {
        return Err(format!("is of the output `{port}`; the operator has {}", if outputs.is_empty() { "none".to_owned() } else { outputs.join(", ") }));
    }
    if reject.is_none() && code.is_some() {
        return Err("has a `code` and no `reject` with the reason".to_owned());
    }
    let mut rows = BatchBuilder::default();
    record(&fields, &mut rows)?;
    Ok(Expected { port, reject: reject.map(|reason| (reason, code)), record: rows.into_batch() })
}
