//! The Wasm implementation of [`Operator`]: one instance, replaced whenever it has failed or grown.

use std::sync::Arc;

use super::bindings::{BatchIn, BatchOut, ContextIn, EffectsOut, Failure, RejectOut, SetupIn};
use super::guest::Telemetry;
use super::instance::{Entry, LiveInstance, cut};
use super::load::Loaded;
use super::{Call, Description, Effects, Limits, Operator, Reject, Settled, Setup};
use crate::error::{GuestFault, HostError};
use crate::record::{Batch, LayoutError, OutputRules, timer};
use crate::state::{KEY_BYTES_MAX, ROWS_PER_CALL_MAX, Stores};

/// Longest message of a reject that is kept, bytes.
const REJECT_BYTES_MAX: usize = 1_024;
/// Longest text of a failure that is kept, bytes.
const FAILURE_BYTES_MAX: usize = 2_000;

pub(super) struct WasmOperator {
    loaded: Arc<Loaded>,
    setup: Setup,
    limits: Limits,
    /// By output port; any partition will do here, as the task knows where a port leads.
    ports: Vec<u32>,
    /// None after a fault, until the next call or settle opens a fresh one.
    live: Option<LiveInstance>,
    /// What instances that are gone had said.
    said: Telemetry,
}

impl WasmOperator {
    pub fn open(loaded: Arc<Loaded>, setup: Setup, limits: Limits) -> Result<WasmOperator, GuestFault> {
        let ports = vec![u32::MAX; setup.outputs.len()];
        let mut operator = WasmOperator { loaded, setup, limits, ports, live: None, said: Telemetry::default() };
        operator.live = Some(operator.fresh()?);
        Ok(operator)
    }

    fn fresh(&mut self) -> Result<LiveInstance, GuestFault> {
        let mut live = self.loaded.instantiate(&self.limits)?;
        let setup = SetupIn { config: &self.setup.config, inputs: &self.setup.inputs, outputs: &self.setup.outputs, stores: &self.setup.stores };
        match live.open(setup)? {
            Ok(()) => Ok(live),
            Err(failure) => Err(said(failure)),
        }
    }

    fn live(&mut self) -> Result<&mut LiveInstance, GuestFault> {
        if self.live.is_none() {
            // An operator that cannot be opened again is no record's fault.
            let fresh = self.fresh().map_err(|fault| GuestFault::Fatal(format!("a fresh instance cannot be opened: {fault}")))?;
            self.live = Some(fresh);
        }
        match &mut self.live {
            Some(live) => Ok(live),
            None => unreachable!("set above"),
        }
    }

    /// Drops the instance: after a fault nothing in it can be trusted.
    fn drop_instance(&mut self) {
        if let Some(mut live) = self.live.take() {
            self.said.absorb(std::mem::take(&mut live.store.data_mut().telemetry));
        }
    }

    fn run(&mut self, entry: Entry, call: Call, batch: &Batch, stores: &mut Stores) -> Result<Effects, GuestFault> {
        let context = ContextIn { watermark: call.watermark, now: call.now, task: call.task };
        let result = self.live()?.run(entry, context, BatchIn { index: batch.index(), arena: batch.arena() }, stores);
        let effects = match result {
            Ok(Ok(effects)) => self.check(effects, batch),
            // A failure that the operator put into words leaves its instance sound.
            Ok(Err(failure)) => return Err(said(failure)),
            Err(fault) => Err(fault),
        };
        if effects.is_err() {
            self.drop_instance();
        }
        effects
    }

    fn check(&self, effects: EffectsOut, input: &Batch) -> Result<Effects, GuestFault> {
        let invalid = |part: &str, wrong: LayoutError| GuestFault::Invalid(format!("{part}: {wrong}"));
        let outputs = parse(effects.outputs).map_err(|wrong| invalid("outputs", wrong))?;
        let rules = OutputRules { input_rows: input.len(), partitions_by_port: &self.ports };
        rules.check(&outputs).map_err(|wrong| invalid("outputs", wrong))?;
        let timers = parse(effects.timers).map_err(|wrong| invalid("timers", wrong))?;
        check_timers(&timers, input.len())?;
        let rejects = check_rejects(effects.rejects, input.len())?;
        Ok(Effects { outputs, timers, rejects })
    }
}

