//! Rewrites the rows of a store for a component that has another version of it: page by page into the store's other place, each page a checkpoint.
//!
//! The old rows stay as they were until the task's last page, so a component that fails on the way, or an older one that is put back, has lost nothing of that task
//! (tasks switch one by one); what a kill interrupts goes on at the next start. Then the other place becomes the store, in one checkpoint with its version, and the old rows are dropped.

use std::cmp::Ordering;
use std::time::Instant;

use crate::checkpoint::{self, Ledger, Participant, TaskProgress};
use crate::error::{GuestFault, HostError};
use crate::job::OperatorSpec;
use crate::operator::{Operator, StoreDescription};
use crate::record::{Batch, BatchBuilder, Fields, NONE, TaskId};
use crate::state::{Change, Flow, LAYOUTS, Rewriting, StateStore, StoreHandle, StoreId, StorePlace, VALUE_BYTES_MAX, without_expiry};

/// Rows and bytes of a page.
const PAGE_ROWS_MAX: usize = 1_024;
const PAGE_BYTES_MAX: usize = 1 << 20;
/// Rows that one checkpoint drops.
const DROPPED_ROWS_MAX: usize = 4_096;

/// What migrating a task's stores works on, besides the operator.
pub(super) struct Migration<'a> {
    pub job: &'a str,
    pub spec: &'a OperatorSpec,
    pub task: TaskId,
    pub state: &'a dyn StateStore,
    pub ledger: &'a mut dyn Ledger,
    pub progress: &'a mut TaskProgress,
    pub is_stopping: &'a dyn Fn() -> bool,
}

/// A checkpoint's worth of writes, made outside of the task.
struct Step<'a> {
    task: TaskId,
    progress: &'a TaskProgress,
    writes: Vec<(StoreHandle, Vec<u8>, Option<Vec<u8>>)>,
}

impl Participant for Step<'_> {
    fn id(&self) -> TaskId {
        self.task
    }

    fn flush(&mut self) -> Result<TaskProgress, HostError> {
        Ok(self.progress.clone())
    }

    fn changes(&self) -> Box<dyn Iterator<Item = Change<'_>> + '_> {
        Box::new(self.writes.iter().map(|(store, key, value)| Change { store: *store, key, value: value.as_deref() }))
    }

    fn forget(&mut self) {
        self.writes.clear();
    }
}

/// A store to bring up to what the component declares.
struct Target<'a> {
    store: &'a StoreDescription,
    layouts: StoreHandle,
    /// Its values begin with their expiry.
    expires: bool,
}

