//! Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.

use millstream_sdk::prelude::*;

const COUNTS: Store<u64> = Store::new("counts", 1);

/// Reject code of a poisoned record.
const POISON: u16 = 1;

pub struct Count;

impl Operator for Count {
    type Config = NoConfig;
    const STORES: &'static [StoreDescription] = &[COUNTS.description()];

    fn open(_config: NoConfig, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Count)
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        if record.value == Some(b"poison") {
            return Err(reject(POISON, "poison"));
        }
        let mut seen = ctx.state(&COUNTS)?;
        let count = seen.get()?.unwrap_or(0) + 1;
        seen.set(&count);
        ctx.emit_with(Out::new(record.key, None), |value| value.put_number(count))
    }
}

export_operator!(Count);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};

    #[test]
    fn each_key_is_counted_on_its_own_across_instances() {
        let mut count = Harness::<Count>::open(()).unwrap();
        count.feed(&[Input::new("a", "x"), Input::new("b", "x"), Input::new("a", "poison"), Input::new("a", "")]).unwrap();
        count.reopen().unwrap();
        count.feed(&[Input::new("a", "x"), Input::null_value("a")]).unwrap();
        let seen: Vec<_> = count.take_outputs().iter().map(|o| (o.key_text(), o.value_text())).collect();
        assert_eq!(seen, [("a", "1"), ("b", "1"), ("a", "2"), ("a", "3"), ("a", "4")].map(|(k, v)| (k.into(), v.into())));
        let rejects = count.take_rejects();
        assert_eq!((rejects[0].row, rejects[0].reject.code, rejects[0].reject.message.as_str()), (2, POISON, "poison"));
    }

    #[test]
    fn record_without_a_key_is_rejected() {
        let mut count = Harness::<Count>::open(()).unwrap();
        count.feed(&[Input::null_key("x"), Input::new("", "x")]).unwrap();
        assert_eq!(count.take_rejects()[0].reject.code, millstream_sdk::NO_KEY);
        assert_eq!(count.take_outputs().len(), 1);
    }
}
