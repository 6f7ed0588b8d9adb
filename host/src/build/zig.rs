//! Zig: its compiler makes a core module of the project's module, the SDK and the SDK's root around both. Neither a C library nor WASI is in it.

use std::process::Command;

use super::Workshop;
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{Bench, left, run};
use super::wrap::wrap;
use super::ziglang::{STACK_BYTES, no_zig, without_debug_information, zig};
use crate::error::HostError;

/// Of the whole. Names stay for back traces; what names paths is left out afterwards.
const FOR_ALL: [&str; 6] = ["build-exe", "-fno-entry", "-rdynamic", "-fno-strip", "--name", "operator"];
/// Of each module: zig forgets them with each.
const FOR_EACH: [&str; 6] = ["-target", "wasm32-freestanding", "-mcpu", "generic+simd128", "-fsingle-threaded", "-fno-error-tracing"];

/// Builds the project's module. Its code is checked while it runs: what is a mistake traps, with Zig's own words. The SDK, which checks what it is given
/// itself, is not: that is what a record costs.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let cache = &workshop.request.cache;
    let (sdk, bench) = (sdk(cache, Language::Zig)?, Bench::set_up(cache)?);
    let core = bench.path().join("core.wasm");
    let mut compile = zig(workshop)?;
    compile.current_dir(&workshop.project.dir).args(FOR_ALL).arg("--stack").arg(STACK_BYTES.to_string()).arg(format!("-femit-bin={}", core.display()));
    module(&mut compile, "fast", &["millstream", "operator"], format!("root={}", sdk.join("component.zig").display()));
    for source in &workshop.project.sources {
        module(&mut compile, "safe", &["millstream"], format!("operator={}", source.display()));
    }
    module(&mut compile, "fast", &[], format!("millstream={}", sdk.join("millstream.zig").display()));
    run(workshop, &mut compile, || no_zig(workshop))?;
    wrap(&without_debug_information(&left(&core)?))
}

/// Adds a module, what it is to be optimized for, and which others it may import.
fn module(compile: &mut Command, optimize: &str, imports: &[&str], source: String) {
    compile.args(FOR_EACH).args(["-O", optimize]);
    for import in imports {
        compile.args(["--dep", import]);
    }
    compile.arg(format!("-M{source}"));
}
