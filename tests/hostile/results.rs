//! Answers that break the boundary's rules (G7): each is found before anybody reads the batch, and the instance is replaced.

use millstream::error::GuestFault;
use millstream::operator::Limits;
use millstream::record::{FLAG_HEADERS, FLAG_VALUE_NULL, INHERIT, NONE, Row};
use millstream::state::Stores;

use millstream_tests::guest::{ANSWER, BUMP, CALL, Guest, SCRATCH, batch, escaped};

/// Key `k`, value `v`, made from row 0.
const GOOD: Row = Row { key_end: 1, value_end: 2, headers_end: 2, port: 0, flags: 0, timestamp: INHERIT, offset: 0, partition: NONE, key_id: NONE };
const OUTPUTS: usize = 0;
const TIMERS: usize = 1;

/// A guest that answers with these words in place of ok's eleven: result tag, outputs, timers, rejects; its own bytes lie at [`SCRATCH`].
fn answering(words: [u32; 11], bytes: &[u8]) -> Guest {
    let answer: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let fields = format!(r#"(data (i32.const {ANSWER}) "{}") (data (i32.const {SCRATCH}) "{}")"#, escaped(&answer), escaped(bytes));
    Guest { fields, ..Guest::processing(format!("(i32.const {ANSWER})")) }
}

/// A guest that answers with these rows as outputs or timers.
fn rows(part: usize, rows: &[Row], arena: &[u8]) -> Guest {
    let index: Vec<u8> = rows.iter().flat_map(Row::bytes).collect();
    raw(part, &index, arena)
}

fn raw(part: usize, index: &[u8], arena: &[u8]) -> Guest {
    let mut words = [0; 11];
    let at = 1 + 4 * part;
    words[at..at + 4].copy_from_slice(&[SCRATCH, index.len() as u32, SCRATCH + index.len() as u32, arena.len() as u32]);
    answering(words, &[index, arena].concat())
}

/// A guest that rejects these rows, each with a message of these bytes.
fn rejecting(refused: &[u32], message: &[u8]) -> Guest {
    let mut words = [0; 11];
    words[9..].copy_from_slice(&[SCRATCH, refused.len() as u32]);
    let text = SCRATCH + 16 * refused.len() as u32;
    let mut bytes: Vec<u8> = refused.iter().flat_map(|row| [*row, 7, text, message.len() as u32]).flat_map(u32::to_le_bytes).collect();
    bytes.extend(message);
    answering(words, &bytes)
}

fn fault(guest: &Guest) -> GuestFault {
    let mut operator = guest.opened(&Limits::default());
    let fault = operator.process(CALL, &batch(&["v", "v"]), &mut Stores::none()).unwrap_err();
    let again = operator.process(CALL, &batch(&["v", "v"]), &mut Stores::none()).unwrap_err();
    assert_eq!(fault, again, "after a fault a fresh instance does as the first did");
    fault
}

fn assert_invalid(guest: &Guest, reason: &str) {
    let fault = fault(guest);
    assert!(matches!(&fault, GuestFault::Invalid(text) if text.contains(reason)), "expected `{reason}`, but it is: {fault}");
}

#[test]
fn sound_answers_of_the_same_making_are_taken() {
    let mut operator = rows(OUTPUTS, &[GOOD, Row { key_end: 3, value_end: 4, headers_end: 4, offset: 1, ..GOOD }], b"kvlw").opened(&Limits::default());
    let effects = operator.process(CALL, &batch(&["v", "v"]), &mut Stores::none()).unwrap();
    assert_eq!(effects.outputs.iter().map(|row| row.key.unwrap()[0]).collect::<Vec<_>>(), *b"kl");
    let mut operator = rejecting(&[1, 0], &[b'x'; 3_000]).opened(&Limits::default());
    let effects = operator.process(CALL, &batch(&["v", "v"]), &mut Stores::none()).unwrap();
    assert_eq!(effects.rejects.iter().map(|reject| (reject.row, reject.code, reject.message.len())).collect::<Vec<_>>(), [(1, 7, 1_024), (0, 7, 1_024)]);
    let mut operator = rows(TIMERS, &[Row { timestamp: 5, ..GOOD }], b"kv").opened(&Limits::default());
    assert_eq!(operator.process(CALL, &batch(&["v"]), &mut Stores::none()).unwrap().timers.len(), 1);
}

#[test]
fn rows_that_break_the_layout_are_invalid() {
    assert_invalid(&raw(OUTPUTS, &GOOD.bytes()[..39], b"kv"), "no multiple of 40");
    assert_invalid(&rows(OUTPUTS, &[Row { key_end: 2, value_end: 1, ..GOOD }], b"kv"), "ends before it begins");
    assert_invalid(&rows(OUTPUTS, &[GOOD, Row { key_end: 1, ..GOOD }], b"kv"), "ends before it begins");
    assert_invalid(&rows(OUTPUTS, &[Row { headers_end: u32::MAX, value_end: u32::MAX, ..GOOD }], b"kv"), "past the arena");
    assert_invalid(&rows(OUTPUTS, &[GOOD], b"kv and more"), "the arena has 11 bytes");
    assert_invalid(&rows(OUTPUTS, &[], b"k"), "the arena has 1 bytes");
    assert_invalid(&rows(OUTPUTS, &[Row { flags: 0x8000, ..GOOD }], b"kv"), "unknown flags");
    assert_invalid(&rows(OUTPUTS, &[Row { flags: FLAG_VALUE_NULL, ..GOOD }], b"kv"), "null key or value has bytes");
    assert_invalid(&rows(OUTPUTS, &[Row { flags: FLAG_HEADERS, headers_end: 6, ..GOOD }], b"kv\xff\xff\xff\xff"), "headers");
    assert_invalid(&rows(OUTPUTS, &[Row { headers_end: 4, ..GOOD }], b"kv\0\0"), "headers");
}

#[test]
fn rows_that_name_what_is_not_there_are_invalid() {
    assert_invalid(&rows(OUTPUTS, &[Row { port: 1, ..GOOD }], b"kv"), "port 1, but there are 1");
    assert_invalid(&rows(OUTPUTS, &[Row { offset: 2, ..GOOD }], b"kv"), "made from input row 2, but there were 2");
    assert_invalid(&rows(OUTPUTS, &[Row { offset: -1, ..GOOD }], b"kv"), "made from input row -1");
    assert_invalid(&rows(OUTPUTS, &[Row { offset: 1 << 32, ..GOOD }], b"kv"), "made from input row 4294967296");
}

#[test]
fn timers_that_mean_nothing_are_invalid() {
    let due = Row { timestamp: 5, ..GOOD };
    assert_invalid(&rows(TIMERS, &[Row { port: 4, ..due }], b"kv"), "timers: port 4");
    assert_invalid(&rows(TIMERS, &[GOOD], b"kv"), "timestamp -9223372036854775808 means nothing");
    assert_invalid(&rows(TIMERS, &[Row { offset: 2, ..due }], b"kv"), "asked for by row 2, but there were 2");
    assert_invalid(&rows(TIMERS, &[Row { key_end: 9, ..due }], b"kv"), "timers: row 0");
    let long = vec![b'x'; 70_000];
    assert_invalid(&Guest { pages: 4, ..rows(TIMERS, &[Row { value_end: 70_000, headers_end: 70_000, ..due }], &long) }, "65536 bytes of key and payload");
}

#[test]
fn rejects_are_of_rows_that_exist_once_each() {
    assert_invalid(&rejecting(&[2], b"no"), "rejects row 2, but there were 2");
    assert_invalid(&rejecting(&[u32::MAX], b"no"), "rejects row 4294967295");
    assert_invalid(&rejecting(&[1, 1], b"no"), "rejects row 1 twice");
    assert_invalid(&rejecting(&[0, 1, 0], b"no"), "rejects 3 rows");
    assert_invalid(&rejecting(&[0], b"\xff\xfe"), "utf-8");
}

#[test]
fn pointers_and_lengths_out_of_memory_are_refused() {
    for (index, len) in [(0xffff_fff0, 40), (SCRATCH, 1 << 31), (SCRATCH, u32::MAX / 40 * 40), (1 << 31, 40), (u32::MAX, u32::MAX)] {
        let mut words = [0; 11];
        words[1..3].copy_from_slice(&[index, len]);
        assert_invalid(&answering(words, b""), "out of bounds");
        // The same as a list of rejects.
        let mut words = [0; 11];
        words[9..].copy_from_slice(&[index & !3, len]);
        assert_invalid(&answering(words, b""), "out of bounds");
    }
    // A list of rejects that is not aligned.
    let mut words = [0; 11];
    words[9..].copy_from_slice(&[SCRATCH + 1, 1]);
    assert_invalid(&answering(words, &[0; 32]), "aligned");
    // The answer itself lies outside, or is neither ok nor an error.
    assert_invalid(&Guest::processing("(i32.const -4)"), "out of bounds");
    assert_invalid(&Guest::processing("(i32.const 18)"), "aligned");
    assert_invalid(&answering([9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], b""), "discriminant");
}

#[test]
fn a_realloc_that_points_anywhere_is_refused() {
    for (realloc, reason) in [("(i32.const -8)", "beyond end of memory"), ("(i32.const 0x7ffffff0)", "beyond end of memory")] {
        let guest = Guest { realloc: format!("(if (i32.gt_u (local.get $len) (i32.const 79)) (then (return {realloc}))) {}", BUMP), ..Guest::default() };
        assert_invalid(&guest, reason);
    }
    // One that hands out the same bytes twice harms the guest alone: what it then returns breaks a rule, or is only wrong.
    let overlapping = Guest { realloc: "(i32.const 65536)".to_owned(), ..Guest::default() };
    let mut operator = overlapping.opened(&Limits::default());
    let _any = operator.process(CALL, &batch(&["v", "v"]), &mut Stores::none());
}

#[test]
fn failures_in_words_come_back_as_such_and_the_words_are_short() {
    let mut words = [1, 0, SCRATCH, 5, 0, 0, 0, 0, 0, 0, 0];
    let said = |words| answering(words, b"later").opened(&Limits::default()).process(CALL, &batch(&["v"]), &mut Stores::none()).unwrap_err();
    assert_eq!(said(words), GuestFault::Retry("later".into()));
    words[1] = 1;
    assert_eq!(said(words), GuestFault::Fatal("later".into()));
    words[2..4].copy_from_slice(&[70_000, 60_000]);
    assert!(matches!(said(words), GuestFault::Fatal(text) if text.len() == 2_000));
}
