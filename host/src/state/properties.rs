//! Stores against a model: whatever is written, kept, undone, checkpointed, scanned and expired, reads say what an ordered map says.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;

use super::{MemoryStore, StateStore, StoreOptions, Stores, TimeDomain};
use crate::log::{CopyMark, LocalState, Log, LogWorker};
use crate::record::{Batch, BatchBuilder, Fields, TaskId, timer};

type Key = Vec<u8>;
type Rows = BTreeMap<(u16, Key), Vec<u8>>;
/// Domain, due, key, payload.
type Timer = (u16, i64, Key, Vec<u8>);

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<(u16, Key, Option<Vec<u8>>)>),
    Get(Vec<(u16, Key)>),
    Scan { store: u16, begin: Key, end: Key, limit: u32 },
    Keep,
    Undo,
    Checkpoint,
    Reopen,
    SetTimers(Vec<(bool, Timer)>),
    TakeDue { domain: u16, until: i64, most: usize },
}

fn key() -> impl Strategy<Value = Key> {
    prop::collection::vec(prop::sample::select(vec![0u8, 1, 97, 254, 255]), 0..4)
}

fn timer_of() -> impl Strategy<Value = Timer> {
    let due = prop_oneof![-3..6i64, Just(i64::MIN), Just(i64::MAX)];
    (0..2u16, due, key(), key())
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..12));
    prop_oneof![
        4 => prop::collection::vec((0..2u16, key(), value), 0..8).prop_map(Step::Put),
        3 => prop::collection::vec((0..2u16, key()), 0..8).prop_map(Step::Get),
        3 => (0..2u16, key(), key(), 0..5u32).prop_map(|(store, begin, end, limit)| Step::Scan { store, begin, end, limit }),
        2 => Just(Step::Keep),
        1 => Just(Step::Undo),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        2 => prop::collection::vec((any::<bool>(), timer_of()), 0..6).prop_map(Step::SetTimers),
        3 => (0..2u16, -3..7i64, 1..5usize).prop_map(|(domain, until, most)| Step::TakeDue { domain, until, most }),
    ]
}

/// Where checkpoints go.
enum Below {
    Memory(Rc<MemoryStore>),
    Rocks(Arc<Log>, LogWorker),
    /// And how many checkpoints there were: some are marked.
    Copy(Arc<Log>, LocalState, u64),
}

impl Below {
    fn store(&self) -> Rc<dyn StateStore> {
        match self {
            Below::Memory(store) => store.clone(),
            Below::Rocks(_, worker) => worker.state(),
            Below::Copy(_, local, _) => Rc::new(local.clone()),
        }
    }

    fn open(&self) -> Stores {
        let options = ["a", "b"].map(|name| StoreOptions { name: name.to_owned(), ttl_ms: None });
        Stores::open(self.store(), "job", "op", 5, &options).unwrap()
    }

    /// As after a restart: nothing is remembered.
    fn reopen(&mut self) -> Stores {
        match self {
            Below::Memory(_) => {}
            Below::Rocks(log, worker) => *worker = log.worker("job"),
            Below::Copy(log, local, checkpoints) => {
                local.apply(&mut std::iter::empty(), &[], &[mark(*checkpoints)]).unwrap();
                *local = log.local_state("job");
            }
        }
        self.open()
    }

    fn checkpoint(&mut self, stores: &mut Stores) {
        match self {
            Below::Memory(store) => store.apply(&mut stores.changes()),
            Below::Rocks(_, worker) => worker.ledger().apply(&mut stores.changes()).unwrap(),
            Below::Copy(_, local, checkpoints) => {
                *checkpoints += 1;
                let marks = [mark(*checkpoints)];
                let marks = if *checkpoints % 3 == 0 { &marks[..] } else { &[] };
                local.apply(&mut stores.changes(), &[(task(), b"progress")], marks).unwrap();
            }
        }
        stores.forget();
    }
}

fn task() -> TaskId {
    TaskId { stage: 0, partition: 5 }
}

fn mark(position: u64) -> (TaskId, CopyMark) {
    (task(), CopyMark { changelog: "changelog".to_owned(), changelog_id: "id".to_owned(), position, at_ms: 0 })
}

#[derive(Clone, Default)]
struct Model {
    rows: Rows,
    timers: BTreeMap<Timer, ()>,
}

fn batch(rows: impl IntoIterator<Item = (u16, Key, Option<Vec<u8>>)>) -> Batch {
    let mut batch = BatchBuilder::default();
    rows.into_iter().for_each(|(port, key, value)| batch.push(Some(&key), value.as_deref(), Default::default(), Fields { port, ..Fields::default() }));
    batch.into_batch()
}

fn domain(number: u16) -> TimeDomain {
    if number == 0 { TimeDomain::Event } else { TimeDomain::Processing }
}

