//! What is wrong with a text that should be a JSON object, and where.

use std::fmt;
use std::str::Utf8Error;

/// Why a text is not the JSON object that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// The bytes are not UTF-8.
    NotText(Utf8Error),
    /// The text is not a JSON object.
    NotJson {
        /// Where, in bytes from the text's beginning.
        at: usize,
        /// What should stand there.
        expected: &'static str,
        /// The byte that stands there; `None`: the text ends.
        found: Option<u8>,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::NotText(e) => write!(f, "not UTF-8: {e}"),
            JsonError::NotJson { at, expected, found: None } => write!(f, "expected {expected} at byte {at}, where the text ends"),
            JsonError::NotJson { at, expected, found: Some(byte @ 0x21..0x7f) } => write!(f, "expected {expected} at byte {at}, found `{}`", char::from(*byte)),
            JsonError::NotJson { at, expected, found: Some(byte) } => write!(f, "expected {expected} at byte {at}, found byte 0x{byte:02x}"),
        }
    }
}

impl std::error::Error for JsonError {}
