//! Tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
//!
//! A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port
//! `late` as it is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond.

use millstream_sdk::prelude::*;
use millstream_sdk::{Keys, Value, ValueError};
use serde::Deserialize;

const WINDOWS: Store<Totals> = Store::new("windows", 1);
const LATE: Port = Port::new("late");

/// Reject codes.
const NOT_A_NUMBER: u16 = 1;
const OVERFLOW: u16 = 2;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    size_ms: i64,
    #[serde(default)]
    lateness_ms: i64,
}

pub struct Window {
    size_ms: i64,
    lateness_ms: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    count: u64,
    sum: i64,
}

impl Value for Totals {
    fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        match bytes.split_at_checked(8) {
            Some((count, sum)) => Ok(Totals { count: u64::decode(count)?, sum: i64::decode(sum)? }),
            None => Err(ValueError(format!("a window's totals have 16 bytes, these {}", bytes.len()))),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.count.encode(out);
        self.sum.encode(out);
    }
}

impl Window {
    fn start_of(&self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.size_ms) * self.size_ms
    }

    /// When the window that begins at `start` is closed.
    fn closes_at(&self, start: i64) -> i64 {
        start.saturating_add(self.size_ms).saturating_add(self.lateness_ms)
    }
}

/// Where a window's totals are: the record's key, then the window's start in eight bytes.
fn state_key(key: &[u8], start: i64) -> Vec<u8> {
    [key, &start.to_be_bytes()].concat()
}

impl Operator for Window {
    type Config = Config;
    const OUTPUTS: &'static [&'static str] = &["out", "late"];
    const STORES: &'static [StoreDescription] = &[WINDOWS.description()];
    const PREFETCH: Prefetch = Prefetch::Custom;

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        if config.size_ms < 1 || config.lateness_ms < 0 {
            return Err(Failure::Fatal("config: `size_ms` must be at least 1, `lateness_ms` at least 0".into()));
        }
        Ok(Window { size_ms: config.size_ms, lateness_ms: config.lateness_ms })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let start = self.start_of(record.require_time()?);
        let key = record.require_key()?;
        let value = record.value_text()?;
        let value: i64 = value.trim().parse().map_err(|e| reject(NOT_A_NUMBER, format!("`{value}` is no whole number: {e}")))?;
        let closes_at = self.closes_at(start);
        if closes_at <= ctx.watermark() {
            return ctx.emit(Out::of(record).to(LATE));
        }
        let mut window = ctx.state_of(&WINDOWS, &state_key(key, start))?;
        let before = window.get()?;
        let Totals { count, sum } = before.unwrap_or_default();
        let sum = sum.checked_add(value).ok_or_else(|| reject(OVERFLOW, "the window's sum exceeds 64 bits"))?;
        window.set(&Totals { count: count + 1, sum });
        if before.is_none() {
            ctx.set_timer(Timer::event(closes_at).key(Some(key)).payload(&start.to_be_bytes()));
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer<'_>, ctx: &mut Context<'_>) -> Outcome {
        let (Some(key), Ok(start)) = (timer.key, timer.payload.try_into()) else { return Err(fatal("a timer that this operator did not set")) };
        let start = i64::from_be_bytes(start);
        let mut window = ctx.state_of(&WINDOWS, &state_key(key, start))?;
        let Some(Totals { count, sum }) = window.get()? else { return Ok(()) };
        window.delete();
        let end = start.saturating_add(self.size_ms);
        let result = format!(r#"{{"start":{start},"end":{end},"count":{count},"sum":{sum}}}"#);
        ctx.emit(Out::new(Some(key), Some(result.as_bytes())).timestamp(end - 1))
    }

    fn prefetch(&self, record: &Record<'_>, keys: &mut Keys<'_>) {
        if let (Some(key), Some(time)) = (record.key, record.time()) {
            keys.want(&WINDOWS, &state_key(key, self.start_of(time)));
        }
    }

    fn prefetch_timer(&self, timer: &Timer<'_>, keys: &mut Keys<'_>) {
        keys.want(&WINDOWS, &[timer.key.unwrap_or_default(), timer.payload].concat());
    }
}

export_operator!(Window);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};
    use serde_json::json;

    fn windows(lateness_ms: i64) -> Harness<Window> {
        Harness::open(json!({ "size_ms": 100, "lateness_ms": lateness_ms })).unwrap()
    }

    fn results(op: &mut Harness<Window>) -> Vec<(String, String, String, i64)> {
        op.take_outputs().into_iter().map(|o| (o.port.clone(), o.key_text(), o.value_text(), o.timestamp.unwrap())).collect()
    }

    #[test]
    fn window_is_emitted_when_the_watermark_passes_its_end() {
        let mut op = windows(0);
        op.feed(&[Input::new("a", "1").at(0), Input::new("a", "2").at(99), Input::new("a", "5").at(100), Input::new("b", "-7").at(-1)]).unwrap();
        op.advance_watermark(99).unwrap();
        let result = |key: &str, start: i64, count: u64, sum: i64| {
            let end = start + 100;
            ("out".to_string(), key.to_string(), format!(r#"{{"start":{start},"end":{end},"count":{count},"sum":{sum}}}"#), end - 1)
        };
        assert_eq!(results(&mut op), [result("b", -100, 1, -7)]);
        op.reopen().unwrap();
        op.advance_watermark(i64::MAX).unwrap();
        assert_eq!(results(&mut op), [result("a", 0, 2, 3), result("a", 100, 1, 5)]);
        assert_eq!((op.host().entries().count(), op.host().timers()), (0, 0));
    }

    #[test]
    fn late_record_counts_within_the_lateness_and_goes_to_late_after() {
        let mut op = windows(50);
        op.feed(&[Input::new("a", "1").at(10)]).unwrap();
        op.advance_watermark(149).unwrap();
        op.feed(&[Input::new("a", "2").at(20)]).unwrap();
        op.advance_watermark(150).unwrap();
        op.feed(&[Input::new("a", "4").at(30)]).unwrap();
        let out = results(&mut op);
        assert_eq!(out[0].2, r#"{"start":0,"end":100,"count":2,"sum":3}"#);
        assert_eq!(out[1], ("late".into(), "a".into(), "4".into(), 30));
    }

    #[test]
    fn batch_reads_and_writes_its_windows_once() {
        let mut op = windows(0);
        op.feed(&[Input::new("a", "1").at(0), Input::new("b", "1").at(0), Input::new("a", "1").at(150), Input::new("a", "1").at(1)]).unwrap();
        assert_eq!(op.host().calls, (1, 1, 0));
        op.advance_watermark(i64::MAX).unwrap();
        assert_eq!(op.host().calls, (2, 2, 0));
    }

    #[test]
    fn what_cannot_be_counted_is_rejected() {
        let mut op = windows(0);
        op.feed(&[
            Input::new("a", "x").at(0),
            Input::new("a", "1"),
            Input::new("a", i64::MAX.to_string()).at(0),
            Input::new("a", "1").at(0),
            Input::null_key("1").at(0),
        ])
        .unwrap();
        let codes: Vec<_> = op.take_rejects().iter().map(|r| (r.row, r.reject.code)).collect();
        assert_eq!(codes, [(0, NOT_A_NUMBER), (1, millstream_sdk::NO_TIME), (3, OVERFLOW), (4, millstream_sdk::NO_KEY)]);
    }
}
