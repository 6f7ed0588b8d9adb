//! The `millstream` command: reads arguments and environment, and hands both to the library.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use millstream::cli::{Cli, Environment, main as run};

/// Of the whole process, RocksDB's and librdkafka's C and C++ too (decisions/0015).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Its settings, which it looks for by this name: large pages where the system gives them, since state is looked into at random places.
#[unsafe(export_name = "malloc_conf")]
static ALLOCATOR_SETTINGS: &[u8; 11] = b"thp:always\0";

fn main() -> ExitCode {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let cache = std::env::var_os("MILLSTREAM_CACHE").map_or_else(|| home.join(".cache").join("millstream"), PathBuf::from);
    run(Cli::parse(), &Environment { cache, variable: Arc::new(|name| std::env::var(name).ok()) })
}
