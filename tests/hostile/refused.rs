//! What is no operator is refused at load within a second, with a reason and what to do (G1). Compiling and describing included.

use std::time::{Duration, Instant};

use millstream::error::HostError;
use millstream::operator::{COMPONENT_BYTES_MAX, Grants, Limits, Loaded};
use millstream::state::Stores;

use millstream_tests::guest::{CALL, Guest, IDENTITY, STATE, WIT, batch, component, engine, load, setup};

/// Loads what must be refused, and returns reason and help.
fn refused(bytes: &[u8], grants: Grants) -> (String, String) {
    let engine = engine();
    let began = Instant::now();
    let result = Loaded::from_bytes(&engine, "x.wasm", bytes, grants);
    let took = began.elapsed();
    let Err(HostError::Job { key, reason, help: Some(help) }) = result else { panic!("not refused as it should be: {:?}", result.err()) };
    assert_eq!(key, "x.wasm");
    assert!(took < Duration::from_secs(1), "{reason}: took {took:?}");
    (reason, help)
}

fn assert_refused(bytes: &[u8], reason: &str, help: &str) {
    let (said, advised) = refused(bytes, Grants { state: true });
    assert!(said.contains(reason), "expected `{reason}`, but it says: {said}");
    assert!(advised.contains(help), "expected `{help}`, but it advises: {advised}");
}

/// The identity for another edition of the WIT package; `adapt` changes the core module's text.
fn edition(wit: &str, adapt: impl Fn(String) -> String) -> Vec<u8> {
    component(&adapt(Guest::default().text()), wit, "job")
}

#[test]
fn files_that_are_no_components_are_named_for_what_they_are() {
    let core = wat::parse_str("(module)").unwrap();
    assert_refused(b"", "is empty", "millstream build");
    assert_refused(b"hello, world: this is no wasm", "is no WebAssembly", "millstream build");
    assert_refused(&[0; 1_000], "is no WebAssembly", "millstream build");
    assert_refused(b"\x7fELF\x02\x01\x01\0 and so on", "machine code", "millstream build");
    assert_refused(b"(component)", "is WebAssembly text", "encode it");
    assert_refused(&core, "is a core module, not a component", "millstream build");
    assert_refused(b"\0asm\x0e\0\x01\0", "of a version this host does not know", "millstream build");
    assert_refused(&vec![0; COMPONENT_BYTES_MAX + 1], "more than 50331648", "strip debug information");
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    for (path, reason) in [(folder.path().to_owned(), "is no file"), (folder.path().join("missing.wasm"), "cannot be read"), ("/dev/zero".into(), "is no file")]
    {
        let error = Loaded::load(&engine(), &path, Grants { state: true }).err().unwrap();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let huge = folder.path().join("huge.wasm");
    std::fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let error = Loaded::load(&engine(), &huge, Grants { state: true }).err().unwrap();
    assert!(error.to_string().contains("1099511627776 bytes"), "{error}");
}

#[test]
fn a_truncated_component_is_refused_wherever_it_is_cut() {
    let whole = Guest::default().component();
    for cut in (8..whole.len()).step_by(7) {
        let (reason, _) = refused(&whole[..cut], Grants { state: true });
        assert!(!reason.is_empty());
    }
    assert_refused(&whole[..whole.len() / 2], "is cut off", "damaged");
}

/// Whatever one byte does, it is refused or it runs within its limits; nothing panics.
#[test]
fn a_component_with_a_byte_changed_is_refused_or_harmless() {
    let whole = Guest::default().component();
    let (mut seed, mut refusals) = (11u64, 0);
    for _ in 0..400 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut changed = whole.clone();
        let at = (seed >> 20) as usize % changed.len();
        changed[at] ^= 1 << (seed >> 60 & 7);
        match load(&changed) {
            Err(HostError::Job { help: Some(_), .. }) => refusals += 1,
            Err(other) => panic!("byte {at}: {other}"),
            Ok(loaded) => {
                let limits = Limits { call_ms_max: 200, ..Limits::default() };
                if let Ok(mut operator) = loaded.open("changed", &setup(), &limits) {
                    let _any = operator.process(CALL, &batch(&["a"]), &mut Stores::none());
                }
            }
        }
    }
    assert!(refusals > 100, "{refusals}");
}

