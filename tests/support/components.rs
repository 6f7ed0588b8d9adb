//! Where the built operators are, and an engine to run them in.

use std::path::PathBuf;
use std::sync::Arc;

use millstream::operator::{Grants, Loaded, WasmEngine};

/// The cache folder: built components, compiled code, tools.
pub fn cache() -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    std::env::var_os("MILLSTREAM_CACHE").map_or_else(|| home.join(".cache").join("millstream"), PathBuf::from)
}

/// A built component by name, such as `rust-count`. `guests/build-all` builds them.
pub fn component(name: &str) -> PathBuf {
    let folder = std::env::var_os("MILLSTREAM_COMPONENTS").map_or_else(|| cache().join("components"), PathBuf::from);
    let path = folder.join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is not there: run guests/build-all", path.display());
    path
}

/// A built component, loaded. Compiled code is kept from run to run.
pub fn load(engine: &WasmEngine, name: &str) -> Arc<Loaded> {
    Loaded::load(engine, &component(name), Grants { state: true }).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// An engine with the compile cache.
pub fn engine() -> WasmEngine {
    WasmEngine::new(Some(cache().join("compiled"))).expect("an engine")
}
