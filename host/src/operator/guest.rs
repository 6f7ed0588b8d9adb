//! What the host keeps beside each instance: the stores lent for a call, the memory limit, and the guest's own words and numbers.

use wasmtime::ResourceLimiter;

use super::Settled;
use crate::error::GuestFault;
use crate::state::{ROWS_PER_CALL_MAX, Stores};

/// Log lines kept between two settles, bytes of each, and bytes of all.
const LOG_LINES_MAX: usize = 200;
const LOG_LINE_BYTES_MAX: usize = 8 << 10;
const LOG_BYTES_MAX: usize = 256 << 10;
/// Calls of `telemetry` in one call of the guest before it is stopped: it is a flood then, not a log.
const TELEMETRY_CALLS_MAX: u64 = 1_000_000;
const COUNTERS_MAX: usize = 64;
const COUNTER_NAME_BYTES_MAX: usize = 128;
/// Elements of all tables of one instance together.
const TABLE_ELEMENTS_MAX: usize = 1 << 20;
/// Core instances, tables and memories of one component. Python, whose libraries are instances of their own, has some forty.
const INSTANCES_MAX: usize = 512;
const TABLES_MAX: usize = 512;
const MEMORIES_MAX: usize = 16;

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
    /// Rows of state that the current call may still write.
    rows_left: usize,
}

impl Guest {
    pub fn new(memory_bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(memory_bytes_max).unwrap_or(usize::MAX);
        let memory = MemoryLimit { bytes_max, bytes: 0, table_elements: 0, hit: false };
        Guest { stores: None, spare: None, fault: None, memory, telemetry: Telemetry::default(), rows_left: ROWS_PER_CALL_MAX }
    }

    /// What is counted per call begins anew.
    pub fn begin_call(&mut self) {
        self.fault = None;
        self.memory.hit = false;
        self.telemetry.begin_call();
        self.rows_left = ROWS_PER_CALL_MAX;
    }

    /// Counts rows of state to be written. However they are spread over calls of `put-many`, they wait in the host's memory until the next checkpoint.
    pub fn count_writes(&mut self, rows: usize) -> Result<(), GuestFault> {
        match self.rows_left.checked_sub(rows) {
            Some(left) => {
                self.rows_left = left;
                Ok(())
            }
            None => Err(GuestFault::State(format!("writes more than {ROWS_PER_CALL_MAX} rows in one call"))),
        }
    }
}

/// Counts all linear memories (and the GC heap) of an instance together.
pub(super) struct MemoryLimit {
    bytes_max: usize,
    pub bytes: usize,
    table_elements: usize,
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

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.table_elements.saturating_add(desired.saturating_sub(current));
        if elements > TABLE_ELEMENTS_MAX {
            self.hit = true;
            return Ok(false);
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// Logs and counters since they were last taken, bounded.
#[derive(Default)]
pub(super) struct Telemetry {
    logs: Vec<(u8, String)>,
    log_bytes: usize,
    dropped: u64,
    counters: Vec<(String, u64)>,
    calls: u64,
    /// The last error of the current call, kept even where the log is full.
    last_error: Option<String>,
}

impl Telemetry {
    fn begin_call(&mut self) {
        self.calls = 0;
        self.last_error = None;
    }

    /// `false`: this is a flood; end the call.
    pub fn log(&mut self, level: u8, message: &[u8]) -> bool {
        self.calls += 1;
        let kept = &message[..message.len().min(LOG_LINE_BYTES_MAX)];
        if level == 0 {
            self.last_error = Some(String::from_utf8_lossy(kept).into_owned());
        }
        if self.logs.len() < LOG_LINES_MAX && self.log_bytes + kept.len() <= LOG_BYTES_MAX {
            self.log_bytes += kept.len();
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

    /// The last error the guest logged in this call: what it said before it trapped.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Hands over logs, how many were dropped, and counters; empties them.
    pub fn take_into(&mut self, settled: &mut Settled) {
        self.log_bytes = 0;
        settled.logs = std::mem::take(&mut self.logs);
        settled.logs_dropped = std::mem::take(&mut self.dropped);
        settled.counters = std::mem::take(&mut self.counters);
    }

    /// Adds what came later, said by the next instance: within the same bounds, so that no number of instances fills the host.
    pub fn absorb(&mut self, later: Telemetry) {
        for (level, text) in later.logs {
            self.log(level, text.as_bytes());
        }
        self.dropped += later.dropped;
        for (name, delta) in later.counters {
            self.count(&name, delta);
        }
    }
}
