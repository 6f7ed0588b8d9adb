//! The stores of one operator in one task: overlay above, committed store below, timers beside.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::expiry::{self, live};
use super::merge::merge;
use super::overlay::Overlay;
use super::{Change, KEY_BYTES_MAX, LAYOUTS, ROWS_PER_CALL_MAX, StateStore, StoreHandle, StoreId, StorePlace, TIMERS, VALUE_BYTES_MAX, timers};
use crate::error::{GuestFault, HostError};
use crate::record::{Batch, BatchBuilder, Fields, NONE, View, timer};
use crate::time::UNKNOWN;

/// Rows and bytes of a scan's page when the guest leaves it to the host, and at most.
const PAGE_ROWS_MAX: u32 = 10_000;
const PAGE_BYTES_MAX: u32 = 1 << 20;
/// Bytes that one `get-many` answers, at most: a guest may ask for one large value as often as it likes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Keys asked of the store below at once: their values are in memory together.
const KEYS_BELOW_MAX: usize = 256;
/// Entries looked at per sweep.
const SWEEP_ROWS_MAX: usize = 256;

/// Which clock a timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeDomain {
    Event,
    Processing,
}

/// What one store of a job's operator may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    pub name: String,
    /// Entries vanish so long (event time, ms) after they were written; `None`: never. What is written while the watermark is unknown, or after the end, does not expire.
    pub ttl_ms: Option<i64>,
}

struct Slot {
    name: String,
    handle: StoreHandle,
    ttl_ms: Option<i64>,
    overlay: Overlay,
    /// Where the next sweep of a store with a TTL begins.
    sweep_from: Vec<u8>,
}

/// All keyed state that one operator sees in one task. A value, moved into the guest's store for the time of a call and back.
pub struct Stores {
    below: Rc<dyn StateStore>,
    slots: Vec<Slot>,
    timers: Slot,
    /// How values lie in a store: see [`LAYOUTS`].
    layouts: Slot,
    /// By domain: when the earliest timer is due, where that is known.
    next_due: [Option<Option<i64>>; 2],
    /// By domain: no timer is due before. Where looking begins: before it lie the traces of all timers that have fired, which RocksDB would walk through.
    none_before: [i64; 2],
    watermark: i64,
    scratch: Vec<u8>,
}

impl Stores {
    /// Opens the stores of `operator` in `task`, plus its timers.
    pub fn open(below: Rc<dyn StateStore>, job: &str, operator: &str, task: u32, stores: &[StoreOptions]) -> Result<Stores, HostError> {
        let slot = |name: &str, ttl_ms: Option<i64>, overlay: Overlay| {
            let handle = below.open(&StoreId { job: job.to_owned(), operator: operator.to_owned(), store: name.to_owned(), task })?;
            Ok::<_, HostError>(Slot { name: name.to_owned(), handle, ttl_ms, overlay, sweep_from: Vec::new() })
        };
        let timers = slot(TIMERS, None, Overlay::ordered())?;
        let mut layouts = slot(LAYOUTS, None, Overlay::default())?;
        let lies = |store: &StoreOptions| {
            let place = StorePlace::find(&*below, layouts.handle, &store.name)?;
            Ok::<_, HostError>(Slot { name: store.name.clone(), ..slot(&place.name(&store.name), store.ttl_ms, Overlay::default())? })
        };
        let slots = stores.iter().map(lies).collect::<Result<Vec<_>, _>>()?;
        for slot in &slots {
            if let Some(layout) = expiry::layout(&*below, (&slot.name, slot.handle, slot.ttl_ms), layouts.handle)? {
                layouts.overlay.put(slot.name.as_bytes(), layout.map(|byte| [byte, &[]]));
            }
        }
        layouts.overlay.keep();
        Ok(Stores { slots, timers, layouts, below, next_due: [None, None], none_before: [i64::MIN; 2], watermark: UNKNOWN, scratch: Vec::new() })
    }

