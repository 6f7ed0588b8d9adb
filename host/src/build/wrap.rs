//! Core module to component: embeds the world where the toolchain did not, makes a command a reactor, answers WASI preview 1 from our stub, and
//! refuses what is left over, by name.

use anyhow::anyhow;
use wasm_encoder::reencode::{self, Reencode};
use wasmparser::{Encoding, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::error::HostError;

/// The boundary's definition, as in `wit/`.
pub(super) const WIT: &str = include_str!("../../../wit/operator.wit");
const STUB: &str = include_str!("preview1.wat");
const PREVIEW1: &str = "wasi_snapshot_preview1";
/// All that a component may import is in this package.
const PACKAGE: &str = "millstream:operator/";
const OPERATOR: &str = "millstream:operator/operator@0.1.0";

/// What a core module brings along.
#[derive(Debug, Default)]
struct Module {
    /// It says which world it is for.
    world: bool,
    preview1: Vec<String>,
    /// A command: it has `_start`, which nobody would call.
    command: bool,
    leftovers: Vec<String>,
}

/// Makes a component of a core module.
///
/// Errors ([`HostError::Job`]): not a core module, imports that nobody answers (named), exports of the world `job` that are missing.
pub fn wrap(core: &[u8]) -> Result<Vec<u8>, HostError> {
    let module = look(core).map_err(refused)?;
    if let Some(import) = module.leftovers.first() {
        return Err(leftover(import));
    }
    component(core, &module).map_err(refused)
}

/// Checks that a component exports the operator interface and imports nothing but this package's interfaces.
pub fn check_component(component: &[u8]) -> Result<(), HostError> {
    let mut exported = false;
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|e| refused(e.into()))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(refused(anyhow!("it is a core module, not a component"))),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let name = import.map_err(|e| refused(e.into()))?.name.name;
                    if !name.starts_with(PACKAGE) {
                        return Err(leftover(name));
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exported |= export.map_err(|e| refused(e.into()))?.name.name == OPERATOR;
                }
            }
            _ => {}
        }
    }
    if exported { Ok(()) } else { Err(refused(anyhow!("it does not export `{OPERATOR}`"))) }
}

fn look(core: &[u8]) -> anyhow::Result<Module> {
    let mut module = Module::default();
    let (mut start, mut initialize) = (false, false);
    for payload in Parser::new(0).parse_all(core) {
        match payload? {
            Payload::Version { encoding: Encoding::Component, .. } => return Err(anyhow!("it is a component already")),
            Payload::CustomSection(section) => module.world |= section.name().starts_with("component-type"),
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    match import.module {
                        PREVIEW1 => module.preview1.push(import.name.to_string()),
                        known if known.starts_with(PACKAGE) => {}
                        other => module.leftovers.push(format!("{other}.{}", import.name)),
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let name = export?.name;
                    start |= name == "_start";
                    initialize |= name == "_initialize";
                }
            }
            _ => {}
        }
    }
    module.command = start && !initialize;
    Ok(module)
}

fn component(core: &[u8], module: &Module) -> anyhow::Result<Vec<u8>> {
    let mut core = if module.command { start_becomes_initialize(core)? } else { core.to_vec() };
    if !module.world {
        embed(&mut core, "job")?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&core)?;
    if !module.preview1.is_empty() {
        let mut stub = wat::parse_str(STUB)?;
        embed(&mut stub, "stub")?;
        encoder = encoder.adapter(PREVIEW1, &stub)?;
    }
    encoder.encode()
}

fn embed(module: &mut Vec<u8>, world: &str) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("operator.wit", WIT)?;
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}

/// A command's `_start` runs its constructors and `main`; as `_initialize` it is run when the component is instantiated.
fn start_becomes_initialize(core: &[u8]) -> anyhow::Result<Vec<u8>> {
    struct Rename;
    impl Reencode for Rename {
        type Error = std::convert::Infallible;

        fn parse_export(&mut self, exports: &mut wasm_encoder::ExportSection, export: wasmparser::Export<'_>) -> Result<(), reencode::Error<Self::Error>> {
            let name = if export.name == "_start" { "_initialize" } else { export.name };
            exports.export(name, self.export_kind(export.kind)?, self.external_index(export.kind, export.index)?);
            Ok(())
        }
    }
    let mut module = wasm_encoder::Module::new();
    Rename.parse_core_module(&mut module, Parser::new(0), core).map_err(|e| anyhow!("{e}"))?;
    Ok(module.finish())
}

fn leftover(import: &str) -> HostError {
    let error = HostError::job("component", format!("it imports `{import}`, which no host offers"));
    error.with_help("an operator may import the interfaces of millstream:operator only: no files, no network, no clock; leave out the library that needs it")
}

fn refused(e: anyhow::Error) -> HostError {
    HostError::job("component", format!("{e:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest core module with all exports of the world, plus what a test adds.
    fn core(more: &str) -> Vec<u8> {
        let exports = [("describe", ""), ("open", "i32 i32 i32 i32 i32 i32 i32 i32"), ("process", "i64 i64 i32 i32 i32 i32 i32")];
        let exports = exports.into_iter().chain([("on-timer", "i64 i64 i32 i32 i32 i32 i32"), ("migrate", "i32 i32 i32 i32 i32 i32 i32")]);
        let exports: String =
            exports.map(|(name, params)| format!(r#"(func (export "{OPERATOR}#{name}") (param {params}) (result i32) unreachable)"#)).collect();
        let text = format!(
            r#"(module {more} (memory (export "memory") 1) {exports} (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn module_becomes_a_component_without_imports() {
        let component = wrap(&core("")).unwrap();
        check_component(&component).unwrap();
        assert!(!contains(&component, "wasi"));
    }

    #[test]
    fn every_preview1_function_is_answered_by_the_stub() {
        let stub = wat::parse_str(STUB).unwrap();
        let mut functions = Vec::new();
        for payload in Parser::new(0).parse_all(&stub) {
            if let Payload::ExportSection(section) = payload.unwrap() {
                functions.extend(section.into_iter().map(|export| export.unwrap().name.to_string()));
            }
        }
        functions.sort();
        // The list of the specification (wasi_snapshot_preview1.witx); sock_accept came last.
        assert_eq!(functions.len(), 46, "{functions:?}");
    }

    #[test]
    fn preview1_is_answered_and_nothing_of_it_is_left() {
        let imports = r#"(import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
        let component = wrap(&core(imports)).unwrap();
        check_component(&component).unwrap();
        assert!(contains(&component, "millstream:operator/telemetry@0.1.0"));
    }

    #[test]
    fn command_is_run_when_it_is_instantiated() {
        let component = wrap(&core(r#"(func (export "_start"))"#)).unwrap();
        assert!(!contains(&component, "_start"));
        assert!(contains(&component, "_initialize"));
    }

    #[test]
    fn leftover_import_is_named() {
        let error = wrap(&core(r#"(import "env" "getpid" (func (result i32)))"#)).unwrap_err().to_string();
        assert!(error.contains("`env.getpid`"), "{error}");
        let component = wat::parse_str(r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#).unwrap();
        let error = check_component(&component).unwrap_err().to_string();
        assert!(error.contains("`wasi:cli/environment@0.2.0`"), "{error}");
    }

    #[test]
    fn module_without_the_operator_is_refused() {
        let error = wrap(&wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap()).unwrap_err().to_string();
        assert!(error.contains("millstream:operator/operator@0.1.0"), "{error}");
        assert!(wrap(b"no wasm at all").is_err());
        assert!(check_component(&core("")).unwrap_err().to_string().contains("core module"));
    }

    fn contains(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }
}
