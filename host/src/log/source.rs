//! Reads streams block by block, as they were packed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Log;
use super::stream::Stream;
use crate::error::HostError;
use crate::record::{Batch, BatchBuilder, Offset, ROW_BYTES};
use crate::source::{InputPartition, PollBudget, Polled, Source, Start};

struct Assigned {
    position: Offset,
    /// A block that was read but not given whole, and its first offset.
    block: Option<(Offset, Batch)>,
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
        let (first, records) = self.log.read_block(&self.stream, partition, offset)?;
        let within = (0..records.len()).find(|n| records.row(*n).timestamp >= timestamp_ms);
        Ok(first + within.unwrap_or(0) as u64)
    }
}

impl Source for LogSource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let end = self.stream.end(at.partition);
        let position = match start {
            Start::At(offset) => offset,
            Start::Oldest => self.stream.first(at.partition),
            Start::Newest => end,
            Start::Timestamp(ms) => self.at_or_after(at.partition, ms)?,
        };
        if position > end {
            let what = format!("stream `{}`, partition {}", self.stream.name, at.partition);
            return Err(HostError::storage(what, format!("ends at {end}, but reading was to begin at {position}"))
                .with_help("the stream was made anew, or the job's data belong elsewhere: use another job name or --data, or correct `start`"));
        }
        self.stream.check_kept(at.partition, position)?;
        self.assigned.insert(at, Assigned { position, block: None, until: self.bounded.then_some(end), paused: false, told_end: false });
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
        let (seen, before) = (self.log.commits(), found.len());
        self.poll_now(budget, found)?;
        if found.len() == before && budget.wait_ms > 0 && self.log.wait_for_commit(seen, budget.wait_ms) > seen {
            self.poll_now(budget, found)?;
        }
        Ok(())
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(Some(self.stream.end(at.partition)))
    }
}

impl LogSource {
    fn poll_now(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let count = self.assigned.len().max(1);
        self.turn = (self.turn + 1) % count;
        let mut room = Room { records: budget.records_max.max(1), bytes: budget.bytes_max.max(1) };
        for step in 0..self.assigned.len() {
            let Some((at, assigned)) = self.assigned.iter_mut().nth((self.turn + step) % count) else { break };
            if assigned.paused || room.records == 0 || room.bytes == 0 {
                continue;
            }
            let until = assigned.until.unwrap_or(Offset::MAX).min(self.stream.end(at.partition));
            if let Some(batch) = take(&self.log, &self.stream, at.partition, assigned, until, room)? {
                room = room.less((batch.len(), batch.bytes()));
                found.push(Polled::Records { at: *at, batch, next: assigned.position });
            }
            if assigned.until.is_some_and(|until| assigned.position >= until) && !assigned.told_end {
                assigned.told_end = true;
                found.push(Polled::End { at: *at });
            }
        }
        Ok(())
    }
}

/// What one partition gives within the budget: a block as it was packed, a part of one, or several small ones together.
fn take(log: &Log, stream: &Stream, partition: u32, assigned: &mut Assigned, until: Offset, room: Room) -> Result<Option<Batch>, HostError> {
    let mut joined: Option<BatchBuilder> = None;
    while assigned.position < until {
        let (first, block) = match assigned.block.take().filter(|(first, block)| (*first..first + block.len() as u64).contains(&assigned.position)) {
            Some(ready) => ready,
            None => log.read_block(stream, partition, assigned.position)?,
        };
        let from = (assigned.position - first) as usize;
        let left = block.len().min(from.saturating_add((until - assigned.position) as usize));
        let so_far = joined.as_ref().map_or((0, 0), |joined| (joined.len(), joined.bytes()));
        let to = fitting(&block, from..left, room.less(so_far), joined.is_none());
        assigned.position += (to - from) as u64;
        if joined.is_none() && (from, to) == (0, block.len()) && (to * 2 >= room.records || block.bytes() * 2 >= room.bytes || assigned.position >= until) {
            return Ok(Some(block));
        }
        joined.get_or_insert_with(|| BatchBuilder::with_capacity(room.records.min(4_096), 0)).extend(&block, from..to);
        if to < left {
            assigned.block = Some((first, block));
            break;
        }
    }
    Ok(joined.map(BatchBuilder::into_batch))
}

/// What is left of a poll's budget.
#[derive(Clone, Copy)]
struct Room {
    records: usize,
    bytes: usize,
}

impl Room {
    fn less(self, (records, bytes): (usize, usize)) -> Room {
        Room { records: self.records.saturating_sub(records), bytes: self.bytes.saturating_sub(bytes) }
    }
}

/// The end of the longest run of rows that fits; at least one row where there must be one, however large.
fn fitting(block: &Batch, rows: std::ops::Range<usize>, room: Room, at_least_one: bool) -> usize {
    let begin = block.begin(rows.start);
    let fits = |end: usize| (block.begin(end) - begin) + (end - rows.start) * ROW_BYTES <= room.bytes;
    let most = rows.end.min(rows.start.saturating_add(room.records));
    let end = if fits(most) { most } else { (rows.start..most).rev().find(|end| fits(*end)).unwrap_or(rows.start) };
    if at_least_one { end.max(rows.start + 1) } else { end }
}
