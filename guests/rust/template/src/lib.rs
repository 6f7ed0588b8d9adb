//! {{name}}: counts the records of each key.

use millstream_sdk::prelude::*;

/// What is remembered: by key, how many records it had. Kept by the host, and there again after a restart.
const COUNTS: Store<u64> = Store::new("counts", 1);

pub struct Counter;

impl Operator for Counter {
    type Config = NoConfig;
    const STORES: &'static [StoreDescription] = &[COUNTS.description()];

    fn open(_config: NoConfig, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Counter)
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let mut counted = ctx.state(&COUNTS)?;
        let count = counted.get()?.unwrap_or(0) + 1;
        counted.set(&count);
        ctx.emit(Out::new(record.key, Some(count.to_string().as_bytes())))
    }
}

export_operator!(Counter);

#[cfg(test)]
mod tests {
    use millstream_sdk::testing::{Harness, Input};

    use super::*;

    #[test]
    fn each_key_is_counted_on_its_own() {
        let mut counter = Harness::<Counter>::open(()).unwrap();
        counter.feed(&[Input::new("ann", "hello"), Input::new("bob", "hi"), Input::new("ann", "bye")]).unwrap();
        let values: Vec<_> = counter.take_outputs().iter().map(|output| output.value_text()).collect();
        assert_eq!(values, ["1", "1", "2"]);
    }
}
