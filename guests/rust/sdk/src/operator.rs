//! What a user implements, and what is derived from it.

use serde::de::DeserializeOwned;

use crate::layout::{Batch, BatchBuilder};
use crate::{Context, Failure, Keys, Outcome, Record, Setup, Timer};

/// An operator: one node of a job's graph. One value serves all tasks of a worker, one call at a time.
///
/// Call order: [`open`](Operator::open) once, then any mixture of [`process_batch`](Operator::process_batch) (which calls
/// [`process`](Operator::process) for each record) and [`on_timer`](Operator::on_timer).
pub trait Operator: Sized + 'static {
    /// The job's `config = { … }` for this operator, decoded with serde. [`NoConfig`](crate::NoConfig): it takes none.
    /// What does not fit stops the job with the path of the wrong field.
    type Config: DeserializeOwned;

    /// Names of the input ports in order; a record's `port` is the place in this list. Empty: takes any number of inputs.
    const INPUTS: &'static [&'static str] = &["in"];
    /// Names of the output ports; the first is where [`Out`](crate::Out) goes unless told otherwise. Empty: a sink.
    const OUTPUTS: &'static [&'static str] = &["out"];
    /// The stores it works with: `&[COUNTS.description()]`.
    const STORES: &'static [StoreDescription] = &[];
    /// JSON Schema of the config, checked by the host before anything runs; or empty.
    const CONFIG_SCHEMA: &'static str = "";
    /// Which state to read ahead, once per batch.
    const PREFETCH: Prefetch = Prefetch::RecordKey;

    /// Makes the operator. State cannot be read here. An error stops the job and is shown to its author.
    fn open(config: Self::Config, setup: &Setup) -> Result<Self, Failure>;

    /// Handles one record. [`Reject`](crate::Stop::Reject) concerns this record alone; retry and fatal drop the whole batch's effects.
    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome;

    /// Handles a batch: the fast path for operators that gain from seeing many records at once. `ctx.records()` has them;
    /// call [`Context::turn_to`] before emitting for a record.
    fn process_batch(&mut self, ctx: &mut Context<'_>) -> Result<(), Failure> {
        for record in ctx.records() {
            ctx.turn_to(&record);
            let outcome = self.process(&record, ctx);
            ctx.settle(outcome)?;
        }
        Ok(())
    }

    /// A timer that this operator set is due. Outputs inherit the timer's time; state by key is that of the timer's key.
    fn on_timer(&mut self, _timer: &Timer<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Ok(())
    }

    /// With [`Prefetch::Custom`]: names the state that a record will need. It is read either way; what is not named costs a call of its own.
    fn prefetch(&self, _record: &Record<'_>, _keys: &mut Keys<'_>) {}

    /// The same for a due timer.
    fn prefetch_timer(&self, _timer: &Timer<'_>, _keys: &mut Keys<'_>) {}

    /// Rewrites rows (key, value) of a store whose values are of an older version; returns those to keep.
    fn migrate(&mut self, store: &str, from_version: u32, _rows: &Batch, _keep: &mut BatchBuilder) -> Result<(), Failure> {
        Err(Failure::Fatal(format!("this operator does not know version {from_version} of its store `{store}`")))
    }
}

/// Which state is read ahead in one call at the start of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefetch {
    /// The record's key (or the timer's) in each declared store.
    RecordKey,
    /// What [`Operator::prefetch`] and [`Operator::prefetch_timer`] name.
    Custom,
    /// Nothing: each first access of a key is a call to the host.
    Nothing,
}

/// Name and version of an exported operator, from its crate. [`export_operator!`](crate::export_operator) implements it.
pub trait Exported: Operator {
    const NAME: &'static str;
    const VERSION: &'static str;
}

/// What an operator says of itself; see `description` in the WIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub stores: Vec<StoreDescription>,
    pub config_schema: String,
}

/// A declared store; made by [`Store::description`](crate::Store::description).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreDescription {
    pub name: &'static str,
    /// Version of the values' format, from 1. The host migrates when it finds an older one.
    pub version: u32,
}

/// The description derived from an operator's declarations.
pub fn describe<O: Exported>() -> Description {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    Description {
        name: O::NAME.to_string(),
        version: O::VERSION.to_string(),
        inputs: owned(O::INPUTS),
        outputs: owned(O::OUTPUTS),
        stores: O::STORES.to_vec(),
        config_schema: O::CONFIG_SCHEMA.to_string(),
    }
}

/// Makes a component of an [`Operator`]: once per crate. Its name and version are the crate's.
///
/// On other targets than wasm32 only [`Exported`] is implemented, so the same crate runs natively, in tests and in the host's benchmarks.
#[macro_export]
macro_rules! export_operator {
    ($operator:ty) => {
        impl $crate::Exported for $operator {
            const NAME: &'static str = env!("CARGO_PKG_NAME");
            const VERSION: &'static str = env!("CARGO_PKG_VERSION");
        }
        #[cfg(target_arch = "wasm32")]
        $crate::__export_component!($operator);
    };
}
