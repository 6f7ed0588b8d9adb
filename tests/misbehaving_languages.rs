//! What goes wrong in C, C++, Go, Python, JavaScript, TypeScript, Kotlin, Java and Zig: one record's order in the middle of a batch. The host names the fault, finds that record, lets the others through,
//! and goes on. (The hostile Rust guest has a suite of its own.)

use millstream::error::GuestFault;
use millstream::operator::{Call, Limits, Operator, isolate};
use millstream::record::{Batch, BatchBuilder, Fields, Headers};
use millstream::state::Stores;
use millstream_tests::components;

const CALL: Call = Call { watermark: 0, now: 0, task: 0 };

/// The operator, and the stores that it declares.
fn opened(name: &str) -> (Box<dyn Operator>, Stores) {
    let limits = Limits { memory_bytes_max: 64 << 20, call_ms_max: 300, ..Limits::default() };
    components::opened(&components::engine(), name, "", &["in"], &limits)
}

fn batch(values: &[&str]) -> Batch {
    let mut batch = BatchBuilder::default();
    for (n, value) in values.iter().enumerate() {
        batch.push(Some(b"k"), Some(value.as_bytes()), Headers::default(), Fields { offset: n as i64, partition: 0, ..Fields::default() });
    }
    batch.into_batch()
}

/// An order and whether a fault is the one it should lead to.
type Order = (&'static str, fn(&GuestFault) -> bool);

/// Runs each order between good records, and after it a good batch; gives the fault's kind and text to the check.
fn each_is_found(name: &str, orders: &[Order]) {
    let (mut operator, mut stores) = opened(name);
    for (order, is_expected) in orders {
        let done = isolate::process(operator.as_mut(), CALL, &batch(&["one", "two", order, "four", "five"]), &mut stores)
            .unwrap_or_else(|fault| panic!("{name} {order}: the whole batch failed: {fault}"));
        let poisoned: Vec<_> = done.poisoned.iter().map(|p| p.row).collect();
        assert_eq!(poisoned, [2], "{name} {order}");
        let fault = &done.poisoned[0].fault;
        assert!(is_expected(fault), "{name} {order}: {fault}");
        let values: Vec<_> = done.effects.outputs.iter().map(|row| (row.offset, row.value.unwrap_or_default().to_vec())).collect();
        let good = [(0, "one"), (1, "two"), (3, "four"), (4, "five")].map(|(row, value)| (row, value.as_bytes().to_vec()));
        assert_eq!(values, good, "{name} {order}");
    }
}

fn concern_the_whole_batch(name: &str) {
    let (mut operator, mut stores) = opened(name);
    let mut process = |order| operator.process(CALL, &batch(&["one", order]), &mut stores);
    assert_eq!(process("retry"), Err(GuestFault::Retry("told to retry".into())), "{name}");
    assert_eq!(process("fatal"), Err(GuestFault::Fatal("told to fail".into())), "{name}");
    let effects = process("reject").unwrap();
    assert_eq!((effects.rejects[0].row, effects.rejects[0].message.as_str()), (1, "told to reject"), "{name}");
    assert_eq!(effects.outputs.len(), 1, "{name}");
}

fn trap(fault: &GuestFault) -> bool {
    matches!(fault, GuestFault::Trap(_))
}

/// A trap whose text has these words.
fn says(fault: &GuestFault, words: &str) -> bool {
    matches!(fault, GuestFault::Trap(text) if text.contains(words))
}

fn memory_or_trap(fault: &GuestFault) -> bool {
    matches!(fault, GuestFault::Memory { .. } | GuestFault::Trap(_))
}

fn invalid(fault: &GuestFault) -> bool {
    matches!(fault, GuestFault::Invalid(_))
}

fn deadline(fault: &GuestFault) -> bool {
    matches!(fault, GuestFault::Deadline { .. })
}

/// Results that no host may accept, by the names that all languages have for them.
const BAD_RESULTS: [Order; 10] = [
    ("bad-length", invalid),
    ("bad-ends", invalid),
    ("bad-arena", invalid),
    ("bad-flags", invalid),
    ("bad-port", invalid),
    ("bad-row", invalid),
    ("bad-headers", invalid),
    ("bad-overlap", invalid),
    ("bad-timer", invalid),
    ("bad-reject", invalid),
];

/// What C and C++ have in common: nothing is checked.
const UNCHECKED: [Order; 11] = [
    ("panic", |fault| says(fault, "told to panic") && says(fault, "do_wrong")),
    ("trap", trap),
    ("abort", trap),
    ("exit", trap),
    ("divide", trap),
    ("wild", trap),
    ("smash", |fault| trap(fault) || invalid(fault)),
    ("loop", deadline),
    ("recurse", trap),
    ("memory", memory_or_trap),
    ("long", |fault| trap(fault) || invalid(fault) || matches!(fault, GuestFault::OutputCap { .. })),
];

#[test]
fn c_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found("c-misbehave", &UNCHECKED);
    each_is_found("c-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("c-misbehave");
}

#[test]
fn cpp_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found("cpp-misbehave", &UNCHECKED);
    each_is_found("cpp-misbehave", &BAD_RESULTS);
    each_is_found("cpp-misbehave", &[("value", |fault| says(fault, "the value of what failed: told to reject")), ("index", trap)]);
    concern_the_whole_batch("cpp-misbehave");
}