fn check_timers(timers: &Batch, rows: usize) -> Result<(), GuestFault> {
    let invalid = |text: String| Err(GuestFault::Invalid(format!("timers: {text}")));
    if timers.len() > ROWS_PER_CALL_MAX {
        return invalid(format!("{} in one call, more than {ROWS_PER_CALL_MAX}", timers.len()));
    }
    for row in timers {
        if row.port > timer::DELETE_PROCESSING || row.timestamp == i64::MIN {
            return invalid(format!("port {} or timestamp {} means nothing", row.port, row.timestamp));
        }
        if row.offset < 0 || row.offset as u64 >= rows as u64 {
            return invalid(format!("asked for by row {}, but there were {rows}", row.offset));
        }
        // A timer is kept as a key of the state.
        if row.key.map_or(0, <[u8]>::len) + row.value.map_or(0, <[u8]>::len) > KEY_BYTES_MAX {
            return invalid(format!("one has more than {KEY_BYTES_MAX} bytes of key and payload"));
        }
    }
    Ok(())
}

/// A row can be refused once: each refusal is a dead letter.
fn check_rejects(rejects: Vec<RejectOut>, rows: usize) -> Result<Vec<Reject>, GuestFault> {
    if rejects.is_empty() {
        return Ok(Vec::new());
    }
    if rejects.len() > rows {
        return Err(GuestFault::Invalid(format!("rejects {} rows, but there were {rows}", rejects.len())));
    }
    let mut seen = vec![false; rows];
    let checked = rejects.into_iter().map(|RejectOut { row, code, mut message }| {
        match seen.get_mut(row as usize) {
            None => return Err(GuestFault::Invalid(format!("rejects row {row}, but there were {rows}"))),
            Some(true) => return Err(GuestFault::Invalid(format!("rejects row {row} twice"))),
            Some(seen) => *seen = true,
        }
        cut(&mut message, REJECT_BYTES_MAX);
        Ok(Reject { row, code, message })
    });
    checked.collect()
}

fn parse(batch: BatchOut) -> Result<Batch, LayoutError> {
    Batch::parse(batch.index, batch.arena)
}

fn said(failure: Failure) -> GuestFault {
    let short = |mut text: String| {
        cut(&mut text, FAILURE_BYTES_MAX);
        text
    };
    match failure {
        Failure::Retry(text) => GuestFault::Retry(short(text)),
        Failure::Fatal(text) => GuestFault::Fatal(short(text)),
    }
}

impl Operator for WasmOperator {
    fn description(&self) -> &Description {
        &self.loaded.description
    }

    fn digest(&self) -> &str {
        &self.loaded.digest
    }

    fn process(&mut self, call: Call, input: &Batch, stores: &mut Stores) -> Result<Effects, GuestFault> {
        self.run(Entry::Process, call, input, stores)
    }

    fn on_timer(&mut self, call: Call, due: &Batch, stores: &mut Stores) -> Result<Effects, GuestFault> {
        self.run(Entry::OnTimer, call, due, stores)
    }

    fn migrate(&mut self, store: &str, from_version: u32, rows: &Batch) -> Result<Batch, GuestFault> {
        let result = self.live()?.migrate(store, from_version, BatchIn { index: rows.index(), arena: rows.arena() });
        let rows = match result {
            Ok(Ok(rows)) => parse(rows).map_err(|wrong| GuestFault::Invalid(format!("migrated rows: {wrong}"))),
            Ok(Err(failure)) => return Err(said(failure)),
            Err(fault) => Err(fault),
        };
        if rows.is_err() {
            self.drop_instance();
        }
        rows
    }

    fn settle(&mut self) -> Result<Settled, HostError> {
        let memory_bytes = self.live.as_ref().map_or(0, |live| live.store.data().memory.bytes as u64);
        let recycled = memory_bytes * 100 > self.limits.memory_bytes_max * u64::from(self.limits.recycle_percent);
        if let Some(live) = &mut self.live {
            self.said.absorb(std::mem::take(&mut live.store.data_mut().telemetry));
        }
        if recycled {
            // The next call opens a fresh one.
            self.live = None;
        }
        let mut settled = Settled { recycled, memory_bytes, ..Settled::default() };
        self.said.take_into(&mut settled);
        Ok(settled)
    }
}