/// Runs the steps; `committed`, `kept`, `now`: the model as of the last checkpoint, the last kept call, and with the call in progress.
fn run(mut below: Below, steps: &[Step]) {
    let mut stores = below.open();
    let (mut committed, mut kept, mut now) = (Model::default(), Model::default(), Model::default());
    for step in steps {
        match step {
            Step::Put(rows) => {
                stores.put_many(&batch(rows.clone())).unwrap();
                for (store, key, value) in rows.iter().cloned() {
                    match value {
                        Some(value) => now.rows.insert((store, key), value),
                        None => now.rows.remove(&(store, key)),
                    };
                }
            }
            Step::Get(keys) => {
                let answer = stores.get_many(&batch(keys.iter().map(|(store, key)| (*store, key.clone(), None)))).unwrap();
                let found: Vec<_> = answer.iter().map(|row| (row.port, row.key.unwrap().to_vec(), row.value.map(<[u8]>::to_vec))).collect();
                let expected: Vec<_> = keys.iter().map(|(store, key)| (*store, key.clone(), now.rows.get(&(*store, key.clone())).cloned())).collect();
                assert_eq!(found, expected);
            }
            Step::Scan { store, begin, end, limit } => check_scan(&mut stores, &now, *store, (begin, end), *limit),
            Step::Keep => {
                stores.keep();
                kept = now.clone();
            }
            Step::Undo => {
                stores.undo();
                now = kept.clone();
            }
            Step::Checkpoint => {
                stores.keep();
                below.checkpoint(&mut stores);
                (committed, kept) = (now.clone(), now.clone());
            }
            Step::Reopen => {
                stores = below.reopen();
                (kept, now) = (committed.clone(), committed.clone());
            }
            Step::SetTimers(timers) => {
                // As the host does: timers are effects of a call that has succeeded.
                stores.keep();
                set_timers(&mut stores, &mut now, timers);
                kept = now.clone();
            }
            Step::TakeDue { domain: number, until, most } => take_due(&mut stores, &mut now, *number, *until, *most),
        }
        for number in 0..2 {
            let next = now.timers.keys().find(|timer| timer.0 == number).map(|timer| timer.1);
            assert_eq!(stores.next_due(domain(number)).unwrap(), next);
        }
    }
}

fn check_scan(stores: &mut Stores, now: &Model, store: u16, (begin, end): (&Key, &Key), limit: u32) {
    let (page, done) = stores.scan(u32::from(store), begin, end, limit, 0).unwrap();
    let within = |key: &Key| key >= begin && (end.is_empty() || key < end);
    let all: Vec<_> = now.rows.iter().filter(|((of, key), _)| *of == store && within(key)).map(|((_, key), value)| (key.clone(), value.clone())).collect();
    let found: Vec<_> = page.iter().map(|row| (row.key.unwrap().to_vec(), row.value.unwrap().to_vec())).collect();
    let most = if limit == 0 { usize::MAX } else { limit as usize };
    assert_eq!(found, all[..all.len().min(most)]);
    assert_eq!(done, all.len() <= most);
}

fn set_timers(stores: &mut Stores, now: &mut Model, timers: &[(bool, Timer)]) {
    let mut rows = BatchBuilder::default();
    for (delete, timer) in timers {
        let port = timer.0 + if *delete { timer::DELETE_EVENT } else { timer::EVENT };
        rows.push(Some(&timer.2), Some(&timer.3), Default::default(), Fields { port, timestamp: timer.1, ..Fields::default() });
        if *delete {
            now.timers.remove(timer)
        } else {
            now.timers.insert(timer.clone(), ())
        };
    }
    stores.set_timers(rows.as_batch()).unwrap();
}

fn take_due(stores: &mut Stores, now: &mut Model, number: u16, until: i64, most: usize) {
    let due = stores.take_due(domain(number), until, most).unwrap();
    let found: Vec<Timer> = due.iter().map(|row| (row.port, row.timestamp, row.key.unwrap().to_vec(), row.value.unwrap().to_vec())).collect();
    let expected: Vec<Timer> = now.timers.keys().filter(|timer| timer.0 == number && timer.1 <= until).take(most).cloned().collect();
    assert_eq!(found, expected);
    expected.iter().for_each(|timer| {
        now.timers.remove(timer);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn stores_over_memory_are_an_ordered_map(steps in prop::collection::vec(step(), 1..60)) {
        run(Below::Memory(Rc::default()), &steps);
    }
}

proptest! {
    // Each case opens a database.
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn stores_over_rocksdb_are_an_ordered_map(steps in prop::collection::vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path()).unwrap();
        run(Below::Rocks(log.clone(), log.worker("job")), &steps);
    }

    #[test]
    fn stores_over_a_copy_are_an_ordered_map(steps in prop::collection::vec(step(), 1..120)) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path()).unwrap();
        run(Below::Copy(log.clone(), log.local_state("job"), 0), &steps);
    }
}
