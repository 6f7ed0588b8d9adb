//! A host in memory: state and timers in ordered maps. It checks what the real host checks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::layout::{Batch, BatchBuilder, Fields, Headers, timer};
use crate::{Domain, Failure, Host, Level, Page, Range};

type Stored = BTreeMap<(u16, Vec<u8>), Vec<u8>>;

/// Due time, key, payload.
type Timers = BTreeSet<(i64, Option<Vec<u8>>, Vec<u8>)>;

/// State, timers, logs and counters of one task, in memory.
#[derive(Debug, Default)]
pub struct MemoryHost {
    state: Stored,
    /// State before the current call's first write.
    before: Option<Stored>,
    event: Timers,
    processing: Timers,
    /// Lines logged, oldest first, with their level.
    pub logs: Vec<(Level, String)>,
    pub counters: BTreeMap<String, u64>,
    /// How often `get-many`, `put-many` and `scan` were called.
    pub calls: (usize, usize, usize),
    /// How many rows `put-many` was given.
    pub rows_written: usize,
}

impl MemoryHost {
    /// A stored value by the store's number.
    pub fn stored(&self, store: u16, key: &[u8]) -> Option<&[u8]> {
        self.state.get(&(store, key.to_vec())).map(Vec::as_slice)
    }

    /// All entries of all stores: store number, key, value.
    pub fn entries(&self) -> impl Iterator<Item = (u16, &[u8], &[u8])> {
        self.state.iter().map(|((store, key), value)| (*store, key.as_slice(), value.as_slice()))
    }

    /// How many timers wait.
    pub fn timers(&self) -> usize {
        self.event.len() + self.processing.len()
    }

    /// The call succeeded: its writes stand.
    pub fn keep(&mut self) {
        self.before = None;
    }

    /// The call failed: its writes are forgotten.
    pub fn undo(&mut self) {
        if let Some(before) = self.before.take() {
            self.state = before;
        }
    }

    /// Sets and deletes timers, rows as in `effects.timers`.
    pub fn set_timers(&mut self, timers: &Batch) {
        for row in timers {
            let is = (row.timestamp, row.key.map(<[u8]>::to_vec), row.value.unwrap_or_default().to_vec());
            match row.port {
                timer::EVENT => self.event.insert(is),
                timer::PROCESSING => self.processing.insert(is),
                timer::DELETE_EVENT => self.event.remove(&is),
                timer::DELETE_PROCESSING => self.processing.remove(&is),
                port => panic!("a timer row with port {port}"),
            };
        }
    }

    /// Takes the timers due at or before `until_ms`, in order.
    pub fn take_due(&mut self, domain: Domain, until_ms: i64) -> Batch {
        let (timers, port) = match domain {
            Domain::Event => (&mut self.event, timer::EVENT),
            Domain::Processing => (&mut self.processing, timer::PROCESSING),
        };
        let mut due = BatchBuilder::default();
        while let Some((at, key, payload)) = timers.first().filter(|(at, ..)| *at <= until_ms).cloned() {
            due.push(key.as_deref(), Some(&payload), Headers::default(), Fields { port, timestamp: at, ..Fields::default() });
            timers.pop_first();
        }
        due.into_batch()
    }
}

impl Host for MemoryHost {
    fn get_many(&mut self, keys: Batch) -> Result<Batch, Failure> {
        self.calls.0 += 1;
        let mut found = BatchBuilder::default();
        for row in &keys {
            let key = row.key.expect("a state key is not null");
            found.push(Some(key), self.stored(row.port, key), Headers::default(), Fields { port: row.port, ..Fields::default() });
        }
        Ok(found.into_batch())
    }

    fn put_many(&mut self, rows: Batch) -> Result<(), Failure> {
        self.calls.1 += 1;
        self.rows_written += rows.len();
        self.before.get_or_insert_with(|| self.state.clone());
        for row in &rows {
            let key = (row.port, row.key.expect("a state key is not null").to_vec());
            match row.value {
                Some(value) => self.state.insert(key, value.to_vec()),
                None => self.state.remove(&key),
            };
        }
        Ok(())
    }

    fn scan(&mut self, range: Range) -> Result<Page, Failure> {
        self.calls.2 += 1;
        let store = range.store as u16;
        let end = if range.end.is_empty() { Bound::Excluded((store + 1, Vec::new())) } else { Bound::Excluded((store, range.end)) };
        let limit = if range.limit == 0 { usize::MAX } else { range.limit as usize };
        let begin = (store, range.begin);
        let mut rows = BatchBuilder::default();
        let mut left = match &end {
            Bound::Excluded(end) if *end <= begin => return Ok(Page { rows: Batch::default(), done: true }),
            _ => self.state.range((Bound::Included(begin), end)),
        };
        for ((_, key), value) in left.by_ref().take(limit) {
            rows.push(Some(key), Some(value), Headers::default(), Fields { port: store, ..Fields::default() });
        }
        Ok(Page { rows: rows.into_batch(), done: left.next().is_none() })
    }

    fn log(&mut self, level: Level, message: &[u8]) {
        self.logs.push((level, String::from_utf8_lossy(message).into_owned()));
    }

    fn count(&mut self, name: &str, delta: u64) {
        *self.counters.entry(name.to_string()).or_default() += delta;
    }
}
