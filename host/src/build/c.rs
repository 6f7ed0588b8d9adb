//! C and C++: zig's clang compiles the project's sources and the SDK's one file to a core module.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Workshop;
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{Bench, left, run};
use super::wrap::wrap;
use super::ziglang::{INLINE, STACK_BYTES, no_zig, without_debug_information, zig};
use crate::error::HostError;

const FOR_ALL: [&str; 7] = ["-target", "wasm32-wasi", "-O3", "-g0", "-msimd128", "-Wall", "-Wextra"];
const CPP: [&str; 7] = [
    "-std=c++20",
    "-fno-exceptions",
    "-fno-rtti",
    // An element past a vector's end, or the value of an empty optional, is a trap. zig configures its library otherwise.
    "-U_LIBCPP_HARDENING_MODE",
    "-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_FAST",
    "-U_LIBCPP_ASSERTION_SEMANTIC_DEFAULT",
    "-D_LIBCPP_ASSERTION_SEMANTIC_DEFAULT=_LIBCPP_ASSERTION_SEMANTIC_QUICK_ENFORCE",
];

/// Builds the project's `*.c`.
pub(super) fn build_c(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let shop = Clang::set_up(workshop)?;
    let mut compile = shop.zig("cc")?;
    compile.arg("-std=c17").args(&workshop.project.sources).arg(shop.sdk.join("millstream.c"));
    shop.link(compile)
}

/// Builds the project's `*.cpp`, and `*.c` beside them. What is C is compiled first: one run of clang knows one language's version.
pub(super) fn build_cpp(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let shop = Clang::set_up(workshop)?;
    let (c, cpp): (Vec<_>, Vec<_>) = workshop.project.sources.iter().cloned().partition(|source| source.extension().is_some_and(|e| e == "c"));
    let mut objects = Vec::new();
    for source in c.into_iter().chain([shop.sdk.join("millstream.c")]) {
        objects.push(shop.object(&source, objects.len())?);
    }
    let mut compile = shop.zig("c++")?;
    compile.args(CPP).args(cpp).args(objects);
    shop.link(compile)
}

/// zig and all it needs for one build.
struct Clang<'a> {
    workshop: &'a Workshop<'a>,
    /// The C SDK, and that of C++ which is made of it.
    sdk: PathBuf,
    sdk_cpp: PathBuf,
    bench: Bench,
}

impl Clang<'_> {
    fn set_up<'a>(workshop: &'a Workshop<'a>) -> Result<Clang<'a>, HostError> {
        let cache = &workshop.request.cache;
        Ok(Clang { workshop, sdk: sdk(cache, Language::C)?, sdk_cpp: sdk(cache, Language::Cpp)?, bench: Bench::set_up(cache)? })
    }

    /// zig as the compiler of C (`cc`) or C++ (`c++`).
    fn zig(&self, compiler: &str) -> Result<Command, HostError> {
        let mut zig = zig(self.workshop)?;
        zig.current_dir(&self.workshop.project.dir).arg(compiler).args(FOR_ALL).args(INLINE).arg("-I").arg(&self.sdk).arg("-I").arg(&self.sdk_cpp);
        Ok(zig)
    }

    /// Compiles one file of C.
    fn object(&self, source: &Path, number: usize) -> Result<PathBuf, HostError> {
        let object = self.bench.path().join(format!("{number}.o"));
        let mut compile = self.zig("cc")?;
        compile.args(["-std=c17", "-c"]).arg(source).arg("-o").arg(&object);
        run(self.workshop, &mut compile, || no_zig(self.workshop))?;
        Ok(object)
    }

    /// Compiles what the command has, links it, and makes a component of it.
    fn link(&self, mut compile: Command) -> Result<Vec<u8>, HostError> {
        let core = self.bench.path().join("core.wasm");
        compile.arg("-mexec-model=reactor").arg(format!("-Wl,-z,stack-size={STACK_BYTES}")).arg("-o").arg(&core);
        run(self.workshop, &mut compile, || no_zig(self.workshop))?;
        wrap(&without_debug_information(&left(&core)?))
    }
}
