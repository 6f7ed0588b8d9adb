//! The compile cache: what is damaged there is compiled again, and nothing there is trusted for its name.

use std::fs;
use std::path::{Path, PathBuf};

use millstream::operator::{Grants, Limits, Loaded, WasmEngine};
use millstream::state::Stores;

use millstream_tests::guest::{CALL, Guest, batch, setup};

fn entry(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "one entry and nothing half written: {files:?}");
    files[0].clone()
}

fn works(engine: &WasmEngine, bytes: &[u8]) {
    let loaded = Loaded::from_bytes(engine, "cached.wasm", bytes, Grants { state: true }).unwrap();
    let mut operator = loaded.open("cached", &setup(), &Limits::default()).unwrap();
    assert_eq!(operator.process(CALL, &batch(&["a"]), &mut Stores::none()).unwrap().outputs.len(), 1);
}

#[test]
fn a_damaged_entry_is_noticed_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let engine = WasmEngine::new(Some(folder.path().to_owned())).unwrap();
    let bytes = Guest::default().component();
    works(&engine, &bytes);
    let path = entry(folder.path());
    let sound = fs::read(&path).unwrap();
    for n in 0..50 {
        let mut damaged = sound.clone();
        match n % 5 {
            0 => damaged.truncate(n * sound.len() / 50),
            _ => damaged[n * sound.len() / 50] ^= 1,
        }
        fs::write(&path, &damaged).unwrap();
        works(&engine, &bytes);
        assert!(fs::read(entry(folder.path())).unwrap() != damaged, "case {n}: the damaged entry is still there");
    }
}

#[test]
fn compiled_code_under_another_name_is_not_taken_for_a_component() {
    let folder = tempfile::tempdir().unwrap();
    let engine = WasmEngine::new(Some(folder.path().to_owned())).unwrap();
    works(&engine, &Guest::default().component());
    let compiled = fs::read(entry(folder.path())).unwrap();
    // With our checksum in front, and as wasmtime leaves it.
    for code in [&compiled[..], &compiled[32..]] {
        let file = folder.path().join("user.wasm");
        fs::write(&file, code).unwrap();
        let error = Loaded::load(&engine, &file, Grants { state: true }).err().unwrap();
        assert!(error.to_string().contains("WebAssembly"), "{error}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file, no folder");
    fs::write(&file, b"").unwrap();
    works(&WasmEngine::new(Some(file.join("cache"))).unwrap(), &Guest::default().component());
}
