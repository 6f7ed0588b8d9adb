//! Guests that never return, wherever the host enters them (G3), that recurse without end (G5), and that call the host without end (G6).

use std::time::{Duration, Instant};

use millstream::error::GuestFault;
use millstream::operator::Limits;
use millstream::state::Stores;
use millstream_tests::components;

use millstream_tests::guest::{BUMP, CALL, Guest, IDENTITY, LOOP, SCRATCH, TELEMETRY, batch, open_fault, setup};

const LIMIT_MS: u64 = 100;

fn limits() -> Limits {
    Limits { call_ms_max: LIMIT_MS, ..Limits::default() }
}

/// Runs what is ended at the deadline, and checks how exactly: the best of a few tries, as other tests want the processor, too.
fn ended_in_time(mut run: impl FnMut() -> GuestFault) {
    let mut took = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(run(), GuestFault::Deadline { limit_ms: LIMIT_MS });
        took = took.min(began.elapsed());
        if took <= Duration::from_millis(2 * LIMIT_MS) {
            break;
        }
    }
    assert!(took >= Duration::from_millis(LIMIT_MS), "{took:?}");
    assert!(took <= Duration::from_millis(2 * LIMIT_MS), "{took:?}");
}

#[test]
fn a_loop_in_process_is_ended_and_the_next_batch_works() {
    let stuck = format!("(if (i32.eq (local.get $index-len) (i32.const 40)) (then {LOOP})) {IDENTITY}");
    let mut operator = Guest::processing(stuck).opened(&limits());
    ended_in_time(|| operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err());
    assert_eq!(operator.process(CALL, &batch(&["a", "b"]), &mut Stores::none()).unwrap().outputs.len(), 2);
}

/// Java and Kotlin throw with Wasm's exceptions; one that leaves the component is the code's mistake, as a trap is.
#[test]
fn an_exception_that_nobody_catches_is_a_trap_and_the_next_batch_works() {
    let throws = format!("(if (i32.eq (local.get $index-len) (i32.const 40)) (then (throw $thrown))) {IDENTITY}");
    let mut operator = Guest { fields: "(tag $thrown)".to_owned(), ..Guest::processing(throws) }.opened(&limits());
    let fault = operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err();
    assert!(matches!(fault, GuestFault::Trap(_)), "{fault}");
    assert_eq!(operator.process(CALL, &batch(&["a", "b"]), &mut Stores::none()).unwrap().outputs.len(), 2);
}

#[test]
fn a_loop_in_open_is_ended() {
    let loaded = Guest { open: LOOP.to_owned(), ..Guest::default() }.load().unwrap();
    ended_in_time(|| open_fault(loaded.open("hostile", &setup(), &limits()).err().unwrap()));
}

#[test]
fn a_loop_in_realloc_is_ended() {
    let mut operator =
        Guest { realloc: format!("(if (i32.gt_u (local.get $len) (i32.const 1000)) (then {LOOP})) {}", BUMP), ..Guest::default() }.opened(&limits());
    let long = "x".repeat(2_000);
    ended_in_time(|| operator.process(CALL, &batch(&[&long]), &mut Stores::none()).unwrap_err());
    assert_eq!(operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap().outputs.len(), 1);
}

#[test]
fn a_loop_in_post_return_is_ended() {
    let mut operator = Guest { post_return: LOOP.to_owned(), ..Guest::default() }.opened(&limits());
    ended_in_time(|| operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err());
}

#[test]
fn a_loop_while_starting_or_describing_is_refused_at_load() {
    let starting = Guest { fields: format!("(func $start {LOOP}) (start $start)"), ..Guest::default() };
    let describing = Guest { describe: LOOP.to_owned(), ..Guest::default() };
    for guest in [starting, describing] {
        let refused = guest.load().err().unwrap().to_string();
        assert!(refused.contains("cannot describe itself: the call took longer"), "{refused}");
    }
}

#[test]
fn endless_recursion_traps_a_thousand_times_and_the_host_lives() {
    let fields = "(func $recurse (param i64) (result i64) (i64.add (call $recurse (i64.add (local.get 0) (i64.const 1))) (local.get 0)))".to_owned();
    let process = format!("(drop (call $recurse (i64.const 0))) {IDENTITY}");
    // On a thread as small as they come by default, where a guest's stack must not reach the host's.
    let small = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let mut operator = Guest { fields, ..Guest::processing(process) }.opened(&Limits::default());
        for _ in 0..1_000 {
            let fault = operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err();
            assert!(matches!(&fault, GuestFault::Trap(text) if text.contains("call stack exhausted")), "{fault}");
        }
    });
    small.unwrap().join().unwrap();
}

