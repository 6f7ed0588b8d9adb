//! The WIT's types as Rust sees them, lowered and lifted without a copy of ours: bytes go from the batch into the guest's memory and back in one move each.

use wasmtime::component::{ComponentType, Lift, Lower};

/// A batch on its way in.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct BatchIn<'a> {
    pub index: &'a [u8],
    pub arena: &'a [u8],
}

/// A batch on its way out, not checked yet (and the answer of a state call, on its way in).
#[derive(Clone, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct BatchOut {
    pub index: Vec<u8>,
    pub arena: Vec<u8>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct ContextIn {
    pub watermark: i64,
    pub now: i64,
    pub task: u32,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct RejectOut {
    pub row: u32,
    pub code: u16,
    pub message: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct EffectsOut {
    pub outputs: BatchOut,
    pub timers: BatchOut,
    pub rejects: Vec<RejectOut>,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Failure {
    #[component(name = "retry")]
    Retry(String),
    #[component(name = "fatal")]
    Fatal(String),
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct SetupIn<'a> {
    pub config: &'a [u8],
    pub inputs: &'a [String],
    pub outputs: &'a [String],
    pub stores: &'a [String],
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct StoreOut {
    pub name: String,
    pub version: u32,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct DescriptionOut {
    pub name: String,
    pub version: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub stores: Vec<StoreOut>,
    #[component(name = "config-schema")]
    pub config_schema: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct RangeOut {
    pub store: u32,
    pub begin: Vec<u8>,
    pub end: Vec<u8>,
    pub limit: u32,
    #[component(name = "max-bytes")]
    pub max_bytes: u32,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct PageIn {
    pub rows: BatchOut,
    pub done: bool,
}
