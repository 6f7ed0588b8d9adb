//! Hostile components, written as core WAT and wrapped with our own WIT: a sound identity operator, of which each test replaces one piece.

use std::sync::Arc;

use millstream::error::{GuestFault, HostError};
use millstream::operator::{Call, Grants, Limits, Loaded, Operator, Setup, WasmEngine};
use millstream::record::{Batch, BatchBuilder, Fields};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub const WIT: &str = include_str!("../../wit/operator.wit");
pub const CALL: Call = Call { watermark: i64::MIN, now: 0, task: 0 };
/// Where a guest's answer lies, and where its own bytes may.
pub const ANSWER: u32 = 16;
pub const SCRATCH: u32 = 2048;

/// The pieces of a guest. Bodies are those of WAT functions; `$index`, `$index-len`, `$arena`, `$arena-len` are the batch of `process`.
pub struct Guest {
    pub imports: &'static str,
    /// More functions, globals, tables.
    pub fields: String,
    pub describe: String,
    pub open: String,
    pub process: String,
    pub realloc: String,
    /// After `process` has been answered.
    pub post_return: String,
    /// Pages of memory at the start.
    pub pages: u32,
}

impl Default for Guest {
    fn default() -> Self {
        Guest {
            imports: "",
            fields: String::new(),
            describe: "(i32.const 256)".to_owned(),
            open: "(i32.const 200)".to_owned(),
            process: IDENTITY.to_owned(),
            realloc: BUMP.to_owned(),
            post_return: "(global.set $next (i32.const 65536))".to_owned(),
            pages: 2,
        }
    }
}

/// Passes all rows on, each as made from itself.
pub const IDENTITY: &str = "
    (local.set $row (local.get $index))
    (block $done (loop $rows
      (br_if $done (i32.ge_u (local.get $row) (i32.add (local.get $index) (local.get $index-len))))
      (i64.store offset=24 (local.get $row) (local.get $n))
      (local.set $n (i64.add (local.get $n) (i64.const 1)))
      (local.set $row (i32.add (local.get $row) (i32.const 40)))
      (br $rows)))
    (call $outputs (local.get $index) (local.get $index-len) (local.get $arena) (local.get $arena-len))
    (i32.const 16)";

/// Hands out memory upwards from the first 64 KiB, and grows.
pub const BUMP: &str = "
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (if (i32.gt_u (local.get $end) (i32.shl (memory.size) (i32.const 16)))
      (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1)
          (i32.shr_u (i32.sub (local.get $end) (i32.shl (memory.size) (i32.const 16))) (i32.const 16)))))
        (then (unreachable)))))
    (global.set $next (local.get $end))
    (local.get $at)";

pub const STATE: &str = r#"
    (import "millstream:operator/state@0.1.0" "get-many" (func $get-many (param i32 i32 i32 i32 i32)))
    (import "millstream:operator/state@0.1.0" "put-many" (func $put-many (param i32 i32 i32 i32)))"#;
pub const TELEMETRY: &str = r#"
    (import "millstream:operator/telemetry@0.1.0" "log" (func $log (param i32 i32 i32)))
    (import "millstream:operator/telemetry@0.1.0" "count" (func $count (param i32 i32 i64)))"#;
pub const LOOP: &str = "(loop $for-ever (br $for-ever)) (unreachable)";

impl Guest {
    pub fn processing(process: impl Into<String>) -> Guest {
        Guest { process: process.into(), ..Guest::default() }
    }

    pub fn importing(mut self, imports: &'static str) -> Guest {
        self.imports = imports;
        self
    }

    /// The core module's text.
    pub fn text(&self) -> String {
        let Guest { imports, fields, describe, open, process, realloc, post_return, pages } = self;
        let description = description();
        let interface = "millstream:operator/operator@0.1.0";
        format!(
            r#"(module {imports}
  (memory (export "memory") {pages})
  (global $next (mut i32) (i32.const 65536))
  (data (i32.const 256) "{description}")
  {fields}
  (func $outputs (param $index i32) (param $index-len i32) (param $arena i32) (param $arena-len i32)
    (memory.fill (i32.const 16) (i32.const 0) (i32.const 64))
    (i32.store (i32.const 20) (local.get $index)) (i32.store (i32.const 24) (local.get $index-len))
    (i32.store (i32.const 28) (local.get $arena)) (i32.store (i32.const 32) (local.get $arena-len)))
  (func $realloc (export "cabi_realloc") (param i32 i32 i32) (param $len i32) (result i32) (local $at i32) (local $end i32) {realloc})
  (func (export "{interface}#describe") (result i32) {describe})
  (func (export "{interface}#open") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {open})
  (func $process (export "{interface}#process") (export "{interface}#on-timer")
    (param i64 i64 i32) (param $index i32) (param $index-len i32) (param $arena i32) (param $arena-len i32) (result i32)
    (local $row i32) (local $n i64) (local $i i32) (local $begin i32) {process})
  (func (export "cabi_post_{interface}#process") (param i32) {post_return})
  (func (export "{interface}#migrate") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (unreachable)))"#
        )
    }

    /// The component's bytes.
    pub fn component(&self) -> Vec<u8> {
        component(&self.text(), WIT, "job")
    }

    pub fn load(&self) -> Result<Arc<Loaded>, HostError> {
        load(&self.component())
    }

    /// Opens it under limits; panics where that fails.
    pub fn opened(&self, limits: &Limits) -> Box<dyn Operator> {
        self.open_under(limits).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn open_under(&self, limits: &Limits) -> Result<Box<dyn Operator>, HostError> {
        self.load()?.open("hostile", &setup(), limits)
    }
}

/// Wraps a core module for a world of a WIT package.
pub fn component(core: &str, wit: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(core).unwrap_or_else(|error| panic!("{error}\n{core}"));
    let mut resolve = Resolve::default();
    let package = resolve.push_str("operator.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap_or_else(|error| panic!("{error:#}\n{core}"))
}

pub fn load(component: &[u8]) -> Result<Arc<Loaded>, HostError> {
    Loaded::from_bytes(&engine(), "hostile.wasm", component, Grants { state: true })
}

/// Without a cache: what is tested is to be compiled.
pub fn engine() -> WasmEngine {
    WasmEngine::new(None).unwrap()
}

pub fn setup() -> Setup {
    Setup { config: Vec::new(), inputs: vec!["in".into()], outputs: vec!["out".into()], stores: vec!["s".into()] }
}

/// A batch with key `k` and these values.
pub fn batch(values: &[&str]) -> Batch {
    let mut rows = BatchBuilder::default();
    values.iter().for_each(|value| rows.push(Some(b"k"), Some(value.as_bytes()), Default::default(), Fields::default()));
    rows.into_batch()
}

/// What an operator's failed opening was put down to.
pub fn open_fault(error: HostError) -> GuestFault {
    match error {
        HostError::Guest { fault, .. } => fault,
        other => panic!("no guest's fault: {other}"),
    }
}

/// The description `hostile` 1 with the output `out` and the store `s`, at 256.
fn description() -> String {
    // Text at 400: hostile, 1, out, s. Lists at 320 (outputs) and 336 (stores: name, version).
    let words = [400, 7, 407, 1, 0, 0, 320, 1, 336, 1, 0, 0];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    bytes.resize(320 - 256, 0);
    bytes.extend([408u32, 3].iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(336 - 256, 0);
    bytes.extend([411u32, 1, 1].iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(400 - 256, 0);
    bytes.extend(b"hostile1outs");
    escaped(&bytes)
}

/// Bytes as a WAT string.
pub fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
