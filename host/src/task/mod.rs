//! One partition group at work: queues in, operators chained, effects out, progress for the checkpoint. Knows the stations by their traits only.
//!
//! ```text
//!            push                  step                       flush, forget
//!  source ─────────▶ queue/input ─────────▶ chain of operators ─────────────▶ checkpoint
//!                    (bounded)     pieces    │      ▲  timers
//!                                            ▼      │
//!                                          sinks   event time
//! ```

mod build;
mod chain;
mod control;
mod effects;
mod env;
mod input;
mod key_ids;
mod node;

use crate::checkpoint::{Participant, TaskProgress};
use crate::error::HostError;
use crate::operator::Operator;
use crate::record::{Batch, BatchBuilder, Offset, TaskId};
use crate::source::InputPartition;
use crate::state::{Change, TimeDomain};
use crate::time::{ENDED, UNKNOWN};

pub use build::{TaskParts, build};
use chain::Chain;
pub use env::{Counters, Env, ErrorPolicy};
use input::{Cut, InputTime, Queued, TaskInput};
pub use key_ids::KeyIds;

/// An input that has nothing yet holds back the merge by event time so long, ms, unless its `idle` says otherwise.
const MERGE_WAIT_MS: i64 = 1_000;

/// Where a task is in its life.
///
/// ```text
///   Running ──(inputs ended, timers fired)──▶ Ended
/// ```
///
/// Before `Running` there is no task (building one restores it), after a failure it is dropped, and after `Ended` only checkpoints touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskPhase {
    Running,
    /// All inputs ended, all that followed from it is sent. It still takes part in the next checkpoint.
    Ended,
}

/// One task: a stage × a partition number.
pub struct Task {
    id: TaskId,
    phase: TaskPhase,
    inputs: Vec<TaskInput>,
    chain: Chain,
    piece: BatchBuilder,
}

impl Task {
    pub fn phase(&self) -> TaskPhase {
        self.phase
    }

