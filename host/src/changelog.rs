//! The changelog of a stage: the changes of its state as records of a compacted topic, one partition a task, and records back into changes.
//!
//! Keys: `0x00` alone is the task's progress (value: its JSON); `0x01 · operator · 0x00 · store · 0x00 · key` is an entry of a store (null value: deleted). Names,
//! not numbers: a changelog outlives the database that numbers stores.

use crate::checkpoint::TaskProgress;
use crate::error::HostError;

/// The key of a task's progress.
pub const PROGRESS_KEY: &[u8] = &[0];
const STATE: u8 = 1;

/// What a changelog record's key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    Progress,
    State { operator: &'a str, store: &'a str, key: &'a [u8] },
}

/// What the keys of a store's entries begin with.
pub fn prefix(operator: &str, store: &str) -> Vec<u8> {
    [&[STATE], operator.as_bytes(), &[0], store.as_bytes(), &[0]].concat()
}

/// Reads a record's key; `None`: nothing that we write.
pub fn entry(key: &[u8]) -> Option<Entry<'_>> {
    if key == PROGRESS_KEY {
        return Some(Entry::Progress);
    }
    let rest = key.strip_prefix(&[STATE])?;
    let operator = rest.get(..memchr::memchr(0, rest)?)?;
    let rest = &rest[operator.len() + 1..];
    let store = rest.get(..memchr::memchr(0, rest)?)?;
    let key = &rest[store.len() + 1..];
    Some(Entry::State { operator: std::str::from_utf8(operator).ok()?, store: std::str::from_utf8(store).ok()?, key })
}

/// A task's progress as its record's value.
pub fn encode(progress: &TaskProgress) -> Result<Vec<u8>, HostError> {
    serde_json::to_vec(progress).map_err(|error| HostError::external("noting a task's progress", error))
}

/// And back. `what` names the task for the error.
pub fn decode(bytes: &[u8], what: &str) -> Result<TaskProgress, HostError> {
    serde_json::from_slice(bytes).map_err(|error| {
        HostError::storage(format!("the progress of {what}"), format!("cannot be read: {error}"))
            .with_help("its changelog was written by a newer Millstream, or by something else: use that one, or run the job under another name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_went_whatever_bytes_they_hold() {
        for key in [&b""[..], b"k", b"\0", b"a\0b\0", &[255, 0, 1]] {
            let full = [prefix("count", "$timers").as_slice(), key].concat();
            assert_eq!(entry(&full), Some(Entry::State { operator: "count", store: "$timers", key }));
        }
        assert_eq!(entry(PROGRESS_KEY), Some(Entry::Progress));
    }

    #[test]
    fn what_is_not_ours_is_no_entry() {
        for key in [&b""[..], b"\x00\x00", b"\x01count", b"\x01count\0store", b"\x02count\0store\0k", b"\x01\xff\0s\0"] {
            assert_eq!(entry(key), None, "{key:?}");
        }
    }

    #[test]
    fn progress_of_a_newer_form_is_refused_by_name() {
        let progress = TaskProgress { positions: [("in".to_owned(), 7)].into(), ..TaskProgress::default() };
        assert_eq!(decode(&encode(&progress).unwrap(), "task 0_1").unwrap(), progress);
        assert!(decode(b"{}", "task 0_1").unwrap_err().to_string().starts_with("the progress of task 0_1: cannot be read"));
    }
}
