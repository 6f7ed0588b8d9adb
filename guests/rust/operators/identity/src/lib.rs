//! Passes every record on as it is: what the boundary costs, and nothing else.

use millstream_sdk::prelude::*;

pub struct Identity;

impl Operator for Identity {
    type Config = NoConfig;

    fn open(_config: NoConfig, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Identity)
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        ctx.emit(Out::of(record))
    }

    fn process_batch(&mut self, ctx: &mut Context<'_>) -> Result<(), Failure> {
        ctx.forward_all()
    }
}

export_operator!(Identity);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};

    #[test]
    fn record_comes_out_as_it_went_in() {
        let mut identity = Harness::<Identity>::open(()).unwrap();
        identity.feed(&[Input::new("k", "v").at(7).header("h", "1"), Input::null_key("v"), Input::null_value("k")]).unwrap();
        let out = identity.take_outputs();
        assert_eq!((out[0].key_text(), out[0].value_text(), out[0].timestamp), ("k".into(), "v".into(), Some(7)));
        assert_eq!(out[0].headers, [("h".to_string(), Some(b"1".to_vec()))]);
        assert_eq!((out[1].key.is_none(), out[2].value.is_none(), out[2].from_row), (true, true, 2));
    }
}
