//! zig, which compiles C, C++, Zig and the back half of Java: where it is found, and what its linker leaves in a module.

use std::process::Command;

use wasm_encoder::RawSection;
use wasmparser::{Parser, Payload};

use super::Workshop;
use super::toolchain::{ZIGLANG, in_venv, missing, pip_install, works};
use crate::error::HostError;

/// The module's own stack, bytes. Without this zig reserves 16 MiB of it in each instance.
pub(super) const STACK_BYTES: usize = 256 << 10;
/// LLVM inlines more than it would for Wasm: each call that stays costs a deadline check at its entry (`decisions/0008`). Rust's has the same.
pub(super) const INLINE: [&str; 2] = ["-mllvm", "-inline-threshold=350"];

/// The error for a zig that is not there.
pub(super) fn no_zig(workshop: &Workshop<'_>) -> HostError {
    missing(workshop, "zig (which brings clang and a C library for Wasm)", &pip_install(&workshop.request.cache, ZIGLANG))
}

/// zig from the cache folder's environment, else from the Python that is on the path, else on its own; what it keeps is kept in the cache folder.
pub(super) fn zig(workshop: &Workshop<'_>) -> Result<Command, HostError> {
    let module = |python: &std::ffi::OsStr| {
        let mut zig = Command::new(python);
        zig.args(["-m", "ziglang"]);
        zig
    };
    let cache = &workshop.request.cache;
    let venv = in_venv(cache, "python3");
    let candidates = [module(venv.as_os_str()), module("python3".as_ref()), Command::new("zig")];
    let found = candidates.into_iter().find(|zig| {
        let mut version = Command::new(zig.get_program());
        works(version.args(zig.get_args()).arg("version"))
    });
    let mut zig = found.ok_or_else(|| no_zig(workshop))?;
    zig.env("ZIG_GLOBAL_CACHE_DIR", cache.join("zig")).env("ZIG_LOCAL_CACHE_DIR", cache.join("zig"));
    Ok(zig)
}

/// Leaves debug information out, which the C library has in any case, and which names paths of this machine. The functions' names stay, for back traces:
/// zig's linker takes both or none. What cannot be parsed is returned as it is, for [`wrap`](super::wrap::wrap) to say so.
pub(super) fn without_debug_information(core: &[u8]) -> Vec<u8> {
    let mut module = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(core) {
        let Ok(payload) = payload else { return core.to_vec() };
        if matches!(&payload, Payload::CustomSection(section) if section.name().starts_with(".debug_")) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &core[range] });
        }
    }
    module.finish()
}
