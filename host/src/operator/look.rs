//! A first look at a file before it is compiled: what people hand over by mistake is named, and what a component imports and exports is checked in
//! milliseconds, however long compiling it would take. Validation proper is the compiler's.

use wasmparser::{CompositeInnerType, Encoding, Parser, Payload, TypeSectionReader};

use super::Grants;
use super::imports::{OPERATOR, STATE, TELEMETRY, TYPES};

/// Why a file is refused, and what to do about it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub reason: String,
    pub help: &'static str,
}

/// What a component says of itself: names of what it imports and exports, in order.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    /// It has objects that the collector keeps.
    pub uses_collector: bool,
}

const BUILD: &str = "build a component with `millstream build DIR`";
const OTHER_VERSION: &str = "it was built for another version of millstream:operator: build it with the SDK of this release";
const NO_WASI: &str = "operators get no WASI: time comes with each call, and what a toolchain leaves over is stubbed by `millstream build`";
/// Names of one component, at most; an operator has five.
const NAMES_MAX: usize = 1_000;
/// Longest name that is shown.
const NAME_BYTES_MAX: usize = 200;

/// Looks at a file's bytes. What it returns is what the file says of itself, not validated.
pub(super) fn look(bytes: &[u8], grants: Grants) -> Result<Names, Refusal> {
    magic(bytes)?;
    let names = names(bytes).map_err(|reason| refusal(reason, "it is damaged: build it again with `millstream build DIR`"))?;
    check_exports(&names.exports)?;
    names.imports.iter().try_for_each(|name| check_import(name, grants))?;
    Ok(names)
}

fn refusal(reason: impl Into<String>, help: &'static str) -> Refusal {
    Refusal { reason: reason.into(), help }
}

fn magic(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.get(0..8) {
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(refusal("is a core module, not a component", BUILD)),
        Some([0, b'a', b's', b'm', ..]) => Err(refusal("is WebAssembly of a version this host does not know", BUILD)),
        Some([0x7f, b'E', b'L', b'F', ..]) => Err(refusal("is compiled machine code, not WebAssembly; such files are never loaded", BUILD)),
        Some([b'(', ..]) => Err(refusal("is WebAssembly text", "encode it first, or build a component with `millstream build DIR`")),
        _ if bytes.is_empty() => Err(refusal("is empty", BUILD)),
        _ => Err(refusal(format!("is no WebAssembly ({} bytes)", bytes.len()), BUILD)),
    }
}

fn names(bytes: &[u8]) -> Result<Names, String> {
    let cut_off = || format!("is cut off after {} bytes", bytes.len());
    let damaged = |error: wasmparser::BinaryReaderError| match error.message() {
        message if message.starts_with("unexpected end") => cut_off(),
        message => format!("is damaged: {message}"),
    };
    let mut names = Names::default();
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    push(&mut names.imports, import.map_err(damaged)?.name.name)?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    push(&mut names.exports, export.map_err(damaged)?.name.name)?;
                }
            }
            Payload::TypeSection(types) if !names.uses_collector => names.uses_collector = has_objects(types),
            _ => {}
        }
    }
    if depth == 0 { Ok(names) } else { Err(cut_off()) }
}

/// Whether a module has structs or arrays. A type that cannot be read is the compiler's to refuse.
fn has_objects(types: TypeSectionReader<'_>) -> bool {
    let is_object = |inner: &CompositeInnerType| matches!(inner, CompositeInnerType::Struct(_) | CompositeInnerType::Array(_));
    types.into_iter().filter_map(Result::ok).any(|group| group.types().any(|ty| is_object(&ty.composite_type.inner)))
}

fn push(names: &mut Vec<String>, name: &str) -> Result<(), String> {
    if names.len() == NAMES_MAX {
        return Err(format!("has more than {NAMES_MAX} imports or exports"));
    }
    names.push(name.chars().take(NAME_BYTES_MAX).collect());
    Ok(())
}

fn check_import(name: &str, grants: Grants) -> Result<(), Refusal> {
    match name {
        TYPES | TELEMETRY => Ok(()),
        STATE if grants.state => Ok(()),
        STATE => {
            let help = "give it the stores that it describes: `stores = [\"…\"]` in its section of the job file";
            Err(refusal("uses state, but the job grants it no store", help))
        }
        wasi if wasi.starts_with("wasi:") => Err(refusal(format!("imports {wasi}"), NO_WASI)),
        ours if ours.starts_with("millstream:operator/") => Err(refusal(format!("imports {ours}, which this host does not have"), OTHER_VERSION)),
        other => Err(refusal(format!("imports {other}, which no operator is given"), BUILD)),
    }
}

fn check_exports(exports: &[String]) -> Result<(), Refusal> {
    if exports.iter().any(|name| name == OPERATOR) {
        return Ok(());
    }
    if let Some(other) = exports.iter().find(|name| name.starts_with("millstream:operator/operator@")) {
        return Err(refusal(format!("exports {other}, but this host speaks {OPERATOR}"), OTHER_VERSION));
    }
    let found: Vec<&str> = exports.iter().map(String::as_str).take(8).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    Err(refusal(format!("is a component, but no operator: it exports {found}, not {OPERATOR}"), BUILD))
}