/// Rows as they lie in a store, in the order of their keys; with a TTL each value begins with its expiry.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Migration<'_> {
    /// Brings the operator's stores to the versions that it declares, and tidies up after what was interrupted. Returns what people must be told.
    pub fn run(&mut self, operator: &mut dyn Operator) -> Result<Vec<String>, HostError> {
        let mut lines = Vec::new();
        let (spec, stores) = (self.spec, operator.description().stores.clone());
        for store in stores.iter().filter(|store| spec.stores.iter().any(|granted| granted.name == store.name)) {
            self.store(operator, store, &mut lines)?;
        }
        Ok(lines)
    }

    fn store(&mut self, operator: &mut dyn Operator, store: &StoreDescription, lines: &mut Vec<String>) -> Result<(), HostError> {
        let layouts = self.open(LAYOUTS)?;
        let mut expires = false;
        self.state.get_many(layouts, &[store.name.as_bytes()], &mut |_, layout| expires = layout.is_some())?;
        let target = Target { store, layouts, expires };
        let mut place = StorePlace::find(self.state, layouts, &store.name)?;
        let version_key = format!("{}/{}", self.spec.name, store.name);
        let from = self.progress.store_versions.get(&version_key).copied().filter(|version| *version != store.version);
        let goes_on = |rewriting: &Rewriting| from.is_some() && rewriting.digest == operator.digest() && rewriting.version == store.version;
        if place.rewriting.as_ref().is_some_and(|rewriting| !goes_on(rewriting)) {
            (place.rewriting, place.stale) = (None, true);
            self.note(&target, &place)?;
        }
        if place.stale {
            self.drop_other(&target, &mut place)?;
        }
        let Some(from) = from else { return Ok(()) };
        let (began, mut rows) = (Instant::now(), 0);
        let mut rewriting = place.rewriting.take().unwrap_or_else(|| Rewriting { digest: operator.digest().to_owned(), version: store.version, after: None });
        loop {
            let page = self.page(&place.name(&store.name), rewriting.after.as_deref())?;
            let Some((last, _)) = page.last() else { break };
            rewriting.after = Some(last.clone());
            rows += page.len();
            let kept = self.rewrite(operator, &target, from, &page)?;
            place.rewriting = Some(rewriting.clone());
            let into = self.open(&place.other(&store.name))?;
            self.write(kept.into_iter().map(|(key, value)| (into, key, Some(value))).collect(), &target, &place)?;
            if (self.is_stopping)() {
                let doing = format!("rewriting store `{}` of task {} from version {from} to {}", store.name, self.task, store.version);
                return Err(HostError::external(doing, anyhow::anyhow!("stopped after {rows} rows: it goes on at the next start")));
            }
        }
        place = StorePlace { second: !place.second, stale: true, rewriting: None };
        self.progress.store_versions.insert(version_key, store.version);
        self.note(&target, &place)?;
        self.drop_other(&target, &mut place)?;
        let (name, operator, to, took) = (&store.name, &self.spec.name, store.version, began.elapsed().as_millis());
        lines.push(format!("task {}: rewrote {rows} rows of store `{name}` of operator `{operator}` from version {from} to {to} in {took} ms", self.task));
        Ok(())
    }

    fn open(&self, store: &str) -> Result<StoreHandle, HostError> {
        let (job, operator) = (self.job.to_owned(), self.spec.name.clone());
        self.state.open(&StoreId { job, operator, store: store.to_owned(), task: self.task.partition })
    }

    fn note(&mut self, target: &Target<'_>, place: &StorePlace) -> Result<(), HostError> {
        self.write(Vec::new(), target, place)
    }

    /// One checkpoint: rows, and the note that says so.
    fn write(&mut self, mut writes: Vec<(StoreHandle, Vec<u8>, Option<Vec<u8>>)>, target: &Target<'_>, place: &StorePlace) -> Result<(), HostError> {
        writes.push((target.layouts, StorePlace::key(&target.store.name), place.encode()));
        checkpoint::make(&mut [Step { task: self.task, progress: self.progress, writes }], self.ledger)
    }

    /// The rows after a key.
    fn page(&self, name: &str, after: Option<&[u8]>) -> Result<Rows, HostError> {
        let begin = after.map(|key| [key, &[0]].concat()).unwrap_or_default();
        let (mut rows, mut bytes) = (Rows::new(), 0);
        self.state.scan(self.open(name)?, &begin, &[], &mut |key, value| {
            bytes += key.len() + value.len();
            if rows.len() == PAGE_ROWS_MAX || !rows.is_empty() && bytes > PAGE_BYTES_MAX {
                return Flow::Break(());
            }
            rows.push((key.to_vec(), value.to_vec()));
            Flow::Continue(())
        })?;
        Ok(rows)
    }

    /// Drops the rows of the place that is not the store's.
    fn drop_other(&mut self, target: &Target<'_>, place: &mut StorePlace) -> Result<(), HostError> {
        let other = self.open(&place.other(&target.store.name))?;
        let mut begin = Vec::new();
        loop {
            let mut writes = Vec::new();
            self.state.scan(other, &begin, &[], &mut |key, _| {
                writes.push((other, key.to_vec(), None));
                if writes.len() == DROPPED_ROWS_MAX { Flow::Break(()) } else { Flow::Continue(()) }
            })?;
            let more = writes.len() == DROPPED_ROWS_MAX;
            // What was dropped leaves traces, which the next scan need not walk through.
            begin = writes.last().map(|(_, key, _)| key.clone()).unwrap_or_default();
            place.stale = more;
            self.write(writes, target, place)?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Has the operator rewrite a page. Once more with a fresh instance where one broke: it may have been full.
    fn rewrite(&self, operator: &mut dyn Operator, target: &Target<'_>, from: u32, page: &Rows) -> Result<Rows, HostError> {
        let Target { store, expires, .. } = *target;
        let port = self.spec.stores.iter().position(|granted| granted.name == store.name).unwrap_or_default() as u16;
        let mut rows = BatchBuilder::default();
        for (key, stored) in page {
            let value = if expires { without_expiry(stored) } else { stored };
            rows.push(Some(key), Some(value), Default::default(), Fields { port, timestamp: 0, offset: 0, partition: NONE, key_id: NONE });
        }
        let mut migrate = || operator.migrate(&store.name, from, rows.as_batch()).and_then(|answer| kept(&answer, page, expires));
        let answer = match migrate() {
            Err(fault) if !matches!(fault, GuestFault::Retry(_) | GuestFault::Fatal(_)) => migrate(),
            answered => answered,
        };
        answer.map_err(|fault| {
            let first = page.first().map(|(key, _)| String::from_utf8_lossy(key)).unwrap_or_default();
            let at = format!(
                "rewriting store `{}` of task {} from version {from} to {}, {} rows from key {first:?}",
                store.name,
                self.task,
                store.version,
                page.len()
            );
            match fault {
                GuestFault::Retry(text) => HostError::external(format!("operator `{}`: {at}", self.spec.name), anyhow::anyhow!("it asked to retry: {text}")),
                fault => HostError::Guest { operator: self.spec.name.clone(), at: Some(at), fault },
            }
        })
    }
}

/// The answer to a page: some of its keys, in their order, with new values. Expiries stay.
fn kept(answer: &Batch, page: &Rows, expires: bool) -> Result<Rows, GuestFault> {
    let mut given = page.iter();
    let mut kept = Rows::new();
    for row in answer {
        let Some(key) = row.key else { return Err(GuestFault::Invalid("migrate: a row to keep has no key".to_owned())) };
        let named = String::from_utf8_lossy(key);
        let Some(value) = row.value.filter(|value| value.len() <= VALUE_BYTES_MAX) else {
            return Err(GuestFault::Invalid(format!("migrate: the row to keep with key {named:?} has no value, or one of more than {VALUE_BYTES_MAX} bytes")));
        };
        match given.find(|(known, _)| known.as_slice().cmp(key) != Ordering::Less) {
            Some((known, stored)) if known == key => {
                let expiry = if expires { &stored[..stored.len() - without_expiry(stored).len()] } else { &[] };
                kept.push((known.clone(), [expiry, value].concat()));
            }
            _ => return Err(GuestFault::Invalid(format!("migrate: key {named:?} was not among the rows given, or comes out of their order"))),
        }
    }
    Ok(kept)
}
