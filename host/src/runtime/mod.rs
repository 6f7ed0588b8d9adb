//! Composition root and supervisor: the only module that names concrete types. Checks a job, runs its workers on threads, starts them again when the disk fails,
//! swaps operators.

mod check;
mod cluster;
mod embedded;
mod ends;
mod run;
mod running;

use std::path::PathBuf;
use std::sync::Arc;

use crate::time::{Clock, RealClock};

pub use check::{Checked, check};
pub use cluster::{TopicUse, TopicUser, describe_topics, settings};
pub use run::Ended;
pub use running::{Running, run, start};

/// Name → value; `None`: there is no such variable.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Where and how jobs of this process run.
#[derive(Clone)]
pub struct Options {
    /// The data folder: streams, checkpoints, state.
    pub data: PathBuf,
    /// For compiled code; `None`: compile at each start.
    pub cache: Option<PathBuf>,
    pub clock: Arc<dyn Clock>,
    /// The Kafka cluster that streams live on, before what the job file says; `None` in both: the data folder.
    pub bootstrap: Option<String>,
    /// Names this host among those that share the job, before what the job file says.
    pub instance: Option<String>,
    /// Looks up a variable of the environment, for properties that take their value from there.
    pub environment: Lookup,
    /// Each worker stops after so many checkpoints, as if asked to: for tests of restarts. `None`: it runs on.
    pub checkpoints_max: Option<u64>,
    /// On Kafka: where the process ends and what it does wrong, for tests of what follows.
    pub trial: crate::kafka::Trial,
}

impl Options {
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Options {
            data: data.into(),
            cache: None,
            clock: Arc::new(RealClock),
            bootstrap: None,
            instance: None,
            environment: Arc::new(|_| None),
            checkpoints_max: None,
            trial: crate::kafka::Trial::default(),
        }
    }
}
