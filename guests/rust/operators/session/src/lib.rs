//! Session windows: records of a key that are less than `gap_ms` apart belong together; a session ends when none came for so long (event time).
//!
//! Result: the key, `{"start":…,"end":…,"count":…}` (`end` = last record + gap), timestamp `end` − 1. A record whose session has ended already goes to
//! the port `late`. A record may join two sessions that were apart.

use millstream_sdk::prelude::*;
use serde::{Deserialize, Serialize};

const SESSIONS: Store<Json<Vec<Session>>> = Store::new("sessions", 1);
const LATE: Port = Port::new("late");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    gap_ms: i64,
}

pub struct Sessions {
    gap_ms: i64,
}

/// An open session; `end` is when it ends unless a record comes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    start: i64,
    end: i64,
    count: u64,
}

impl Operator for Sessions {
    type Config = Config;
    const OUTPUTS: &'static [&'static str] = &["out", "late"];
    const STORES: &'static [StoreDescription] = &[SESSIONS.description()];

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        if config.gap_ms < 1 {
            return Err(Failure::Fatal("config: `gap_ms` must be at least 1".into()));
        }
        Ok(Sessions { gap_ms: config.gap_ms })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let start = record.require_time()?;
        let mut joined = Session { start, end: start.saturating_add(self.gap_ms), count: 1 };
        let watermark = ctx.watermark();
        let mut entry = ctx.state(&SESSIONS)?;
        let Json(open) = entry.get()?.unwrap_or_default();
        let (touched, mut open): (Vec<Session>, Vec<Session>) = open.into_iter().partition(|s| s.start < joined.end && joined.start < s.end);
        if touched.is_empty() && joined.end <= watermark {
            return ctx.emit(Out::of(record).to(LATE));
        }
        for session in &touched {
            joined = Session { start: joined.start.min(session.start), end: joined.end.max(session.end), count: joined.count + session.count };
        }
        open.push(joined);
        open.sort_by_key(|session| session.start);
        entry.set(&Json(open));
        // Open sessions of a key do not touch, so an end belongs to one of them: the timer needs no payload.
        for session in touched.iter().filter(|session| session.end != joined.end) {
            ctx.delete_timer(Timer::event(session.end).key(record.key));
        }
        ctx.set_timer(Timer::event(joined.end).key(record.key));
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer<'_>, ctx: &mut Context<'_>) -> Outcome {
        let mut entry = ctx.state(&SESSIONS)?;
        let Json(open) = entry.get()?.unwrap_or_default();
        let (ended, open): (Vec<Session>, Vec<Session>) = open.into_iter().partition(|session| session.end <= timer.at_ms);
        match open.is_empty() {
            true => entry.delete(),
            false => entry.set(&Json(open)),
        }
        for Session { start, end, count } in ended {
            let result = format!(r#"{{"start":{start},"end":{end},"count":{count}}}"#);
            ctx.emit(Out::new(timer.key, Some(result.as_bytes())).timestamp(end - 1))?;
        }
        Ok(())
    }
}

export_operator!(Sessions);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};
    use serde_json::json;

    fn sessions() -> Harness<Sessions> {
        Harness::open(json!({ "gap_ms": 10 })).unwrap()
    }

    fn results(op: &mut Harness<Sessions>) -> Vec<String> {
        op.take_outputs().iter().map(|o| format!("{} {} {}", o.port, o.key_text(), o.value_text())).collect()
    }

    #[test]
    fn records_less_than_a_gap_apart_are_one_session() {
        let mut op = sessions();
        op.feed(&[Input::new("a", "").at(0), Input::new("a", "").at(9), Input::new("a", "").at(19), Input::new("b", "").at(3)]).unwrap();
        assert_eq!(op.host().timers(), 3);
        op.advance_watermark(i64::MAX).unwrap();
        let out = [r#"out b {"start":3,"end":13,"count":1}"#, r#"out a {"start":0,"end":19,"count":2}"#, r#"out a {"start":19,"end":29,"count":1}"#];
        assert_eq!(results(&mut op), out);
        assert_eq!((op.host().entries().count(), op.host().timers()), (0, 0));
    }

    #[test]
    fn record_between_two_sessions_joins_them() {
        let mut op = sessions();
        op.feed(&[Input::new("a", "").at(0), Input::new("a", "").at(15)]).unwrap();
        op.feed(&[Input::new("a", "").at(8)]).unwrap();
        assert_eq!(op.host().timers(), 1);
        op.advance_watermark(25).unwrap();
        assert_eq!(results(&mut op), [r#"out a {"start":0,"end":25,"count":3}"#]);
    }

    #[test]
    fn record_of_an_ended_session_goes_to_late_unless_it_touches_an_open_one() {
        let mut op = sessions();
        op.feed(&[Input::new("a", "").at(20)]).unwrap();
        op.advance_watermark(25).unwrap();
        op.feed(&[Input::new("a", "x").at(15), Input::new("a", "y").at(0)]).unwrap();
        assert_eq!(results(&mut op), ["late a y"]);
        op.advance_watermark(30).unwrap();
        assert_eq!(results(&mut op), [r#"out a {"start":15,"end":30,"count":2}"#]);
    }
}