    /// What this task reads.
    pub fn input_partitions(&self) -> impl Iterator<Item = (InputPartition, Offset)> + '_ {
        self.inputs.iter().map(|input| (input.at, input.position))
    }

    /// Queues records of one of its inputs.
    pub fn push(&mut self, at: InputPartition, batch: Batch, next: Offset) {
        if let Some(input) = self.inputs.iter_mut().find(|input| input.at == at)
            && !batch.is_empty()
        {
            input.push(batch, next);
        }
    }

    /// There is nothing below `next` any more but what is queued. `true`: the position has moved.
    pub fn skipped(&mut self, at: InputPartition, next: Offset) -> bool {
        self.inputs.iter_mut().find(|input| input.at == at).is_some_and(|input| input.skipped(next))
    }

    /// The source has no more of this input in this run.
    pub fn source_ended(&mut self, at: InputPartition) {
        if let Some(input) = self.inputs.iter_mut().find(|input| input.at == at) {
            input.source_ended();
        }
    }

    /// Which inputs to pause (`true`) or resume (`false`) now, told once per change.
    pub fn pauses(&mut self, records_max: usize, bytes_max: usize, mut tell: impl FnMut(InputPartition, bool)) {
        for input in &mut self.inputs {
            let pause = input.should_pause(records_max, bytes_max);
            if pause != input.paused {
                input.paused = pause;
                tell(input.at, pause);
            }
        }
    }

    /// Brings the operators' event time to where the last checkpoint left it. Once, before the first record.
    pub fn resume_time(&mut self, env: &mut Env<'_>) -> Result<(), HostError> {
        self.chain.resume_generators(env)?;
        for i in 0..self.inputs.len() {
            let watermark = self.inputs[i].watermark();
            if watermark != Some(UNKNOWN) {
                let routes = self.chain.roots[i].clone();
                self.chain.advance(env, &routes, watermark)?;
            }
        }
        Ok(())
    }

    /// Processes about `records_max` queued records (whole pieces), then what time asks for. Returns how many it processed.
    pub fn process(&mut self, env: &mut Env<'_>, records_max: usize) -> Result<usize, HostError> {
        if self.phase == TaskPhase::Ended {
            return Ok(0);
        }
        let mut processed = 0;
        while processed < records_max {
            // An end is passed on before any other input's next record, so that it does not matter when it was noticed.
            self.pass_on_ends(env)?;
            let Some(i) = self.choose(env.now_ms) else { break };
            processed += self.step(env, i)?;
        }
        self.chain.flush_inboxes(env)?;
        self.tick(env)?;
        Ok(processed)
    }

    /// The input whose next record is the earliest; none while an input that may hold an earlier one is still empty.
    fn choose(&self, now_ms: i64) -> Option<usize> {
        let mut best = None;
        for (i, input) in self.inputs.iter().enumerate() {
            match input.head_timestamp() {
                Some(timestamp) => {
                    if best.is_none_or(|(least, _)| timestamp < least) {
                        best = Some((timestamp, i));
                    }
                }
                None if input.has_ended() || input.idle => {}
                None if !input.bounded && now_ms - input.active_at_ms >= input.idle_ms.unwrap_or(MERGE_WAIT_MS) => {}
                None => return None,
            }
        }
        best.map(|(_, i)| i)
    }

    /// Processes a run of input `i`'s head batch: up to where another input comes first. Returns the number of rows.
    fn step(&mut self, env: &mut Env<'_>, i: usize) -> Result<usize, HostError> {
        let others = self.inputs.iter().enumerate().filter(|(n, _)| *n != i);
        let bound = others.filter_map(|(n, input)| Some((input.head_timestamp()?, n))).min();
        let Some(mut head) = self.inputs[i].take() else { return Ok(0) };
        let begin = head.from;
        let end = run_end(&head, bound, i);
        self.inputs[i].active_at_ms = env.now_ms;
        if std::mem::take(&mut self.inputs[i].idle) {
            // It counts again, before its first record is seen.
            let routes = self.chain.roots[i].clone();
            self.chain.advance(env, &routes, self.inputs[i].watermark())?;
        }
        while head.from < end {
            let moved = self.piece(env, i, &mut head, end)?;
            self.inputs[i].position = if head.from < head.batch.len() { head.batch.row(head.from).offset as u64 } else { head.next };
            if moved {
                self.chain.flush_inboxes(env)?;
                let routes = self.chain.roots[i].clone();
                self.chain.advance(env, &routes, self.inputs[i].watermark())?;
            }
        }
        self.inputs[i].put_back(head);
        Ok(end - begin)
    }

    /// Feeds the rows up to where the watermark moves. `true`: it has.
    fn piece(&mut self, env: &mut Env<'_>, i: usize, head: &mut Queued, end: usize) -> Result<bool, HostError> {
        let from = head.from;
        let (to, mark) = self.inputs[i].cut(&head.batch, from, end);
        if to > from {
            env.counters.records_in += if matches!(self.inputs[i].time, InputTime::Internal { .. }) { 0 } else { (to - from) as u64 };
            if from == 0 && to == head.batch.len() {
                // The usual case: what the source built goes to the guest as it is.
                self.chain.feed(env, i, &mut head.batch)?;
            } else {
                self.piece.clear();
                self.piece.extend(&head.batch, from..to);
                let mut piece = self.piece.finish();
                self.chain.feed(env, i, &mut piece)?;
            }
        }
        head.from = to;
        let moved = match mark {
            Cut::Nothing => false,
            Cut::Moved => true,
            Cut::Mark(task, mark) => {
                head.from += 1;
                self.inputs[i].mark(task, mark)
            }
        };
        Ok(moved)
    }

    /// What time asks for without a record: processing-time timers, idleness, the end.
    fn tick(&mut self, env: &mut Env<'_>) -> Result<(), HostError> {
        for node in 0..self.chain.nodes.len() {
            self.chain.fire(env, node, TimeDomain::Processing, env.now_ms)?;
        }
        self.pass_on_ends(env)?;
        for i in 0..self.inputs.len() {
            let input = &mut self.inputs[i];
            if input.becomes_idle(env.now_ms) {
                let routes = self.chain.roots[i].clone();
                self.chain.advance(env, &routes, None)?;
            }
        }
        if self.inputs.iter().all(|input| input.end_passed_on) {
            self.phase = TaskPhase::Ended;
        }
        Ok(())
    }

    fn pass_on_ends(&mut self, env: &mut Env<'_>) -> Result<(), HostError> {
        for i in 0..self.inputs.len() {
            if self.inputs[i].has_ended() && !self.inputs[i].end_passed_on {
                self.inputs[i].end_passed_on = true;
                self.chain.flush_inboxes(env)?;
                let routes = self.chain.roots[i].clone();
                self.chain.advance(env, &routes, Some(ENDED))?;
            }
        }
        Ok(())
    }

    /// Bytes that wait for a checkpoint in the overlays.
    pub fn overlay_bytes(&self) -> usize {
        self.chain.nodes.iter().map(|node| node.stores.overlay_bytes()).sum()
    }

    /// Notes which component an operator runs, and which format its stores have, for the checkpoint.
    pub fn set_component(&mut self, n: usize, operator: &dyn Operator) {
        for node in self.chain.nodes.iter_mut().filter(|node| node.operator == n) {
            node.digest = operator.digest().to_owned();
            node.store_versions = operator.description().stores.iter().map(|store| (format!("{}/{}", node.name, store.name), store.version)).collect();
        }
    }

    /// Records that wait in queues.
    pub fn queued_records(&self) -> usize {
        self.inputs.iter().map(TaskInput::queued_records).sum()
    }

    /// The least watermark of its operators, for people; `None` where there is no operator.
    pub fn watermark(&self) -> Option<i64> {
        self.chain.nodes.iter().map(|node| node.watermarks.current()).min()
    }
}

/// Where the run of the head batch ends: before the first record that another input's head should precede.
fn run_end(head: &Queued, bound: Option<(i64, usize)>, i: usize) -> usize {
    let rows = head.batch.len();
    let Some((least, other)) = bound else { return rows };
    let comes_first = |n: &usize| {
        let timestamp = head.batch.row(*n).timestamp;
        timestamp < least || timestamp == least && i < other
    };
    (head.from + 1..rows).find(|n| !comes_first(n)).unwrap_or(rows)
}

impl Participant for Task {
    fn id(&self) -> TaskId {
        self.id
    }

    fn flush(&mut self) -> Result<TaskProgress, HostError> {
        for node in &mut self.chain.nodes {
            node.stores.sweep()?;
        }
        let mut progress = self.chain.flush()?;
        for input in &self.inputs {
            progress.positions.insert(input.name.clone(), input.position);
            match &input.time {
                InputTime::Unset => {}
                InputTime::Generated(generator) => {
                    progress.event_time_max.extend(generator.event_time_max().map(|ms| (input.name.clone(), ms)));
                }
                InputTime::Internal { marks, .. } => {
                    progress.upstream.insert(input.name.clone(), marks.iter().map(|(task, (at, _))| (*task, *at)).collect());
                }
            }
        }
        Ok(progress)
    }

    fn changes(&self) -> Box<dyn Iterator<Item = Change<'_>> + '_> {
        Box::new(self.chain.nodes.iter().flat_map(|node| node.stores.changes()))
    }

    fn forget(&mut self) {
        for node in &mut self.chain.nodes {
            node.stores.forget();
        }
    }
}
