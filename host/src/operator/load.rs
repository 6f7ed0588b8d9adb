//! From a file to a component that may run: looked at, refused with a reason, compiled, and asked to describe itself in an instance that is thrown away.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use super::engine::WasmEngine;
use super::guest::Guest;
use super::imports::{self, OPERATOR, STATE, TELEMETRY, TYPES};
use super::instance::{Exports, LiveInstance};
use super::wasm::WasmOperator;
use super::{Description, Limits, Operator, Setup, StoreDescription, cache};
use crate::error::HostError;

/// The largest component that is looked at, bytes.
pub const COMPONENT_BYTES_MAX: usize = 48 << 20;

/// What a job grants an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The job gives it stores.
    pub state: bool,
}

/// A component that has been checked, compiled and described. Shared by workers.
pub struct Loaded {
    pub(super) pre: InstancePre<Guest>,
    pub(super) exports: Exports,
    pub(super) engine: WasmEngine,
    /// SHA-256 of the component's bytes, hex.
    pub digest: String,
    pub description: Description,
    /// Names of imported interfaces.
    pub imports: Vec<String>,
    pub bytes: usize,
}

impl Loaded {
    /// Reads and checks a component. Every refusal names the file, what is wrong with it and what to do.
    pub fn load(engine: &WasmEngine, path: &Path, grants: Grants) -> Result<Arc<Loaded>, HostError> {
        let named = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            HostError::job(&named, format!("cannot be read: {error}")).with_help("build it with `millstream build`, or correct `component`")
        })?;
        Loaded::from_bytes(engine, &named, &bytes, grants)
    }

    /// The same from bytes; `named` is what errors call it.
    pub fn from_bytes(engine: &WasmEngine, named: &str, bytes: &[u8], grants: Grants) -> Result<Arc<Loaded>, HostError> {
        let refuse = |reason: String, help: &str| HostError::job(named, reason).with_help(help);
        if bytes.len() > COMPONENT_BYTES_MAX {
            return Err(refuse(format!("has {} bytes, more than {COMPONENT_BYTES_MAX}", bytes.len()), "strip debug information, or split the operator"));
        }
        look(bytes).map_err(|(reason, help)| refuse(reason, help))?;
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let component = cache::compile(engine, &digest, bytes)
            .map_err(|error| refuse(format!("is no valid component: {error:#}"), "build it again with `millstream build`"))?;
        let imports = check_imports(engine, &component, grants).map_err(|(reason, help)| refuse(reason, &help))?;
        let exports = check_exports(engine, &component).map_err(|(reason, help)| refuse(reason, &help))?;
        let mut linker = Linker::new(&engine.engine);
        let pre = imports::link(&mut linker).and_then(|()| linker.instantiate_pre(&component));
        let pre = pre.map_err(|error| refuse(format!("does not fit this host: {error:#}"), "build it against the WIT package millstream:operator@0.1.0"))?;
        let mut loaded = Loaded { pre, exports, engine: engine.clone(), digest, description: Description::default(), imports, bytes: bytes.len() };
        loaded.description =
            loaded.describe().map_err(|fault| refuse(format!("cannot describe itself: {fault}"), "`describe` may call no imports and must return"))?;
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

    pub(super) fn instantiate(&self, limits: &Limits) -> Result<LiveInstance, crate::error::GuestFault> {
        let store = Store::new(&self.engine.engine, Guest::new(limits.memory_bytes_max));
        LiveInstance::new(store, limits, |store| self.pre.instantiate(store), &self.exports)
    }

    fn describe(&self) -> Result<Description, crate::error::GuestFault> {
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

/// A first look at the bytes: what people hand over by mistake is named.
fn look(bytes: &[u8]) -> Result<(), (String, &'static str)> {
    const BUILD: &str = "build a component with `millstream build DIR`";
    match bytes.get(0..8) {
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(("is a core module, not a component".to_owned(), BUILD)),
        Some([0, b'a', b's', b'm', ..]) => Err(("is WebAssembly of a version this host does not know".to_owned(), BUILD)),
        Some([0x7f, b'E', b'L', b'F', ..]) => Err(("is compiled machine code, not WebAssembly; such files are never loaded".to_owned(), BUILD)),
        _ => Err((format!("is no WebAssembly (it has {} bytes)", bytes.len()), BUILD)),
    }
}

fn check_imports(engine: &WasmEngine, component: &Component, grants: Grants) -> Result<Vec<String>, (String, String)> {
    let mut names = Vec::new();
    for (name, _) in component.component_type().imports(&engine.engine) {
        match name {
            TYPES | TELEMETRY => {}
            STATE if grants.state => {}
            STATE => {
                let help = "give it the stores that it describes: `stores = [\"…\"]` in its section of the job file";
                return Err(("uses state, but the job grants it no store".to_owned(), help.to_owned()));
            }
            other if other.starts_with("wasi:") => {
                let help = "operators get no WASI: time comes with each call, and what a toolchain leaves over is stubbed by `millstream build`";
                return Err((format!("imports {other}"), help.to_owned()));
            }
            other => return Err((format!("imports {other}, which no operator is given"), other_version(other))),
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn check_exports(engine: &WasmEngine, component: &Component) -> Result<Exports, (String, String)> {
    let Some(interface) = component.get_export_index(None, OPERATOR) else {
        let found: Vec<String> = component.component_type().exports(&engine.engine).map(|(name, _)| name.to_owned()).collect();
        let other = found.iter().find(|name| name.starts_with("millstream:operator/operator@"));
        let reason = match other {
            Some(other) => format!("exports {other}, but this host speaks {OPERATOR}"),
            None => format!("does not export {OPERATOR}, but {}", if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }),
        };
        return Err((reason, other_version(other.map_or("", String::as_str))));
    };
    let find = |name: &str| -> Result<ComponentExportIndex, (String, String)> {
        component
            .get_export_index(Some(&interface), name)
            .ok_or_else(|| (format!("exports {OPERATOR} without `{name}`"), "build it against the WIT package millstream:operator@0.1.0".to_owned()))
    };
    Ok(Exports { describe: find("describe")?, open: find("open")?, process: find("process")?, on_timer: find("on-timer")?, migrate: find("migrate")? })
}

fn other_version(name: &str) -> String {
    match name.strip_prefix("millstream:operator/") {
        Some(_) => "it was built for another version of millstream:operator: build it with the SDK of this release".to_owned(),
        None => "build an operator with `millstream build`: it exports the world millstream:operator/job@0.1.0".to_owned(),
    }
}