    /// No stores and no timers: for a call that may use none (`describe`, `migrate`).
    pub fn none() -> Stores {
        let slot = |name: &str| Slot { name: name.to_owned(), handle: StoreHandle([0; 8]), ttl_ms: None, overlay: Overlay::ordered(), sweep_from: Vec::new() };
        let below = Rc::new(super::MemoryStore::default());
        let (timers, layouts) = (slot(TIMERS), slot(LAYOUTS));
        Stores {
            slots: Vec::new(),
            timers,
            layouts,
            below,
            next_due: [Some(None), Some(None)],
            none_before: [i64::MIN; 2],
            watermark: UNKNOWN,
            scratch: Vec::new(),
        }
    }

    /// Before a call: event time as of now, for TTL.
    pub fn set_watermark(&mut self, watermark: i64) {
        self.watermark = watermark;
    }

    /// `get-many` of the WIT.
    pub fn get_many(&mut self, keys: &Batch) -> Result<Batch, GuestFault> {
        check_rows("get-many", keys.len())?;
        let mut answer = BatchBuilder::with_capacity(keys.len(), keys.arena().len() + 16 * keys.len());
        let mut missing: Vec<&[u8]> = Vec::new();
        let mut n = 0;
        // Runs of keys of one store: as a rule all of them.
        while n < keys.len() {
            let port = keys.row(n).port;
            let slot = slot(&mut self.slots, port)?;
            let end = (n..keys.len()).find(|at| keys.row(*at).port != port).unwrap_or(keys.len());
            missing.clear();
            for at in n..end {
                let key = key_of(&slot.name, keys.view(at))?;
                if slot.overlay.get(key).is_none() {
                    missing.push(key);
                }
            }
            fill(&*self.below, slot, self.watermark, keys, n..end, &missing, &mut answer)?;
            n = end;
        }
        Ok(answer.into_batch())
    }

    /// `put-many` of the WIT.
    pub fn put_many(&mut self, rows: &Batch) -> Result<(), GuestFault> {
        check_rows("put-many", rows.len())?;
        for row in rows {
            let slot = slot(&mut self.slots, row.port)?;
            let key = key_of(&slot.name, row)?;
            if row.value.is_some_and(|value| value.len() > VALUE_BYTES_MAX) {
                return Err(GuestFault::State(format!("a value of store `{}` has more than {VALUE_BYTES_MAX} bytes", slot.name)));
            }
            let expiry = slot.ttl_ms.map(|ttl| expiry::of(self.watermark, ttl));
            slot.overlay.put(key, row.value.map(|value| [expiry.as_ref().map_or(&[][..], |bytes| bytes), value]));
        }
        Ok(())
    }

    /// `scan` of the WIT: rows and whether the range is done.
    pub fn scan(&mut self, store: u32, begin: &[u8], end: &[u8], limit: u32, bytes_max: u32) -> Result<(Batch, bool), GuestFault> {
        let slot = u16::try_from(store).map_err(|_| no_store(store)).and_then(|port| slot(&mut self.slots, port))?;
        let bound = |asked: u32, most: u32| if asked == 0 { most } else { asked.min(most) };
        let (rows_max, bytes_max) = (bound(limit, PAGE_ROWS_MAX) as usize, bound(bytes_max, PAGE_BYTES_MAX) as usize);
        let (watermark, ttl) = (self.watermark, slot.ttl_ms.is_some());
        let mut page = BatchBuilder::default();
        let full = merge(&*self.below, slot.handle, &mut slot.overlay, begin, end, &mut |key, value| {
            let Some(value) = live(ttl, watermark, value) else { return ControlFlow::Continue(()) };
            if page.len() >= rows_max || !page.is_empty() && page.bytes() + key.len() + value.len() > bytes_max {
                return ControlFlow::Break(());
            }
            page.push(Some(key), Some(value), Default::default(), Fields { port: store as u16, timestamp: 0, offset: 0, partition: NONE, key_id: NONE });
            ControlFlow::Continue(())
        });
        let full = full.map_err(host_fault)?;
        Ok((page.into_batch(), !full))
    }

