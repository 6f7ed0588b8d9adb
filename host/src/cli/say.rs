//! How the command line speaks: text for people, JSON for programs, errors with what to do.

use std::io::Write;
use std::process::ExitCode;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use serde::Serialize;

use crate::error::HostError;

#[derive(Clone, Copy)]
pub(super) struct Say {
    pub json: bool,
}

impl Say {
    /// One line for people; nothing in JSON mode, where standard output belongs to the answer.
    pub fn line(self, text: &str) {
        if !self.json {
            self.out(text);
        }
    }

    /// The answer of a command, in JSON mode.
    pub fn answer(self, value: &impl Serialize) -> Result<(), HostError> {
        if self.json {
            let text = serde_json::to_string(value).map_err(|error| HostError::external("writing JSON", error))?;
            self.out(&text);
        }
        Ok(())
    }

    /// Prints a line; a reader that has gone away ends the process quietly, as with other tools.
    pub fn out(self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        if writeln!(stdout, "{text}").is_err() {
            std::process::exit(0);
        }
    }

    /// Shows an error and says the exit code.
    pub fn failed(self, error: HostError) -> ExitCode {
        let (code, kind) = match &error {
            HostError::Job { .. } | HostError::JobFile(_) => (3, "job"),
            HostError::Guest { .. } => (4, "guest"),
            HostError::External { .. } => (5, "external"),
            HostError::Storage { .. } => (6, "storage"),
            HostError::Fenced { .. } => (7, "fenced"),
        };
        if self.json {
            self.out(&json(&error, code, kind).to_string());
        } else {
            eprint!("{:?}", report(error));
        }
        ExitCode::from(code)
    }
}

fn help_of(error: &HostError) -> Option<String> {
    match error {
        HostError::Job { help, .. } | HostError::Storage { help, .. } => help.clone(),
        HostError::JobFile(file) => file.help.clone(),
        HostError::Guest { .. } | HostError::External { .. } | HostError::Fenced { .. } => None,
    }
}

fn json(error: &HostError, code: u8, kind: &str) -> serde_json::Value {
    let mut value = serde_json::json!({ "error": { "kind": kind, "message": error.to_string(), "help": help_of(error), "exit_code": code } });
    if let HostError::JobFile(file) = error {
        value["error"]["file"] = file.path.clone().into();
        value["error"]["line"] = file.line().into();
    }
    value
}

fn report(error: HostError) -> Report {
    let mut diagnostic = MietteDiagnostic::new(error.to_string());
    diagnostic.help = help_of(&error);
    let HostError::JobFile(file) = error else { return Report::new(diagnostic) };
    diagnostic.message = file.reason.clone();
    diagnostic.labels = Some(vec![LabeledSpan::at(file.span.clone(), "here")]);
    Report::new(diagnostic).with_source_code(NamedSource::new(&file.path, file.text.clone()))
}
