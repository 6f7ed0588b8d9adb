//! From a file to a component that may run: looked at, refused with a reason, compiled, and asked to describe itself in an instance that is thrown away.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};

use super::engine::WasmEngine;
use super::guest::Guest;
use super::imports::{self, OPERATOR};
use super::instance::{Exports, LiveInstance};
use super::look::look;
use super::wasm::WasmOperator;
use super::{Description, Limits, Operator, Setup, StoreDescription, cache};
use crate::error::{GuestFault, HostError};
use crate::time::{Clock, RealClock};

/// The largest component that is looked at, bytes.
pub const COMPONENT_BYTES_MAX: usize = 48 << 20;

/// Ports or stores of one operator, at most, and the longest name of one, bytes.
const NAMES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 128;
const AGAINST_WIT: &str = "build it against the WIT package millstream:operator@0.1.0";

/// What a job grants an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The job gives it stores.
    pub state: bool,
}

/// A component that has been checked, compiled and described. Shared by workers.
pub struct Loaded {
    pub(super) pre: InstancePre<Guest>,
    pub(super) functions: Exports,
    pub(super) engine: WasmEngine,
    /// SHA-256 of the component's bytes, hex.
    pub digest: String,
    pub description: Description,
    /// Names of imported interfaces.
    pub imports: Vec<String>,
    /// Names of exported interfaces: with their version, the world it was built for.
    pub exports: Vec<String>,
    pub bytes: usize,
    /// How long compiling took, ms, or taking the compiled code from the cache.
    pub compile_ms: u64,
}

impl Loaded {
    /// Reads and checks a component. Every refusal names the file, what is wrong with it and what to do.
    pub fn load(engine: &WasmEngine, path: &Path, grants: Grants) -> Result<Arc<Loaded>, HostError> {
        let named = path.display().to_string();
        let refuse = |reason: String| HostError::job(&named, reason).with_help("build it with `millstream build`, or correct `component`");
        // Opening a pipe or a device would wait, and a file may be larger than memory.
        let about = std::fs::metadata(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
        if !about.is_file() {
            return Err(refuse("is no file".to_owned()));
        }
        check_size(&named, about.len())?;
        let bytes = std::fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
        Loaded::from_bytes(engine, &named, &bytes, grants)
    }

    /// The same from bytes; `named` is what errors call it.
    pub fn from_bytes(engine: &WasmEngine, named: &str, bytes: &[u8], grants: Grants) -> Result<Arc<Loaded>, HostError> {
        let refuse = |reason: String, help: &str| HostError::job(named, reason).with_help(help);
        check_size(named, bytes.len() as u64)?;
        let names = look(bytes, grants).map_err(|refusal| refuse(refusal.reason, refusal.help))?;
        let engine = if names.uses_collector { &engine.for_collected() } else { engine };
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let began_ms = RealClock.now_ms();
        let component = cache::compile(engine, &digest, bytes)
            .map_err(|error| refuse(format!("is no valid component: {error:#}"), "build it again with `millstream build`"))?;
        let compile_ms = (RealClock.now_ms() - began_ms).max(0) as u64;
        let functions = find_functions(&component).map_err(|reason| refuse(reason, AGAINST_WIT))?;
        let mut linker = Linker::new(&engine.engine);
        let pre = imports::link(&mut linker).and_then(|()| linker.instantiate_pre(&component));
        let pre = pre.map_err(|error| refuse(format!("does not fit this host: {error:#}"), AGAINST_WIT))?;
        let description = Description::default();
        let (imports, exports) = (names.imports, names.exports);
        let mut loaded = Loaded { pre, functions, engine: engine.clone(), digest, description, imports, exports, bytes: bytes.len(), compile_ms };
        let description = loaded.describe().map_err(|fault| match fault {
            GuestFault::Invalid(text) => refuse(format!("does not fit this host: {text}"), AGAINST_WIT),
            fault => refuse(format!("cannot describe itself: {fault}"), "`describe` may call no imports and must return"),
        })?;
        check_description(&description).map_err(|reason| refuse(format!("describes itself wrongly: {reason}"), "correct the operator's description"))?;
        loaded.description = description;
        Ok(Arc::new(loaded))
    }

    /// Opens an operator for one worker: an instance, told its setup.
    pub fn open(self: &Arc<Self>, operator: &str, setup: &Setup, limits: &Limits) -> Result<Box<dyn Operator>, HostError> {
        let opened = WasmOperator::open(self.clone(), setup.clone(), limits.clone());
        opened.map(|operator| Box::new(operator) as Box<dyn Operator>).map_err(|fault| HostError::Guest {
            operator: operator.to_owned(),
            at: Some("open".to_owned()),
            fault,
        })
    }

    pub(super) fn instantiate(&self, limits: &Limits) -> Result<LiveInstance, GuestFault> {
        let store = Store::new(&self.engine.engine, Guest::new(limits.memory_bytes_max));
        LiveInstance::new(store, limits, |store| self.pre.instantiate(store), &self.functions)
    }

    fn describe(&self) -> Result<Description, GuestFault> {
        let said = self.instantiate(&Limits::default())?.describe()?;
        Ok(Description {
            name: said.name,
            version: said.version,
            inputs: said.inputs,
            outputs: said.outputs,
            stores: said.stores.into_iter().map(|store| StoreDescription { name: store.name, version: store.version }).collect(),
            config_schema: said.config_schema,
        })
    }
}

fn check_size(named: &str, bytes: u64) -> Result<(), HostError> {
    if bytes <= COMPONENT_BYTES_MAX as u64 {
        return Ok(());
    }
    Err(HostError::job(named, format!("has {bytes} bytes, more than {COMPONENT_BYTES_MAX}")).with_help("strip debug information, or split the operator"))
}

fn find_functions(component: &Component) -> Result<Exports, String> {
    let interface = component.get_export_index(None, OPERATOR).ok_or_else(|| format!("does not export {OPERATOR}"))?;
    let find = |name: &str| component.get_export_index(Some(&interface), name).ok_or_else(|| format!("exports {OPERATOR} without `{name}`"));
    Ok(Exports { describe: find("describe")?, open: find("open")?, process: find("process")?, on_timer: find("on-timer")?, migrate: find("migrate")? })
}

/// Names end up in job files, streams and logs: short, distinct, and few.
fn check_description(said: &Description) -> Result<(), String> {
    let stores: Vec<String> = said.stores.iter().map(|store| store.name.clone()).collect();
    for (kind, names) in [("input", &said.inputs), ("output", &said.outputs), ("store", &stores)] {
        if names.len() > NAMES_MAX {
            return Err(format!("{} {kind}s, more than {NAMES_MAX}", names.len()));
        }
        for (n, name) in names.iter().enumerate() {
            if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
                return Err(format!("{kind} {n} has a name that is empty, longer than {NAME_BYTES_MAX} bytes, or holds control characters"));
            }
            if names[..n].contains(name) {
                return Err(format!("two {kind}s are called `{name}`"));
            }
        }
    }
    match said.name.len() <= NAME_BYTES_MAX && said.version.len() <= NAME_BYTES_MAX {
        true => Ok(()),
        false => Err(format!("its name or version is longer than {NAME_BYTES_MAX} bytes")),
    }
}
