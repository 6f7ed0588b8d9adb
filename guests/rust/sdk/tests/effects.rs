//! Outputs, timers, logs, migration: what an operator asks for and how it comes out.

use millstream_sdk::layout::{Batch, BatchBuilder};
use millstream_sdk::prelude::*;
use millstream_sdk::testing::{Harness, Input};
use millstream_sdk::{HeadersBuilder, describe};

const SIDE: Port = Port::new("side");
const SEEN: Store<u64> = Store::new("seen", 2);

struct Trial;

impl Operator for Trial {
    type Config = NoConfig;
    const INPUTS: &'static [&'static str] = &["left", "right"];
    const OUTPUTS: &'static [&'static str] = &["main", "side"];
    const STORES: &'static [StoreDescription] = &[SEEN.description()];
    const CONFIG_SCHEMA: &'static str = r#"{"type":"object"}"#;

    fn open(_: NoConfig, _: &Setup) -> Result<Self, Failure> {
        Ok(Trial)
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        match record.value_text()? {
            "all" => {
                let mut headers = HeadersBuilder::from_headers(record.headers);
                headers.push(b"more", None);
                let out = Out::of(record).to(SIDE).key(b"other").headers(headers.headers()).timestamp(77).partition(4);
                ctx.emit(out)?;
                ctx.emit(Out::new(None, None))
            }
            "nowhere" => ctx.emit(Out::of(record).to(Port::new("nowhere"))),
            "set" => {
                let at = record.require_time()?;
                ctx.set_timer(Timer::event(at).key(record.key).payload(b"event"));
                ctx.set_timer(Timer::processing(at).key(record.key).payload(b"processing"));
                Ok(())
            }
            "delete" => {
                ctx.delete_timer(Timer::event(record.require_time()?).key(record.key).payload(b"event"));
                Ok(())
            }
            "tell" => {
                ctx.log(Level::Warn, format!("port {} task {}", record.port, ctx.task()));
                ctx.count("told", 2);
                Ok(())
            }
            _ => ctx.emit(Out::of(record)),
        }
    }

    fn on_timer(&mut self, timer: &Timer<'_>, ctx: &mut Context<'_>) -> Outcome {
        let mut seen = ctx.state(&SEEN)?;
        let count = seen.get()?.unwrap_or(0) + 1;
        seen.set(&count);
        if timer.domain == Domain::Event && count == 1 && timer.key == Some(b"chain") {
            ctx.set_timer(Timer::event(timer.at_ms + 1).key(timer.key));
        }
        ctx.emit(Out::new(timer.key, Some(timer.payload)))
    }

    fn migrate(&mut self, store: &str, from_version: u32, rows: &Batch, keep: &mut BatchBuilder) -> Result<(), Failure> {
        assert_eq!((store, from_version), ("seen", 1));
        for row in rows.iter().filter(|row| row.value != Some(b"drop")) {
            keep.push(row.key, Some(&1u64.to_le_bytes()), row.headers, Default::default());
        }
        Ok(())
    }
}

export_operator!(Trial);

fn trial() -> Harness<Trial> {
    Harness::open(()).unwrap()
}

