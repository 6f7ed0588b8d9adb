//! One live instance of a component: its calls, their deadline, and what a failed call is put down to.

use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Func, Instance, Lift, Lower, TypedFunc};
use wasmtime::{Store, ThrownException, Trap, WasmBacktrace};

use super::Limits;
use super::bindings::{BatchIn, BatchOut, ContextIn, DescriptionOut, EffectsOut, Failure, SetupIn};
use super::engine::TICK_MS;
use super::guest::Guest;
use crate::error::GuestFault;
use crate::state::Stores;

/// Frames of a guest's back trace that are shown.
const FRAMES_MAX: usize = 8;
/// Longest trap text, bytes.
const TRAP_TEXT_BYTES_MAX: usize = 2_000;

/// Where a component exports what.
#[derive(Clone)]
pub(super) struct Exports {
    pub describe: ComponentExportIndex,
    pub open: ComponentExportIndex,
    pub process: ComponentExportIndex,
    pub on_timer: ComponentExportIndex,
    pub migrate: ComponentExportIndex,
}

type ProcessParams<'a> = (ContextIn, BatchIn<'a>);
type ProcessResults = (Result<EffectsOut, Failure>,);
type MigrateParams<'a> = (&'a str, u32, BatchIn<'a>);
type MigrateResults = (Result<BatchOut, Failure>,);
type OpenParams<'a> = (SetupIn<'a>,);
type OpenResults = (Result<(), Failure>,);

pub(super) struct LiveInstance {
    pub store: Store<Guest>,
    describe: Func,
    open: Func,
    process: Func,
    on_timer: Func,
    migrate: Func,
    call_ms_max: u64,
    memory_bytes_max: u64,
    output_bytes_max: u64,
}

/// Which of two calls with the same shape.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    Process,
    OnTimer,
}

impl LiveInstance {
    /// Instantiates under the limits, and checks the exports' types once.
    pub fn new(
        mut store: Store<Guest>,
        limits: &Limits,
        instantiate: impl FnOnce(&mut Store<Guest>) -> wasmtime::Result<Instance>,
        exports: &Exports,
    ) -> Result<LiveInstance, GuestFault> {
        store.limiter(|guest| &mut guest.memory);
        arm(&mut store, limits.call_ms_max, limits.output_bytes_max);
        let (call_ms_max, memory_bytes_max, output_bytes_max) = (limits.call_ms_max, limits.memory_bytes_max, limits.output_bytes_max);
        let explain = |store: &mut Store<Guest>, error: wasmtime::Error| fault(store, &error, call_ms_max, memory_bytes_max, output_bytes_max);
        let instance = instantiate(&mut store).map_err(|error| explain(&mut store, error))?;
        let mut func = |index: &ComponentExportIndex| {
            instance.get_func(&mut store, index).ok_or_else(|| GuestFault::Invalid("an export of the operator interface is no function".to_owned()))
        };
        let (describe, open, process) = (func(&exports.describe)?, func(&exports.open)?, func(&exports.process)?);
        let (on_timer, migrate) = (func(&exports.on_timer)?, func(&exports.migrate)?);
        typed::<(), (DescriptionOut,)>(&store, &describe, "describe")?;
        typed::<OpenParams<'_>, OpenResults>(&store, &open, "open")?;
        typed::<ProcessParams<'_>, ProcessResults>(&store, &process, "process")?;
        typed::<ProcessParams<'_>, ProcessResults>(&store, &on_timer, "on-timer")?;
        typed::<MigrateParams<'_>, MigrateResults>(&store, &migrate, "migrate")?;
        Ok(LiveInstance { store, describe, open, process, on_timer, migrate, call_ms_max, memory_bytes_max, output_bytes_max })
    }

    pub fn describe(&mut self) -> Result<DescriptionOut, GuestFault> {
        self.call::<(), (DescriptionOut,)>(self.describe, ()).map(|(description,)| description)
    }

    pub fn open(&mut self, setup: SetupIn<'_>) -> Result<Result<(), Failure>, GuestFault> {
        self.call::<OpenParams<'_>, OpenResults>(self.open, (setup,)).map(|(result,)| result)
    }

