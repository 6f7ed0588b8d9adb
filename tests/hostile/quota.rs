//! More than a guest may have (G7, G9): output floods, large keys, many keys, answers that are too large; and state where it may not be used.

use millstream::error::GuestFault;
use millstream::operator::{Limits, Operator};
use millstream::record::{BatchBuilder, Fields, Row};
use millstream::state::Stores;

use crate::poison::stores;
use millstream_tests::guest::{BUMP, CALL, Guest, IDENTITY, STATE, batch, escaped, open_fault};

const ROW: Row = Row { key_end: 1, value_end: 2, headers_end: 2, port: 0, flags: 0, timestamp: 0, offset: 0, partition: 0, key_id: 0 };

/// One row at 2048 and `kv` at 2200, for state calls.
fn one_row(row: Row) -> String {
    format!(r#"(data (i32.const 2048) "{}") (data (i32.const 2200) "kv")"#, escaped(&row.bytes()))
}

fn with_row(row: Row, process: &str) -> Guest {
    Guest { fields: one_row(row), ..Guest::processing(format!("{process} {IDENTITY}")) }.importing(STATE)
}

fn fault(operator: &mut dyn Operator) -> GuestFault {
    operator.process(CALL, &batch(&["a"]), &mut stores("s")).unwrap_err()
}

fn assert_state(guest: &Guest, reason: &str) {
    let fault = fault(&mut *guest.opened(&Limits { call_ms_max: 20_000, ..Limits::default() }));
    assert!(matches!(&fault, GuestFault::State(text) if text.contains(reason)), "expected `{reason}`, but it is: {fault}");
}

const PUT: &str = "(call $put-many (i32.const 2048) (i32.const 40) (i32.const 2200) (i32.const 2))";

/// Answers with `rows` zero rows (empty key and value, made from row 0), or with an arena of so many bytes.
fn flooding(rows: u32, arena: u32) -> Guest {
    let process = format!(
        "(local.set $row (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const {})))
         (call $outputs (local.get $row) (i32.const {}) (local.get $row) (i32.const {arena})) (i32.const 16)",
        (40 * rows).max(arena),
        40 * rows
    );
    Guest::processing(process)
}

#[test]
fn outputs_above_the_cap_are_not_even_copied() {
    let cap = 8 << 20;
    let limits = Limits { output_bytes_max: cap, ..Limits::default() };
    let tiny = |rows| flooding(rows, 0).opened(&limits).process(CALL, &batch(&["a"]), &mut Stores::none());
    assert_eq!(tiny(200_000).unwrap().outputs.len(), 200_000);
    assert_eq!(tiny(1_000_000).unwrap_err(), GuestFault::OutputCap { limit_bytes: cap });
    let large = flooding(1, 100 << 20).opened(&limits).process(CALL, &batch(&["a"]), &mut Stores::none());
    assert_eq!(large.unwrap_err(), GuestFault::OutputCap { limit_bytes: cap });
}

#[test]
fn the_cap_counts_all_imports_of_a_call_together() {
    // A value of 1 MiB, written again and again: each write alone is fine.
    let row = Row { value_end: 1 << 20, headers_end: 1 << 20, ..ROW };
    let put = "(loop $more (call $put-many (i32.const 2048) (i32.const 40) (i32.const 2200) (i32.const 0x100000)) (br $more)) (unreachable)";
    let guest = Guest { pages: 40, ..with_row(row, put) };
    let cap = 16 << 20;
    let mut operator = guest.opened(&Limits { output_bytes_max: cap, call_ms_max: 20_000, ..Limits::default() });
    let mut stores = stores("s");
    assert_eq!(operator.process(CALL, &batch(&["a"]), &mut stores).unwrap_err(), GuestFault::OutputCap { limit_bytes: cap });
    assert!(stores.overlay_bytes() <= 17 << 20, "{}", stores.overlay_bytes());
    stores.undo();
    assert_eq!(stores.overlay_bytes(), 0);
    // A call that stays below has it all again in the next.
    let modest = with_row(ROW, PUT);
    let mut operator = modest.opened(&Limits { output_bytes_max: 200, ..Limits::default() });
    for _ in 0..3 {
        operator.process(CALL, &batch(&["a"]), &mut stores).unwrap();
    }
}

#[test]
fn keys_and_values_above_their_bounds_and_nulls_are_quota_errors() {
    let long = |end| Row { key_end: end, value_end: end, headers_end: end, ..ROW };
    let put = |bytes: u32| format!("(call $put-many (i32.const 2048) (i32.const 40) (i32.const 2200) (i32.const {bytes}))");
    assert_state(&Guest { pages: 40, ..with_row(long(1 << 20), &put(1 << 20)) }, "a key of store `s` has 1048576 bytes, more than 65536");
    let value = Row { value_end: 17 << 20, headers_end: 17 << 20, ..ROW };
    assert_state(&Guest { pages: 300, ..with_row(value, &put(17 << 20)) }, "has more than 16777216 bytes");
    assert_state(&with_row(Row { key_end: 0, flags: 1, ..ROW }, PUT), "a key of store `s` is null");
    assert_state(&with_row(Row { port: 1, ..ROW }, PUT), "store number 1 was not granted");
    assert_state(&with_row(Row { key_end: 3, ..ROW }, PUT), "rows given to the state: row 0");
}

#[test]
fn a_million_keys_a_batch_are_a_quota_error_however_they_are_spread() {
    let at_once = "(local.set $row (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 40000000)))
        (call $put-many (local.get $row) (i32.const 40000000) (local.get $row) (i32.const 0))";
    assert_state(&Guest::processing(at_once.to_owned() + IDENTITY).importing(STATE), "writes more than 262144 rows in one call");
    let one_by_one = format!("(loop $more {PUT} (br $more)) (unreachable)");
    assert_state(&with_row(ROW, &one_by_one), "writes more than 262144 rows in one call");
}

#[test]
fn an_answer_that_would_fill_the_host_is_a_quota_error() {
    let mut stores = stores("s");
    let mut value = BatchBuilder::default();
    value.push(Some(b"k"), Some(&vec![1; 8 << 20]), Default::default(), Fields::default());
    stores.put_many(&value.into_batch()).unwrap();
    stores.keep();
    // 10,000 times the same key: 80 GB.
    let fields = format!(r#"(data (i32.const 2200) "{}") {}"#, escaped(&b"k".repeat(10_000)), "");
    let process = format!(
        "(local.set $begin (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 400000)))
         (local.set $row (local.get $begin))
         (loop $rows
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (i32.store (local.get $row) (local.get $i)) (i32.store offset=4 (local.get $row) (local.get $i)) (i32.store offset=8 (local.get $row) (local.get $i))
           (i32.store16 offset=14 (local.get $row) (i32.const 2))
           (local.set $row (i32.add (local.get $row) (i32.const 40)))
           (br_if $rows (i32.lt_u (local.get $i) (i32.const 10000))))
         (call $get-many (local.get $begin) (i32.const 400000) (i32.const 2200) (i32.const 10000) (i32.const 128)) {IDENTITY}"
    );
    let guest = Guest { fields, ..Guest::processing(process) }.importing(STATE);
    let fault = guest.opened(&Limits::default()).process(CALL, &batch(&["a"]), &mut stores).unwrap_err();
    assert!(matches!(&fault, GuestFault::State(text) if text.contains("ask for fewer keys at a time")), "{fault}");
}

#[test]
fn state_outside_process_and_on_timer_is_an_error_with_a_reason() {
    let guest = Guest { fields: one_row(ROW), open: format!("{PUT} (i32.const 200)"), ..Guest::default() }.importing(STATE);
    let fault = open_fault(guest.open_under(&Limits::default()).err().unwrap());
    assert_eq!(fault, GuestFault::State("state may be used only inside process and on-timer".into()));
    let guest = Guest { fields: one_row(ROW), describe: format!("{PUT} (i32.const 256)"), ..Guest::default() }.importing(STATE);
    let refused = guest.load().err().unwrap().to_string();
    assert!(refused.contains("state may be used only inside process and on-timer"), "{refused}");
    // From `realloc`, while the host lowers the batch, nothing may be called at all.
    let guest = Guest { fields: one_row(ROW), realloc: format!("{PUT} {BUMP}"), ..Guest::default() }.importing(STATE);
    let fault = open_fault_or_process(&guest);
    assert!(fault.to_string().contains("cannot leave component instance"), "{fault}");
}

fn open_fault_or_process(guest: &Guest) -> GuestFault {
    match guest.open_under(&Limits::default()) {
        Err(error) => open_fault(error),
        Ok(mut operator) => fault(&mut *operator),
    }
}

#[test]
fn the_stores_come_back_whatever_the_call_did() {
    let guest = with_row(ROW, &format!("{PUT} (if (i32.eq (local.get $index-len) (i32.const 40)) (then (unreachable)))"));
    let mut operator = guest.opened(&Limits::default());
    let mut stores = stores("s");
    operator.process(CALL, &batch(&["a"]), &mut stores).unwrap_err();
    stores.undo();
    assert_eq!(stores.changes().count(), 0);
    operator.process(CALL, &batch(&["a", "b"]), &mut stores).unwrap();
    stores.keep();
    assert_eq!(stores.changes().map(|change| change.value.unwrap().to_vec()).collect::<Vec<_>>(), [b"v"]);
}