    /// The call succeeded: its writes join the overlay.
    pub fn keep(&mut self) {
        self.slots.iter_mut().chain([&mut self.timers, &mut self.layouts]).for_each(|slot| slot.overlay.keep());
    }

    /// The call failed: its writes are forgotten.
    pub fn undo(&mut self) {
        self.slots.iter_mut().chain([&mut self.timers, &mut self.layouts]).for_each(|slot| slot.overlay.undo());
        self.next_due = [None, None];
        self.none_before = [i64::MIN; 2];
    }

    /// Sets and deletes timers, rows as in `effects.timers` (their ports are checked). Joins the overlay at once.
    pub fn set_timers(&mut self, rows: &Batch) -> Result<(), HostError> {
        for row in rows {
            let (domain, delete) = match row.port {
                timer::EVENT => (TimeDomain::Event, false),
                timer::PROCESSING => (TimeDomain::Processing, false),
                timer::DELETE_EVENT => (TimeDomain::Event, true),
                _ => (TimeDomain::Processing, true),
            };
            timers::key(&mut self.scratch, domain, row);
            self.timers.overlay.put(&self.scratch, (!delete).then_some([&[timers::flags(row)], &[]]));
            let place = usize::from(timers::domain_byte(domain));
            if !delete {
                self.none_before[place] = self.none_before[place].min(row.timestamp);
            }
            let known = &mut self.next_due[place];
            match known {
                Some(next) if !delete => *next = Some(next.map_or(row.timestamp, |next| next.min(row.timestamp))),
                Some(Some(next)) if delete && row.timestamp <= *next => *known = None,
                _ => {}
            }
        }
        self.timers.overlay.keep();
        Ok(())
    }

