//! Runs an operator natively, without Wasm and without a host: feed records, move time, look at what came out.
//!
//! ```
//! use millstream_sdk::prelude::*;
//! use millstream_sdk::testing::{Harness, Input};
//!
//! #[derive(serde::Deserialize)]
//! struct Config { longer_than: usize }
//!
//! struct LongWords { longer_than: usize }
//!
//! impl Operator for LongWords {
//!     type Config = Config;
//!     fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
//!         Ok(LongWords { longer_than: config.longer_than })
//!     }
//!     fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
//!         if record.value_text()?.len() > self.longer_than { ctx.emit(Out::of(record)) } else { Ok(()) }
//!     }
//! }
//! export_operator!(LongWords);
//!
//! let mut words = Harness::<LongWords>::open(serde_json::json!({ "longer_than": 3 })).unwrap();
//! words.feed(&[Input::new("k", "no"), Input::new("k", "mill"), Input::null_value("k")]).unwrap();
//! assert_eq!(words.take_outputs()[0].value_text(), "mill");
//! assert_eq!(words.take_rejects()[0].reject.message, "the value is null");
//! ```

mod input;
mod memory;
mod output;

pub use input::Input;
pub use memory::MemoryHost;
pub use output::Output;

use serde::Serialize;

use crate::layout::{Batch, BatchBuilder};
use crate::{Call, Domain, Effects, Exported, Failure, Instance, Rejected, Setup, Store, Value, describe};

/// An opened operator with a host of its own: state and timers in maps, time as told.
pub struct Harness<O: Exported> {
    instance: Instance<O>,
    setup: Setup,
    host: MemoryHost,
    call: Call,
    next_offset: i64,
    number_keys: bool,
    outputs: Vec<Output>,
    rejects: Vec<Rejected>,
}

impl<O: Exported> Harness<O> {
    /// Opens the operator with a config (`()` or `None`: none), its declared ports and its declared stores. Watermark unknown, now 0, task 0.
    pub fn open(config: impl Serialize) -> Result<Self, Failure> {
        let config = serde_json::to_vec(&config).map_err(|e| Failure::Fatal(format!("config: {e}")))?;
        Self::open_json(if config == b"null" { b"" } else { &config })
    }

    /// The same, with the config as JSON text.
    pub fn open_json(config: &[u8]) -> Result<Self, Failure> {
        let description = describe::<O>();
        // An operator that takes any number of inputs gets two.
        let inputs = if O::INPUTS.is_empty() { vec!["in-0".into(), "in-1".into()] } else { description.inputs };
        let stores = O::STORES.iter().map(|store| store.name.to_string()).collect();
        let setup = Setup { config: config.to_vec(), inputs, outputs: description.outputs, stores };
        let call = Call { watermark: i64::MIN, now: 0, task: 0 };
        let instance = Instance::open(&setup)?;
        Ok(Harness { instance, setup, host: MemoryHost::default(), call, next_offset: 0, number_keys: true, outputs: Vec::new(), rejects: Vec::new() })
    }

    /// Whether batches carry key numbers, as those of the host mostly do (the default), or none.
    pub fn number_keys(&mut self, number_keys: bool) {
        self.number_keys = number_keys;
    }

    /// Hands records over as one batch. After a failure nothing of the call is kept.
    pub fn feed(&mut self, inputs: &[Input]) -> Result<(), Failure> {
        let ports = self.setup.inputs.clone();
        let batch = input::batch(inputs, &ports, self.next_offset, self.number_keys);
        self.next_offset += inputs.len() as i64;
        self.feed_batch(&batch)
    }

    /// Hands a packed batch over.
    pub fn feed_batch(&mut self, batch: &Batch) -> Result<(), Failure> {
        let effects = self.instance.process(self.call, batch, &mut self.host);
        self.take(effects, batch)
    }

    /// Moves event time on, and fires the event-time timers that are due, in order, until none is left.
    pub fn advance_watermark(&mut self, watermark_ms: i64) -> Result<(), Failure> {
        self.call.watermark = watermark_ms;
        self.fire(Domain::Event, watermark_ms)
    }

    /// Moves the clock on, and fires the processing-time timers that are due.
    pub fn advance_now(&mut self, now_ms: i64) -> Result<(), Failure> {
        self.call.now = now_ms;
        self.fire(Domain::Processing, now_ms)
    }

    /// Replaces the operator by a fresh instance, as the host may at any time. State and timers stay.
    pub fn reopen(&mut self) -> Result<(), Failure> {
        self.instance = Instance::open(&self.setup)?;
        Ok(())
    }

    /// What was emitted since the last look, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// What was rejected since the last look. `row` numbers the rows of its batch.
    pub fn take_rejects(&mut self) -> Vec<Rejected> {
        std::mem::take(&mut self.rejects)
    }

    /// The stored value of a key. Panics where it cannot be read.
    pub fn state<V: Value>(&self, store: &Store<V>, key: impl AsRef<[u8]>) -> Option<V> {
        let number = self.setup.stores.iter().position(|name| name == store.name()).expect("a declared store");
        let bytes = self.host.stored(number as u16, key.as_ref())?;
        Some(V::decode(bytes).expect("a stored value of the store's type"))
    }

    /// The host behind the operator: all state, timers, logs, counters, and how often it was called.
    pub fn host(&mut self) -> &mut MemoryHost {
        &mut self.host
    }

    /// Rows of a store of an older version through the operator's `migrate`; what is left of them.
    pub fn migrate(&mut self, store: &str, from_version: u32, rows: &[(&[u8], &[u8])]) -> Result<Vec<Output>, Failure> {
        let mut batch = BatchBuilder::default();
        for (key, value) in rows {
            batch.push(Some(key), Some(value), Default::default(), Default::default());
        }
        let kept = self.instance.migrate(store, from_version, &batch.into_batch())?;
        Ok(kept.iter().map(|row| Output::of(row, "")).collect())
    }

    fn fire(&mut self, domain: Domain, until_ms: i64) -> Result<(), Failure> {
        loop {
            let due = self.host.take_due(domain, until_ms);
            if due.is_empty() {
                return Ok(());
            }
            let effects = self.instance.on_timer(self.call, &due, &mut self.host);
            self.take(effects, &due)?;
        }
    }

    fn take(&mut self, effects: Result<Effects, Failure>, input: &Batch) -> Result<(), Failure> {
        let effects = match effects {
            Ok(effects) => effects,
            Err(failure) => {
                self.host.undo();
                return Err(failure);
            }
        };
        self.host.keep();
        self.host.set_timers(&effects.timers);
        for row in &effects.outputs {
            let mut output = Output::of(row, &self.setup.outputs[usize::from(row.port)]);
            output.inherit(input);
            self.outputs.push(output);
        }
        self.rejects.extend(effects.rejects);
        Ok(())
    }
}
