//! What tests of the transport change in it: where the process ends, how long a call may take. Nothing of it is for users, nothing of it is on the data path.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A step at which the process can be made to end at once, as by kill -9. In the order of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// Records are in the client's queue, and perhaps on their way.
    AfterProduce,
    /// All records are acknowledged.
    BeforeOffsets,
    AfterOffsets,
    /// The end of the transaction was asked for; whether it is on its way nobody knows.
    DuringEnd,
    AfterEnd,
    /// The cluster has the checkpoint, the local copy of the state has not.
    BeforeStore,
    AfterStore,
    /// A step of restoring state is done.
    DuringRestore,
}

impl FailPoint {
    pub const ALL: [(FailPoint, &'static str); 8] = [
        (FailPoint::AfterProduce, "after-produce"),
        (FailPoint::BeforeOffsets, "before-offsets"),
        (FailPoint::AfterOffsets, "after-offsets"),
        (FailPoint::DuringEnd, "during-end"),
        (FailPoint::AfterEnd, "after-end"),
        (FailPoint::BeforeStore, "before-store"),
        (FailPoint::AfterStore, "after-store"),
        (FailPoint::DuringRestore, "during-restore"),
    ];
}

/// See the module. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// Where, and how often the process passes before it ends there.
    fail_at: Option<(FailPoint, Arc<AtomicU64>)>,
    /// How long the commit of a transaction may take, ms; `None`: as long as any request.
    pub commit_ms: Option<u64>,
    /// Ask for a commit again and again, and go on with the producer afterwards: what must never be done.
    pub keep_producer: bool,
}

impl Trial {
    /// Ends the process if this is where it is to.
    pub(crate) fn passes(&self, point: FailPoint) {
        if self.is_last(point) {
            std::process::abort();
        }
    }

    /// Counts, and tells whether the process is to end here.
    fn is_last(&self, point: FailPoint) -> bool {
        self.fail_at.as_ref().is_some_and(|(at, left)| *at == point && left.fetch_sub(1, Ordering::Relaxed) == 1)
    }

    /// Ends the process in a moment, if this is where it is to: in the middle of the call that follows.
    pub(super) fn ends_soon_at(&self, point: FailPoint) {
        if self.is_last(point) {
            // Another moment in each process.
            let moment = Duration::from_micros(u64::from(std::process::id()) % 10 * 400);
            std::thread::spawn(move || {
                std::thread::sleep(moment);
                std::process::abort();
            });
        }
    }
}

/// As on the command line: `after-produce:3` (the third time), `commit-ms=1500`, `keep-producer`; several with commas.
impl FromStr for Trial {
    type Err = String;

    fn from_str(text: &str) -> Result<Trial, String> {
        let mut trial = Trial::default();
        for part in text.split(',') {
            let point = |name: &str| FailPoint::ALL.iter().find(|(_, known)| *known == name).map(|(point, _)| *point);
            match (part.split_once(':'), part.split_once('=')) {
                (Some((name, times)), _) => {
                    let times = times.parse::<u64>().ok().filter(|times| *times > 0).ok_or_else(|| format!("{times:?} is no count"))?;
                    trial.fail_at = Some((point(name).ok_or_else(|| format!("there is no fail point {name:?}"))?, Arc::new(AtomicU64::new(times))));
                }
                (_, Some(("commit-ms", ms))) => trial.commit_ms = Some(ms.parse().map_err(|_| format!("{ms:?} is no count of ms"))?),
                _ if part == "keep-producer" => trial.keep_producer = true,
                _ => return Err(format!("{part:?} means nothing here")),
            }
        }
        Ok(trial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_counts_down_to_its_point() {
        let trial: Trial = "after-offsets:2,commit-ms=1500".parse().unwrap();
        let passed: Vec<bool> = [FailPoint::AfterOffsets, FailPoint::AfterEnd, FailPoint::AfterOffsets, FailPoint::AfterOffsets]
            .into_iter()
            .map(|point| trial.clone().is_last(point))
            .collect();
        assert_eq!((passed, trial.commit_ms, trial.keep_producer), (vec![false, false, true, false], Some(1_500), false));
        assert!(["nowhere:1", "after-end:0", "after-end", "commit-ms=x"].iter().all(|text| text.parse::<Trial>().is_err()));
    }
}
