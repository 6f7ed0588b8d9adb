//! What guests cost the host in memory (G4, G12). A binary of its own, one test at a time, as the process is measured.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millstream::error::GuestFault;
use millstream::operator::Limits;
use millstream::state::Stores;
use millstream_tests::components;
use millstream_tests::guest::{CALL, Guest, IDENTITY, batch, engine, open_fault};
use millstream_tests::languages::LANGUAGES;

static ALONE: Mutex<()> = Mutex::new(());
const MIB: u64 = 1 << 20;

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line of /proc/self/status in bytes: `VmRSS` now, `VmHWM` at most since [`forget_peak`].
fn status(line: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let found = text.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    found.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Runs a guest once into its memory limit and says by how much the host grew at most.
fn grown(guest: &Guest, limit: u64) -> u64 {
    let mut operator = guest.opened(&Limits { memory_bytes_max: limit, call_ms_max: 20_000, ..Limits::default() });
    forget_peak();
    let before = status("VmRSS");
    let fault = operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err();
    assert_eq!(fault, GuestFault::Memory { limit_bytes: limit });
    status("VmHWM").saturating_sub(before)
}

#[test]
fn memory_grown_to_the_end_and_touched_costs_the_host_the_limit_at_most() {
    let _alone = alone();
    let greedy = Guest::processing(
        "(loop $more
           (local.set $i (memory.grow (i32.const 16)))
           (if (i32.eq (local.get $i) (i32.const -1)) (then (unreachable)))
           (memory.fill (i32.shl (local.get $i) (i32.const 16)) (i32.const 1) (i32.const 0x100000))
           (br $more)) (unreachable)",
    );
    let limit = 64 * MIB;
    let grown = grown(&greedy, limit);
    println!("memory.grow to the end of {limit} bytes: the host grew by {grown}");
    assert!(grown <= limit + limit / 20, "{grown}");
    assert!(grown >= limit / 2, "the guest did not touch what it was given: {grown}");
}

/// What the collector of Wasm keeps counts like linear memory. Kotlin lives in it.
#[test]
fn collected_memory_held_to_the_end_costs_the_host_the_limit_at_most() {
    let _alone = alone();
    let fields = "(type $bytes (array (mut i8))) (type $list (struct (field (ref $bytes)) (field (ref null $list))))
        (global $held (mut (ref null $list)) (ref.null $list))";
    let process = "(loop $more
        (global.set $held (struct.new $list (array.new $bytes (i32.const 1) (i32.const 0x10000)) (global.get $held)))
        (br $more)) (unreachable)";
    let limit = 64 * MIB;
    let grown = grown(&Guest { fields: fields.to_owned(), ..Guest::processing(process) }, limit);
    println!("objects held to the end of {limit} bytes: the host grew by {grown}");
    assert!(grown <= limit + limit / 20, "{grown}");
    assert!(grown >= limit / 4, "the guest did not keep what it made: {grown}");
}

#[test]
fn tables_grown_to_the_end_cost_a_bounded_part() {
    let _alone = alone();
    let fields = "(table $t 0 funcref) (table $u 0 funcref)".to_owned();
    let process = "(loop $more
        (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then (unreachable)))
        (if (i32.eq (table.grow $u (ref.null func) (i32.const 1000)) (i32.const -1)) (then (unreachable)))
        (br $more)) (unreachable)";
    let grown = grown(&Guest { fields, ..Guest::processing(process) }, 64 * MIB);
    println!("table.grow to the end: the host grew by {grown}");
    assert!(grown <= 64 * MIB, "{grown}");
}

#[test]
fn memory_and_tables_that_begin_above_the_limit_are_not_opened() {
    let _alone = alone();
    let limits = Limits { memory_bytes_max: MIB, ..Limits::default() };
    let error = Guest { pages: 17, ..Guest::default() }.open_under(&limits).err().unwrap();
    assert_eq!(open_fault(error), GuestFault::Memory { limit_bytes: MIB });
    let tables = Guest { fields: "(table 600000 funcref) (table 600000 funcref)".to_owned(), ..Guest::default() };
    let refused = tables.load().err().unwrap().to_string();
    assert!(refused.contains("reached its limit"), "{refused}");
}

