//! Composition root and supervisor: the only module that names concrete types. Checks a job, runs its workers on threads, starts them again when the disk fails,
//! swaps operators.

mod check;
mod embedded;
mod run;
mod running;

use std::path::PathBuf;
use std::sync::Arc;

use crate::time::{Clock, RealClock};

pub use check::{Checked, check};
pub use run::Ended;
pub use running::{Running, run, start};

/// Where and how jobs of this process run.
#[derive(Clone)]
pub struct Options {
    /// The data folder: streams, checkpoints, state.
    pub data: PathBuf,
    /// For compiled code; `None`: compile at each start.
    pub cache: Option<PathBuf>,
    pub clock: Arc<dyn Clock>,
    /// Each worker stops after so many checkpoints, as if asked to: for tests of restarts. `None`: it runs on.
    pub checkpoints_max: Option<u64>,
}

impl Options {
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Options { data: data.into(), cache: None, clock: Arc::new(RealClock), checkpoints_max: None }
    }
}
