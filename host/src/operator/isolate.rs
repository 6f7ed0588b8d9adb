//! Finds the one record that a batch fails on: the batch is run by halves, the good ones keep their effects and state, the bad one is handed back alone.

use super::{Call, Effects, Operator, Reject};
use crate::error::GuestFault;
use crate::record::{Batch, BatchBuilder};
use crate::state::Stores;

/// A record that its operator cannot survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poisoned {
    /// Row of the batch that was given.
    pub row: u32,
    pub fault: GuestFault,
}

/// Effects of all good rows of a batch, in order, and the rows that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolated {
    pub effects: Effects,
    pub poisoned: Vec<Poisoned>,
}

/// One call of an operator: [`Operator::process`] or [`Operator::on_timer`].
type Run = fn(&mut dyn Operator, Call, &Batch, &mut Stores) -> Result<Effects, GuestFault>;

/// Has the operator process a batch. State writes of what succeeded are kept, those of what failed undone. An error concerns the whole batch
/// (`retry`, `fatal`, or the host's own), and nothing of the batch was kept, unless halves before it were: those are lost with the worker, which must be opened again
/// unless the error is `Retry` (then nothing had been kept).
pub fn process(operator: &mut dyn Operator, call: Call, input: &Batch, stores: &mut Stores) -> Result<Isolated, GuestFault> {
    isolate(operator, call, input, stores, |operator, call, input, stores| operator.process(call, input, stores))
}

/// The same for timers.
pub fn on_timer(operator: &mut dyn Operator, call: Call, due: &Batch, stores: &mut Stores) -> Result<Isolated, GuestFault> {
    isolate(operator, call, due, stores, |operator, call, due, stores| operator.on_timer(call, due, stores))
}

fn isolate(operator: &mut dyn Operator, call: Call, input: &Batch, stores: &mut Stores, run: Run) -> Result<Isolated, GuestFault> {
    match attempt(operator, call, input, stores, run) {
        Ok(effects) => return Ok(Isolated { effects, poisoned: Vec::new() }),
        Err(fault) if !fault.may_be_one_record() => return Err(fault),
        Err(fault) if input.len() <= 1 => return Ok(Isolated { effects: Effects::default(), poisoned: alone(input, 0, fault) }),
        Err(_) => {}
    }
    let mut halves = Halves::default();
    let middle = input.len() / 2;
    halves.run(operator, call, input, 0..middle, stores, run)?;
    halves.run(operator, call, input, middle..input.len(), stores, run)?;
    Ok(halves.done())
}

fn attempt(operator: &mut dyn Operator, call: Call, input: &Batch, stores: &mut Stores, run: Run) -> Result<Effects, GuestFault> {
    let result = run(operator, call, input, stores);
    match &result {
        Ok(_) => stores.keep(),
        Err(_) => stores.undo(),
    }
    result
}

fn alone(input: &Batch, row: usize, fault: GuestFault) -> Vec<Poisoned> {
    if input.is_empty() { Vec::new() } else { vec![Poisoned { row: row as u32, fault }] }
}

#[derive(Default)]
struct Halves {
    outputs: BatchBuilder,
    timers: BatchBuilder,
    rejects: Vec<Reject>,
    poisoned: Vec<Poisoned>,
    kept: bool,
}

impl Halves {
    fn run(
        &mut self,
        operator: &mut dyn Operator,
        call: Call,
        input: &Batch,
        rows: std::ops::Range<usize>,
        stores: &mut Stores,
        run: Run,
    ) -> Result<(), GuestFault> {
        let mut half = BatchBuilder::default();
        half.extend(input, rows.clone());
        match attempt(operator, call, half.as_batch(), stores, run) {
            Ok(effects) => self.add(effects, rows.start),
            // A retry after parts were kept would apply those twice: the batch as a whole cannot be retried any more.
            Err(GuestFault::Retry(text)) if self.kept => {
                return Err(GuestFault::Fatal(format!("asked to retry while a failed batch was run in parts: {text}")));
            }
            Err(fault) if !fault.may_be_one_record() => return Err(fault),
            Err(fault) if rows.len() == 1 => self.poisoned.push(Poisoned { row: rows.start as u32, fault }),
            Err(_) => {
                let middle = rows.start + rows.len() / 2;
                self.run(operator, call, input, rows.start..middle, stores, run)?;
                self.run(operator, call, input, middle..rows.end, stores, run)?;
            }
        }
        Ok(())
    }

    /// Takes a half's effects; its rows are numbered from `first` in the batch.
    fn add(&mut self, effects: Effects, first: usize) {
        self.kept = true;
        for (from, into) in [(&effects.outputs, &mut self.outputs), (&effects.timers, &mut self.timers)] {
            for mut view in from {
                view.offset += first as i64;
                into.push_view(view);
            }
        }
        self.rejects.extend(effects.rejects.into_iter().map(|reject| Reject { row: reject.row + first as u32, ..reject }));
    }

    fn done(self) -> Isolated {
        let effects = Effects { outputs: self.outputs.into_batch(), timers: self.timers.into_batch(), rejects: self.rejects };
        Isolated { effects, poisoned: self.poisoned }
    }
}
