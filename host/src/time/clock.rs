//! The only place that reads the wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells processing time and waits. Shared by the threads of a job.
pub trait Clock: Send + Sync {
    /// Now, ms since 1970 UTC. Never goes back within one process run of the simulated clock; the real one follows the system.
    fn now_ms(&self) -> i64;
    /// Waits so long (the simulated clock moves instead).
    fn sleep_ms(&self, ms: u64);
}

/// The system's clock.
#[derive(Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        }
    }

    fn sleep_ms(&self, ms: u64) {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

/// A clock that moves only when told, or when somebody sleeps.
#[derive(Clone, Debug, Default)]
pub struct SimulatedClock {
    now_ms: Arc<AtomicI64>,
}

impl SimulatedClock {
    pub fn starting_at(now_ms: i64) -> Self {
        SimulatedClock { now_ms: Arc::new(AtomicI64::new(now_ms)) }
    }

    pub fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SimulatedClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn sleep_ms(&self, ms: u64) {
        self.advance_ms(ms.min(i64::MAX as u64) as i64);
    }
}
