//! `millstream build` on projects as people write them, right and wrong: what comes out imports no WASI, what is wrong is named, and the project's folder
//! stays as it was.

use std::collections::BTreeSet;
use std::path::Path;

use millstream::build::{Built, Request, build};
use millstream::error::HostError;
use millstream::operator::{Call, Grants, Limits, Loaded, Setup};
use millstream::record::{BatchBuilder, Fields, Headers};
use millstream::state::Stores;
use millstream_tests::components::{cache, engine};

const C_OPERATOR: &str = r#"
#include "millstream.h"
static const ms_text IN[] = {MS_TEXT("in")}, OUT[] = {MS_TEXT("out")};
const ms_description *ms_describe(void) {
  static const ms_description d = {.name = MS_TEXT("trial"), .version = MS_TEXT("1"), .inputs = IN, .inputs_n = 1, .outputs = OUT, .outputs_n = 1};
  return &d;
}
ms_outcome ms_open(const ms_setup *setup) { (void)setup; return MS_OK; }
"#;

const CPP_OPERATOR: &str = r#"
#include <millstream.hpp>
namespace ms = millstream;
struct Trial {
  static ms::Description describe() { return {.name = "trial", .version = "1"}; }
  static ms::Result<Trial> open(ms::Config &) { return Trial{}; }
  ms::Outcome process(const ms::Record &record, ms::Context &context);
};
MILLSTREAM_OPERATOR(Trial)
"#;

const GO_OPERATOR: &str = r#"package main

import (
	"fmt"
	"millstream"
	"os"
)

type trial struct{}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "trial", Version: "1", Open: func(*millstream.Setup) (millstream.Operator, error) { return trial{}, nil },
	})
}

func main() {}
"#;
const GO_MODULE: (&str, &str) = ("go.mod", "module trial\n\ngo 1.24\n");

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// Builds a project; the component goes elsewhere, and nothing may be added to the folder.
fn built(dir: &Path, output: &Path) -> Result<Built, HostError> {
    let names = || std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>();
    let before = names();
    let request = Request { dir: dir.into(), output: Some(output.into()), verbose: false, cache: cache() };
    let built = build(&request, &mut |_| {});
    let added: Vec<_> = names().into_iter().filter(|name| !before.contains(name) && name != "Cargo.lock").collect();
    assert!(added.is_empty(), "the build left {added:?} in the project's folder");
    built
}

fn refused(files: &[(&str, &str)]) -> String {
    let output = tempfile::tempdir().unwrap();
    let path = output.path().join("out.wasm");
    let error = built(project(files).path(), &path).expect_err("a refusal");
    assert!(!path.exists());
    error.to_string()
}

/// Builds a project without stores into its own folder, hands it one record, and returns what it logged.
fn said(files: &[(&str, &str)]) -> String {
    let dir = project(files);
    let output = dir.path().join("trial.wasm");
    let request = Request { dir: dir.path().into(), output: Some(output.clone()), verbose: false, cache: cache() };
    build(&request, &mut |_| {}).unwrap();
    let loaded = Loaded::load(&engine(), &output, Grants { state: false }).unwrap();
    assert!(loaded.imports.iter().all(|import| import.starts_with("millstream:operator/")), "{:?}", loaded.imports);
    let setup = Setup { inputs: vec!["in".into()], outputs: vec!["out".into()], ..Setup::default() };
    let mut operator = loaded.open("trial", &setup, &Limits::default()).unwrap();
    let mut batch = BatchBuilder::default();
    batch.push(None, Some(b"x"), Headers::default(), Fields::default());
    operator.process(Call { watermark: 0, now: 0, task: 0 }, &batch.into_batch(), &mut Stores::none()).unwrap();
    operator.settle().unwrap().logs.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn printf_in_c_goes_to_the_log_and_no_wasi_is_left() {
    let body = r#"
        #include <stdio.h>
        #include <stdlib.h>
        ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
          (void)context;
          printf("%u records, home is %s\n", (unsigned)ms_rows(input), getenv("HOME") ? "known" : "unknown");
          fflush(stdout);
          return MS_OK;
        }"#;
    let text = said(&[("trial.c", &format!("{C_OPERATOR}{body}"))]);
    assert!(text.contains("1 records, home is unknown"), "{text}");
}

