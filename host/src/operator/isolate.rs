//! Finds the one record that a batch fails on: the batch is run in parts, the good ones keep their effects and state, the bad one is handed back alone.
//!
//! Parts run strictly in order, so state sees the records in order. A part that fails is halved. What is left of a part whose first half was fine is halved
//! too if it trapped, as the culprit must be in there; if it was too slow or too large, it may have been that as a whole only, and the size that was fine is
//! kept. After it the parts grow again. One bad record in n costs about 3 log2 n calls, all bad 2 n.

use std::ops::Range;

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

/// Effects of one batch that was run in parts, at most: each part has its own cap, and a guest could fill the host with a thousand of them.
const MERGED_BYTES_MAX: usize = 256 << 20;
/// Calls of one batch that may end at the deadline, and how many more for each record that succeeded: with nothing but these a worker would stand still.
const DEADLINES_MAX: usize = 32;
const DEADLINES_PER_GOOD_RECORD: usize = 4;

/// One call of an operator: [`Operator::process`] or [`Operator::on_timer`].
type Run = fn(&mut dyn Operator, Call, &Batch, &mut Stores) -> Result<Effects, GuestFault>;

/// Has the operator process a batch. State writes of what succeeded are kept, those of what failed undone.
///
/// An error concerns the whole batch. After `Retry` nothing of the batch was kept, and it may be given again. After any other, parts may have been kept: the
/// worker must be dropped and opened again from its last checkpoint.
pub fn process(operator: &mut dyn Operator, call: Call, input: &Batch, stores: &mut Stores) -> Result<Isolated, GuestFault> {
    isolate(operator, call, input, stores, |operator, call, input, stores| operator.process(call, input, stores))
}

/// The same for timers.
pub fn on_timer(operator: &mut dyn Operator, call: Call, due: &Batch, stores: &mut Stores) -> Result<Isolated, GuestFault> {
    isolate(operator, call, due, stores, |operator, call, due, stores| operator.on_timer(call, due, stores))
}

fn isolate(operator: &mut dyn Operator, call: Call, input: &Batch, stores: &mut Stores, run: Run) -> Result<Isolated, GuestFault> {
    match attempt(operator, call, input, stores, run) {
        Ok(effects) => Ok(Isolated { effects, poisoned: Vec::new() }),
        Err(fault) if !fault.may_be_one_record() || input.is_empty() => Err(fault),
        Err(fault) if input.len() == 1 => Ok(Isolated { effects: Effects::default(), poisoned: vec![Poisoned { row: 0, fault }] }),
        Err(fault) => in_parts(operator, call, input, stores, run, &fault),
    }
}

fn attempt(operator: &mut dyn Operator, call: Call, input: &Batch, stores: &mut Stores, run: Run) -> Result<Effects, GuestFault> {
    let result = run(operator, call, input, stores);
    match &result {
        Ok(_) => stores.keep(),
        Err(_) => stores.undo(),
    }
    result
}

/// Runs a batch of at least two rows that failed as a whole.
fn in_parts(operator: &mut dyn Operator, call: Call, input: &Batch, stores: &mut Stores, run: Run, first: &GuestFault) -> Result<Isolated, GuestFault> {
    let mut merged = Merged { deadlines: usize::from(is_deadline(first)), ..Merged::default() };
    let mut part = BatchBuilder::default();
    let (mut at, mut size, mut suspect_to, mut as_a_whole) = (0, input.len() / 2, input.len(), may_be_as_a_whole(first));
    while at < input.len() {
        let to = (at + size).min(input.len());
        part.clear();
        part.extend(input, at..to);
        match attempt(operator, call, part.as_batch(), stores, run) {
            Ok(effects) => {
                merged.add(effects, at..to)?;
                size = match to < suspect_to {
                    true if as_a_whole => to - at,
                    true => (suspect_to - to).div_ceil(2),
                    false => 2 * (to - at),
                };
                at = to;
            }
            // A retry after parts were kept would apply those twice: the batch as a whole cannot be retried any more.
            Err(GuestFault::Retry(text)) if merged.good > 0 => {
                return Err(GuestFault::Fatal(format!("asked to retry while a failed batch was run in parts: {text}")));
            }
            Err(fault) if !fault.may_be_one_record() => return Err(fault),
            Err(fault) => {
                merged.note_deadline(&fault)?;
                as_a_whole = may_be_as_a_whole(&fault);
                if to - at == 1 {
                    merged.poisoned.push(Poisoned { row: at as u32, fault });
                    (at, size, suspect_to) = (to, 2, to);
                } else {
                    (size, suspect_to) = ((to - at) / 2, to);
                }
            }
        }
    }
    Ok(merged.done())
}

fn is_deadline(fault: &GuestFault) -> bool {
    matches!(fault, GuestFault::Deadline { .. })
}

/// Whether rows that do no harm each may do this together.
fn may_be_as_a_whole(fault: &GuestFault) -> bool {
    matches!(fault, GuestFault::Deadline { .. } | GuestFault::Memory { .. } | GuestFault::OutputCap { .. })
}

/// What the parts of one batch add up to.
#[derive(Default)]
struct Merged {
    outputs: BatchBuilder,
    timers: BatchBuilder,
    rejects: Vec<Reject>,
    poisoned: Vec<Poisoned>,
    /// Rows that succeeded.
    good: usize,
    /// Calls that ended at the deadline.
    deadlines: usize,
}

impl Merged {
    /// Takes a part's effects; its rows are numbered from the first of `rows` in the batch.
    fn add(&mut self, effects: Effects, rows: Range<usize>) -> Result<(), GuestFault> {
        self.good += rows.len();
        let bytes = self.outputs.bytes() + self.timers.bytes() + effects.outputs.bytes() + effects.timers.bytes();
        if bytes > MERGED_BYTES_MAX && !(self.outputs.is_empty() && self.timers.is_empty()) {
            let text = format!("a batch that was run in parts gives more than {MERGED_BYTES_MAX} bytes of outputs: lower the operator's limit `batch-records`");
            return Err(GuestFault::Fatal(text));
        }
        for (from, into) in [(&effects.outputs, &mut self.outputs), (&effects.timers, &mut self.timers)] {
            into.extend_changed(from, 0..from.len(), |_, row| row.offset += rows.start as i64);
        }
        self.rejects.extend(effects.rejects.into_iter().map(|reject| Reject { row: reject.row + rows.start as u32, ..reject }));
        Ok(())
    }

    fn note_deadline(&mut self, fault: &GuestFault) -> Result<(), GuestFault> {
        self.deadlines += usize::from(is_deadline(fault));
        if self.deadlines <= DEADLINES_MAX + DEADLINES_PER_GOOD_RECORD * self.good {
            return Ok(());
        }
        let text = format!("{} calls for parts of one batch ended at the deadline ({fault}), and only {} records succeeded", self.deadlines, self.good);
        Err(GuestFault::Fatal(text))
    }

    fn done(self) -> Isolated {
        let effects = Effects { outputs: self.outputs.into_batch(), timers: self.timers.into_batch(), rejects: self.rejects };
        Isolated { effects, poisoned: self.poisoned }
    }
}