    /// Takes up to `rows_max` timers due at or before `until`, ordered by timestamp, key, value; they are deleted (`undo` brings them back).
    pub fn take_due(&mut self, domain: TimeDomain, until: i64, rows_max: usize) -> Result<Batch, HostError> {
        let mut due = BatchBuilder::default();
        let mut taken: Vec<Vec<u8>> = Vec::new();
        let mut readable = true;
        let place = usize::from(timers::domain_byte(domain));
        let begin = timers::from(domain, self.none_before[place]);
        let more = merge(&*self.below, self.timers.handle, &mut self.timers.overlay, &begin, &timers::after(domain, until), &mut |key, flags| {
            if due.len() >= rows_max {
                return ControlFlow::Break(());
            }
            readable &= timers::push_due(&mut due, &mut self.scratch, key, flags.first().copied().unwrap_or(0));
            taken.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        if !readable {
            return Err(HostError::storage("the timers in the state store", "hold a key that is none of ours"));
        }
        taken.iter().for_each(|key| self.timers.overlay.put(key, None));
        self.next_due[place] = None;
        let last = due.len().checked_sub(1).map(|last| due.as_batch().row(last).timestamp);
        self.none_before[place] = if more { last.unwrap_or(self.none_before[place]) } else { until.saturating_add(1).max(self.none_before[place]) };
        Ok(due.into_batch())
    }

    /// When the earliest timer is due; `None`: there is none.
    pub fn next_due(&mut self, domain: TimeDomain) -> Result<Option<i64>, HostError> {
        let place = usize::from(timers::domain_byte(domain));
        if let Some(known) = self.next_due[place] {
            return Ok(known);
        }
        let mut next = None;
        let begin = timers::from(domain, self.none_before[place]);
        merge(&*self.below, self.timers.handle, &mut self.timers.overlay, &begin, &[place as u8 + 1], &mut |key, _| {
            next = timers::due_ms(key);
            ControlFlow::Break(())
        })?;
        self.next_due[place] = Some(next);
        self.none_before[place] = next.unwrap_or(i64::MAX);
        Ok(next)
    }

    /// Deletes expired entries of stores with a TTL, a bounded number per call. The worker calls it once per checkpoint.
    pub fn sweep(&mut self) -> Result<(), HostError> {
        for slot in self.slots.iter_mut().filter(|slot| slot.ttl_ms.is_some()) {
            let mut expired: Vec<Vec<u8>> = Vec::new();
            let (mut seen, mut next) = (0, Vec::new());
            self.below.scan(slot.handle, &slot.sweep_from, &[], &mut |key, value| {
                if seen == SWEEP_ROWS_MAX {
                    next = key.to_vec();
                    return ControlFlow::Break(());
                }
                seen += 1;
                if live(true, self.watermark, value).is_none() && slot.overlay.get(key).is_none() {
                    expired.push(key.to_vec());
                }
                ControlFlow::Continue(())
            })?;
            slot.sweep_from = next;
            expired.iter().for_each(|key| slot.overlay.put(key, None));
            slot.overlay.keep();
        }
        Ok(())
    }

    /// Bytes the overlay holds (keys, values and what it costs to keep them).
    pub fn overlay_bytes(&self) -> usize {
        self.slots.iter().chain([&self.timers, &self.layouts]).map(|slot| slot.overlay.bytes()).sum()
    }

    /// The overlay's writes, for the checkpoint. Each key once, with its last value.
    pub fn changes(&self) -> Box<dyn Iterator<Item = Change<'_>> + '_> {
        let slots = self.slots.iter().chain([&self.timers, &self.layouts]);
        Box::new(slots.flat_map(|slot| slot.overlay.iter().map(|(key, value)| Change { store: slot.handle, key, value })))
    }

    /// The overlay is applied: empty it.
    pub fn forget(&mut self) {
        self.slots.iter_mut().chain([&mut self.timers, &mut self.layouts]).for_each(|slot| slot.overlay.clear());
    }
}

fn check_rows(call: &str, rows: usize) -> Result<(), GuestFault> {
    match rows <= ROWS_PER_CALL_MAX {
        true => Ok(()),
        false => Err(GuestFault::State(format!("{call} with {rows} rows, more than {ROWS_PER_CALL_MAX}"))),
    }
}

fn no_store(port: u32) -> GuestFault {
    GuestFault::State(format!("store number {port} was not granted by the job"))
}

fn slot(slots: &mut [Slot], port: u16) -> Result<&mut Slot, GuestFault> {
    slots.get_mut(usize::from(port)).ok_or_else(|| no_store(port.into()))
}

fn key_of<'a>(store: &str, row: View<'a>) -> Result<&'a [u8], GuestFault> {
    match row.key {
        Some(key) if key.len() <= KEY_BYTES_MAX => Ok(key),
        Some(key) => Err(GuestFault::State(format!("a key of store `{store}` has {} bytes, more than {KEY_BYTES_MAX}", key.len()))),
        None => Err(GuestFault::State(format!("a key of store `{store}` is null"))),
    }
}

fn host_fault(error: HostError) -> GuestFault {
    GuestFault::Host(error.to_string())
}

