//! Millstream: stream jobs whose operators are WebAssembly components. ARCHITECTURE.md has the map; each folder is one station of a record.
//!
//! Dependencies point one way: `record`, `time` and `error` know nothing; the stations know those three and never one another; `task` knows the
//! stations' traits; `checkpoint`, then `worker`, know `task`; `runtime` alone names concrete types.

pub mod build;
pub mod cases;
pub mod changelog;
pub mod checkpoint;
pub mod cli;
pub mod error;
mod files;
pub mod job;
pub mod kafka;
pub mod log;
pub mod memory;
pub mod observe;
pub mod operator;
pub mod record;
pub mod runtime;
pub mod sink;
pub mod source;
pub mod state;
pub mod task;
pub mod time;
pub mod worker;
