//! Where the built operators are, an engine to run them in, and operators opened.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use millstream::operator::{Grants, Limits, Loaded, Operator, Setup, WasmEngine};
use millstream::state::{MemoryStore, StoreOptions, Stores};

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

/// An opened operator with the ports and stores that it describes, and those stores, empty.
pub fn opened(engine: &WasmEngine, name: &str, config: &str, inputs: &[&str], limits: &Limits) -> (Box<dyn Operator>, Stores) {
    let loaded = load(engine, name);
    let stores: Vec<String> = loaded.description.stores.iter().map(|store| store.name.clone()).collect();
    let options: Vec<_> = stores.iter().map(|name| StoreOptions { name: name.clone(), ttl_ms: None }).collect();
    let inputs = inputs.iter().map(|name| (*name).to_owned()).collect();
    let setup = Setup { config: config.into(), inputs, outputs: loaded.description.outputs.clone(), stores };
    let operator = loaded.open(name, &setup, limits).unwrap_or_else(|error| panic!("{name}: {error}"));
    (operator, Stores::open(Rc::new(MemoryStore::default()), "job", "op", 0, &options).expect("stores in memory"))
}