#[test]
fn another_version_of_the_boundary_is_refused_by_name() {
    let later = edition(&WIT.replace("@0.1.0", "@0.2.0"), |core| core.replace("@0.1.0", "@0.2.0"));
    assert_refused(&later, "exports millstream:operator/operator@0.2.0, but this host speaks millstream:operator/operator@0.1.0", "another version");
}

#[test]
fn another_world_is_refused_by_what_it_exports() {
    let wit = "package other:thing@1.0.0; interface greeter { greet: func() -> u32; } world job { export greeter; }";
    let other = component(r#"(module (func (export "other:thing/greeter@1.0.0#greet") (result i32) (i32.const 1)))"#, wit, "job");
    assert_refused(&other, "it exports other:thing/greeter@1.0.0", "millstream build");
    let silent = component("(module)", "package other:thing@1.0.0; world job {}", "job");
    assert_refused(&silent, "it exports nothing", "millstream build");
}

#[test]
fn a_missing_function_and_one_of_another_type_are_refused_by_name() {
    let from = WIT.find("  /// Rewrites rows of a store").unwrap();
    let to = from + WIT[from..].find(";\n").unwrap() + 2;
    let short = format!("{}{}", &WIT[..from], &WIT[to..]);
    assert_refused(&edition(&short, |core| core), "without `migrate`", "WIT package");
    let wit = WIT.replace("describe: func() -> description;", "describe: func() -> u32;");
    assert_refused(&edition(&wit, |core| core), "`describe` has not the type", "WIT package");
}

#[test]
fn wasi_is_refused_with_the_interface_that_was_imported() {
    let wasi = "package wasi:cli@0.2.0 { interface environment { initial-cwd: func() -> u32; } }";
    let wit = format!("{WIT}\n{wasi}").replace("export operator;", "import wasi:cli/environment@0.2.0; export operator;");
    let import = r#"(module (import "wasi:cli/environment@0.2.0" "initial-cwd" (func (result i32)))"#;
    let bytes = edition(&wit, |core| core.replacen("(module", import, 1));
    assert_refused(&bytes, "imports wasi:cli/environment@0.2.0", "operators get no WASI");
}

#[test]
fn state_is_refused_to_an_operator_without_stores() {
    let bytes = Guest::processing(IDENTITY).importing(STATE).component();
    let (reason, help) = refused(&bytes, Grants { state: false });
    assert!(reason.contains("uses state, but the job grants it no store") && help.contains("stores = "), "{reason}; {help}");
    assert!(load(&bytes).is_ok());
}

#[test]
fn a_description_that_nobody_could_use_is_refused() {
    // Two outputs of the same name; a list of a million names.
    let twice = "(i32.store (i32.const 284) (i32.const 2)) (i64.store (i32.const 328) (i64.load (i32.const 320))) (i32.const 256)";
    assert_refused(&Guest { describe: twice.to_owned(), ..Guest::default() }.component(), "two outputs are called `out`", "description");
    let many = "(i32.store (i32.const 272) (i32.const 0)) (i32.store (i32.const 276) (i32.const 1000)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 64))
        (memory.fill (i32.const 400) (i32.const 0) (i32.const 8000)) (i32.store (i32.const 272) (i32.const 400)) (i32.const 256)";
    assert_refused(&Guest { describe: many.to_owned(), ..Guest::default() }.component(), "1000 inputs", "description");
}

#[test]
fn a_refusal_leaves_what_runs_untouched() {
    let engine = engine();
    let loaded = Loaded::from_bytes(&engine, "good.wasm", &Guest::default().component(), Grants { state: true }).unwrap();
    let mut operator = loaded.open("good", &setup(), &Limits::default()).unwrap();
    for bad in [b"garbage".to_vec(), Guest { describe: "(unreachable)".to_owned(), ..Guest::default() }.component()] {
        assert!(Loaded::from_bytes(&engine, "bad.wasm", &bad, Grants { state: true }).is_err());
        let effects = operator.process(CALL, &batch(&["a", "b"]), &mut Stores::none()).unwrap();
        assert_eq!(effects.outputs.iter().map(|row| row.value.unwrap().to_vec()).collect::<Vec<_>>(), [b"a", b"b"]);
    }
}
