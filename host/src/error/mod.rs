//! Errors, sorted by who must act: the guest's author, whoever runs the machine, or the author of the job file.

use thiserror::Error;

/// What ends a job, or a step of it. Every one of these reaches the supervisor.
#[derive(Debug, Error)]
pub enum HostError {
    /// The guest trapped, overran a limit or said no, and the job's policy is to stop.
    #[error("operator `{operator}`{}: {fault}", at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default())]
    Guest {
        operator: String,
        /// Input, partition and offset of the record, where one is known.
        at: Option<String>,
        fault: GuestFault,
    },
    /// The disk, the log or a file failed: close the tasks, retry from the last checkpoint.
    #[error("{doing}: {source:#}")]
    External { doing: String, source: anyhow::Error },
    /// What is stored cannot be read and trying again will not help (checksum, newer format, owned by another process): stop and say so.
    #[error("{what}: {reason}")]
    Storage { what: String, reason: String, help: Option<String> },
    /// Another process has taken over this worker's place: step down, commit nothing more. Whether the place is still ours is the group's to say.
    #[error("{doing}: another process works under this worker's id: {reason}")]
    Fenced { doing: String, reason: String },
    /// The job file, or what it names, is wrong: do not start.
    #[error("{key}: {reason}")]
    Job { key: String, reason: String, help: Option<String> },
    /// The job file is wrong at a place that can be shown.
    #[error(transparent)]
    JobFile(Box<JobFileError>),
}

/// What is wrong in a job file, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{path}:{}: {reason}", self.line())]
pub struct JobFileError {
    pub path: String,
    /// The whole file.
    pub text: String,
    /// Bytes of the file that are meant.
    pub span: std::ops::Range<usize>,
    pub reason: String,
    pub help: Option<String>,
}

impl JobFileError {
    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        let end = self.span.start.min(self.text.len());
        1 + self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count()
    }
}

impl HostError {
    /// An [`HostError::External`] while doing something, said as a phrase: "opening the data folder /x".
    pub fn external(doing: impl Into<String>, source: impl Into<anyhow::Error>) -> Self {
        HostError::External { doing: doing.into(), source: source.into() }
    }

    pub fn job(key: impl Into<String>, reason: impl Into<String>) -> Self {
        HostError::Job { key: key.into(), reason: reason.into(), help: None }
    }

    pub fn storage(what: impl Into<String>, reason: impl Into<String>) -> Self {
        HostError::Storage { what: what.into(), reason: reason.into(), help: None }
    }

    /// Adds what to do about it, where the kind of error carries that.
    pub fn with_help(mut self, text: impl Into<String>) -> Self {
        if let HostError::Storage { help, .. } | HostError::Job { help, .. } = &mut self {
            *help = Some(text.into());
        }
        self
    }
}

/// What went wrong inside an operator's call. After all but [`GuestFault::Retry`] and [`GuestFault::Fatal`] the instance is gone.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GuestFault {
    /// A trap, with the guest's own words and back trace where there are any.
    #[error("trap: {0}")]
    Trap(String),
    #[error("the call took longer than its limit of {limit_ms} ms")]
    Deadline { limit_ms: u64 },
    #[error("the operator's memory reached its limit of {limit_bytes} bytes")]
    Memory { limit_bytes: u64 },
    #[error("the call handed over more than its cap of {limit_bytes} bytes")]
    OutputCap { limit_bytes: u64 },
    /// A batch or an effect that breaks the boundary's rules.
    #[error("invalid result: {0}")]
    Invalid(String),
    /// A state call that breaks a quota or a rule, with the reason.
    #[error("state: {0}")]
    State(String),
    /// `failure.retry`: the operator asks to be given the same batch again.
    #[error("asked to retry: {0}")]
    Retry(String),
    /// `failure.fatal`: the operator asks to stop the job.
    #[error("failed: {0}")]
    Fatal(String),
    /// The host's own state or disk failed during the call; not the guest's doing.
    #[error("host failure during the call: {0}")]
    Host(String),
}

impl GuestFault {
    /// A short stable word for counters and dead-letter headers.
    pub fn kind(&self) -> &'static str {
        match self {
            GuestFault::Trap(_) => "trap",
            GuestFault::Deadline { .. } => "deadline",
            GuestFault::Memory { .. } => "memory",
            GuestFault::OutputCap { .. } => "output-cap",
            GuestFault::Invalid(_) => "invalid-result",
            GuestFault::State(_) => "state",
            GuestFault::Retry(_) => "retry",
            GuestFault::Fatal(_) => "fatal",
            GuestFault::Host(_) => "host",
        }
    }

    /// Whether one record may be at fault, so that halving the batch finds it.
    pub fn may_be_one_record(&self) -> bool {
        !matches!(self, GuestFault::Retry(_) | GuestFault::Fatal(_) | GuestFault::Host(_))
    }
}
