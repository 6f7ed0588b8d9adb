//! Misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.
//!
//! | order | what it does |
//! |---|---|
//! | `panic` | panics (with a text, which the SDK logs) |
//! | `loop` | never returns |
//! | `memory` | allocates and touches memory without end |
//! | `recurse` | recurses without end |
//! | `bad-length`, `bad-ends`, `bad-arena`, `bad-flags`, `bad-port`, `bad-row`, `bad-headers`, `bad-overlap` | breaks a rule of the layout |
//! | `bad-timer` | asks for a timer with a port that means nothing |
//! | `bad-reject` | rejects a row that the batch does not have |
//! | `huge:n` | emits n records of 1 MiB (default 1,024) |
//! | `tiny:n` | emits n empty records (default 1,000,000) |
//! | `timers:n` | sets n timers (default 1,000,000) |
//! | `storm:n` | calls the host n times (default 10,000,000) |
//! | `logs:n` | logs n messages of 8 KiB (default 131,072: 1 GiB) |
//! | `counters:n` | counts under n different names (default 10,000) |
//! | `long-key:n` | writes a state key of n bytes (default 1 MiB) |
//! | `long-value:n` | writes a state value of n bytes (default 64 MiB) |
//! | `many-keys:n` | writes n state keys (default 1,000,000) |
//! | `forgetful` | emits how many records this instance has seen: what an operator must not do |
//! | `reject:n`, `retry`, `fatal` | rejects with code n (default 1), fails for now, fails for good |
//!
//! Config: `open` = `panic`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to panic, for traps in the middle of a
//! batch; `on-timer` = an order for when a timer fires (`later` as a value sets one at the record's time).

mod bad;

use std::hint::black_box;

use millstream_sdk::prelude::*;
use serde::Deserialize;

const STATE: Store<Vec<u8>> = Store::new("state", 1);
const MIB: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    open: Option<String>,
    panic_on: Vec<String>,
    on_timer: Option<String>,
}

pub struct Misbehave {
    config: Config,
    seen: u64,
}

impl Operator for Misbehave {
    type Config = Config;
    const INPUTS: &'static [&'static str] = &[];
    const OUTPUTS: &'static [&'static str] = &["out"];
    const STORES: &'static [StoreDescription] = &[STATE.description()];
    const PREFETCH: Prefetch = Prefetch::Nothing;

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        match config.open.as_deref() {
            None => {}
            Some("panic") => panic!("told to panic while opening"),
            Some("loop") => spin(),
            Some("memory") => eat_memory(),
            Some("fatal") => return Err(Failure::Fatal("told to fail while opening".into())),
            Some(other) => return Err(Failure::Fatal(format!("config: `open`: unknown order `{other}`"))),
        }
        Ok(Misbehave { config, seen: 0 })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        self.seen += 1;
        let value = record.value.map(String::from_utf8_lossy).unwrap_or_default();
        if self.config.panic_on.iter().any(|on| *on == value) {
            panic!("told to panic on `{value}`");
        }
        match value.as_ref() {
            "forgetful" => ctx.emit(Out::of(record).value(self.seen.to_string().as_bytes())),
            "later" => {
                ctx.set_timer(Timer::event(record.require_time()?).key(record.key).payload(b"later"));
                Ok(())
            }
            order => match obey(order, record.row(), ctx) {
                Some(outcome) => outcome,
                None => ctx.emit(Out::of(record)),
            },
        }
    }

    fn on_timer(&mut self, timer: &Timer<'_>, ctx: &mut Context<'_>) -> Outcome {
        match self.config.on_timer.as_deref().and_then(|order| obey(order, 0, ctx)) {
            Some(outcome) => outcome,
            None => ctx.emit(Out::new(timer.key, Some(timer.payload))),
        }
    }
}

