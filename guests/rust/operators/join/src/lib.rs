//! Joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.
//!
//! Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when
//! no partner can come any more. A record that comes later than that goes to the port `late`.

use millstream_sdk::prelude::*;
use millstream_sdk::{Value, ValueError};
use serde::Deserialize;

const SIDES: [Store<Waiting>; 2] = [Store::new("left", 1), Store::new("right", 1)];
const LATE: Port = Port::new("late");

/// Reject code: a record without value has nothing to join.
const NO_VALUE: u16 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    within_ms: i64,
    #[serde(default = "bar")]
    separator: String,
}

fn bar() -> String {
    "|".into()
}

pub struct Join {
    config: Config,
}

/// One side's records of a key that still wait, in the order in which they came: per record time (i64), length (u32), bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Waiting(Vec<(i64, Vec<u8>)>);

impl Value for Waiting {
    fn decode(mut bytes: &[u8]) -> Result<Self, ValueError> {
        let mut waiting = Vec::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk::<12>().ok_or_else(torn)?;
            let time = i64::from_le_bytes([head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]]);
            let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
            let (value, rest) = rest.split_at_checked(length).ok_or_else(torn)?;
            waiting.push((time, value.to_vec()));
            bytes = rest;
        }
        Ok(Waiting(waiting))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for (time, value) in &self.0 {
            out.extend_from_slice(&time.to_le_bytes());
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            out.extend_from_slice(value);
        }
    }
}

fn torn() -> ValueError {
    ValueError("the waiting records end in the middle of one".into())
}

impl Join {
    /// From this watermark on no partner can come for a record of time `time`.
    fn forgotten_at(&self, time: i64) -> i64 {
        time.saturating_add(self.config.within_ms).saturating_add(1)
    }
}

impl Operator for Join {
    type Config = Config;
    const INPUTS: &'static [&'static str] = &["left", "right"];
    const OUTPUTS: &'static [&'static str] = &["out", "late"];
    const STORES: &'static [StoreDescription] = &[SIDES[0].description(), SIDES[1].description()];

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        if config.within_ms < 0 {
            return Err(Failure::Fatal("config: `within_ms` must be at least 0".into()));
        }
        Ok(Join { config })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let time = record.require_time()?;
        let value = record.value.ok_or_else(|| reject(NO_VALUE, "a record to join needs a value"))?;
        let side = usize::from(record.port);
        let forgotten_at = self.forgotten_at(time);
        if forgotten_at <= ctx.watermark() {
            return ctx.emit(Out::of(record).to(LATE));
        }
        let partners = ctx.state(&SIDES[1 - side])?.get()?.unwrap_or_default();
        let mut own = ctx.state(&SIDES[side])?;
        let mut waiting = own.get()?.unwrap_or_default();
        waiting.0.push((time, value.to_vec()));
        own.set(&waiting);
        ctx.set_timer(Timer::event(forgotten_at).key(record.key));
        for (other_time, other) in &partners.0 {
            if time.abs_diff(*other_time) <= self.config.within_ms as u64 {
                let (left, right) = if side == 0 { (value, other.as_slice()) } else { (other.as_slice(), value) };
                let pair = [left, self.config.separator.as_bytes(), right].concat();
                ctx.emit(Out::new(record.key, Some(&pair)).timestamp(time.max(*other_time)))?;
            }
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer<'_>, ctx: &mut Context<'_>) -> Outcome {
        for side in &SIDES {
            let mut entry = ctx.state(side)?;
            let Some(mut waiting) = entry.get()? else { continue };
            waiting.0.retain(|(time, _)| self.forgotten_at(*time) > timer.at_ms);
            match waiting.0.is_empty() {
                true => entry.delete(),
                false => entry.set(&waiting),
            }
        }
        Ok(())
    }
}

export_operator!(Join);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};
    use serde_json::json;

    fn join() -> Harness<Join> {
        Harness::open(json!({ "within_ms": 10 })).unwrap()
    }

    fn left(key: &str, value: &str, at: i64) -> Input {
        Input::new(key, value).at(at)
    }

    fn right(key: &str, value: &str, at: i64) -> Input {
        left(key, value, at).port("right")
    }

    #[test]
    fn pairs_within_the_time_are_joined_whichever_came_first() {
        let mut op = join();
        op.feed(&[left("a", "l1", 0), right("a", "r1", 10), right("a", "r2", 11), left("b", "l2", 10), left("a", "l3", 12)]).unwrap();
        let out: Vec<_> = op.take_outputs().iter().map(|o| (o.key_text(), o.value_text(), o.timestamp.unwrap())).collect();
        assert_eq!(out, [("a", "l1|r1", 10), ("a", "l3|r1", 12), ("a", "l3|r2", 12)].map(|(k, v, at)| (k.into(), v.into(), at)));
        assert_eq!(op.host().calls, (1, 1, 0));
    }

    #[test]
    fn state_is_cleaned_when_no_partner_can_come() {
        let mut op = join();
        op.feed(&[left("a", "l1", 0), right("a", "r1", 5)]).unwrap();
        op.advance_watermark(11).unwrap();
        assert_eq!((op.state(&SIDES[0], "a"), op.state(&SIDES[1], "a").map(|w| w.0.len())), (None, Some(1)));
        op.feed(&[right("a", "too late", 0), left("a", "l2", 5)]).unwrap();
        let out: Vec<_> = op.take_outputs().iter().map(|o| (o.port.clone(), o.value_text())).collect();
        assert_eq!(out, [("out", "l1|r1"), ("late", "too late"), ("out", "l2|r1")].map(|(p, v)| (p.into(), v.into())));
        op.advance_watermark(i64::MAX).unwrap();
        assert_eq!((op.host().entries().count(), op.host().timers()), (0, 0));
    }

    #[test]
    fn record_without_value_time_or_key_is_rejected() {
        let mut op = join();
        op.feed(&[Input::null_value("a").at(1), Input::new("a", "x"), Input::null_key("x").at(1)]).unwrap();
        let codes: Vec<_> = op.take_rejects().iter().map(|r| r.reject.code).collect();
        assert_eq!(codes, [NO_VALUE, millstream_sdk::NO_TIME, millstream_sdk::NO_KEY]);
    }

    #[test]
    fn torn_state_stops_the_job() {
        assert!(Waiting::decode(&[0; 11]).is_err());
        assert!(Waiting::decode(&[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 7]).is_err());
    }
}
