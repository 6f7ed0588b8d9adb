//! What the host keeps beside each instance: the stores lent for a call, the memory limit, and the guest's own words and numbers.

use wasmtime::ResourceLimiter;

use crate::error::GuestFault;
use crate::state::Stores;

/// Log lines kept between two settles, and bytes of each.
const LOG_LINES_MAX: usize = 200;
const LOG_LINE_BYTES_MAX: usize = 8 << 10;
/// Calls of `telemetry` in one call of the guest before it is stopped: it is a flood then, not a log.
const TELEMETRY_CALLS_MAX: u64 = 1_000_000;
const COUNTERS_MAX: usize = 64;
const COUNTER_NAME_BYTES_MAX: usize = 128;
/// Elements of one table, at most, and tables and memories of one instance.
const TABLE_ELEMENTS_MAX: usize = 1 << 20;

/// The data of one instance's wasmtime store.
pub(super) struct Guest {
    /// Lent for the time of `process` and `on-timer`; none otherwise.
    pub stores: Option<Stores>,
    /// What stands in for the lent stores meanwhile; kept, so that lending allocates nothing.
    pub spare: Option<Stores>,
    /// Why a host call ended the guest's call.
    pub fault: Option<GuestFault>,
    pub memory: MemoryLimit,
    pub telemetry: Telemetry,
}

impl Guest {
    pub fn new(memory_bytes_max: u64) -> Self {
        let memory = MemoryLimit { bytes_max: memory_bytes_max as usize, bytes: 0, hit: false };
        Guest { stores: None, spare: None, fault: None, memory, telemetry: Telemetry::default() }
    }
}

/// Counts all linear memories (and the GC heap) of an instance together.
pub(super) struct MemoryLimit {
    bytes_max: usize,
    pub bytes: usize,
    /// The guest asked for more than it may have; a trap after that is put down to it.
    pub hit: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        if bytes > self.bytes_max {
            self.hit = true;
            return Ok(false);
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.hit |= desired > TABLE_ELEMENTS_MAX;
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

/// (level, text), oldest first.
type Lines = Vec<(u8, String)>;
/// Name and sum.
type Counters = Vec<(String, u64)>;

/// Logs and counters since they were last taken, bounded.
#[derive(Default)]
pub(super) struct Telemetry {
    logs: Vec<(u8, String)>,
    dropped: u64,
    counters: Vec<(String, u64)>,
    calls: u64,
}

impl Telemetry {
    /// At the beginning of each call of the guest.
    pub fn begin_call(&mut self) {
        self.calls = 0;
    }

    /// `false`: this is a flood; end the call.
    pub fn log(&mut self, level: u8, message: &[u8]) -> bool {
        self.calls += 1;
        if self.logs.len() < LOG_LINES_MAX {
            let kept = &message[..message.len().min(LOG_LINE_BYTES_MAX)];
            self.logs.push((level.min(3), String::from_utf8_lossy(kept).into_owned()));
        } else {
            self.dropped += 1;
        }
        self.calls <= TELEMETRY_CALLS_MAX
    }

    /// `false`: this is a flood; end the call.
    pub fn count(&mut self, name: &str, delta: u64) -> bool {
        self.calls += 1;
        let known = self.counters.iter().position(|(known, _)| known == name);
        match known {
            Some(at) => self.counters[at].1 = self.counters[at].1.saturating_add(delta),
            None if self.counters.len() < COUNTERS_MAX && name.len() <= COUNTER_NAME_BYTES_MAX => self.counters.push((name.to_owned(), delta)),
            None => self.dropped += 1,
        }
        self.calls <= TELEMETRY_CALLS_MAX
    }

    /// The last error the guest logged: what it said before it trapped.
    pub fn last_error(&self) -> Option<&str> {
        self.logs.iter().rev().find(|(level, _)| *level == 0).map(|(_, text)| text.as_str())
    }

    /// Logs, how many were dropped, and counters; empties them.
    pub fn take(&mut self) -> (Lines, u64, Counters) {
        (std::mem::take(&mut self.logs), std::mem::take(&mut self.dropped), std::mem::take(&mut self.counters))
    }

    /// Keeps what an instance said when the next one takes its place.
    pub fn inherit(&mut self, mut older: Telemetry) {
        older.logs.append(&mut self.logs);
        older.logs.truncate(LOG_LINES_MAX);
        self.logs = older.logs;
        self.dropped += older.dropped;
        for (name, delta) in older.counters {
            self.count(&name, delta);
        }
    }
}
