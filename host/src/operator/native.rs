//! An operator made of Rust closures: the second implementation, for simulation, tests and comparison.

use super::{Call, Description, Effects, Operator, Settled, StoreDescription};
use crate::error::{GuestFault, HostError};
use crate::record::Batch;
use crate::state::Stores;

/// What a native operator does with a call.
pub type Handler = Box<dyn FnMut(Call, &Batch, &mut Stores) -> Result<Effects, GuestFault>>;

pub struct NativeOperator {
    description: Description,
    digest: String,
    process: Handler,
    on_timer: Handler,
}

impl NativeOperator {
    /// One output port, no stores, no timers.
    pub fn new(name: &str, process: impl FnMut(Call, &Batch, &mut Stores) -> Result<Effects, GuestFault> + 'static) -> Self {
        let description = Description { name: name.to_owned(), version: "native".to_owned(), outputs: vec!["out".to_owned()], ..Description::default() };
        let on_timer = Box::new(|_: Call, _: &Batch, _: &mut Stores| Ok(Effects::default()));
        NativeOperator { description, digest: format!("native:{name}"), process: Box::new(process), on_timer }
    }

    pub fn with_stores(mut self, stores: &[&str]) -> Self {
        self.description.stores = stores.iter().map(|name| StoreDescription { name: (*name).to_owned(), version: 1 }).collect();
        self
    }

    pub fn with_outputs(mut self, outputs: &[&str]) -> Self {
        self.description.outputs = outputs.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    pub fn with_timers(mut self, on_timer: impl FnMut(Call, &Batch, &mut Stores) -> Result<Effects, GuestFault> + 'static) -> Self {
        self.on_timer = Box::new(on_timer);
        self
    }
}

impl Operator for NativeOperator {
    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn process(&mut self, call: Call, input: &Batch, stores: &mut Stores) -> Result<Effects, GuestFault> {
        (self.process)(call, input, stores)
    }

    fn on_timer(&mut self, call: Call, due: &Batch, stores: &mut Stores) -> Result<Effects, GuestFault> {
        (self.on_timer)(call, due, stores)
    }

    fn migrate(&mut self, store: &str, from_version: u32, _rows: &Batch) -> Result<Batch, GuestFault> {
        Err(GuestFault::Fatal(format!("a native operator does not migrate (store `{store}`, version {from_version})")))
    }

    fn settle(&mut self) -> Result<Settled, HostError> {
        Ok(Settled::default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::isolate;
    use super::*;
    use crate::record::{BatchBuilder, Fields};

    fn batch(values: &[&str]) -> Batch {
        let mut rows = BatchBuilder::default();
        values.iter().for_each(|value| rows.push(Some(b"k"), Some(value.as_bytes()), Default::default(), Fields::default()));
        rows.into_batch()
    }

    /// Echoes values; traps on `trap`, after the rows before it.
    fn echo() -> NativeOperator {
        NativeOperator::new("echo", |_, input, _| {
            let mut outputs = BatchBuilder::default();
            for (n, row) in input.iter().enumerate() {
                if row.value == Some(b"trap") {
                    return Err(GuestFault::Trap("told to".to_owned()));
                }
                outputs.push(row.key, row.value, Default::default(), Fields { offset: n as i64, ..Fields::default() });
            }
            Ok(Effects { outputs: outputs.into_batch(), ..Effects::default() })
        })
    }

    const CALL: Call = Call { watermark: i64::MIN, now: 0, task: 0 };

    #[test]
    fn the_poisoned_records_are_found_and_the_rest_keeps_order_and_lineage() {
        for bad in [vec![0], vec![6], vec![3], vec![1, 2, 5], vec![0, 1, 2, 3, 4, 5, 6]] {
            let values: Vec<String> = (0..7).map(|n| if bad.contains(&n) { "trap".to_owned() } else { n.to_string() }).collect();
            let input = batch(&values.iter().map(String::as_str).collect::<Vec<_>>());
            let done = isolate::process(&mut echo(), CALL, &input, &mut Stores::none()).unwrap();
            let rows: Vec<_> = done.poisoned.iter().map(|poisoned| poisoned.row).collect();
            assert_eq!(rows, bad);
            let good: Vec<_> = done.effects.outputs.iter().map(|row| (row.offset, String::from_utf8_lossy(row.value.unwrap()).into_owned())).collect();
            let want: Vec<_> = (0..7).filter(|n| !bad.contains(n)).map(|n| (i64::from(n), n.to_string())).collect();
            assert_eq!(good, want);
        }
    }

    #[test]
    fn fatal_and_retry_concern_the_whole_batch() {
        for fault in [GuestFault::Fatal("x".to_owned()), GuestFault::Retry("x".to_owned())] {
            let said = fault.clone();
            let mut operator = NativeOperator::new("no", move |_, _, _| Err(said.clone()));
            assert_eq!(isolate::process(&mut operator, CALL, &batch(&["a", "b"]), &mut Stores::none()), Err(fault));
        }
    }
}
