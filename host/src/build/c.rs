//! C: zig's clang compiles the project's sources and the SDK's one file to a core module.

use std::process::Command;

use super::Workshop;
use super::sdk::unpacked;
use super::toolchain::{Bench, ZIGLANG, in_venv, left, missing, pip_install, run, works};
use super::wrap::wrap;
use crate::error::HostError;

/// The module's own stack, bytes. Without this zig reserves 16 MiB of it in each instance.
const STACK_BYTES: usize = 256 << 10;

/// Builds the project's `*.c`.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let cache = &workshop.request.cache;
    let no_zig = || missing(workshop, "zig (which brings clang and a C library for Wasm)", &pip_install(cache, ZIGLANG));
    let mut zig = zig(workshop).ok_or_else(no_zig)?;
    let sdk = unpacked(cache)?.join("c");
    let bench = Bench::set_up(cache)?;
    let core = bench.path().join("core.wasm");
    zig.current_dir(&workshop.project.dir);
    zig.env("ZIG_GLOBAL_CACHE_DIR", cache.join("zig")).env("ZIG_LOCAL_CACHE_DIR", cache.join("zig"));
    zig.args(["cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-std=c17", "-O3", "-msimd128", "-s", "-Wall", "-Wextra"]);
    zig.arg(format!("-Wl,-z,stack-size={STACK_BYTES}"));
    zig.arg("-I").arg(&sdk).args(&workshop.project.sources).arg(sdk.join("millstream.c")).arg("-o").arg(&core);
    run(workshop, &mut zig, no_zig)?;
    wrap(&left(&core)?)
}

/// zig from the cache folder's environment, else from the Python that is on the path, else on its own.
fn zig(workshop: &Workshop<'_>) -> Option<Command> {
    let module = |python: &std::ffi::OsStr| {
        let mut zig = Command::new(python);
        zig.args(["-m", "ziglang"]);
        zig
    };
    let venv = in_venv(&workshop.request.cache, "python3");
    let candidates = [module(venv.as_os_str()), module("python3".as_ref()), Command::new("zig")];
    candidates.into_iter().find(|zig| {
        let mut version = Command::new(zig.get_program());
        works(version.args(zig.get_args()).arg("version"))
    })
}
