//! Lets a reader without work sleep until somebody commits records, instead of looking again and again.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Log;

/// Counts commits that brought records.
#[derive(Default)]
pub(super) struct Signal {
    count: Mutex<u64>,
    moved: Condvar,
}

impl Signal {
    pub fn raise(&self) {
        // A number is changed whole: a panic elsewhere does not spoil it.
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.moved.notify_all();
    }
}

impl Log {
    /// How many commits have brought records since the folder was opened. Read it before looking for records, and hand it to [`Log::wait_for_commit`].
    pub fn commits(&self) -> u64 {
        *self.committed.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there were more commits than `seen`, at most `wait_ms`. Returns how many there are.
    pub fn wait_for_commit(&self, seen: u64, wait_ms: u64) -> u64 {
        let count = self.committed.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.committed.moved.wait_timeout_while(count, Duration::from_millis(wait_ms), |count| *count <= seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
