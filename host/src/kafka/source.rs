//! One input of a worker: where it begins, by the group's positions and the input's policy, and its share of the worker's inbox.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::cluster::{Cluster, Isolation, Place, Which};
use super::inbox::Inbox;
use super::layout::InputTopic;
use crate::error::HostError;
use crate::job::LostPolicy;
use crate::record::Offset;
use crate::source::{InputPartition, PollBudget, Polled, Source, Start};

/// Which offsets a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The oldest record.
    pub first: Offset,
    /// One past the newest.
    pub end: Offset,
}

/// The extents of many partitions, asked for at once.
pub fn extents(cluster: &Cluster, places: &[Place]) -> Result<BTreeMap<Place, Extent>, HostError> {
    let of = |which: Which| cluster.offsets(places, which);
    let (first, end) = (of(Which::First)?, of(Which::End(Isolation::Uncommitted))?);
    Ok((0..places.len()).map(|n| (places[n].clone(), Extent { first: first[n], end: end[n] })).collect())
}

/// How long a bounded read waits for transactions that are just ending, before it ends where one is open.
const ENDING_MAX: Duration = Duration::from_secs(5);
const ENDING: Duration = Duration::from_millis(10);

/// Where reading ends that is to see what was there at the call. A commit is done before brokers show its records: for a moment the first of them is still the
/// end for readers of committed records. So that is waited for, but not for a transaction that stays open: there the end is its first record.
/// `tend` is called in between.
pub fn settled_ends(cluster: &Cluster, places: &[Place], tend: &mut dyn FnMut() -> Result<(), HostError>) -> Result<Vec<Offset>, HostError> {
    let ends = cluster.offsets(places, Which::End(Isolation::Uncommitted))?;
    let began = Instant::now();
    loop {
        let stable = cluster.offsets(places, Which::End(Isolation::Committed))?;
        if stable.iter().zip(&ends).all(|(stable, end)| stable >= end) || began.elapsed() > ENDING_MAX {
            return Ok(stable.into_iter().zip(ends).map(|(stable, end)| stable.min(end)).collect());
        }
        tend()?;
        std::thread::sleep(ENDING);
    }
}

/// What a worker's sources share besides the inbox: what is known of the partitions, what has to be sought, and what people must be told.
#[derive(Default)]
pub struct Opening {
    pub extents: BTreeMap<Place, Extent>,
    /// Where inputs that begin at a time were found to begin.
    pub since: BTreeMap<Place, Offset>,
    /// Where bounded inputs end.
    pub ends: BTreeMap<Place, Offset>,
    /// Partitions that begin elsewhere than they were accepted at.
    pub seeks: Vec<(Place, Offset)>,
    pub lines: Vec<String>,
}

/// See the module.
pub(super) struct KafkaSource {
    pub cluster: std::sync::Arc<Cluster>,
    pub input: InputTopic,
    pub inbox: Rc<RefCell<Inbox>>,
    pub opening: Rc<RefCell<Opening>>,
}

impl KafkaSource {
    /// The position to begin at, which must still be there.
    fn position(&self, partition: u32, start: Start, extent: Extent) -> Result<Offset, HostError> {
        let position = match start {
            Start::At(offset) => offset,
            Start::Oldest => extent.first,
            Start::Newest => extent.end,
            Start::Timestamp(ms) => {
                let place = (self.input.topic.clone(), partition);
                let known = self.opening.borrow().since.get(&place).copied();
                known.map_or_else(|| self.cluster.first_since(&place, ms, &mut || Ok(())), Ok)?
            }
        };
        let what = || format!("stream `{}`, partition {partition}", self.input.topic);
        // More may have come since the extent was asked for, where the position was looked for after it.
        if position > extent.end && matches!(start, Start::At(_)) {
            let reason = format!("ends at {}, but reading was to begin at {position}", extent.end);
            return Err(
                HostError::storage(what(), reason).with_help("the topic was made anew, or `start` is beyond it: use another job name, or correct `start`")
            );
        }
        if position >= extent.first {
            return Ok(position);
        }
        let skipped = format!("offset {position} is gone by retention: the oldest is {}, {} offsets are passed over", extent.first, extent.first - position);
        let target = match self.input.lost {
            LostPolicy::Fail => {
                return Err(HostError::storage(what(), skipped)
                    .with_help("set `lost = \"oldest\"` (or \"newest\") on the input to go on without them, and keep more records (retention.ms)"));
            }
            LostPolicy::Oldest => extent.first,
            LostPolicy::Newest => extent.end,
        };
        self.opening.borrow_mut().lines.push(format!(
            "{}: {skipped}; going on at {target}, as `lost` says ({} to {} are skipped)",
            what(),
            position,
            target - 1
        ));
        Ok(target)
    }
}

impl Source for KafkaSource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let place = (self.input.topic.clone(), at.partition);
        let known = self.opening.borrow().extents.get(&place).copied();
        let extent = match known {
            Some(extent) => extent,
            None => extents(&self.cluster, std::slice::from_ref(&place))?
                .remove(&place)
                .ok_or_else(|| HostError::external(format!("looking at {}-{}", place.0, place.1), anyhow::anyhow!("the cluster gave no answer")))?,
        };
        let position = self.position(at.partition, start, extent)?;
        let until = match (self.input.bounded, self.opening.borrow().ends.get(&place)) {
            (false, _) => None,
            (true, Some(end)) => Some(*end),
            (true, None) => settled_ends(&self.cluster, std::slice::from_ref(&place), &mut || Ok(()))?.first().copied(),
        };
        let stands = self.inbox.borrow_mut().claim(at, &place.0, until)?;
        if stands != position {
            self.opening.borrow_mut().seeks.push((place, position));
        }
        Ok(position)
    }

    fn revoke(&mut self, at: InputPartition) {
        self.inbox.borrow_mut().unclaim(at);
    }

    fn pause(&mut self, at: InputPartition, paused: bool) {
        self.inbox.borrow_mut().pause(at, paused);
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        self.inbox.borrow_mut().poll(self.input.input, budget, found)
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(self.inbox.borrow().end(at))
    }
}
