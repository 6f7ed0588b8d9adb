//! How a record, or a whole call, ends early.

use std::fmt;

/// Reject code: the record has no key, and the operator keeps state by key. Codes from 65,000 are the SDKs'.
pub const NO_KEY: u16 = 65_000;
/// Reject code: key or value is not UTF-8 text, or null.
pub const BAD_TEXT: u16 = 65_001;
/// Reject code: the value is not the JSON that was expected.
pub const BAD_JSON: u16 = 65_002;
/// Reject code: the record has no timestamp, and the operator works in event time.
pub const NO_TIME: u16 = 65_003;

/// What handling one record, or one timer, comes to.
pub type Outcome = Result<(), Stop>;

/// Why handling a record ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// This record is refused: it goes where the job sends rejects. The others go on.
    Reject(Reject),
    /// The call as a whole fails; nothing of it is kept.
    Failure(Failure),
}

/// A refused record: the operator's own code, for counting, and a message for people (at most 1,024 bytes are kept).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub code: u16,
    pub message: String,
}

/// The call as a whole fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Try the same batch again later.
    Retry(String),
    /// Stop the job and show this to the user.
    Fatal(String),
}

/// Refuses the record: `return Err(reject(7, "no such airport"))`.
pub fn reject(code: u16, message: impl Into<String>) -> Stop {
    Stop::Reject(Reject { code, message: message.into() })
}

/// Asks for the same batch again later.
pub fn retry(message: impl Into<String>) -> Stop {
    Stop::Failure(Failure::Retry(message.into()))
}

/// Stops the job.
pub fn fatal(message: impl Into<String>) -> Stop {
    Stop::Failure(Failure::Fatal(message.into()))
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Stop {
        Stop::Reject(reject)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Retry(message) => write!(f, "asked to retry: {message}"),
            Failure::Fatal(message) => write!(f, "failed: {message}"),
        }
    }
}

impl std::error::Error for Failure {}
