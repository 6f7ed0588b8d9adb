//! One operator at work on one batch again and again, with what the host does after each call.

use std::rc::Rc;

use millstream::operator::{Call, Limits, Operator, Setup};
use millstream::record::{Batch, BatchBuilder, Fields};
use millstream::state::{MemoryStore, StoreOptions, Stores};
use millstream_tests::components;

use crate::records::KEYS;

/// Committing happens outside; its rhythm is that of a checkpoint each so many batches.
const BATCHES_PER_CHECKPOINT: usize = 64;
/// A worker lets operators recycle their instances between turns, of some batches each.
const BATCHES_PER_TURN: usize = 16;
const CALL: Call = Call { watermark: 0, now: 0, task: 0 };

pub struct Work {
    pub operator: Box<dyn Operator>,
    input: Batch,
    below: Rc<MemoryStore>,
    stores: Stores,
    batches: usize,
    /// How often its instance was replaced.
    pub recycled: usize,
}

impl Work {
    pub fn new(operator: Box<dyn Operator>, input: Batch, stores: &[&str]) -> Work {
        let below = Rc::new(MemoryStore::default());
        let options: Vec<StoreOptions> = stores.iter().map(|name| StoreOptions { name: (*name).to_owned(), ttl_ms: None }).collect();
        let stores = Stores::open(below.clone(), "bench", "operator", 0, &options).expect("stores in memory");
        Work { operator, input, below, stores, batches: 0, recycled: 0 }
    }

    pub fn step(&mut self) -> usize {
        let effects = self.operator.process(CALL, &self.input, &mut self.stores).expect("an operator that works");
        self.stores.keep();
        self.batches += 1;
        if self.batches.is_multiple_of(BATCHES_PER_TURN) {
            self.recycled += usize::from(self.operator.settle().expect("settled").recycled);
        }
        if self.batches.is_multiple_of(BATCHES_PER_CHECKPOINT) {
            self.below.apply(&mut self.stores.changes());
            self.stores.forget();
        }
        effects.outputs.len()
    }
}

/// The setup of an operator with one input and one output.
pub fn setup(config: &str, stores: &[&str]) -> Setup {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Setup { config: config.into(), inputs: names(&["in"]), outputs: names(&["out"]), stores: names(stores) }
}

/// A built component, opened. On a busy machine a call may take long; it is measured, not ended.
pub fn wasm(component: &str, setup: &Setup) -> Box<dyn Operator> {
    let limits = Limits { call_ms_max: 60_000, ..Limits::default() };
    components::load(&components::engine(), component).open(component, setup, &limits).expect("the component opens")
}

/// [`records`](crate::records::records) with the keys in turn, so that their numbers are those that the host gives: in order of appearance.
pub fn in_turn(rows: usize, value: impl Fn(usize) -> String) -> Batch {
    let mut batch = BatchBuilder::default();
    for n in 0..rows {
        let key_id = n % KEYS;
        let fields = Fields { offset: n as i64, timestamp: 1_000, partition: 0, key_id: key_id as u32, ..Fields::default() };
        batch.push(Some(format!("key-{key_id:012}").as_bytes()), Some(value(n).as_bytes()), Default::default(), fields);
    }
    batch.into_batch()
}
