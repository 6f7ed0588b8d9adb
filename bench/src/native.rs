//! An operator of the Rust SDK in the host without Wasm: the same code, the same stores, the same trait.

use millstream::error::GuestFault;
use millstream::operator::{Call, Effects, NativeOperator, Reject, Setup};
use millstream::record::Batch;
use millstream::state::Stores;
use millstream_sdk::{Failure, Host, Instance, Level, Operator, Page, Range};

/// Opens an SDK operator as a native one.
pub fn open<O: Operator + 'static>(name: &str, setup: &Setup) -> Result<NativeOperator, Failure> {
    let Setup { config, inputs, outputs, stores } = setup.clone();
    let mut instance = Instance::<O>::open(&millstream_sdk::Setup { config, inputs, outputs, stores })?;
    Ok(NativeOperator::new(name, move |call: Call, input: &Batch, stores: &mut Stores| {
        let Call { watermark, now, task } = call;
        let effects = instance.process(millstream_sdk::Call { watermark, now, task }, input, &mut Direct(stores)).map_err(fault)?;
        let rejects = effects.rejects.into_iter().map(|of| Reject { row: of.row, code: of.reject.code, message: of.reject.message });
        Ok(Effects { outputs: effects.outputs, timers: effects.timers, rejects: rejects.collect() })
    }))
}

/// The host's stores, called without a boundary between.
struct Direct<'a>(&'a mut Stores);

impl Host for Direct<'_> {
    fn get_many(&mut self, keys: Batch) -> Result<Batch, Failure> {
        self.0.get_many(&keys).map_err(failure)
    }

    fn put_many(&mut self, rows: Batch) -> Result<(), Failure> {
        self.0.put_many(&rows).map_err(failure)
    }

    fn scan(&mut self, range: Range) -> Result<Page, Failure> {
        let (rows, done) = self.0.scan(range.store, &range.begin, &range.end, range.limit, range.bytes_max).map_err(failure)?;
        Ok(Page { rows, done })
    }

    fn log(&mut self, _level: Level, _message: &[u8]) {}

    fn count(&mut self, _name: &str, _delta: u64) {}
}

fn failure(fault: GuestFault) -> Failure {
    Failure::Fatal(fault.to_string())
}

fn fault(failure: Failure) -> GuestFault {
    match failure {
        Failure::Retry(text) => GuestFault::Retry(text),
        Failure::Fatal(text) => GuestFault::Fatal(text),
    }
}