    /// Calls with the stores lent, and gives them back.
    pub fn run(&mut self, entry: Entry, context: ContextIn, batch: BatchIn<'_>, stores: &mut Stores) -> Result<Result<EffectsOut, Failure>, GuestFault> {
        let func = match entry {
            Entry::Process => self.process,
            Entry::OnTimer => self.on_timer,
        };
        lend(&mut self.store, stores);
        let result = self.call::<ProcessParams<'_>, ProcessResults>(func, (context, batch));
        take_back(&mut self.store, stores);
        result.map(|(result,)| result)
    }

    pub fn migrate(&mut self, store: &str, from_version: u32, rows: BatchIn<'_>) -> Result<Result<BatchOut, Failure>, GuestFault> {
        self.call::<MigrateParams<'_>, MigrateResults>(self.migrate, (store, from_version, rows)).map(|(result,)| result)
    }

    fn call<P, R>(&mut self, func: Func, params: P) -> Result<R, GuestFault>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        // SAFETY: `new` has checked each function against the parameters and results that it is called with here, and a function's type never changes.
        // Checking at each call would cost as much as the call; a stored `TypedFunc` would fix the lifetime of what is borrowed for one call.
        let func = unsafe { TypedFunc::<P, R>::new_unchecked(func) };
        arm(&mut self.store, self.call_ms_max, self.output_bytes_max);
        func.call(&mut self.store, params).map_err(|error| fault(&mut self.store, &error, self.call_ms_max, self.memory_bytes_max, self.output_bytes_max))
    }
}

/// Gives a call its full time and its full allowance of bytes. Imports take what they were given off the latter, so it holds for the call as a whole.
fn arm(store: &mut Store<Guest>, call_ms_max: u64, output_bytes_max: u64) {
    // One tick may be nearly over already.
    store.set_epoch_deadline(call_ms_max.div_ceil(TICK_MS) + 1);
    store.set_hostcall_fuel(usize::try_from(output_bytes_max).unwrap_or(usize::MAX));
    store.data_mut().begin_call();
}

fn lend(store: &mut Store<Guest>, stores: &mut Stores) {
    let spare = store.data_mut().spare.take().unwrap_or_else(Stores::none);
    store.data_mut().stores = Some(std::mem::replace(stores, spare));
}

fn take_back(store: &mut Store<Guest>, stores: &mut Stores) {
    if let Some(lent) = store.data_mut().stores.take() {
        store.data_mut().spare = Some(std::mem::replace(stores, lent));
    }
}

fn typed<P, R>(store: &Store<Guest>, func: &Func, name: &str) -> Result<(), GuestFault>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    match func.typed::<P, R>(store) {
        Ok(_) => Ok(()),
        Err(error) => Err(GuestFault::Invalid(format!("`{name}` has not the type of millstream:operator@0.1.0: {error:#}"))),
    }
}

/// Puts a failed call down to its cause.
fn fault(store: &mut Store<Guest>, error: &wasmtime::Error, limit_ms: u64, memory_bytes_max: u64, output_bytes_max: u64) -> GuestFault {
    if let Some(fault) = store.data_mut().fault.take() {
        return fault;
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::Interrupt) {
        return GuestFault::Deadline { limit_ms };
    }
    if std::mem::take(&mut store.data_mut().memory.hit) {
        return GuestFault::Memory { limit_bytes: memory_bytes_max };
    }
    let root = error.root_cause().to_string();
    if root.contains("fuel allocated for hostcalls") {
        return GuestFault::OutputCap { limit_bytes: output_bytes_max };
    }
    // An exception of Wasm that nobody caught: the code's mistake, like a trap.
    let thrown = error.is::<ThrownException>();
    let mut text = trap.map_or(root, |trap| trap.to_string());
    if let Some(said) = store.data().telemetry.last_error() {
        text = format!("{said} ({text})");
    }
    if let Some(trace) = error.downcast_ref::<WasmBacktrace>() {
        let names =
            trace.frames().iter().take(FRAMES_MAX).map(|frame| frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), str::to_owned));
        text = format!("{text}; in {}", names.collect::<Vec<_>>().join(" < "));
    }
    cut(&mut text, TRAP_TEXT_BYTES_MAX);
    if trap.is_some() || thrown { GuestFault::Trap(text) } else { GuestFault::Invalid(text) }
}

/// Shortens a text to at most so many bytes.
pub(super) fn cut(text: &mut String, bytes_max: usize) {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}
