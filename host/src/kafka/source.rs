//! One input of a worker: where it begins, by the group's positions and the input's policy, and its share of the worker's inbox.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

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
    /// One past the newest of which it is sure that it stays: the first of an open transaction, or the end.
    pub stable: Offset,
}

/// The extents of many partitions, asked for at once.
pub fn extents(cluster: &Cluster, places: &[Place]) -> Result<BTreeMap<Place, Extent>, HostError> {
    let of = |which: Which| cluster.offsets(places, which);
    let (first, end, stable) = (of(Which::First)?, of(Which::End(Isolation::Uncommitted))?, of(Which::End(Isolation::Committed))?);
    Ok((0..places.len()).map(|n| (places[n].clone(), Extent { first: first[n], end: end[n], stable: stable[n] })).collect())
}

/// What a worker's sources share besides the inbox: what is known of the partitions, what has to be sought, and what people must be told.
#[derive(Default)]
pub struct Opening {
    pub extents: BTreeMap<Place, Extent>,
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
            Start::Timestamp(ms) => self.cluster.offsets(&[(self.input.topic.clone(), partition)], Which::At(ms))?.first().copied().unwrap_or(extent.end),
        };
        let what = || format!("stream `{}`, partition {partition}", self.input.topic);
        if position > extent.end {
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
        let until = self.input.bounded.then_some(extent.stable);
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
