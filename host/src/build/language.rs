//! The languages, a row each: what the builder must know of one before its own file takes over.

use clap::ValueEnum;
use serde::Deserialize;

use super::{Workshop, c, go, java, javascript, kotlin, python, rust, zig};
use crate::error::HostError;

/// Languages that operators can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum Language {
    Rust,
    C,
    Cpp,
    Go,
    Python,
    JavaScript,
    TypeScript,
    Kotlin,
    Java,
    Zig,
}

/// What is known of a language.
pub(super) struct Row {
    pub name: &'static str,
    /// The program that does the work, for people.
    pub toolchain: &'static str,
    pub mark: Mark,
    /// Makes a component of a project.
    pub build: fn(&Workshop<'_>) -> Result<Vec<u8>, HostError>,
}

/// What in a folder says that it holds a project of a language.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    /// A file of this name.
    File(&'static str),
    /// Files with this extension.
    Extension(&'static str),
    /// Files with this extension and no other dot in their names: `count.test.js`, `types.d.ts` and `vite.config.js` are no operators.
    Script(&'static str),
    /// Files with this extension, and not called `build`: that is the language's own build script.
    Module(&'static str),
}

impl Language {
    pub const ALL: [Language; 10] = [
        Language::Rust,
        Language::C,
        Language::Cpp,
        Language::Go,
        Language::Python,
        Language::JavaScript,
        Language::TypeScript,
        Language::Kotlin,
        Language::Java,
        Language::Zig,
    ];

    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub(super) fn row(self) -> Row {
        match self {
            Language::Rust => Row { name: "rust", toolchain: "cargo", mark: Mark::File("Cargo.toml"), build: rust::build },
            Language::C => Row { name: "c", toolchain: "zig cc", mark: Mark::Extension("c"), build: c::build_c },
            Language::Cpp => Row { name: "cpp", toolchain: "zig c++", mark: Mark::Extension("cpp"), build: c::build_cpp },
            Language::Go => Row { name: "go", toolchain: "go", mark: Mark::Extension("go"), build: go::build },
            Language::Python => Row { name: "python", toolchain: "componentize-py", mark: Mark::Extension("py"), build: python::build },
            Language::JavaScript => Row { name: "javascript", toolchain: "componentize-qjs", mark: Mark::Script("js"), build: javascript::build },
            Language::TypeScript => Row { name: "typescript", toolchain: "componentize-qjs", mark: Mark::Script("ts"), build: javascript::build_typescript },
            Language::Kotlin => Row { name: "kotlin", toolchain: "the Kotlin compiler", mark: Mark::Extension("kt"), build: kotlin::build },
            Language::Java => Row { name: "java", toolchain: "TeaVM", mark: Mark::Extension("java"), build: java::build },
            Language::Zig => Row { name: "zig", toolchain: "zig", mark: Mark::Module("zig"), build: zig::build },
        }
    }
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Mark::File(name) => f.write_str(name),
            Mark::Extension(extension) | Mark::Script(extension) | Mark::Module(extension) => write!(f, "*.{extension}"),
        }
    }
}
