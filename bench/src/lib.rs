//! What benchmarks share: CPU time as the measure, operators natively, and tables for `RESULTS.md`.

pub mod cpu;
pub mod native;
pub mod records;
pub mod table;

use millstream_sdk::layout;
