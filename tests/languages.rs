//! The keyed count in every language, in its component, through the host's own operator room: whatever goes in, all languages answer with the same
//! bytes. Rust's answer is checked against a count made here, so the languages do not merely agree on something wrong.

use std::collections::BTreeMap;
use std::rc::Rc;

use millstream::error::GuestFault;
use millstream::operator::{Call, Effects, Limits, Operator, Setup};
use millstream::record::{Batch, BatchBuilder, Fields, Headers, HeadersBuilder, INHERIT, NONE};
use millstream::state::{MemoryStore, StoreOptions, Stores};
use millstream_tests::components::{engine, load};

const LANGUAGES: [&str; 3] = ["rust-count", "c-count", "python-count"];
const CALL: Call = Call { watermark: i64::MIN, now: 0, task: 0 };

fn setup(config: &str) -> Setup {
    Setup { config: config.into(), inputs: vec!["in".into()], outputs: vec!["out".into()], stores: vec!["counts".into()] }
}

fn stores() -> Stores {
    let options = StoreOptions { name: "counts".into(), ttl_ms: None };
    Stores::open(Rc::new(MemoryStore::default()), "job", "count", 0, &[options]).unwrap()
}

fn opened(language: &str) -> Box<dyn Operator> {
    let limits = Limits { call_ms_max: 20_000, ..Limits::default() };
    load(&engine(), language).open(language, &setup(""), &limits).unwrap()
}

/// Key to value; `None` was deleted.
type State = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What is in the overlay.
fn written(stores: &Stores) -> State {
    stores.changes().map(|change| (change.key.to_vec(), change.value.map(<[u8]>::to_vec))).collect()
}

/// Batches that meet every shape of a record; the same on each call.
fn batches() -> Vec<Batch> {
    let mut seed = 7u64;
    let mut next = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut headers = HeadersBuilder::default();
    headers.push(b"trace", Some(b"1"));
    headers.push(b"nothing", None);
    let long = vec![b'v'; 1 << 20];
    let mut all = vec![Batch::default()];
    for rows in [1, 2, 10, 300, 1_000] {
        for numbered in [true, false] {
            let mut ids = BTreeMap::new();
            let mut batch = BatchBuilder::default();
            for n in 0..rows {
                let key = match next(20) {
                    0 => None,
                    1 => Some(Vec::new()),
                    2 => Some(vec![0xff; 1_000]),
                    k => Some(format!("key-{}", k * next(40)).into_bytes()),
                };
                let value: Option<&[u8]> = match next(15) {
                    0 => None,
                    1 => Some(b"poison"),
                    2 => Some(b""),
                    3 if n < 3 => Some(&long),
                    _ => Some(b"some value"),
                };
                let number = ids.len() as u32;
                let number = *ids.entry(key.clone()).or_insert(number);
                let timestamp = if next(3) == 0 { INHERIT } else { next(1_000_000) as i64 - 500_000 };
                let fields = Fields { port: 0, timestamp, offset: n, partition: 3, key_id: if numbered { number } else { NONE } };
                let headers = if next(4) == 0 { headers.headers() } else { Headers::default() };
                batch.push(key.as_deref(), value, headers, fields);
            }
            all.push(batch.into_batch());
        }
    }
    // The later part of a numbered batch: its numbers neither begin at 0 nor are without gaps.
    let mut part = BatchBuilder::default();
    let whole = &all[all.len() - 2];
    part.extend(whole, whole.len() / 2..whole.len());
    all.push(part.into_batch());
    all
}

/// What a language answers to all batches, and what its state is in the end.
fn answers(language: &str) -> (Vec<Effects>, State) {
    let mut operator = opened(language);
    let mut stores = stores();
    let mut effects = Vec::new();
    for (n, batch) in batches().iter().enumerate() {
        let answer = operator.process(CALL, batch, &mut stores);
        effects.push(answer.unwrap_or_else(|fault| panic!("{language}, batch {n}: {fault}")));
        stores.keep();
    }
    (effects, written(&stores))
}

#[test]
fn every_language_answers_with_the_same_bytes() {
    let (effects, state) = answers(LANGUAGES[0]);
    for language in &LANGUAGES[1..] {
        let (others, other_state) = answers(language);
        for (n, (own, other)) in effects.iter().zip(&others).enumerate() {
            assert_eq!(own, other, "{language}, batch {n}");
        }
        assert_eq!(state, other_state, "{language}");
    }
}

#[test]
fn count_is_that_of_an_independent_recount() {
    let (effects, state) = answers(LANGUAGES[0]);
    let mut counts: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for (batch, effects) in batches().iter().zip(&effects) {
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
fn every_language_describes_the_count_alike() {
    let engine = engine();
    let rust = load(&engine, LANGUAGES[0]).description.clone();
    assert_eq!((rust.name.as_str(), rust.stores[0].name.as_str(), rust.stores[0].version), ("count", "counts", 1));
    for language in &LANGUAGES[1..] {
        assert_eq!(load(&engine, language).description, rust, "{language}");
    }
}

#[test]
fn every_language_refuses_what_it_cannot_work_with_when_it_is_opened() {
    let engine = engine();
    for language in LANGUAGES {
        let loaded = load(&engine, language);
        let limits = Limits { call_ms_max: 20_000, ..Limits::default() };
        let refusal = |setup: &Setup| loaded.open(language, setup, &limits).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refusal(&setup(r#"{"step": 2}"#)).contains("config: "), "{language}");
        assert!(refusal(&setup("{")).contains("config: "), "{language}");
        assert_eq!(refusal(&setup(" { } ")), "", "{language}");
        let text = refusal(&Setup { stores: vec!["other".into()], ..setup("") });
        assert!(text.contains("the job gives this operator no store `counts`"), "{language}: {text}");
    }
}

#[test]
fn every_language_stops_at_state_that_it_cannot_read() {
    for language in LANGUAGES {
        let mut stores = stores();
        let row = |value: &[u8]| {
            let mut batch = BatchBuilder::default();
            batch.push(Some(b"k"), Some(value), Headers::default(), Fields::default());
            batch.into_batch()
        };
        stores.put_many(&row(b"three bytes")).unwrap();
        stores.keep();
        let fault = opened(language).process(CALL, &row(b"x"), &mut stores).unwrap_err();
        assert!(matches!(&fault, GuestFault::Fatal(text) if text.contains("store `counts`")), "{language}: {fault}");
    }
}
