//! The component side: the WIT's exports on top of [`Instance`], its imports as a [`Host`]. Only on wasm32; users meet it through `export_operator!`.

use std::cell::RefCell;
use std::panic::PanicHookInfo;

use crate::layout::Batch;
use crate::{Call, Effects, Exported, Failure, Host, Instance, Level, Operator, Page, Range, Setup, describe};

#[doc(hidden)]
#[allow(clippy::all, missing_docs)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "job",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "millstream_sdk::guest::bindings",
    });
}

use bindings::millstream::operator::types as wit;
use bindings::millstream::operator::{state, telemetry};

/// Expands to what `export_operator!` needs on wasm32.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_component {
    ($operator:ty) => {
        const _: () = {
            use $crate::guest::bindings::exports::millstream::operator::operator as wit;
            #[global_allocator]
            static ALLOCATOR: $crate::Allocator = $crate::Allocator::new();
            // An instance has one thread; this is a plain static there.
            thread_local! {
                static OPENED: $crate::guest::Opened<$operator> = const { $crate::guest::Opened::nothing() };
            }
            struct Component;
            impl wit::Guest for Component {
                fn describe() -> wit::Description {
                    $crate::guest::describe_exported::<$operator>()
                }
                fn open(setup: wit::Setup) -> Result<(), wit::Failure> {
                    OPENED.with(|opened| opened.open(setup))
                }
                fn process(context: wit::Context, input: wit::Batch) -> Result<wit::Effects, wit::Failure> {
                    OPENED.with(|opened| opened.process(context, input))
                }
                fn on_timer(context: wit::Context, due: wit::Batch) -> Result<wit::Effects, wit::Failure> {
                    OPENED.with(|opened| opened.on_timer(context, due))
                }
                fn migrate(store: String, from_version: u32, rows: wit::Batch) -> Result<wit::Batch, wit::Failure> {
                    OPENED.with(|opened| opened.migrate(&store, from_version, rows))
                }
            }
    $crate::guest::bindings::export_component!(Component with_types_in $crate::guest::bindings);
        };
    };
}

/// The instance's one operator, once it is open.
pub struct Opened<O: Operator>(RefCell<Option<Instance<O>>>);

impl<O: Operator> Opened<O> {
    pub const fn nothing() -> Self {
        Opened(RefCell::new(None))
    }

    pub fn open(&self, setup: wit::Setup) -> Result<(), wit::Failure> {
        std::panic::set_hook(Box::new(log_panic));
        let wit::Setup { config, inputs, outputs, stores } = setup;
        *self.0.borrow_mut() = Some(Instance::open(&Setup { config, inputs, outputs, stores })?);
        Ok(())
    }

    pub fn process(&self, context: wit::Context, input: wit::Batch) -> Result<wit::Effects, wit::Failure> {
        self.call(|opened, host| opened.process_owned(context.into(), input.into(), host)).map(Into::into)
    }

    pub fn on_timer(&self, context: wit::Context, due: wit::Batch) -> Result<wit::Effects, wit::Failure> {
        self.call(|opened, host| opened.on_timer(context.into(), &due.into(), host)).map(Into::into)
    }

    pub fn migrate(&self, store: &str, from_version: u32, rows: wit::Batch) -> Result<wit::Batch, wit::Failure> {
        self.call(|opened, _| opened.migrate(store, from_version, &rows.into())).map(Into::into)
    }

    fn call<R>(&self, call: impl FnOnce(&mut Instance<O>, &mut dyn Host) -> Result<R, Failure>) -> Result<R, wit::Failure> {
        // Chosen by a constant, so that a component without stores does not import `state` at all.
        let host: &mut dyn Host = if O::STORES.is_empty() { &mut Stateless } else { &mut Stateful };
        match self.0.borrow_mut().as_mut() {
            Some(opened) => Ok(call(opened, host)?),
            None => Err(wit::Failure::Fatal("called before `open`".into())),
        }
    }
}

pub fn describe_exported<O: Exported>() -> wit::Description {
    let crate::Description { name, version, inputs, outputs, stores, config_schema } = describe::<O>();
    let stores = stores.iter().map(|store| wit::StoreDescription { name: store.name.into(), version: store.version }).collect();
    wit::Description { name, version, inputs, outputs, stores, config_schema }
}

/// A panic ends in a trap, which carries no text: so the text goes to the log first, as an error.
fn log_panic(panic: &PanicHookInfo<'_>) {
    telemetry::log(Level::Error as u8, panic.to_string().as_bytes());
}

struct Stateless;
struct Stateful;

impl Host for Stateful {
    fn get_many(&mut self, keys: Batch) -> Result<Batch, Failure> {
        Ok(state::get_many(&keys.into()).into())
    }

    fn put_many(&mut self, rows: Batch) -> Result<(), Failure> {
        state::put_many(&rows.into());
        Ok(())
    }

    fn scan(&mut self, range: Range) -> Result<Page, Failure> {
        let Range { store, begin, end, limit, bytes_max } = range;
        let state::Page { rows, done } = state::scan(&state::Range { store, begin, end, limit, max_bytes: bytes_max });
        Ok(Page { rows: rows.into(), done })
    }

    fn log(&mut self, level: Level, message: &[u8]) {
        telemetry::log(level as u8, message);
    }

    fn count(&mut self, name: &str, delta: u64) {
        telemetry::count(name, delta);
    }
}

impl Host for Stateless {
    fn get_many(&mut self, _keys: Batch) -> Result<Batch, Failure> {
        Err(no_stores())
    }

    fn put_many(&mut self, _rows: Batch) -> Result<(), Failure> {
        Err(no_stores())
    }

    fn scan(&mut self, _range: Range) -> Result<Page, Failure> {
        Err(no_stores())
    }

    fn log(&mut self, level: Level, message: &[u8]) {
        telemetry::log(level as u8, message);
    }

    fn count(&mut self, name: &str, delta: u64) {
        telemetry::count(name, delta);
    }
}

fn no_stores() -> Failure {
    Failure::Fatal("the operator declares no store: add it to `STORES`".into())
}

impl From<wit::Batch> for Batch {
    fn from(batch: wit::Batch) -> Batch {
        // The host has checked what it hands over.
        Batch::trusted(batch.index, batch.arena)
    }
}

impl From<Batch> for wit::Batch {
    fn from(batch: Batch) -> wit::Batch {
        let (index, arena) = batch.into_parts();
        wit::Batch { index, arena }
    }
}

impl From<wit::Context> for Call {
    fn from(context: wit::Context) -> Call {
        let wit::Context { watermark, now, task } = context;
        Call { watermark, now, task }
    }
}

impl From<Effects> for wit::Effects {
    fn from(effects: Effects) -> wit::Effects {
        let rejects = effects.rejects.into_iter().map(|r| wit::Reject { row: r.row, code: r.reject.code, message: r.reject.message }).collect();
        wit::Effects { outputs: effects.outputs.into(), timers: effects.timers.into(), rejects }
    }
}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> wit::Failure {
        match failure {
            Failure::Retry(message) => wit::Failure::Retry(message),
            Failure::Fatal(message) => wit::Failure::Fatal(message),
        }
    }
}
