//! Write Millstream operators in Rust.
//!
//! An operator is a type that implements [`Operator`]; [`export_operator!`] makes a component of it. It performs nothing: it returns *effects* (records
//! to emit, timers to set, rows it rejects, writes to its stores), and the host commits them together with the input's position.
//!
//! A keyed count, whole:
//!
//! ```
//! use millstream_sdk::prelude::*;
//!
//! const COUNTS: Store<u64> = Store::new("counts", 1);
//!
//! struct Count;
//!
//! impl Operator for Count {
//!     type Config = NoConfig;
//!     const STORES: &'static [StoreDescription] = &[COUNTS.description()];
//!
//!     fn open(_config: NoConfig, _setup: &Setup) -> Result<Self, Failure> {
//!         Ok(Count)
//!     }
//!
//!     fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
//!         let mut seen = ctx.state(&COUNTS)?;
//!         let count = seen.get()?.unwrap_or(0) + 1;
//!         seen.set(&count);
//!         ctx.emit(Out::of(record).value(count.to_string().as_bytes()))
//!     }
//! }
//!
//! export_operator!(Count);
//!
//! // The same code runs natively, which is how to test it:
//! use millstream_sdk::testing::{Harness, Input};
//! let mut count = Harness::<Count>::open(()).unwrap();
//! count.feed(&[Input::new("a", "x"), Input::new("b", "x"), Input::new("a", "x")]).unwrap();
//! assert_eq!(count.take_outputs().iter().map(|o| o.value_text()).collect::<Vec<_>>(), ["1", "1", "2"]);
//! assert_eq!(count.state(&COUNTS, "a"), Some(2));
//! ```
//!
//! # What an operator may rely on
//!
//! - Records of one task come in order, one call at a time. A fresh instance may take over between any two calls (recycling, a trap, a swap, a restart),
//!   so what must last goes into a [`Store`] or a timer; a field of the operator is a cache at best.
//! - State is read once per batch (one call for the distinct keys, see [`Operator::PREFETCH`]) and written back once; in between, what a record
//!   writes the next one reads.
//! - There is no clock, no randomness, no file, no network: time is [`Context::now`] and [`Context::watermark`]. The same input gives the same bytes.
//! - What a record did before it was rejected stands; what a call did before it failed ([`Failure`]) or trapped does not.

#[cfg(target_arch = "wasm32")]
mod allocator;
mod block;
mod config;
mod context;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
mod host;
mod instance;
mod json;
mod operator;
mod out;
mod record;
mod state;
mod stop;
pub mod testing;
mod text;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use allocator::Allocator;
pub use config::NoConfig;
pub use context::Context;
pub use host::{Call, Effects, Host, Level, Page, Range, Rejected, Setup};
pub use instance::Instance;
pub use json::{JsonError, JsonFields, JsonFound};
pub use millstream_layout as layout;
pub use millstream_layout::{Batch, Headers, HeadersBuilder, INHERIT, ValueWriter};
pub use operator::{Description, Exported, Operator, Prefetch, StoreDescription, describe};
pub use out::{Out, Port};
pub use record::{Domain, Record, Timer};
pub use state::{Entry, Json, Keys, Pairs, Scan, Store, Value, ValueError};
pub use stop::{BAD_JSON, BAD_TEXT, Failure, NO_KEY, NO_TIME, Outcome, Reject, Stop, fatal, reject, retry};

/// All that an operator usually names.
pub mod prelude {
    pub use crate::{
        Context, Domain, Failure, Json, JsonFields, Level, NoConfig, Operator, Out, Outcome, Port, Prefetch, Record, Setup, Stop, Store, StoreDescription,
        Timer, export_operator, fatal, reject, retry,
    };
}