#[test]
fn same_source_gives_the_same_bytes_wherever_it_lies() {
    let body = "ms_outcome ms_process(const ms_context *c, const ms_batch *i) { (void)c; (void)i; return MS_OK; }";
    let output = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let dir = project(&[("trial.c", &format!("{C_OPERATOR}{body}"))]);
        let path = output.path().join(name);
        built(dir.path(), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert!(bytes("one.wasm") == bytes("two.wasm"));
}

#[test]
fn mistake_in_c_is_quoted_from_the_compiler() {
    let text = refused(&[("trial.c", "#include \"millstream.h\"\nint x = y;\n")]);
    assert!(text.contains("trial.c:2") && text.contains("'y'"), "{text}");
    let text = refused(&[("trial.c", C_OPERATOR)]);
    assert!(text.contains("ms_process"), "{text}");
}

/// A folder with C beside it, which only `millstream.toml` tells from a project in C.
#[test]
fn print_in_cpp_goes_to_the_log_and_c_is_compiled_along() {
    let body = r#"
        #include <iostream>
        extern "C" int from_c(void);
        ms::Outcome Trial::process(const ms::Record &record, ms::Context &) {
          std::cout << "record " << *record.value << ", " << from_c() << std::endl;
          return ms::done;
        }"#;
    let c = "int from_c(void) { return sizeof('c'); }";
    let text = said(&[("trial.cpp", &format!("{CPP_OPERATOR}{body}")), ("part.c", c), ("millstream.toml", "language = 'cpp'")]);
    assert!(text.contains(&format!("record x, {}", size_of::<i32>())), "{text}");
}

#[test]
fn same_cpp_source_gives_the_same_bytes_wherever_it_lies() {
    let body = "ms::Outcome Trial::process(const ms::Record &record, ms::Context &context) { context.forward(record); return ms::done; }";
    let output = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let dir = project(&[("trial.cpp", &format!("{CPP_OPERATOR}{body}"))]);
        let path = output.path().join(name);
        built(dir.path(), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert!(bytes("one.wasm") == bytes("two.wasm"));
}

#[test]
fn mistake_in_cpp_is_quoted_from_the_compiler() {
    let text = refused(&[("trial.cpp", "#include <millstream.hpp>\nint x = y;\n")]);
    assert!(text.contains("trial.cpp:2") && text.contains("'y'"), "{text}");
    let text = refused(&[("trial.cpp", &CPP_OPERATOR.replace("ms::Outcome process(", "void process("))]);
    assert!(text.contains("an operator has `Outcome process(const Record &, Context &)`"), "{text}");
    let thrown = "ms::Outcome Trial::process(const ms::Record &, ms::Context &) { throw 7; }";
    let text = refused(&[("trial.cpp", &format!("{CPP_OPERATOR}{thrown}"))]);
    assert!(text.contains("exceptions disabled"), "{text}");
}

const ZIG_OPERATOR: &str = r#"const std = @import("std");
const ms = @import("millstream");

pub const Operator = struct {
    pub const declaration: ms.Declaration = .{ .name = "trial", .version = "1" };

    pub fn process(_: *Operator, record: ms.Record, context: *Context) !void {
        BODY
        context.forward(record);
    }
};
const Context = ms.Context(Operator);
"#;

/// The build script beside it is not the operator.
#[test]
fn log_in_zig_goes_to_the_log_and_neither_wasi_nor_state_is_left() {
    let body = r#"std.log.info("record {s}, of {d}", .{ record.value.?, @import("part.zig").part });"#;
    let (code, part) = (ZIG_OPERATOR.replace("BODY", body), "pub const part = 7;");
    assert_eq!(said(&[("trial.zig", &code), ("part.zig", part), ("build.zig", ""), ("millstream.toml", "module = 'trial'")]), "record x, of 7");
}

#[test]
fn same_zig_source_gives_the_same_bytes_wherever_it_lies() {
    let output = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let dir = project(&[("trial.zig", &ZIG_OPERATOR.replace("BODY", r#"context.log(.info, "{s} {d}", .{ record.value orelse "", record.row });"#))]);
        let path = output.path().join(name);
        built(dir.path(), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert!(bytes("one.wasm") == bytes("two.wasm"));
}

#[test]
fn mistake_in_zig_is_quoted_from_the_compiler() {
    let text = refused(&[("trial.zig", &ZIG_OPERATOR.replace("BODY", "const x: u8 = record.value;"))]);
    assert!(text.contains("trial.zig:8") && text.contains("expected type 'u8'"), "{text}");
    let text = refused(&[("trial.zig", &ZIG_OPERATOR.replace("BODY", "_ = try context.state(.counts);"))]);
    assert!(text.contains("the operator declares no store `counts`"), "{text}");
    let text = refused(&[("trial.zig", &ZIG_OPERATOR.replace("BODY", "context.forwardTo(record, .late);"))]);
    assert!(text.contains("'late'"), "{text}");
    let text = refused(&[("trial.zig", "pub const Operator = struct {};")]);
    assert!(text.contains("an operator has `pub const declaration"), "{text}");
    let text = refused(&[("trial.zig", "const Operator = struct {};")]);
    assert!(text.contains("a project's module has `pub const Operator = struct"), "{text}");
}

#[test]
fn import_that_no_host_answers_is_named() {
    let body = r#"
        __attribute__((import_module("env"), import_name("wall_clock"))) long wall_clock(void);
        ms_outcome ms_process(const ms_context *c, const ms_batch *i) { (void)c; (void)i; return wall_clock() ? MS_OK : MS_RETRY; }"#;
    let text = refused(&[("trial.c", &format!("{C_OPERATOR}{body}"))]);
    assert!(text.contains("`env.wall_clock`"), "{text}");
}

#[test]
fn rust_project_outside_of_ours_is_built_with_its_tests_and_config_untouched() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/rust/sdk").canonicalize().unwrap();
    let manifest = format!(
        "[package]\nname = \"outside\"\nversion = \"2.3.4\"\nedition = \"2024\"\n[dependencies]\nmillstream-sdk = {{ path = {:?} }}\n[workspace]\n",
        sdk.display()
    );
    let code = "use millstream_sdk::prelude::*;
        struct Outside;
        impl Operator for Outside {
            type Config = NoConfig;
            fn open(_: NoConfig, _: &Setup) -> Result<Self, Failure> { Ok(Outside) }
            fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome { ctx.emit(Out::of(record)) }
        }
        export_operator!(Outside);";
    let output = tempfile::tempdir().unwrap();
    let path = output.path().join("outside.wasm");
    built(project(&[("Cargo.toml", &manifest), ("src/lib.rs", code)]).path(), &path).unwrap();
    let loaded = Loaded::load(&engine(), &path, Grants { state: false }).unwrap();
    assert_eq!((loaded.description.name.as_str(), loaded.description.version.as_str()), ("outside", "2.3.4"));
    let broken = code.replace("ctx.emit(Out::of(record))", "ctx.emit(record)");
    let text = refused(&[("Cargo.toml", &manifest), ("src/lib.rs", &broken)]);
    assert!(text.contains("mismatched types"), "{text}");
}

#[test]
fn python_operator_without_stores_does_not_ask_for_state() {
    let code = "from millstream import Operator\nclass Echo(Operator):\n    def process(self, record, context):\n        print('seen', record.row)\n        \
                context.emit(record)\n";
    let output = tempfile::tempdir().unwrap();
    let path = output.path().join("echo.wasm");
    built(project(&[("echo.py", code)]).path(), &path).unwrap();
    let loaded = Loaded::load(&engine(), &path, Grants { state: false }).unwrap();
    assert_eq!(loaded.description.name, "echo");
}

#[test]
fn mistake_in_python_is_quoted_with_its_line() {
    let text = refused(&[("broken.py", "from millstream import Operator\nclass A(Operator)\n    pass\n")]);
    assert!(text.contains("broken.py\", line 2") && text.contains("SyntaxError"), "{text}");
    let text = refused(&[("empty.py", "x = 1\n")]);
    assert!(text.contains("must define one class that derives from millstream.Operator"), "{text}");
}

/// Go operators without stores, so without `state`; each in a module of its own that does not name the SDK.
#[test]
fn print_in_go_goes_to_the_log_and_neither_wasi_nor_state_is_left() {
    let body = r#"
func (trial) Process(record *millstream.Record, ctx *millstream.Context) error {
	_, err := os.Open("/etc/hostname")
	fmt.Printf("record %s, home %q, %v", record.Value, os.Getenv("HOME"), err != nil)
	return nil
}"#;
    assert_eq!(said(&[GO_MODULE, ("trial.go", &format!("{GO_OPERATOR}{body}"))]), "record x, home \"\", true");
}

/// `go.mod` lies above the operators; two builds, one from a copy elsewhere.
#[test]
fn same_go_source_gives_the_same_bytes_wherever_it_lies() {
    let code = format!("{GO_OPERATOR}\nfunc (trial) Process(*millstream.Record, *millstream.Context) error {{ fmt.Println(os.Args); return nil }}\n");
    let output = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let dir = project(&[GO_MODULE, ("operators/trial/trial.go", &code)]);
        let path = output.path().join(name);
        built(&dir.path().join("operators/trial"), &path).unwrap();
        std::fs::read(path).unwrap()
    };
    assert!(bytes("one.wasm") == bytes("two.wasm"));
}

#[test]
fn mistake_in_go_is_quoted_from_the_compiler() {
    let broken = format!("{GO_OPERATOR}\nfunc (trial) Process(*millstream.Record, *millstream.Context) error {{ fmt.Println(os.Args); return x }}\n");
    let text = refused(&[GO_MODULE, ("trial.go", &broken)]);
    assert!(text.contains("trial.go:19:") && text.contains("undefined: x"), "{text}");
    let text = refused(&[("trial.go", GO_OPERATOR)]);
    assert!(text.contains("belongs to no Go module") && text.contains("no go.mod here or above"), "{text}");
}

#[test]
fn import_of_go_that_no_host_answers_is_named() {
    let body = r#"
//go:wasmimport env wall_clock
func wallClock() int64

func (trial) Process(record *millstream.Record, ctx *millstream.Context) error {
	fmt.Println(os.Args, wallClock())
	return nil
}"#;
    let text = refused(&[GO_MODULE, ("trial.go", &format!("{GO_OPERATOR}{body}"))]);
    assert!(text.contains("`env.wall_clock`"), "{text}");
}

#[test]
fn go_project_that_names_an_sdk_itself_is_built_with_that_one() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/go/sdk").canonicalize().unwrap();
    let module = format!("module outside\n\ngo 1.24\n\nrequire millstream v0.0.0\n\nreplace millstream => {}\n", sdk.display());
    let body = "\nfunc (trial) Process(*millstream.Record, *millstream.Context) error { fmt.Print(len(os.Args)); return nil }\n";
    assert_eq!(said(&[("go.mod", &module), ("trial.go", &format!("{GO_OPERATOR}{body}"))]), "0");
    let nowhere = module.replace(&sdk.display().to_string(), "./nowhere");
    let text = refused(&[("go.mod", &nowhere), ("trial.go", &format!("{GO_OPERATOR}{body}"))]);
    assert!(text.contains("nowhere"), "the SDK in this binary does not stand in silently: {text}");
}

const JS_ECHO: &str = "import { defineOperator } from \"millstream\";
export default defineOperator({
  process(record, context) {
    BODY
    context.forward(record);
  },
});
";

/// A JavaScript operator without stores, so without `state`: what scripts expect around them is there, and the clock is the call's.
#[test]
fn console_in_javascript_goes_to_the_log_and_neither_wasi_nor_state_is_left() {
    let body = r#"console.log(new TextDecoder().decode(new TextEncoder().encode("ünï")), { n: 1 }, Date.now(), new Date().getTime(), typeof setTimeout, Math.random() < 1);"#;
    assert_eq!(said(&[("echo.js", &JS_ECHO.replace("BODY", body)), ("echo.test.js", "no code")]), r#"ünï {"n":1} 0 0 undefined true"#);
}

#[test]
fn modules_and_packages_of_a_javascript_project_are_bundled() {
    let code =
        format!("import {{ name }} from \"./lib/name.js\";\nimport {{ value }} from \"neighbour\";\n{}", JS_ECHO.replace("BODY", "console.log(name, value);"));
    let package = r#"{ "name": "neighbour", "type": "module", "exports": "./value.js" }"#;
    let files = [
        ("index.js", code.as_str()),
        ("other.js", "export const other = 1;"),
        ("lib/name.js", "export const name = 'lib';"),
        ("node_modules/neighbour/package.json", package),
        ("node_modules/neighbour/value.js", "export const value = 7;"),
    ];
    assert_eq!(said(&files), "lib 7");
}

#[test]
fn mistake_in_javascript_is_quoted_with_its_line() {
    let text = refused(&[("broken.js", "import { defineOperator } from \"millstream\";\nconst = 1;\n")]);
    assert!(text.contains("broken.js:2:6") && text.contains("Expected identifier"), "{text}");
    let text = refused(&[("none.js", "export default 7;\n")]);
    assert!(text.contains("the module must export an operator: export default defineOperator("), "{text}");
    let text = refused(&[("node.js", "import fs from \"node:fs\";\nexport default fs;\n")]);
    assert!(text.contains("Could not resolve \"node:fs\""), "{text}");
}

#[test]
fn types_of_typescript_are_checked_before_anything_is_built() {
    let sound = JS_ECHO.replace("BODY", "const key: Uint8Array | null = record.key; console.log(key === null);");
    assert_eq!(said(&[("echo.ts", &sound), ("tsconfig.json", r#"{ "compilerOptions": { "strict": true, "lib": ["dom"] } }"#)]), "true");
    let text = refused(&[("echo.ts", &JS_ECHO.replace("BODY", "const key: string = record.key;"))]);
    assert!(text.contains("tsc failed") && text.contains("echo.ts(4,11)") && text.contains("not assignable to type 'string'"), "{text}");
    let text = refused(&[("echo.ts", &JS_ECHO.replace("BODY", "setTimeout(() => {}, 1);"))]);
    assert!(text.contains("Cannot find name 'setTimeout'"), "what no component has is a type error: {text}");
}

const KOTLIN_OPERATOR: &str = r#"
import millstream.operator

fun main() = operator("trial") {
    process { record -> println("record ${record.value}") }
}
"#;

const JAVA_OPERATOR: &str = r#"package trial;

import millstream.Context;
import millstream.Millstream;
import millstream.Operator;
import millstream.Record;

public final class Trial implements Operator {
    public static void main(String[] arguments) {
        Millstream.operator("trial", Trial::new);
    }

    @Override
    public void process(Record record, Context context) {
        System.out.println("record " + record.value());
    }
}
"#;

/// Operators without stores, so without `state`.
#[test]
fn println_in_kotlin_and_java_goes_to_the_log_and_neither_wasi_nor_state_is_left() {
    assert_eq!(said(&[("Trial.kt", KOTLIN_OPERATOR)]).trim(), "record x");
    assert_eq!(said(&[("Trial.java", JAVA_OPERATOR)]).trim(), "record x");
}

/// Drops, keeps and clones arrays of any size, and so has the collector move them: items of eight bytes in objects that are aligned to four.
const JAVA_LONGS: &str = r#"
        long[][] kept = new long[200][];
        byte[][] others = new byte[500][];
        for (int round = 0; round < 50_000; round++) {
            int n = round % kept.length;
            long[] longs = kept[n] == null ? new long[0] : kept[n].clone();
            byte[] bytes = new byte[round % 41];
            java.util.Arrays.fill(bytes, (byte) n);
            if (!java.util.Arrays.equals(bytes.clone(), bytes)) {
                System.out.println("a clone is another in round " + round);
                return;
            }
            for (long number : longs) {
                if (number != 0x0123_4567_89AB_CDEFL * n) {
                    System.out.println("array " + n + " is lost in round " + round);
                    return;
                }
            }
            kept[n] = new long[round % 37];
            java.util.Arrays.fill(kept[n], 0x0123_4567_89AB_CDEFL * n);
            others[round * 7 % others.length] = new byte[round % 1_013];
        }
        System.out.println("all are sound");
"#;

#[test]
fn longs_in_java_outlast_the_collector() {
    let code = JAVA_OPERATOR.replace("System.out.println(\"record \" + record.value());", JAVA_LONGS);
    assert_eq!(said(&[("Trial.java", &code)]).trim(), "all are sound");
}

#[test]
fn same_kotlin_and_java_sources_give_the_same_bytes_wherever_they_lie() {
    for (name, code) in [("Trial.kt", KOTLIN_OPERATOR), ("Trial.java", JAVA_OPERATOR)] {
        let output = tempfile::tempdir().unwrap();
        let bytes = |to: &str| {
            let dir = project(&[(name, code)]);
            let path = output.path().join(to);
            built(dir.path(), &path).unwrap();
            std::fs::read(path).unwrap()
        };
        assert!(bytes("one.wasm") == bytes("two.wasm"), "{name}");
    }
}

#[test]
fn mistake_in_kotlin_or_java_is_quoted_from_the_compiler() {
    let text = refused(&[("Trial.kt", &KOTLIN_OPERATOR.replace("record.value", "record.worth"))]);
    assert!(text.contains("Trial.kt:5:") && text.contains("worth"), "{text}");
    let text = refused(&[("Trial.java", &JAVA_OPERATOR.replace("record.value()", "record.worth()"))]);
    assert!(text.contains("Trial.java:15:") && text.contains("worth"), "{text}");
    let text = refused(&[("Trial.java", &JAVA_OPERATOR.replace("void main(", "void start("))]);
    assert!(text.contains("no class has a `main`"), "{text}");
    // What TeaVM's class library lacks.
    let text = refused(&[("Trial.java", &JAVA_OPERATOR.replace("System.out.println", "java.awt.Toolkit.getDefaultToolkit().beep(); System.out.println"))]);
    assert!(text.contains("java.awt.Toolkit"), "{text}");
}