#[test]
fn description_follows_from_the_declarations() {
    let said = describe::<Trial>();
    assert_eq!((said.name.as_str(), said.version.as_str()), ("millstream-sdk", env!("CARGO_PKG_VERSION")));
    assert_eq!((said.inputs, said.outputs), (vec!["left".to_string(), "right".into()], vec!["main".to_string(), "side".into()]));
    assert_eq!(said.stores, [StoreDescription { name: "seen", version: 2 }]);
    assert_eq!(said.config_schema, r#"{"type":"object"}"#);
}

#[test]
fn output_has_what_was_said_and_inherits_the_rest() {
    let mut op = trial();
    op.feed(&[Input::new("k", "plain").at(5), Input::new("k", "all").at(6).header("h", "1")]).unwrap();
    let out = op.take_outputs();
    assert_eq!((out[0].port.as_str(), out[0].timestamp, out[0].partition, out[0].from_row), ("main", Some(5), None, 0));
    assert_eq!((out[1].port.as_str(), out[1].key_text(), out[1].timestamp, out[1].partition), ("side", "other".into(), Some(77), Some(4)));
    assert_eq!(out[1].headers, [("h".to_string(), Some(b"1".to_vec())), ("more".to_string(), None)]);
    assert_eq!((&out[2].key, &out[2].value, out[2].timestamp, out[2].from_row), (&None, &None, Some(6), 1));
    let failure = op.feed(&[Input::new("k", "nowhere")]).unwrap_err().to_string();
    assert!(failure.contains("no output port `nowhere`"), "{failure}");
}

#[test]
fn timers_fire_in_their_domain_once_and_in_order() {
    let mut op = trial();
    op.feed(&[Input::new("b", "set").at(10), Input::new("a", "set").at(10), Input::new("a", "set").at(10), Input::new("c", "set").at(9)]).unwrap();
    op.feed(&[Input::new("c", "delete").at(9)]).unwrap();
    op.advance_watermark(9).unwrap();
    assert_eq!(op.take_outputs(), []);
    op.advance_watermark(10).unwrap();
    let fired = |op: &mut Harness<Trial>| op.take_outputs().iter().map(|o| (o.key_text(), o.value_text(), o.timestamp)).collect::<Vec<_>>();
    let expected = |rows: &[(&str, &str, i64)]| rows.iter().map(|(k, v, at)| (k.to_string(), v.to_string(), Some(*at))).collect::<Vec<_>>();
    assert_eq!(fired(&mut op), expected(&[("a", "event", 10), ("b", "event", 10)]));
    op.advance_now(100).unwrap();
    assert_eq!(fired(&mut op), expected(&[("c", "processing", 9), ("a", "processing", 10), ("b", "processing", 10)]));
    assert_eq!(op.state(&SEEN, "a"), Some(2));
}

#[test]
fn timer_set_by_a_timer_fires_when_it_is_due_already() {
    let mut op = trial();
    op.feed(&[Input::new("chain", "set").at(1)]).unwrap();
    op.advance_watermark(1).unwrap();
    assert_eq!(op.take_outputs().len(), 1);
    op.advance_watermark(2).unwrap();
    assert_eq!(op.take_outputs().len(), 1);
}

#[test]
fn logs_counters_and_rejects_reach_the_host() {
    let mut op = trial();
    op.feed(&[Input::new("k", "tell").port("right"), Input::new("k", [0xff]), Input::null_value("k")]).unwrap();
    assert_eq!(op.host().logs, [(Level::Warn, "port 1 task 0".to_string())]);
    assert_eq!(op.host().counters["told"], 2);
    let rejects: Vec<_> = op.take_rejects().iter().map(|r| (r.row, r.reject.code)).collect();
    assert_eq!(rejects, [(1, millstream_sdk::BAD_TEXT), (2, millstream_sdk::BAD_TEXT)]);
}

#[test]
fn migration_returns_the_rows_to_keep() {
    let kept = trial().migrate("seen", 1, &[(b"a", b"old"), (b"b", b"drop")]).unwrap();
    assert_eq!(kept.iter().map(|row| (row.key_text(), row.value.clone().unwrap())).collect::<Vec<_>>(), [("a".into(), 1u64.to_le_bytes().to_vec())]);
}

struct Around;

impl Operator for Around {
    type Config = NoConfig;

    fn open(_config: NoConfig, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Around)
    }

    fn process(&mut self, _record: &Record<'_>, _ctx: &mut Context<'_>) -> Outcome {
        Ok(())
    }

    fn process_batch(&mut self, ctx: &mut Context<'_>) -> Result<(), Failure> {
        let first = ctx.records().next();
        ctx.forward_all()?;
        if let Some(record) = first {
            ctx.turn_to(&record);
            let outcome = ctx.emit_with(Out::of(&record), |out| {
                out.put(b"between ");
                out.put_byte(b'X');
                out.written().make_ascii_lowercase();
            });
            ctx.settle(outcome)?;
        }
        ctx.forward_all()
    }
}

export_operator!(Around);

#[test]
fn what_is_forwarded_and_what_is_emitted_keep_their_order() {
    let mut around = Harness::<Around>::open(()).unwrap();
    around.feed(&[Input::new("a", "1"), Input::null_value("b")]).unwrap();
    let seen: Vec<_> = around.take_outputs().iter().map(|o| (o.from_row, o.value.clone().map(|v| String::from_utf8(v).unwrap()))).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(seen, [(0, text("1")), (1, None), (0, text("between x")), (0, text("1")), (1, None)]);
}