/// Answers keys of one store: from the overlay, else from below (asked once, for all that are `missing` above).
fn fill(
    below: &dyn StateStore,
    slot: &Slot,
    watermark: i64,
    keys: &Batch,
    rows: std::ops::Range<usize>,
    missing: &[&[u8]],
    answer: &mut BatchBuilder,
) -> Result<(), GuestFault> {
    let ttl = slot.ttl_ms.is_some();
    let over = Cell::new(false);
    let mut push = |view: View<'_>, stored: Option<&[u8]>| {
        let bytes = view.key.map_or(0, <[u8]>::len) + stored.map_or(0, <[u8]>::len);
        if over.get() || answer.bytes() + bytes > ANSWER_BYTES_MAX {
            return over.set(true);
        }
        let fields = Fields { port: view.port, timestamp: 0, offset: 0, partition: NONE, key_id: NONE };
        answer.push(view.key, stored.and_then(|value| live(ttl, watermark, value)), Default::default(), fields);
    };
    let mut next = rows.start;
    // The answers from below come in order: before each, the rows that the overlay answers.
    let mut take = |from_below: Option<Option<&[u8]>>| {
        while next < rows.end {
            let view = keys.view(next);
            next += 1;
            match (slot.overlay.get(view.key.unwrap_or_default()), from_below) {
                (Some(written), _) => push(view, written),
                (None, Some(value)) => return push(view, value),
                (None, None) => push(view, None),
            }
        }
    };
    for keys in missing.chunks(KEYS_BELOW_MAX) {
        if !over.get() {
            below.get_many(slot.handle, keys, &mut |_, value| take(Some(value))).map_err(host_fault)?;
        }
    }
    take(None);
    match over.get() {
        false => Ok(()),
        true => Err(GuestFault::State(format!("get-many would answer more than {ANSWER_BYTES_MAX} bytes: ask for fewer keys at a time"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryStore;
    use super::*;

    fn stores(below: &Rc<MemoryStore>, ttl_ms: Option<i64>) -> Stores {
        let options = [StoreOptions { name: "s".to_owned(), ttl_ms }];
        Stores::open(below.clone(), "job", "op", 0, &options).unwrap()
    }

    fn rows(pairs: &[(&str, Option<&str>)]) -> Batch {
        let mut rows = BatchBuilder::default();
        pairs.iter().for_each(|(key, value)| rows.push(Some(key.as_bytes()), value.map(str::as_bytes), Default::default(), Fields::default()));
        rows.into_batch()
    }

    fn get(stores: &mut Stores, keys: &[&str]) -> Vec<Option<String>> {
        let keys = rows(&keys.iter().map(|key| (*key, None)).collect::<Vec<_>>());
        stores.get_many(&keys).unwrap().iter().map(|row| row.value.map(|value| String::from_utf8_lossy(value).into_owned())).collect()
    }

    fn checkpoint(stores: &mut Stores, below: &MemoryStore) {
        stores.keep();
        below.apply(&mut stores.changes());
        stores.forget();
    }

    #[test]
    fn reads_see_the_call_then_the_overlay_then_the_store() {
        let below = Rc::new(MemoryStore::default());
        let mut s = stores(&below, None);
        s.put_many(&rows(&[("a", Some("1")), ("b", Some("2")), ("c", Some("3"))])).unwrap();
        checkpoint(&mut s, &below);
        s.put_many(&rows(&[("b", None)])).unwrap();
        s.keep();
        s.put_many(&rows(&[("c", Some("4"))])).unwrap();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(get(&mut s, &["x", "c", "b", "a", "c", "y"]), [None, some("4"), None, some("1"), some("4"), None]);
        s.undo();
        assert_eq!(get(&mut s, &["c"]), [some("3")]);
    }

    #[test]
    fn a_scan_merges_hides_deletions_and_pages() {
        let below = Rc::new(MemoryStore::default());
        let mut s = stores(&below, None);
        s.put_many(&rows(&[("a", Some("1")), ("c", Some("3")), ("e", Some("5"))])).unwrap();
        checkpoint(&mut s, &below);
        s.put_many(&rows(&[("b", Some("2")), ("c", None), ("e", Some("6")), ("f", Some("7"))])).unwrap();
        let keys = |batch: &Batch| batch.iter().map(|row| String::from_utf8_lossy(row.key.unwrap()).into_owned()).collect::<String>();
        let (page, done) = s.scan(0, b"", b"", 0, 0).unwrap();
        assert_eq!((keys(&page).as_str(), done), ("abef", true));
        let (page, done) = s.scan(0, b"b", b"f", 1, 0).unwrap();
        assert_eq!((keys(&page).as_str(), done), ("b", false));
        let (page, done) = s.scan(0, b"b\0", b"f", 1, 0).unwrap();
        assert_eq!((keys(&page).as_str(), done), ("e", true));
    }

    #[test]
    fn timers_come_due_in_order_of_time_key_and_payload_once() {
        let below = Rc::new(MemoryStore::default());
        let mut s = stores(&below, None);
        let mut set = BatchBuilder::default();
        let timers: [(i64, &[u8], &[u8]); 5] = [(5, b"b", b""), (-3, b"z", b"x"), (5, b"a\0b", b"1"), (5, b"a", b"2"), (9, b"a", b"")];
        for (timestamp, key, payload) in timers {
            set.push(Some(key), Some(payload), Default::default(), Fields { timestamp, ..Fields::default() });
        }
        s.set_timers(set.as_batch()).unwrap();
        checkpoint(&mut s, &below);
        assert_eq!(s.next_due(TimeDomain::Event).unwrap(), Some(-3));
        assert_eq!(s.next_due(TimeDomain::Processing).unwrap(), None);
        let due = s.take_due(TimeDomain::Event, 5, 10).unwrap();
        let seen: Vec<_> = due.iter().map(|row| (row.timestamp, row.key.unwrap().to_vec())).collect();
        assert_eq!(seen, [(-3, b"z".to_vec()), (5, b"a".to_vec()), (5, b"a\0b".to_vec()), (5, b"b".to_vec())]);
        s.keep();
        assert!(s.take_due(TimeDomain::Event, 5, 10).unwrap().is_empty());
        assert_eq!(s.next_due(TimeDomain::Event).unwrap(), Some(9));
    }

    #[test]
    fn entries_expire_in_event_time_and_are_swept() {
        let below = Rc::new(MemoryStore::default());
        let mut s = stores(&below, Some(10));
        s.set_watermark(100);
        s.put_many(&rows(&[("a", Some("1"))])).unwrap();
        checkpoint(&mut s, &below);
        s.set_watermark(109);
        assert_eq!(get(&mut s, &["a"]), [Some("1".to_owned())]);
        s.set_watermark(110);
        assert_eq!(get(&mut s, &["a"]), [None]);
        s.sweep().unwrap();
        assert_eq!(s.changes().filter(|change| change.value.is_none()).count(), 1);
    }

    #[test]
    fn a_ttl_that_comes_or_goes_is_refused_where_values_lie_otherwise() {
        let below = Rc::new(MemoryStore::default());
        let open = |ttl_ms| Stores::open(below.clone(), "job", "op", 0, &[StoreOptions { name: "s".to_owned(), ttl_ms }]);
        for ttl in [None, Some(10), None, Some(20)] {
            // Still empty: it may be either.
            checkpoint(&mut open(ttl).unwrap(), &below);
        }
        let mut s = open(Some(30)).unwrap();
        s.put_many(&rows(&[("a", Some("1"))])).unwrap();
        checkpoint(&mut s, &below);
        assert_eq!(get(&mut open(Some(40)).unwrap(), &["a"]), [Some("1".to_owned())]);
        let refused = open(None).map(drop).unwrap_err().to_string();
        assert_eq!(refused, "store `s`: was written with a `ttl`, and is now to be read without");
        let mut plain = Stores::open(below.clone(), "job", "op", 1, &[StoreOptions { name: "s".to_owned(), ttl_ms: None }]).unwrap();
        plain.put_many(&rows(&[("a", Some("1"))])).unwrap();
        checkpoint(&mut plain, &below);
        assert!(Stores::open(below.clone(), "job", "op", 1, &[StoreOptions { name: "s".to_owned(), ttl_ms: Some(10) }]).is_err());
    }

    #[test]
    fn keys_and_rows_out_of_bounds_are_refused_with_the_bound() {
        let below = Rc::new(MemoryStore::default());
        let mut s = stores(&below, None);
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        assert!(matches!(s.put_many(&rows(&[(&long, None)])), Err(GuestFault::State(text)) if text.contains("65536")));
        let mut other = rows(&[("a", None)]);
        other.set_port(0, 3);
        assert!(matches!(s.get_many(&other), Err(GuestFault::State(text)) if text.contains("store number 3")));
    }
}
