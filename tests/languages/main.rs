//! The operators in every language, in their components, through the host's own operator room: whatever goes in, all languages answer with the same bytes.
//! Rust's count is checked against a count made here, so the languages do not merely agree on something wrong.

mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use millstream::error::GuestFault;
use millstream::operator::{Call, Effects, Limits, Operator, Setup};
use millstream::record::{Batch, BatchBuilder, Fields, Headers, INHERIT, NONE};
use millstream::state::Stores;
use millstream_tests::components::{self, engine, load};
use millstream_tests::languages::{LANGUAGES, Language, others_with, reference};
use workloads::{WORKLOADS, Workload, batches};

const CALL: Call = Call { watermark: i64::MIN, now: 0, task: 0 };

fn limits() -> Limits {
    Limits { call_ms_max: 20_000, ..Limits::default() }
}

/// An opened operator and the stores that it declares.
fn opened(language: &Language, workload: &Workload, limits: &Limits) -> (Box<dyn Operator>, Stores) {
    components::opened(&engine(), &language.component(workload.operator), workload.config, workload.inputs, limits)
}

fn workload(operator: &str) -> &'static Workload {
    WORKLOADS.iter().find(|workload| workload.operator == operator).unwrap()
}

/// Key to value; `None` was deleted.
type State = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What is in the overlay.
fn written(stores: &Stores) -> State {
    stores.changes().map(|change| (change.key.to_vec(), change.value.map(<[u8]>::to_vec))).collect()
}

/// Timers that wait: due time, key, payload.
type Timers = BTreeSet<(i64, Option<Vec<u8>>, Vec<u8>)>;

fn due(timers: &mut Timers, until: i64) -> Batch {
    let mut batch = BatchBuilder::default();
    while let Some((at, key, payload)) = timers.first().filter(|(at, ..)| *at <= until).cloned() {
        batch.push(key.as_deref(), Some(&payload), Headers::default(), Fields { timestamp: at, ..Fields::default() });
        timers.pop_first();
    }
    batch.into_batch()
}

/// What a language answers to all batches of a workload, with event time moving on and timers firing between them, and what its state is in the end.
fn answers(language: &Language, workload: &Workload) -> (Vec<Effects>, State) {
    answers_under(language, workload, &limits())
}

fn answers_under(language: &Language, workload: &Workload, limits: &Limits) -> (Vec<Effects>, State) {
    let (mut operator, mut stores) = opened(language, workload, limits);
    let (mut effects, mut timers) = (Vec::new(), Timers::new());
    for (n, batch) in batches(workload).iter().enumerate() {
        let watermark = if n == 0 { i64::MIN } else { n as i64 * 8_000 - 60_000 };
        let fired = due(&mut timers, watermark);
        for (batch, is_timer) in [(&fired, true), (batch, false)] {
            if is_timer && batch.is_empty() {
                continue;
            }
            let call = Call { watermark, ..CALL };
            let answer = if is_timer { operator.on_timer(call, batch, &mut stores) } else { operator.process(call, batch, &mut stores) };
            let answer = answer.unwrap_or_else(|fault| panic!("{language} {}, batch {n}: {fault}", workload.operator));
            stores.keep();
            let settled = operator.settle().unwrap();
            assert!(settled.recycled || limits.recycle_percent > 0, "{language} {}: the instance stayed", workload.operator);
            timers.extend(answer.timers.iter().map(|row| (row.timestamp, row.key.map(<[u8]>::to_vec), row.value.unwrap_or_default().to_vec())));
            effects.push(answer);
        }
    }
    (effects, written(&stores))
}

#[test]
fn every_language_answers_with_the_same_bytes() {
    for workload in &WORKLOADS {
        let (effects, state) = answers(reference(), workload);
        assert!(effects.iter().any(|effects| !effects.outputs.is_empty()), "{} emits nothing", workload.operator);
        for language in others_with(workload.operator) {
            let (others, other_state) = answers(language, workload);
            assert_eq!(effects.len(), others.len(), "{language} {}: another number of calls", workload.operator);
            for (n, (own, mut other)) in effects.iter().zip(others).enumerate() {
                if !workload.same_messages {
                    other.rejects.iter_mut().zip(&own.rejects).for_each(|(other, own)| other.message.clone_from(&own.message));
                }
                assert_eq!(*own, other, "{language} {}, call {n}", workload.operator);
            }
            assert_eq!(state, other_state, "{language} {}", workload.operator);
        }
    }
}