/// Carries out an order; `None`: it is none.
fn obey(order: &str, row: u32, ctx: &mut Context<'_>) -> Option<Outcome> {
    let (name, number) = match order.split_once(':') {
        None => (order, None),
        Some((name, number)) => (name, Some(number.parse::<usize>().ok()?)),
    };
    let n = |default| number.unwrap_or(default);
    Some(match name {
        "panic" => panic!("told to panic"),
        "loop" => spin(),
        "memory" => eat_memory(),
        "recurse" => {
            black_box(recurse(black_box(1)));
            Ok(())
        }
        "huge" => emit_many(n(1024), &vec![b'x'; MIB], ctx),
        "tiny" => emit_many(n(1_000_000), b"", ctx),
        "timers" => {
            (0..n(1_000_000)).for_each(|at| ctx.set_timer(Timer::event(at as i64)));
            Ok(())
        }
        "storm" => {
            (0..n(10_000_000)).for_each(|_| ctx.count("storm", 1));
            Ok(())
        }
        "logs" => {
            let message = "flood ".repeat(8192 / 6);
            (0..n(131_072)).for_each(|_| ctx.log(Level::Info, &message));
            Ok(())
        }
        "counters" => {
            (0..n(10_000)).for_each(|one| ctx.count(&format!("counter-{one}"), 1));
            Ok(())
        }
        "long-key" => write(&vec![b'k'; n(MIB)], b"", ctx),
        "long-value" => write(b"k", &vec![b'v'; n(64 * MIB)], ctx),
        "many-keys" => (0..n(1_000_000)).try_for_each(|key| write(&key.to_be_bytes(), b"v", ctx)),
        "reject" => Err(reject(n(1) as u16, "told to reject")),
        "retry" => Err(retry("told to retry")),
        "fatal" => Err(fatal("told to fail")),
        _ => return bad::obey(name, row, ctx),
    })
}

fn emit_many(n: usize, value: &[u8], ctx: &mut Context<'_>) -> Outcome {
    (0..n).try_for_each(|_| ctx.emit(Out::new(None, Some(value))))
}

fn write(key: &[u8], value: &[u8], ctx: &mut Context<'_>) -> Outcome {
    ctx.state_of(&STATE, key)?.set(&value.to_vec());
    Ok(())
}

fn spin() -> ! {
    loop {
        black_box(0);
    }
}

fn eat_memory() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1u8; MIB]));
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    // The sum after the call keeps the compiler from making a loop of it.
    black_box(recurse(black_box(depth + 1))) + depth
}

export_operator!(Misbehave);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};
    use serde_json::json;

    #[test]
    fn what_is_no_order_is_passed_on() {
        let mut op = Harness::<Misbehave>::open(()).unwrap();
        op.feed(&["fine", "reject:7", "panic:x", "tiny:2", "forgetful"].map(|value| Input::new("k", value))).unwrap();
        assert_eq!(op.take_outputs().iter().map(|o| o.value_text()).collect::<Vec<_>>(), ["fine", "panic:x", "", "", "5"]);
        assert_eq!(op.take_rejects()[0].reject.code, 7);
    }

    #[test]
    fn failures_end_the_call_and_bad_outputs_are_bad() {
        let mut op = Harness::<Misbehave>::open(()).unwrap();
        assert_eq!(op.feed(&[Input::new("k", "retry")]), Err(Failure::Retry("told to retry".into())));
        assert_eq!(op.feed(&[Input::new("k", "fatal")]), Err(Failure::Fatal("told to fail".into())));
        for order in bad::OUTPUTS {
            let batch = bad::batch(order, 3).unwrap();
            assert!(breaks_a_rule(&batch), "{order}");
        }
    }

    fn breaks_a_rule(batch: &millstream_sdk::Batch) -> bool {
        let (index, arena) = batch.clone().into_parts();
        let rules = millstream_sdk::layout::OutputRules { input_rows: 4, partitions_by_port: &[u32::MAX] };
        match millstream_sdk::Batch::parse(index, arena) {
            Err(_) => true,
            Ok(batch) => rules.check(&batch).is_err(),
        }
    }

    #[test]
    #[should_panic(expected = "told to panic on `b`")]
    fn panics_on_the_values_of_its_config() {
        let mut op = Harness::<Misbehave>::open(json!({ "panic-on": ["b"] })).unwrap();
        let _ = op.feed(&[Input::new("k", "a"), Input::new("k", "b")]);
    }

    #[test]
    fn opening_can_fail() {
        assert!(Harness::<Misbehave>::open(json!({ "open": "fatal" })).is_err());
        assert!(Harness::<Misbehave>::open(json!({ "open": "what" })).is_err());
    }
}