#[test]
fn a_storm_of_host_calls_is_metered_and_stopped() {
    let storm = format!("(loop $storm (call $count (i32.const {SCRATCH}) (i32.const 1) (i64.const 1)) (br $storm)) (unreachable)");
    let mut operator = Guest::processing(storm).importing(TELEMETRY).opened(&Limits { call_ms_max: 20_000, ..Limits::default() });
    let fault = operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err();
    assert!(fault.to_string().contains("telemetry more than a million times"), "{fault}");
    let settled = operator.settle().unwrap();
    assert!(settled.counters[0].1 <= 1_000_001, "{:?}", settled.counters);
}

#[test]
fn a_flood_of_logs_is_cut_counted_and_stopped() {
    let flood = "(loop $flood (call $log (i32.const 0) (i32.const 0) (i32.const 65536)) (br $flood)) (unreachable)";
    let mut operator = Guest::processing(flood).importing(TELEMETRY).opened(&Limits { call_ms_max: 20_000, ..Limits::default() });
    // Again and again between two settles: what each instance says counts together.
    for _ in 0..3 {
        let fault = operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err();
        assert_eq!(fault, GuestFault::OutputCap { limit_bytes: 64 << 20 });
    }
    let settled = operator.settle().unwrap();
    let kept: usize = settled.logs.iter().map(|(_, text)| text.len()).sum();
    assert!(kept <= 1 << 20, "{kept} bytes kept");
    assert!(settled.logs_dropped > 2_000, "{}", settled.logs_dropped);
    assert_eq!(operator.settle().unwrap().logs.len(), 0);
}

#[test]
fn an_old_error_is_not_put_down_to_a_later_trap() {
    // Logs an error in the first call, traps in the second without a word.
    let fields = r#"(global $calls (mut i32) (i32.const 0)) (data (i32.const 2048) "an old story")"#.to_owned();
    let process = format!(
        "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
         (if (i32.eq (global.get $calls) (i32.const 1)) (then (call $log (i32.const 0) (i32.const 2048) (i32.const 12))) (else (unreachable))) {IDENTITY}"
    );
    let mut operator = Guest { fields, ..Guest::processing(process) }.importing(TELEMETRY).opened(&Limits::default());
    operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap();
    let fault = operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err();
    assert!(!fault.to_string().contains("an old story"), "{fault}");
}

#[test]
fn the_operator_that_misbehaves_on_demand_is_told_apart() {
    let loaded = components::load(&components::engine(), "rust-misbehave");
    let setup = millstream::operator::Setup { inputs: vec!["in".into()], outputs: vec!["out".into()], stores: vec!["state".into()], ..Default::default() };
    // A loop ends by its call's limit. The others end by theirs, which on a busy machine may take longer than it should take to stop a loop.
    let open = |call_ms_max| loaded.open("misbehave", &setup, &Limits { call_ms_max, memory_bytes_max: 512 << 20, ..Limits::default() }).unwrap();
    let (mut stopped_soon, mut left_alone) = (open(2_000), open(20_000));
    let orders = [
        ("panic", "trap"),
        ("loop", "deadline"),
        ("memory", "memory"),
        ("recurse", "trap"),
        ("bad-length", "invalid-result"),
        ("bad-ends", "invalid-result"),
        ("bad-arena", "invalid-result"),
        ("bad-flags", "invalid-result"),
        ("bad-port", "invalid-result"),
        ("bad-row", "invalid-result"),
        ("bad-headers", "invalid-result"),
        ("bad-overlap", "invalid-result"),
        ("bad-timer", "invalid-result"),
        ("bad-reject", "invalid-result"),
        ("huge:100", "output-cap"),
        ("tiny:2000000", "output-cap"),
        ("timers", "invalid-result"),
        ("storm", "trap"),
        ("logs", "output-cap"),
        ("long-key", "state"),
        ("many-keys:300000", "state"),
        ("many-keys", "output-cap"),
        ("retry", "retry"),
        ("fatal", "fatal"),
    ];
    for (order, kind) in orders {
        let operator = if kind == "deadline" { &mut stopped_soon } else { &mut left_alone };
        let mut stores = crate::poison::stores("state");
        let fault = operator.process(CALL, &batch(&[order]), &mut stores).unwrap_err();
        assert_eq!(fault.kind(), kind, "{order}: {fault}");
        if order == "panic" {
            assert!(fault.to_string().contains("told to panic"), "{fault}");
        }
        stores.undo();
        let effects = operator.process(CALL, &batch(&["fine"]), &mut stores).unwrap();
        assert_eq!(effects.outputs.len(), 1, "after {order}");
    }
}
