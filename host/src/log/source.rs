//! Reads streams block by block, as they were packed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Log;
use super::stream::Stream;
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

pub(super) struct LogSource {
    log: Arc<Log>,
    stream: Arc<Stream>,
    bounded: bool,
    assigned: BTreeMap<InputPartition, Assigned>,
    /// Which partition comes first next time: they take turns.
    turn: usize,
}

impl LogSource {
    pub fn new(log: Arc<Log>, stream: Arc<Stream>, bounded: bool) -> Self {
        LogSource { log, stream, bounded, assigned: BTreeMap::new(), turn: 0 }
    }

    fn at_or_after(&self, partition: u32, timestamp_ms: i64) -> Result<Offset, HostError> {
        let mut block = None;
        self.log.each_time(&self.stream, partition, &mut |offset, latest, _| {
            block = (latest >= timestamp_ms).then_some(offset);
            block.is_none()
        })?;
        let Some(offset) = block else { return Ok(self.stream.end(partition)) };
        let records = self.log.read_block(&self.stream, partition, offset)?;
        let within = records.and_then(|records| (0..records.len()).find(|n| records.row(*n).timestamp >= timestamp_ms));
        Ok(offset + within.unwrap_or(0) as u64)
    }
}

impl Source for LogSource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let end = self.stream.end(at.partition);
        let position = match start {
            Start::At(offset) => offset,
            Start::Oldest => self.log.first_offset(&self.stream, at.partition)?,
            Start::Newest => end,
            Start::Timestamp(ms) => self.at_or_after(at.partition, ms)?,
        };
        if position > end {
            let what = format!("stream `{}`, partition {}", self.stream.name, at.partition);
            return Err(HostError::storage(what, format!("ends at {end}, but reading was to begin at {position}"))
                .with_help("the stream was made anew, or the job's data belong elsewhere: use another job name or --data, or correct `start`"));
        }
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
        let count = self.assigned.len().max(1);
        self.turn = (self.turn + 1) % count;
        let (mut records, mut bytes) = (0, 0);
        for step in 0..self.assigned.len() {
            let Some((at, assigned)) = self.assigned.iter_mut().nth((self.turn + step) % count) else { break };
            if assigned.paused || records >= budget.records_max || bytes >= budget.bytes_max {
                continue;
            }
            let until = assigned.until.unwrap_or(Offset::MAX).min(self.stream.end(at.partition));
            let room = (budget.records_max - records, budget.bytes_max - bytes);
            if let Some(batch) = read_some(&self.log, &self.stream, at.partition, assigned.position, until, room)? {
                records += batch.len();
                bytes += batch.bytes();
                assigned.position += batch.len() as u64;
                found.push(Polled::Records { at: *at, batch, next: assigned.position });
            }
            if assigned.until.is_some_and(|until| assigned.position >= until) && !assigned.told_end {
                assigned.told_end = true;
                found.push(Polled::End { at: *at });
            }
        }
        Ok(())
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(Some(self.stream.end(at.partition)))
    }
}

/// One block, or several small ones together.
fn read_some(log: &Log, stream: &Stream, partition: u32, from: Offset, until: Offset, room: (usize, usize)) -> Result<Option<crate::record::Batch>, HostError> {
    if from >= until {
        return Ok(None);
    }
    let Some(first) = log.read_block(stream, partition, from)? else { return Ok(None) };
    let first = cut(first, (until - from) as usize);
    let mut next = from + first.len() as u64;
    if next >= until || first.len() >= room.0 / 2 || first.bytes() >= room.1 / 2 {
        return Ok(Some(first));
    }
    let mut joined = BatchBuilder::with_capacity(room.0.min(4_096), first.arena().len() * 4);
    joined.extend(&first, 0..first.len());
    while next < until && joined.len() < room.0 && joined.bytes() < room.1 {
        let Some(block) = log.read_block(stream, partition, next)? else { break };
        let block = cut(block, (until - next) as usize);
        joined.extend(&block, 0..block.len());
        next += block.len() as u64;
    }
    Ok(Some(joined.into_batch()))
}

/// At most the first `rows` rows: a bounded read may end inside a block.
fn cut(batch: crate::record::Batch, rows: usize) -> crate::record::Batch {
    if batch.len() <= rows {
        return batch;
    }
    let mut head = BatchBuilder::default();
    head.extend(&batch, 0..rows);
    head.into_batch()
}