/// Nothing but state and timers is kept from batch to batch: a fresh instance for each gives the same (G11).
#[test]
fn no_language_needs_its_instance_from_batch_to_batch() {
    for workload in &WORKLOADS {
        for language in LANGUAGES.iter().filter(|language| language.has(workload.operator)) {
            let fresh = answers_under(language, workload, &Limits { recycle_percent: 0, ..limits() });
            assert!(fresh == answers(language, workload), "{language} {}: a fresh instance for each batch answers otherwise", workload.operator);
        }
    }
}

#[test]
fn count_is_that_of_an_independent_recount() {
    let workload = workload("count");
    let (effects, state) = answers(reference(), workload);
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for (batch, effects) in batches(workload).iter().zip(&effects) {
        let mut outputs = effects.outputs.iter();
        let mut rejects = effects.rejects.iter();
        for (row, record) in batch.iter().enumerate() {
            if record.value == Some(b"poison") || record.key.is_none() {
                let reject = rejects.next().unwrap();
                let code = if record.value == Some(b"poison") { 1 } else { 65_000 };
                assert_eq!((reject.row, reject.code), (row as u32, code));
                continue;
            }
            let key = record.key.unwrap();
            let count = counts.entry(key.to_vec()).or_default();
            *count += 1;
            let output = outputs.next().unwrap();
            assert_eq!((output.key, output.value, output.offset), (Some(key), Some(count.to_string().as_bytes()), row as i64));
            assert_eq!((output.timestamp, output.partition, output.port, output.headers.is_empty()), (INHERIT, NONE, 0, true));
        }
        assert!(outputs.next().is_none() && rejects.next().is_none());
    }
    let counts: BTreeMap<_, _> = counts.into_iter().map(|(key, count)| (key, Some(count.to_le_bytes().to_vec()))).collect();
    assert_eq!(state, counts);
}

#[test]
fn every_language_describes_an_operator_alike() {
    let engine = engine();
    for operator in reference().operators {
        let rust = load(&engine, &reference().component(operator)).description.clone();
        assert_eq!(rust.name, *operator);
        for language in others_with(operator) {
            assert_eq!(load(&engine, &language.component(operator)).description, rust, "{language}");
        }
    }
}

#[test]
fn every_language_refuses_what_it_cannot_work_with_when_it_is_opened() {
    let engine = engine();
    for language in &LANGUAGES {
        let loaded = load(&engine, &language.component("count"));
        let setup = |config: &str| Setup { config: config.into(), inputs: vec!["in".into()], outputs: vec!["out".into()], stores: vec!["counts".into()] };
        let refusal = |setup: &Setup| loaded.open(language.name, setup, &limits()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refusal(&setup(r#"{"step": 2}"#)).contains("config: "), "{language}");
        assert!(refusal(&setup("{")).contains("config: "), "{language}");
        assert_eq!(refusal(&setup(" { } ")), "", "{language}");
        let text = refusal(&Setup { stores: vec!["other".into()], ..setup("") });
        assert!(text.contains("the job gives this operator no store `counts`"), "{language}: {text}");
    }
}

#[test]
fn every_language_stops_at_state_that_it_cannot_read() {
    for language in &LANGUAGES {
        let (mut operator, mut stores) = opened(language, workload("count"), &limits());
        let row = |value: &[u8]| {
            let mut batch = BatchBuilder::default();
            batch.push(Some(b"k"), Some(value), Headers::default(), Fields::default());
            batch.into_batch()
        };
        stores.put_many(&row(b"three bytes")).unwrap();
        stores.keep();
        let fault = operator.process(CALL, &row(b"x"), &mut stores).unwrap_err();
        assert!(matches!(&fault, GuestFault::Fatal(text) if text.contains("store `counts`")), "{language}: {fault}");
    }
}
