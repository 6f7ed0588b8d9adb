//! Keyed state over one batch and over many: what an operator may rely on, whichever way the SDK finds a key.

use millstream_sdk::prelude::*;
use millstream_sdk::testing::{Harness, Input};
use millstream_sdk::{Keys, Scan};

const TEXT: Store<String> = Store::new("text", 1);
const SUMS: Store<i64> = Store::new("sums", 3);
const UNDECLARED: Store<u64> = Store::new("undeclared", 1);

/// Carries out the record's value: `append:x` to the key's text, `add:n` to its sum, `add-of:key:n` to another's, `delete`, `show`, `scan:prefix`,
/// and a few ways to go wrong. Three types, so that each way to read ahead is tried.
fn obey(record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
    let value = record.value_text()?;
    let (order, rest) = value.split_once(':').unwrap_or((value, ""));
    match order {
        "append" => {
            let mut text = ctx.state(&TEXT)?;
            text.set(&(text.get()?.unwrap_or_default() + rest));
        }
        "add" => add(ctx.state(&SUMS)?, rest)?,
        "add-of" => {
            let (key, number) = rest.split_once(':').unwrap();
            add(ctx.state_of(&SUMS, key.as_bytes())?, number)?;
        }
        "delete" => ctx.state(&TEXT)?.delete(),
        "reject" => {
            add(ctx.state(&SUMS)?, "1")?;
            return Err(reject(9, "told to"));
        }
        "fail" => {
            add(ctx.state(&SUMS)?, "1")?;
            return Err(fatal("told to"));
        }
        "undeclared" => ctx.state(&UNDECLARED)?.set(&1),
        "scan" => {
            let mut scan = Scan::prefix(rest.as_bytes()).page_rows(2);
            let mut found = Vec::new();
            while let Some(page) = ctx.scan(&SUMS, &mut scan)? {
                found.extend(page.iter().map(|(key, sum)| format!("{}={sum}", key.escape_ascii())));
            }
            return ctx.emit(Out::of(record).value(found.join(" ").as_bytes()));
        }
        _ => {}
    }
    let text = ctx.state(&TEXT)?.get()?.unwrap_or_else(|| "-".into());
    let sum = ctx.state(&SUMS)?.get()?.unwrap_or(0);
    ctx.emit(Out::of(record).value(format!("{text} {sum}").as_bytes()))
}

fn add(mut sum: millstream_sdk::Entry<'_, i64>, number: &str) -> Outcome {
    sum.set(&(sum.get()?.unwrap_or(0) + number.parse::<i64>().unwrap()));
    Ok(())
}

macro_rules! obedient {
    ($module:ident, $prefetch:expr) => {
        mod $module {
            use super::*;
            pub struct Obedient;
            impl Operator for Obedient {
                type Config = NoConfig;
                const STORES: &'static [StoreDescription] = &[TEXT.description(), SUMS.description()];
                const PREFETCH: Prefetch = $prefetch;
                fn open(_: NoConfig, _: &Setup) -> Result<Self, Failure> {
                    Ok(Obedient)
                }
                fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
                    obey(record, ctx)
                }
                fn prefetch(&self, record: &Record<'_>, keys: &mut Keys<'_>) {
                    keys.want(&SUMS, record.key.unwrap_or_default());
                    keys.want(&SUMS, record.key.unwrap_or_default());
                }
            }
            export_operator!(Obedient);
        }
    };
}
obedient!(by_key, Prefetch::RecordKey);
obedient!(custom, Prefetch::Custom);
obedient!(nothing, Prefetch::Nothing);

fn values<O: millstream_sdk::Exported>(op: &mut Harness<O>) -> Vec<String> {
    op.take_outputs().iter().map(|o| o.value_text()).collect()
}

const ORDERS: [(&str, &str); 14] = [
    ("a", "append:x"),
    ("b", "append:a longer text than before"),
    ("a", "append:yz"),
    ("a", "add:5"),
    ("c", "add-of:a:2"),
    ("a", "show"),
    ("a", "append:and now much longer than it was"),
    ("a", "delete"),
    ("a", "append:new"),
    ("", "add:-1"),
    ("c", "add-of::-1"),
    ("", "show"),
    ("b", "delete"),
    ("b", "delete"),
];

/// Store number, key and value of all entries.
type State = Vec<(u16, Vec<u8>, Vec<u8>)>;

#[test]
fn records_of_a_batch_read_what_those_before_wrote_whichever_way_keys_are_found() {
    fn run<O: millstream_sdk::Exported>(number_keys: bool, batches: usize) -> (Vec<String>, State) {
        let mut op = Harness::<O>::open(()).unwrap();
        op.number_keys(number_keys);
        let inputs: Vec<_> = ORDERS.iter().map(|(key, value)| Input::new(key, value)).collect();
        inputs.chunks(inputs.len().div_ceil(batches)).for_each(|batch| op.feed(batch).unwrap());
        let state = op.host().entries().map(|(store, key, value)| (store, key.to_vec(), value.to_vec())).collect();
        (values(&mut op), state)
    }
    let one_by_one = run::<by_key::Obedient>(true, ORDERS.len());
    let expected = ["x 0", "a longer text than before 0", "xyz 0", "xyz 5", "- 0", "xyz 7", "xyzand now much longer than it was 7", "- 7", "new 7", "- -1"];
    assert_eq!(one_by_one.0[..10], expected);
    assert_eq!(one_by_one.1.len(), 3, "new, 7 of a and -2 of the empty key: {:?}", one_by_one.1);
    for batches in [1, 2, 5] {
        assert_eq!(run::<by_key::Obedient>(true, batches), one_by_one);
        assert_eq!(run::<by_key::Obedient>(false, batches), one_by_one);
        assert_eq!(run::<custom::Obedient>(true, batches), one_by_one);
        assert_eq!(run::<nothing::Obedient>(false, batches), one_by_one);
    }
}

