//! What a guest may call: keyed state of the task it works for, and telemetry. Nothing else is linked, so nothing else can be reached.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::bindings::{BatchOut, PageIn, RangeOut};
use super::guest::Guest;
use crate::error::GuestFault;
use crate::record::{Batch, ROW_BYTES};
use crate::state::Stores;

pub(super) const STATE: &str = "millstream:operator/state@0.1.0";
pub(super) const TELEMETRY: &str = "millstream:operator/telemetry@0.1.0";
pub(super) const TYPES: &str = "millstream:operator/types@0.1.0";
pub(super) const OPERATOR: &str = "millstream:operator/operator@0.1.0";

/// Links both interfaces.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut state = linker.instance(STATE)?;
    state.func_wrap("get-many", |store, (keys,): (BatchOut,)| with_stores(store, keys, 0, Stores::get_many).map(|rows| (out(rows),)))?;
    state.func_wrap("put-many", |store, (rows,): (BatchOut,)| {
        let writes = rows.index.len() / ROW_BYTES;
        with_stores(store, rows, writes, Stores::put_many)
    })?;
    state.func_wrap("scan", |mut store: StoreContextMut<'_, Guest>, (range,): (RangeOut,)| {
        spend(&mut store, range.begin.len() + range.end.len());
        let none = BatchOut { index: Vec::new(), arena: Vec::new() };
        let (rows, done) = with_stores(store, none, 0, |stores, _| stores.scan(range.store, &range.begin, &range.end, range.limit, range.max_bytes))?;
        Ok((PageIn { rows: out(rows), done },))
    })?;
    let mut telemetry = linker.instance(TELEMETRY)?;
    telemetry.func_wrap("log", |mut store: StoreContextMut<'_, Guest>, (level, message): (u8, Vec<u8>)| {
        spend(&mut store, message.len());
        let fine = store.data_mut().telemetry.log(level, &message);
        metered(store, fine)
    })?;
    telemetry.func_wrap("count", |mut store: StoreContextMut<'_, Guest>, (name, delta): (String, u64)| {
        spend(&mut store, name.len());
        let fine = store.data_mut().telemetry.count(&name, delta);
        metered(store, fine)
    })?;
    Ok(())
}

/// Takes what an import was given off the bytes that the whole call may hand over: wasmtime's own count begins anew with each import.
fn spend(store: &mut StoreContextMut<'_, Guest>, bytes: usize) {
    let left = store.hostcall_fuel().saturating_sub(bytes);
    store.set_hostcall_fuel(left);
}

fn out(batch: Batch) -> BatchOut {
    let (index, arena) = batch.into_parts();
    BatchOut { index, arena }
}

fn metered(mut store: StoreContextMut<'_, Guest>, fine: bool) -> wasmtime::Result<()> {
    if fine { Ok(()) } else { Err(end(&mut store, GuestFault::Trap("called telemetry more than a million times in one call".to_owned()))) }
}

/// Runs a state call on the stores lent to this guest's call. `writes`: rows that it writes.
fn with_stores<R>(
    mut store: StoreContextMut<'_, Guest>,
    rows: BatchOut,
    writes: usize,
    act: impl FnOnce(&mut Stores, &Batch) -> Result<R, GuestFault>,
) -> wasmtime::Result<R> {
    spend(&mut store, rows.index.len() + rows.arena.len());
    let guest = store.data_mut();
    let result = guest.count_writes(writes).and_then(|()| match (Batch::parse(rows.index, rows.arena), &mut guest.stores) {
        (Ok(rows), Some(stores)) => act(stores, &rows),
        (Err(wrong), _) => Err(GuestFault::State(format!("rows given to the state: {wrong}"))),
        (_, None) => Err(GuestFault::State("state may be used only inside process and on-timer".to_owned())),
    });
    result.map_err(|fault| end(&mut store, fault))
}

/// Ends the guest's call with a fault of ours.
fn end(store: &mut StoreContextMut<'_, Guest>, fault: GuestFault) -> wasmtime::Error {
    let error = wasmtime::Error::msg(fault.to_string());
    store.data_mut().fault = Some(fault);
    error
}
