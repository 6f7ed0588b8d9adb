//! The one record that an operator cannot survive (G8): found, handed back alone, while the good ones keep order, lineage and state.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use millstream::error::GuestFault;
use millstream::operator::{Effects, Isolated, Limits, NativeOperator, Operator, isolate};
use millstream::record::{Batch, BatchBuilder, Fields, timer};
use millstream::state::{MemoryStore, StoreOptions, Stores};

use millstream_tests::guest::{CALL, Guest, IDENTITY, STATE, batch};

/// Fresh stores in memory: one, of this name.
pub fn stores(name: &str) -> Stores {
    Stores::open(Rc::new(MemoryStore::default()), "job", "hostile", 0, &[StoreOptions { name: name.to_owned(), ttl_ms: None }]).unwrap()
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Writes each row to the state by itself, in order, and traps after the write where the value begins with `!`.
fn writes_then_traps() -> Guest {
    let process = format!(
        "(local.set $row (local.get $index))
         (block $done (loop $rows
           (br_if $done (i32.ge_u (local.get $row) (i32.add (local.get $index) (local.get $index-len))))
           (memory.copy (i32.const 2048) (local.get $row) (i32.const 40))
           (i32.store (i32.const 2048) (i32.sub (i32.load (local.get $row)) (local.get $begin)))
           (i32.store (i32.const 2052) (i32.sub (i32.load offset=4 (local.get $row)) (local.get $begin)))
           (i32.store (i32.const 2056) (i32.sub (i32.load offset=8 (local.get $row)) (local.get $begin)))
           (call $put-many (i32.const 2048) (i32.const 40) (i32.add (local.get $arena) (local.get $begin)) (i32.load (i32.const 2056)))
           (if (i32.eq (i32.const 0x21) (i32.load8_u (i32.add (local.get $arena) (i32.load (local.get $row))))) (then (unreachable)))
           (local.set $begin (i32.load offset=8 (local.get $row)))
           (local.set $row (i32.add (local.get $row) (i32.const 40)))
           (br $rows)))
         {IDENTITY}"
    );
    Guest::processing(process).importing(STATE)
}

/// The same in Rust.
fn native() -> NativeOperator {
    let handle = |_, input: &Batch, stores: &mut Stores| {
        let mut outputs = BatchBuilder::default();
        for (n, row) in input.iter().enumerate() {
            let mut write = BatchBuilder::default();
            write.push_view(row);
            stores.put_many(&write.into_batch())?;
            if row.value.unwrap_or_default().starts_with(b"!") {
                return Err(GuestFault::Trap("told to".to_owned()));
            }
            outputs.push_view(millstream::record::View { offset: n as i64, ..row });
        }
        Ok(Effects { outputs: outputs.into_batch(), ..Effects::default() })
    };
    NativeOperator::new("native", handle).with_timers(handle).with_stores(&["s"])
}

type Run = fn(&mut dyn Operator, millstream::operator::Call, &Batch, &mut Stores) -> Result<Isolated, GuestFault>;

/// A thousand batches with bad records at random places: outputs, poisoned rows and state are exactly those of the good records, in order.
fn thousand_batches(operator: &mut dyn Operator, run: Run) {
    let (mut random, mut stores, mut state) = (Random(3), stores("s"), BTreeMap::new());
    let mut poisoned = 0;
    for n in 0..1_000 {
        let rows = 1 + random.below(64);
        let bad: Vec<usize> = (0..[1, 1, 1, 2, 5, 0][n % 6]).map(|_| random.below(rows)).collect();
        let records: Vec<(String, String)> =
            (0..rows).map(|row| (format!("key-{}", random.below(20)), format!("{}{n}-{row}", if bad.contains(&row) { "!" } else { "" }))).collect();
        let mut input = BatchBuilder::default();
        for (key, value) in &records {
            input.push(Some(key.as_bytes()), Some(value.as_bytes()), Default::default(), Fields { offset: 7_000, ..Fields::default() });
        }
        let done = run(operator, CALL, &input.into_batch(), &mut stores).unwrap();
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        let got: Vec<_> = done.effects.outputs.iter().map(|row| (row.offset as usize, text(row.key), text(row.value))).collect();
        let good = records.iter().enumerate().filter(|(row, _)| !bad.contains(row));
        let want: Vec<_> = good.map(|(row, (key, value))| (row, key.clone(), value.clone())).collect();
        assert_eq!(got, want, "batch {n}");
        let rows_poisoned: Vec<usize> = done.poisoned.iter().map(|poisoned| poisoned.row as usize).collect();
        assert_eq!(rows_poisoned, (0..rows).filter(|row| bad.contains(row)).collect::<Vec<_>>(), "batch {n}");
        assert!(done.poisoned.iter().all(|poisoned| poisoned.fault.kind() == "trap"), "{:?}", done.poisoned);
        poisoned += rows_poisoned.len();
        state.extend(want.into_iter().map(|(_, key, value)| (key, value)));
    }
    let kept: BTreeMap<String, String> =
        stores.changes().map(|change| (String::from_utf8(change.key.to_vec()).unwrap(), String::from_utf8(change.value.unwrap().to_vec()).unwrap())).collect();
    assert_eq!(kept, state);
    assert!(poisoned > 1_000);
}

#[test]
fn a_thousand_batches_with_traps_at_random_records_are_exact_in_wasm() {
    thousand_batches(&mut *writes_then_traps().opened(&Limits::default()), isolate::process);
}

#[test]
fn a_thousand_batches_with_traps_at_random_records_are_exact_natively() {
    thousand_batches(&mut native(), isolate::process);
}

#[test]
fn timers_that_an_operator_cannot_survive_are_found_as_records_are() {
    thousand_batches(&mut *writes_then_traps().opened(&Limits::default()), isolate::on_timer);
    thousand_batches(&mut native(), isolate::on_timer);
}

/// Counts calls; a row's value is what it costs, and a call may cost 100.
fn slow(calls: &Rc<Cell<usize>>) -> NativeOperator {
    let calls = calls.clone();
    NativeOperator::new("slow", move |_, input, _| {
        calls.set(calls.get() + 1);
        let cost: u64 = input.iter().map(|row| String::from_utf8_lossy(row.value.unwrap()).parse::<u64>().unwrap()).sum();
        if cost > 100 {
            return Err(GuestFault::Deadline { limit_ms: 100 });
        }
        let mut outputs = BatchBuilder::default();
        (0..input.len()).for_each(|n| outputs.push(None, None, Default::default(), Fields { offset: n as i64, ..Fields::default() }));
        Ok(Effects { outputs: outputs.into_batch(), ..Effects::default() })
    })
}

#[test]
fn a_batch_that_was_too_slow_as_a_whole_succeeds_in_parts() {
    for (cost, rows, calls_max) in [("1", 1_000, 40), ("10", 1_024, 400), ("90", 300, 800)] {
        let calls = Rc::new(Cell::new(0));
        let done = isolate::process(&mut slow(&calls), CALL, &batch(&vec![cost; rows]), &mut Stores::none()).unwrap();
        assert_eq!(done.effects.outputs.iter().map(|row| row.offset as usize).collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
        assert_eq!(done.poisoned, []);
        assert!(calls.get() <= calls_max, "{} calls at a cost of {cost}", calls.get());
    }
}

#[test]
fn one_bad_record_costs_a_few_calls_and_nothing_but_bad_ones_not_for_ever() {
    for bad in [0, 1, 511, 512, 700, 1_023] {
        let calls = Rc::new(Cell::new(0));
        let values: Vec<&str> = (0..1_024).map(|n| if n == bad { "101" } else { "0" }).collect();
        let done = isolate::process(&mut slow(&calls), CALL, &batch(&values), &mut Stores::none()).unwrap();
        assert_eq!(done.poisoned.iter().map(|poisoned| poisoned.row as usize).collect::<Vec<_>>(), [bad]);
        assert_eq!(done.effects.outputs.len(), 1_023);
        assert!(calls.get() <= 31, "{} calls for record {bad}", calls.get());
    }
    let calls = Rc::new(Cell::new(0));
    let fault = isolate::process(&mut slow(&calls), CALL, &batch(&vec!["101"; 1_024]), &mut Stores::none()).unwrap_err();
    assert!(matches!(&fault, GuestFault::Fatal(text) if text.contains("ended at the deadline")), "{fault}");
    assert!(calls.get() <= 33, "{} calls", calls.get());
}

#[test]
fn outputs_that_are_too_much_only_together_come_in_parts_up_to_a_bound() {
    // Each row emits 1 MiB per unit of its value; a call may emit 8 MiB.
    let emits = || {
        NativeOperator::new("large", |_, input, _| {
            let mut outputs = BatchBuilder::default();
            for (n, row) in input.iter().enumerate() {
                let bytes = String::from_utf8_lossy(row.value.unwrap()).parse::<usize>().unwrap() << 20;
                outputs.push(None, Some(&vec![0; bytes]), Default::default(), Fields { offset: n as i64, ..Fields::default() });
                if outputs.bytes() > 9 << 20 {
                    return Err(GuestFault::OutputCap { limit_bytes: 8 << 20 });
                }
            }
            Ok(Effects { outputs: outputs.into_batch(), ..Effects::default() })
        })
    };
    let done = isolate::process(&mut emits(), CALL, &batch(&["3"; 16]), &mut Stores::none()).unwrap();
    assert_eq!((done.effects.outputs.len(), done.poisoned.len()), (16, 0));
    let fault = isolate::process(&mut emits(), CALL, &batch(&["8"; 64]), &mut Stores::none()).unwrap_err();
    assert!(matches!(&fault, GuestFault::Fatal(text) if text.contains("batch-records")), "{fault}");
}

#[test]
fn rejects_and_timers_of_parts_name_the_rows_of_the_whole() {
    let mut operator = NativeOperator::new("both", |_, input, _| {
        let (mut timers, mut rejects) = (BatchBuilder::default(), Vec::new());
        for (n, row) in input.iter().enumerate() {
            match row.value {
                Some(b"trap") => return Err(GuestFault::Trap("told to".to_owned())),
                Some(b"reject") => rejects.push(millstream::operator::Reject { row: n as u32, code: 1, message: String::new() }),
                _ => timers.push(row.key, row.value, Default::default(), Fields { port: timer::EVENT, offset: n as i64, ..Fields::default() }),
            }
        }
        Ok(Effects { timers: timers.into_batch(), rejects, ..Effects::default() })
    });
    let done = isolate::process(&mut operator, CALL, &batch(&["a", "reject", "trap", "b", "reject"]), &mut Stores::none()).unwrap();
    assert_eq!(done.effects.timers.iter().map(|row| (row.offset, row.value.unwrap()[0])).collect::<Vec<_>>(), [(0, b'a'), (3, b'b')]);
    assert_eq!(done.effects.rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(done.poisoned.iter().map(|poisoned| poisoned.row).collect::<Vec<_>>(), [2]);
}