#[test]
fn batch_costs_one_read_and_one_write() {
    let mut op = Harness::<by_key::Obedient>::open(()).unwrap();
    let inputs: Vec<_> = (0..100).map(|n| Input::new(format!("k{}", n % 7), "add:1")).collect();
    op.feed(&inputs).unwrap();
    assert_eq!(op.host().calls, (1, 1, 0));
    op.feed(&[Input::new("k1", "show")]).unwrap();
    assert_eq!(op.host().calls, (2, 1, 0), "nothing was written, so nothing is written back");
    op.feed(&[Input::null_key("add:1")]).unwrap();
    assert_eq!(op.host().calls, (2, 1, 0), "without keys there is nothing to read");
}

#[test]
fn null_key_among_others_is_rejected_and_the_others_are_right() {
    for number_keys in [true, false] {
        let mut op = Harness::<by_key::Obedient>::open(()).unwrap();
        op.number_keys(number_keys);
        let batch = [Input::new("a", "add:1"), Input::null_key("add:1"), Input::new("", "add:2"), Input::null_key("add:1"), Input::new("a", "add:1")];
        // The whole, and a part whose null key comes last.
        op.feed(&batch).unwrap();
        op.feed(&batch[..2]).unwrap();
        assert_eq!(values(&mut op), ["- 1", "- 2", "- 2", "- 3"]);
        let rejects: Vec<_> = op.take_rejects().iter().map(|r| (r.row, r.reject.code)).collect();
        assert_eq!(rejects, [1, 3, 1].map(|row| (row, millstream_sdk::NO_KEY)));
    }
}

#[test]
fn part_of_a_numbered_batch_finds_its_own_keys() {
    let mut op = Harness::<by_key::Obedient>::open(()).unwrap();
    let mut batch = millstream_sdk::layout::BatchBuilder::default();
    // As the host halves a batch: numbers with gaps, the first of them not 0.
    for (key, key_id) in [("c", 2), ("d", 3), ("c", 2), ("a", 0), ("d", 3)] {
        let fields = millstream_sdk::layout::Fields { key_id, ..Default::default() };
        batch.push(Some(key.as_bytes()), Some(b"add:1"), Default::default(), fields);
    }
    op.feed_batch(&batch.into_batch()).unwrap();
    assert_eq!(values(&mut op), ["- 1", "- 1", "- 2", "- 1", "- 2"]);
    assert_eq!(["a", "c", "d"].map(|key| op.state(&SUMS, key)), [Some(1), Some(2), Some(2)]);
}

#[test]
fn scan_sees_what_the_call_wrote_page_by_page() {
    let mut op = Harness::<by_key::Obedient>::open(()).unwrap();
    op.feed(&["a1", "b1", "a3"].map(|key| Input::new(key, "add:1"))).unwrap();
    op.take_outputs();
    op.feed(&[Input::new("a2", "add:9"), Input::new("a1", "add:1"), Input::new("x", "scan:a"), Input::new("a3", "add:1")]).unwrap();
    assert_eq!(values(&mut op)[2], "a1=2 a2=9 a3=1");
    assert_eq!(op.host().rows_written, 3 + 2 + 1, "what was written before the scan is not written again");
    assert_eq!(op.state(&SUMS, "a3"), Some(2), "what is written after the scan is written back too");
    op.feed(&[Input::new("x", "scan:b"), Input::new("x", "scan:none"), Input::new("x", "scan")]).unwrap();
    assert_eq!(values(&mut op), ["b1=1", "", "a1=2 a2=9 a3=2 b1=1"]);
}

#[test]
fn rejected_record_keeps_what_it_did_and_failed_call_keeps_nothing() {
    let mut op = Harness::<by_key::Obedient>::open(()).unwrap();
    op.feed(&[Input::new("a", "reject"), Input::new("a", "show")]).unwrap();
    assert_eq!(values(&mut op), ["- 1"]);
    assert_eq!(op.feed(&[Input::new("a", "add:1"), Input::new("a", "fail")]), Err(Failure::Fatal("told to".into())));
    assert_eq!(op.state(&SUMS, "a"), Some(1));
    // And nothing of the failed call lingers in the instance.
    op.feed(&[Input::new("a", "show")]).unwrap();
    assert_eq!(values(&mut op), ["- 1"]);
}

#[test]
fn mistakes_in_the_operator_are_named() {
    let mut op = Harness::<by_key::Obedient>::open(()).unwrap();
    let failure = op.feed(&[Input::new("a", "undeclared")]).unwrap_err().to_string();
    assert!(failure.contains("does not declare the store `undeclared`"), "{failure}");
    op.feed(&[Input::new("a", "append:text")]).unwrap();
    let setup = Setup { stores: vec!["text".into()], outputs: vec!["out".into()], ..Setup::default() };
    let failure = millstream_sdk::Instance::<by_key::Obedient>::open(&setup).err().unwrap().to_string();
    assert!(failure.contains("no store `sums`; it gives [text]"), "{failure}");
}
