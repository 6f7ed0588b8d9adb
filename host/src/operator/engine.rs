//! The engine that compiles and runs components, one for all jobs of a process, with the ticker that ends calls past their deadline.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Collector, Config, Engine, Inlining, WasmBacktraceDetails};

use crate::error::HostError;

/// How often the epoch moves, ms: a deadline is kept to within one of these.
pub(super) const TICK_MS: u64 = 10;
/// Stack of a guest, bytes: what a thread with Rust's default of 2 MiB can spare, so that a library's caller cannot get this wrong. Interpreters keep
/// their own stacks in linear memory.
const GUEST_STACK_BYTES: usize = 1 << 20;
/// The stack of a worker's thread, bytes. Any thread that runs operators needs at least 2 MiB: the guest's share and as much for the host.
pub const WORKER_STACK_BYTES: usize = 8 << 20;
/// Python's memory image is large; below this it is mapped copy-on-write instead of copied.
const IMAGE_BYTES_MAX: u64 = 64 << 20;

/// Compiles and runs components. Cheap to clone; the ticker ends with the last clone.
#[derive(Clone)]
pub struct WasmEngine {
    pub(super) engine: Engine,
    /// The same, but that it puts functions in line: see [`WasmEngine::for_collected`].
    inlining: Engine,
    pub(super) cache: Option<PathBuf>,
    _ticker: Arc<Ticker>,
}

impl WasmEngine {
    /// `cache`: a folder of ours for compiled code (made when needed); `None`: compile at each load.
    pub fn new(cache: Option<PathBuf>) -> Result<WasmEngine, HostError> {
        let start = |inlining| {
            let engine = Engine::new(config().compiler_inlining(inlining));
            engine.map_err(|error| HostError::external("starting the WebAssembly engine", anyhow::anyhow!("{error:#}")))
        };
        let (engine, inlining) = (start(Inlining::No)?, start(Inlining::Yes)?);
        let ticker = Ticker::start([engine.clone(), inlining.clone()]).map_err(|error| HostError::external("starting the deadline ticker", error))?;
        Ok(WasmEngine { engine, inlining, cache, _ticker: Arc::new(ticker) })
    }

    /// For components whose objects the collector keeps. Their compilers (Kotlin's) leave small functions as calls, which cost them half their time; those of other
    /// languages put in line what pays, and a trap names more of the functions that led to it (`decisions/0008`).
    pub(super) fn for_collected(&self) -> WasmEngine {
        WasmEngine { engine: self.inlining.clone(), ..self.clone() }
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.concurrency_support(false);
    config.epoch_interruption(true);
    // Java and Kotlin throw with Wasm exceptions; Kotlin alone needs the collector.
    config.wasm_exceptions(true);
    config.wasm_function_references(true);
    config.wasm_gc(true);
    config.collector(Collector::Copying);
    config.gc_heap_initial_size(4 << 20);
    config.max_wasm_stack(GUEST_STACK_BYTES);
    config.memory_guaranteed_dense_image_size(IMAGE_BYTES_MAX);
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

/// Moves the engines' epochs on a thread of its own, so that a guest that never returns is ended all the same.
struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engines: [Engine; 2]) -> std::io::Result<Ticker> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("millstream-ticker".to_owned()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(TICK_MS));
                engines.iter().for_each(Engine::increment_epoch);
            }
        })?;
        Ok(Ticker { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            // A ticker that panicked has nothing left to end.
        }
    }
}
