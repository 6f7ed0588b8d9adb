//! Flights per carrier and UTC day: how many, how many cancelled, mean and worst departure delay; with the airline's name from the second input.
//!
//! A day is emitted when the watermark has passed its end by `lateness_ms`; a flight that comes later is rejected, so nothing is lost silently.

use millstream_sdk::prelude::*;
use millstream_sdk::{Keys, Value, ValueError};
use serde::Deserialize;

const DAYS: Store<Day> = Store::new("days", 1);
const NAMES: Store<String> = Store::new("names", 1);

const DAY_MS: i64 = 86_400_000;
/// Input ports.
const NAME_PORT: u16 = 1;
/// Reject codes.
const LATE: u16 = 1;
const DELAY: u16 = 2;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    lateness_ms: i64,
}

pub struct Delays {
    lateness_ms: i64,
}

/// One carrier's day so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Day {
    flights: u64,
    cancelled: u64,
    /// Minutes, over those that flew.
    delay_sum: i64,
    delay_worst: i64,
}

impl Value for Day {
    fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        let wrong = || ValueError(format!("a day has 32 bytes, these {}", bytes.len()));
        let word = |n: usize| bytes.get(8 * n..8 * n + 8).ok_or_else(wrong);
        Ok(Day { flights: u64::decode(word(0)?)?, cancelled: u64::decode(word(1)?)?, delay_sum: i64::decode(word(2)?)?, delay_worst: i64::decode(word(3)?)? })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.flights.encode(out);
        self.cancelled.encode(out);
        self.delay_sum.encode(out);
        self.delay_worst.encode(out);
    }
}

impl Day {
    fn add(&mut self, delay: Option<i64>) {
        self.flights += 1;
        let Some(delay) = delay else {
            self.cancelled += 1;
            return;
        };
        let first = self.flights - self.cancelled == 1;
        self.delay_sum += delay;
        self.delay_worst = if first { delay } else { self.delay_worst.max(delay) };
    }

    /// Mean in hundredths of a minute, rounded half up; none where nothing flew.
    fn mean_hundredths(&self) -> Option<i64> {
        let flown = (self.flights - self.cancelled) as i64;
        (flown > 0).then(|| (200 * self.delay_sum + flown).div_euclid(2 * flown))
    }
}

fn state_key(carrier: &[u8], day: i64) -> Vec<u8> {
    [carrier, &day.to_be_bytes()].concat()
}

impl Operator for Delays {
    type Config = Config;
    const INPUTS: &'static [&'static str] = &["flights", "names"];
    const STORES: &'static [StoreDescription] = &[DAYS.description(), NAMES.description()];
    const PREFETCH: Prefetch = Prefetch::Custom;

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Delays { lateness_ms: config.lateness_ms.max(0) })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let carrier = record.key.ok_or_else(|| reject(millstream_sdk::NO_KEY, "the record has no key"))?;
        if record.port == NAME_PORT {
            let name = record.value_text()?.to_owned();
            ctx.state_of(&NAMES, carrier)?.set(&name);
            return Ok(());
        }
        let day = record.require_time()?.div_euclid(DAY_MS);
        let closes_at = (day + 1) * DAY_MS + self.lateness_ms;
        if closes_at <= ctx.watermark() {
            return Err(reject(LATE, "the flight's day is closed: it came later than the watermark allows"));
        }
        let delay = match record.value_text()? {
            "null" => None,
            text => Some(text.parse::<i64>().map_err(|_| reject(DELAY, format!("{text:?} is no delay in minutes")))?),
        };
        let mut entry = ctx.state_of(&DAYS, &state_key(carrier, day))?;
        let known = entry.get()?;
        let mut totals = known.unwrap_or_default();
        totals.add(delay);
        entry.set(&totals);
        if known.is_none() {
            ctx.set_timer(Timer::event(closes_at).key(Some(carrier)).payload(&day.to_be_bytes()));
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer<'_>, ctx: &mut Context<'_>) -> Outcome {
        let (Some(carrier), Ok(day)) = (timer.key, timer.payload.try_into()) else { return Err(fatal("a timer that this operator did not set")) };
        let day = i64::from_be_bytes(day);
        let mut entry = ctx.state_of(&DAYS, &state_key(carrier, day))?;
        let Some(totals) = entry.get()? else { return Ok(()) };
        entry.delete();
        let name = ctx.state_of(&NAMES, carrier)?.get()?;
        let date = jiff::Timestamp::from_millisecond(day * DAY_MS).map_err(|error| fatal(format!("day {day}: {error}")))?;
        let result = serde_json::json!({
            "airline": name,
            "day": date.strftime("%Y-%m-%d").to_string(),
            "flights": totals.flights,
            "cancelled": totals.cancelled,
            "mean_delay": totals.mean_hundredths().map(|mean| mean as f64 / 100.0),
            "worst_delay": totals.mean_hundredths().map(|_| totals.delay_worst),
        });
        ctx.emit(Out::new(Some(carrier), Some(result.to_string().as_bytes())).timestamp((day + 1) * DAY_MS - 1))
    }

    fn prefetch(&self, record: &Record<'_>, keys: &mut Keys<'_>) {
        if let (Some(carrier), Some(time)) = (record.key, record.time()) {
            keys.want(&DAYS, &state_key(carrier, time.div_euclid(DAY_MS)));
        }
    }

    fn prefetch_timer(&self, timer: &Timer<'_>, keys: &mut Keys<'_>) {
        keys.want(&DAYS, &[timer.key.unwrap_or_default(), timer.payload].concat());
        keys.want(&NAMES, timer.key.unwrap_or_default());
    }
}

export_operator!(Delays);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_round_half_up_and_ignore_cancelled_flights() {
        let mut day = Day::default();
        assert_eq!(day.mean_hundredths(), None);
        for delay in [Some(-3), None, Some(4), Some(0)] {
            day.add(delay);
        }
        assert_eq!((day.flights, day.cancelled, day.mean_hundredths(), day.delay_worst), (4, 1, Some(33), 4));
        let mut early = Day::default();
        early.add(Some(-7));
        assert_eq!((early.delay_worst, early.mean_hundredths()), (-7, Some(-700)));
    }
}
