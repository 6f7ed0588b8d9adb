//! A source over streams in memory, which can be slow and can repeat itself.

use std::collections::BTreeMap;

use super::MemoryLog;
use crate::error::HostError;
use crate::record::{BatchBuilder, Offset};
use crate::source::{InputPartition, PollBudget, Polled, Source, Start};

struct Assigned {
    position: Offset,
    /// Where a bounded read ends.
    until: Option<Offset>,
    paused: bool,
    told_end: bool,
}

pub(super) struct MemorySource {
    log: MemoryLog,
    stream: String,
    bounded: bool,
    assigned: BTreeMap<InputPartition, Assigned>,
}

impl MemorySource {
    pub fn new(log: MemoryLog, stream: String, bounded: bool) -> Self {
        MemorySource { log, stream, bounded, assigned: BTreeMap::new() }
    }

    fn len(&self, partition: u32) -> u64 {
        self.log.durable.borrow().streams.get(&self.stream).map_or(0, |partitions| partitions[partition as usize].len() as u64)
    }

    fn first_at_or_after(&self, partition: u32, timestamp_ms: i64) -> u64 {
        let durable = self.log.durable.borrow();
        let Some(records) = durable.streams.get(&self.stream).map(|partitions| partitions[partition as usize].as_batch()) else { return 0 };
        (0..records.len()).find(|n| records.row(*n).timestamp >= timestamp_ms).unwrap_or(records.len()) as u64
    }
}

impl Source for MemorySource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let end = self.len(at.partition);
        let position = match start {
            Start::At(offset) => offset,
            Start::Oldest => 0,
            Start::Newest => end,
            Start::Timestamp(ms) => self.first_at_or_after(at.partition, ms),
        };
        self.assigned.insert(at, Assigned { position, until: self.bounded.then_some(end), paused: false, told_end: false });
        Ok(position)
    }

    fn revoke(&mut self, at: InputPartition) {
        self.assigned.remove(&at);
    }

    fn pause(&mut self, at: InputPartition, paused: bool) {
        if let Some(assigned) = self.assigned.get_mut(&at) {
            assigned.paused = paused;
        }
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let durable = self.log.durable.borrow();
        let Some(partitions) = durable.streams.get(&self.stream) else { return Ok(()) };
        let mut faults = self.log.faults.borrow_mut();
        for (at, assigned) in self.assigned.iter_mut().filter(|(_, assigned)| !assigned.paused) {
            let records = partitions[at.partition as usize].as_batch();
            let until = assigned.until.unwrap_or(records.len() as u64);
            let portion = faults.portions.pop_front().unwrap_or(budget.records_max);
            let repeat = faults.repeats.pop_front().unwrap_or(0) as u64;
            let next = until.min(assigned.position + portion as u64);
            if next > assigned.position {
                let from = assigned.position.saturating_sub(repeat);
                let mut batch = BatchBuilder::default();
                batch.extend(records, from as usize..next as usize);
                found.push(Polled::Records { at: *at, batch: batch.into_batch(), next });
                assigned.position = next;
            }
            if assigned.until == Some(assigned.position) && !assigned.told_end {
                assigned.told_end = true;
                found.push(Polled::End { at: *at });
            }
        }
        Ok(())
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(Some(self.len(at.partition)))
    }
}
