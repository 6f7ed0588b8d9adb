//! One input of a task: its queue, how far it has been processed, and its event time.

use std::collections::{BTreeMap, VecDeque};

use super::control::{self, Mark};
use crate::record::{Batch, Offset};
use crate::source::InputPartition;
use crate::time::{ENDED, Generator, UNKNOWN, WatermarkMs};

/// How an input's watermark comes about.
pub(super) enum InputTime {
    /// It has none until it ends: an operator downstream sets event times.
    Unset,
    /// From the records' timestamps.
    Generated(Generator),
    /// From marks of all upstream tasks between the records: by task the last time it named, ms, and what it said last.
    Internal { marks: BTreeMap<u32, (i64, Mark)>, tasks: u32 },
}

/// Why a piece ends.
pub(super) enum Cut {
    /// The run is over.
    Nothing,
    /// The watermark has moved: the next record must meet it.
    Moved,
    /// The next row is a mark of this upstream task.
    Mark(u32, Mark),
}

pub(super) struct TaskInput {
    pub name: String,
    pub at: InputPartition,
    queue: VecDeque<Queued>,
    /// Its head is out, being processed.
    taken: bool,
    queued_records: usize,
    queued_bytes: usize,
    /// The next record to process: what the checkpoint keeps.
    pub position: Offset,
    /// The next record to be queued: what comes below it has come before.
    expected: Offset,
    pub time: InputTime,
    pub idle_ms: Option<i64>,
    /// It will end, so a merge by event time waits for it however long it takes.
    pub bounded: bool,
    /// Processing time of the last record or mark, or of the start, ms.
    pub active_at_ms: i64,
    pub idle: bool,
    /// The source said that this was the last.
    source_ended: bool,
    /// The end has been passed on downstream.
    pub end_passed_on: bool,
    pub paused: bool,
}

/// A batch of which the rows before `from` are processed.
pub(super) struct Queued {
    pub batch: Batch,
    pub from: usize,
    pub next: Offset,
}

impl TaskInput {
    pub fn new(name: String, at: InputPartition, position: Offset, time: InputTime, idle_ms: Option<i64>, bounded: bool, now_ms: i64) -> Self {
        let queue = VecDeque::new();
        TaskInput {
            name,
            at,
            queue,
            taken: false,
            queued_records: 0,
            queued_bytes: 0,
            position,
            expected: position,
            time,
            idle_ms,
            bounded,
            active_at_ms: now_ms,
            idle: false,
            source_ended: false,
            end_passed_on: false,
            paused: false,
        }
    }

    /// Queues records. Those delivered before (a client may do that after a seek or a pause) are passed over.
    pub fn push(&mut self, batch: Batch, next: Offset) {
        if next <= self.expected {
            return;
        }
        let from = (0..batch.len()).find(|n| batch.row(*n).offset as u64 >= self.expected).unwrap_or(batch.len());
        self.expected = next;
        let queued = Queued { batch, from, next };
        if from == queued.batch.len() {
            self.position = if self.queue.is_empty() { next } else { self.position };
            return;
        }
        self.queued_records += queued.batch.len() - from;
        self.queued_bytes += queued.batch.bytes();
        self.queue.push_back(queued);
    }

    /// The position follows at once, or when what is queued is processed. `true`: at once.
    pub fn skipped(&mut self, next: Offset) -> bool {
        if next <= self.expected {
            return false;
        }
        self.expected = next;
        match self.queue.back_mut() {
            Some(last) => last.next = next,
            None => self.position = next,
        }
        self.queue.is_empty()
    }

    pub fn source_ended(&mut self) {
        self.source_ended = true;
    }

    /// The batch at the head, if any row of it is left.
    pub fn head(&self) -> Option<&Queued> {
        self.queue.front()
    }

    /// Event time of the next record; marks and records without a time come first.
    pub fn head_timestamp(&self) -> Option<i64> {
        self.head().map(|head| head.batch.row(head.from).timestamp)
    }

    /// Takes the head; what is left of it must come back by [`TaskInput::put_back`].
    pub fn take(&mut self) -> Option<Queued> {
        let head = self.queue.pop_front()?;
        self.taken = true;
        self.queued_records -= head.batch.len() - head.from;
        self.queued_bytes -= head.batch.bytes();
        Some(head)
    }

    pub fn put_back(&mut self, head: Queued) {
        self.taken = false;
        if head.from < head.batch.len() {
            self.queued_records += head.batch.len() - head.from;
            self.queued_bytes += head.batch.bytes();
            self.queue.push_front(head);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn queued_records(&self) -> usize {
        self.queued_records
    }

    /// Whether the queue is at its bound: the partition is paused then, and resumed below half of it.
    pub fn should_pause(&self, records_max: usize, bytes_max: usize) -> bool {
        match self.paused {
            false => self.queued_records >= records_max || self.queued_bytes >= bytes_max,
            true => self.queued_records >= records_max / 2 || self.queued_bytes >= bytes_max / 2,
        }
    }

    /// Whether no record will come any more in this run, and none is queued.
    pub fn has_ended(&self) -> bool {
        let ended = match &self.time {
            InputTime::Internal { marks, tasks } => marks.len() == *tasks as usize && marks.values().all(|(_, mark)| *mark == Mark::Ended),
            _ => self.source_ended,
        };
        ended && self.queue.is_empty() && !self.taken
    }

    /// Notes that nothing came for as long as its policy says. `true`: just now.
    pub fn becomes_idle(&mut self, now_ms: i64) -> bool {
        let idle = !self.idle && self.is_empty() && !self.has_ended() && self.idle_ms.is_some_and(|ms| now_ms - self.active_at_ms >= ms);
        self.idle |= idle;
        idle
    }

    /// The watermark by what has been processed; `None`: idle.
    pub fn watermark(&self) -> Option<WatermarkMs> {
        if self.has_ended() {
            return Some(ENDED);
        }
        if self.idle {
            return None;
        }
        match &self.time {
            InputTime::Unset => Some(UNKNOWN),
            InputTime::Generated(generator) => Some(generator.watermark()),
            InputTime::Internal { marks, tasks } if marks.len() < *tasks as usize => Some(UNKNOWN),
            InputTime::Internal { marks, .. } => marks
                .values()
                .filter_map(|(at, mark)| match mark {
                    Mark::At(_) => Some(*at),
                    Mark::Idle => None,
                    Mark::Ended => Some(ENDED),
                })
                .min(),
        }
    }

    /// Takes note of a mark of an upstream task. `true`: it is news.
    pub fn mark(&mut self, task: u32, mark: Mark) -> bool {
        let InputTime::Internal { marks, .. } = &mut self.time else { return false };
        let last = marks.get(&task).copied();
        let at = match mark {
            Mark::At(ms) => ms,
            _ => last.map_or(UNKNOWN, |(at, _)| at),
        };
        marks.insert(task, (at, mark));
        last.map(|(_, mark)| mark) != Some(mark)
    }

    /// How far from row `from` (and before `end`) the records meet one and the same watermark, and what comes then.
    pub fn cut(&mut self, batch: &Batch, from: usize, end: usize) -> (usize, Cut) {
        match &mut self.time {
            InputTime::Unset => {}
            InputTime::Generated(generator) => {
                for n in from..end {
                    if generator.observe(batch.row(n).timestamp) {
                        return (n + 1, Cut::Moved);
                    }
                }
            }
            InputTime::Internal { .. } => {
                for n in from..end {
                    if let Some((task, mark)) = control::read(batch, n) {
                        return (n, Cut::Mark(task, mark));
                    }
                }
            }
        }
        (end, Cut::Nothing)
    }
}