#[test]
fn go_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found(
        "go-misbehave",
        &[
            ("panic", |fault| says(fault, "panic: told to panic") && says(fault, "misbehave.go:")),
            ("nil", |fault| says(fault, "nil pointer dereference") && says(fault, "main.obey")),
            ("index", |fault| says(fault, "index out of range")),
            ("exit", trap),
            ("goroutine", trap),
            ("deadlock", trap),
            ("recurse", |fault| trap(fault) || matches!(fault, GuestFault::Memory { .. })),
            ("loop", deadline),
            ("memory", memory_or_trap),
        ],
    );
    each_is_found("go-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("go-misbehave");
}

#[test]
fn python_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found(
        "python-misbehave",
        &[
            ("raise", |fault| says(fault, "ValueError: told to raise") && says(fault, "misbehave.py:")),
            ("exit", |fault| says(fault, "SystemExit: 3")),
            ("recurse", |fault| says(fault, "RecursionError")),
            ("type", trap),
            ("time", trap),
            ("open", trap),
            ("loop", deadline),
            ("memory", memory_or_trap),
        ],
    );
    each_is_found("python-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("python-misbehave");
}

/// What JavaScript and TypeScript have in common: the engine.
const SCRIPT: [Order; 8] = [
    ("throw", |fault| says(fault, "Error: told to throw") && says(fault, "(misbehave.")),
    ("string", |fault| says(fault, "thrown: told to throw a text")),
    ("type", |fault| says(fault, "TypeError: cannot read property 'field' of null") && says(fault, "(misbehave.")),
    ("range", |fault| says(fault, "RangeError")),
    ("async", |fault| says(fault, "`process` returns a promise")),
    ("loop", deadline),
    ("recurse", trap),
    ("memory", memory_or_trap),
];

#[test]
fn javascript_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found("javascript-misbehave", &SCRIPT);
    each_is_found("javascript-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("javascript-misbehave");
}

#[test]
fn typescript_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found("typescript-misbehave", &SCRIPT);
    each_is_found("typescript-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("typescript-misbehave");
}

#[test]
fn kotlin_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found(
        "kotlin-misbehave",
        &[
            ("throw", |fault| says(fault, "IllegalStateException: told to throw")),
            ("null", |fault| says(fault, "NullPointerException")),
            ("index", |fault| says(fault, "IndexOutOfBoundsException")),
            ("cast", |fault| says(fault, "ClassCastException")),
            ("recurse", trap),
            ("loop", deadline),
            ("memory", |fault| matches!(fault, GuestFault::Memory { .. })),
            ("linear", memory_or_trap),
        ],
    );
    each_is_found("kotlin-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("kotlin-misbehave");
}

#[test]
fn java_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found(
        "java-misbehave",
        &[
            ("throw", |fault| says(fault, "IllegalStateException: told to throw") && says(fault, "Misbehave.java:")),
            ("null", |fault| says(fault, "NullPointerException")),
            ("index", |fault| says(fault, "IndexOutOfBoundsException")),
            ("cast", |fault| says(fault, "ClassCastException")),
            ("recurse", trap),
            ("loop", deadline),
            ("memory", memory_or_trap),
        ],
    );
    each_is_found("java-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("java-misbehave");
}

/// What is checked has Zig's own words, and the functions that led there.
#[test]
fn zig_that_misbehaves_is_found_and_the_others_go_on() {
    each_is_found(
        "zig-misbehave",
        &[
            ("panic", |fault| says(fault, "told to panic") && says(fault, "bad.doWrong")),
            ("index", |fault| says(fault, "index out of bounds: index 3, len 3") && says(fault, "misbehave.obey")),
            ("overflow", |fault| says(fault, "integer overflow")),
            ("null", |fault| says(fault, "attempt to use null value")),
            ("unreachable", |fault| says(fault, "reached unreachable code")),
            ("trap", trap),
            ("wild", trap),
            ("smash", |fault| memory_or_trap(fault) || invalid(fault)),
            ("loop", deadline),
            ("recurse", trap),
            ("memory", memory_or_trap),
            ("long", |fault| trap(fault) || invalid(fault) || matches!(fault, GuestFault::OutputCap { .. })),
        ],
    );
    each_is_found("zig-misbehave", &BAD_RESULTS);
    concern_the_whole_batch("zig-misbehave");
}
