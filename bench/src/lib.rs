//! What benchmarks share: CPU time as the measure, operators natively, what a Kafka client can do at best, and tables for `RESULTS.md`.

pub mod bare;
pub mod clients;
pub mod cpu;
pub mod native;
pub mod records;
pub mod table;
pub mod work;

use millstream_sdk::layout;

/// As in the binary, so that what is measured is what runs.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[unsafe(export_name = "malloc_conf")]
static ALLOCATOR_SETTINGS: &[u8; 11] = b"thp:always\0";
