//! Golden cases of an operator, for `millstream test`: `cases/<name>/input.jsonl` goes in, `expected.jsonl` must come out, whole and with the operator stopped and
//! restored after every record. Streams, state and the clock are in memory and under the case's control.
//!
//! `input.jsonl`: records as [`crate::record::jsonl`] has them, each with `"port"` where the operator has several inputs; a line `{"advance": "10s"}` moves the clock.
//! `expected.jsonl`: the records that come out, with `"port"` where it is not the first output, and the refused ones as `{"reject": "reason", "code": n, …}`.
//! `case.toml`, if there is one: `config`, `now`, `watermark`.

mod compare;
mod junit;
mod play;
mod read;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::HostError;
use crate::operator::Loaded;

pub use junit::junit;

/// The folder beside an operator that holds its cases.
pub const FOLDER: &str = "cases";
const INPUT: &str = "input.jsonl";
const EXPECTED: &str = "expected.jsonl";
const SETTINGS: &str = "case.toml";

/// The operator under test.
pub struct Subject {
    pub component: Arc<Loaded>,
    /// Its file.
    pub path: PathBuf,
}

/// How a case went.
pub struct Verdict {
    pub case: String,
    pub took: Duration,
    /// How often the operator was stopped and restored.
    pub restores: usize,
    /// What differs or failed, for people; `None`: all is as expected.
    pub failure: Option<String>,
    /// What the operator logged, oldest first.
    pub logs: Vec<String>,
    /// `expected.jsonl` was written.
    pub accepted: bool,
}

/// The cases in a folder, by name. Errors ([`HostError::Job`]): no such folder, nothing in it.
pub fn find(folder: &Path) -> Result<Vec<PathBuf>, HostError> {
    let at = folder.display().to_string();
    let none = |reason: String| HostError::job(&at, reason).with_help(format!("write a first one: {FOLDER}/first/{INPUT}, a record a line"));
    let entries = std::fs::read_dir(folder).map_err(|error| none(format!("no cases can be read there: {error}")))?;
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.join(INPUT).is_file()).collect();
    found.sort();
    if found.is_empty() { Err(none(format!("holds no case: no folder with an {INPUT}"))) } else { Ok(found) }
}

/// Runs a case: whole, then restored after every record. `accept`: what comes out of the whole run becomes what is expected.
///
/// Errors ([`HostError`]): the case itself cannot be read. What the operator does wrong is the verdict's.
pub fn run(folder: &Path, subject: &Subject, accept: bool) -> Result<Verdict, HostError> {
    let began = Instant::now();
    let name = folder.file_name().map_or_else(|| "case".to_owned(), |name| name.to_string_lossy().into_owned());
    let case = read::case(folder, &subject.component.description)?;
    let mut verdict = Verdict { case: name, took: Duration::ZERO, restores: 0, failure: None, logs: Vec::new(), accepted: false };
    let outputs = &subject.component.description.outputs;
    match play::play(&case, subject, play::Pace::Whole) {
        // Not the operator is wrong, but what the case makes of it.
        Err(error @ HostError::Job { .. }) => return Err(error),
        Err(error) => verdict.failure = Some(error.to_string()),
        Ok(mut whole) => {
            verdict.logs = std::mem::take(&mut whole.logs);
            if accept {
                compare::write(&folder.join(EXPECTED), &whole, outputs)?;
                verdict.accepted = true;
            } else {
                verdict.failure = compare::differs(&case, &whole, outputs);
            }
            if verdict.failure.is_none() {
                let pieces = play::play(&case, subject, play::Pace::Pieces);
                let pieces = pieces.map(|pieces| (pieces.restores, compare::restored_differs(&whole, &pieces, outputs)));
                let (restores, failure) = pieces.unwrap_or_else(|error| (0, Some(format!("restored after every record: {error}"))));
                (verdict.restores, verdict.failure) = (restores, failure);
            }
        }
    }
    verdict.took = began.elapsed();
    Ok(verdict)
}