#[test]
fn what_a_guest_was_refused_earlier_is_not_put_down_to_a_later_trap() {
    let _alone = alone();
    // The first call asks for too much and copes; the second traps for another reason.
    let fields = "(global $calls (mut i32) (i32.const 0))".to_owned();
    let process = format!(
        "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
         (if (i32.eq (global.get $calls) (i32.const 1)) (then (drop (memory.grow (i32.const 60000)))) (else (unreachable))) {IDENTITY}"
    );
    let mut operator = Guest { fields, ..Guest::processing(process) }.opened(&Limits::default());
    operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap();
    assert_eq!(operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err().kind(), "trap");
}

#[test]
fn an_instance_above_the_recycling_watermark_is_replaced_between_batches() {
    let _alone = alone();
    let leaks = Guest::processing(format!("(drop (memory.grow (i32.const 16))) {IDENTITY}"));
    let limits = Limits { memory_bytes_max: 16 * MIB, recycle_percent: 50, ..Limits::default() };
    let mut operator = leaks.opened(&limits);
    let mut recycled = 0;
    for _ in 0..100 {
        operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap();
        let settled = operator.settle().unwrap();
        assert!(settled.memory_bytes <= 10 * MIB, "{}", settled.memory_bytes);
        recycled += u32::from(settled.recycled);
    }
    assert!((10..=20).contains(&recycled), "{recycled}");
}

#[test]
fn ten_thousand_instances_that_trap_leave_nothing_behind() {
    let _alone = alone();
    let traps = Guest::processing("(memory.fill (i32.const 65536) (i32.const 1) (i32.const 65536)) (unreachable)");
    let mut operator = traps.opened(&Limits::default());
    let mut cycles = |count: u32| {
        for _ in 0..count {
            assert_eq!(operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap_err().kind(), "trap");
        }
    };
    cycles(500);
    let (before, began) = (status("VmRSS"), Instant::now());
    cycles(10_000);
    let (after, took) = (status("VmRSS"), began.elapsed());
    println!("10,000 instantiate/trap cycles in {took:?}: resident {before} bytes before, {after} after");
    assert!(after.abs_diff(before) * 100 <= before * 2, "{before} before, {after} after");
    assert!(took < Duration::from_secs(60), "{took:?}");
}

/// The same of what people write operators with; 10,000 times with MILLSTREAM_LONG.
#[test]
fn instances_of_every_language_that_trap_leave_nothing_behind() {
    let _alone = alone();
    let cycles = if std::env::var_os("MILLSTREAM_LONG").is_some() { 10_000 } else { 1_000 };
    let engine = components::engine();
    for language in &LANGUAGES {
        let limits = Limits { call_ms_max: 20_000, ..Limits::default() };
        let (mut operator, mut stores) = components::opened(&engine, &language.component("misbehave"), "", &["in"], &limits);
        let mut run = |count: u32| {
            for _ in 0..count {
                assert_eq!(operator.process(CALL, &batch(&[language.mistake]), &mut stores).unwrap_err().kind(), "trap", "{language}");
            }
        };
        run(cycles / 10);
        let (before, began) = (status("VmRSS"), Instant::now());
        run(cycles);
        let after = status("VmRSS");
        println!("{language}: {cycles} instantiate/trap cycles in {:?}: resident {before} bytes before, {after} after", began.elapsed());
        assert!(after.abs_diff(before) * 100 <= before * 2, "{language}: {before} before, {after} after");
    }
}

#[test]
fn the_ticker_ends_with_the_engine() {
    let _alone = alone();
    let tickers = || {
        let threads = fs::read_dir("/proc/self/task").unwrap().filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
        threads.filter(|name| name.starts_with("millstream-tick")).count()
    };
    assert_eq!(tickers(), 0);
    let engine = engine();
    let second = engine.clone();
    drop(engine);
    let deadline = Instant::now() + Duration::from_secs(10);
    while tickers() != 1 {
        assert!(Instant::now() < deadline, "the ticker does not run");
        std::thread::yield_now();
    }
    drop(second);
    assert_eq!(tickers(), 0);
}
