//! What becomes of an operator's effects: lineage filled in, outputs sent to where their port leads, refused records to the dead letters.

use std::collections::HashSet;

use super::Env;
use super::chain::Chain;
use crate::checkpoint::TaskProgress;
use crate::error::{GuestFault, HostError};
use crate::job::RejectPolicy;
use crate::operator::{Isolated, Poisoned};
use crate::record::{Batch, BatchBuilder, Fields, HeadersBuilder, INHERIT, NONE, Row, View};
use crate::sink::Accepts;
use crate::time::UNKNOWN;

/// Why a row of so many bytes cannot go where it should; `None`: it can.
#[inline]
fn unfit(row: Row, bytes: usize, accepts: Accepts) -> Option<GuestFault> {
    if row.partition != NONE && row.partition >= accepts.partitions {
        return Some(GuestFault::Invalid(format!("partition {}, but the stream has {}", row.partition, accepts.partitions)));
    }
    (bytes > accepts.record_bytes_max)
        .then(|| GuestFault::Invalid(format!("an output record of {bytes} bytes, but the stream takes {} at most", accepts.record_bytes_max)))
}

impl Chain {
    /// Acts on what a call with `input` asked for.
    pub(super) fn take_effects(&mut self, env: &mut Env<'_>, n: usize, input: &Batch, done: Isolated) -> Result<(), HostError> {
        let Isolated { effects, mut poisoned } = done;
        for reject in &effects.rejects {
            env.counters.rejected += 1;
            let fault = || GuestFault::Fatal(format!("rejected with code {}: {}", reject.code, reject.message));
            self.refuse(env, n, input, reject.row as usize, env.policy.reject, &reject.message, Some(reject.code), fault)?;
        }
        if !effects.timers.is_empty() {
            self.nodes[n].stores.set_timers(&effects.timers)?;
        }
        let mut outputs = effects.outputs;
        if !outputs.is_empty() {
            outputs = self.resolve(n, input, outputs, &mut poisoned);
        }
        for Poisoned { row, fault } in poisoned {
            env.counters.poisoned += 1;
            let text = format!("{}: {fault}", fault.kind());
            self.refuse(env, n, input, row as usize, env.policy.trap, &text, None, || fault.clone())?;
        }
        self.emit(env, n, &mut outputs)
    }

    /// Fills in what output rows inherit. A row that its target does not take is taken out, and its input row counts as poisoned.
    fn resolve(&self, n: usize, input: &Batch, mut outputs: Batch, poisoned: &mut Vec<Poisoned>) -> Batch {
        let node = &self.nodes[n];
        let mut wrong = Vec::new();
        // Outputs name their rows in any order, and a poisoned record has one dead letter, however many of its outputs are wrong.
        let mut refused: HashSet<u32> = poisoned.iter().map(|poisoned| poisoned.row).collect();
        let mut begin = 0;
        for at in 0..outputs.len() {
            let row = outputs.row(at);
            let from = input.row(row.offset as usize);
            if row.timestamp == INHERIT {
                outputs.set_timestamp(at, from.timestamp);
            }
            let bytes = row.headers_end as usize - begin;
            begin = row.headers_end as usize;
            if let Some(fault) = unfit(row, bytes, node.accepts[usize::from(row.port)]) {
                if refused.insert(row.offset as u32) {
                    poisoned.push(Poisoned { row: row.offset as u32, fault });
                }
                wrong.push(at);
            }
            outputs.set_offset(at, from.offset);
            outputs.set_key_id(at, NONE);
        }
        if wrong.is_empty() {
            return outputs;
        }
        let mut kept = BatchBuilder::default();
        (0..outputs.len()).filter(|at| wrong.binary_search(at).is_err()).for_each(|at| kept.push_view(outputs.view(at)));
        kept.into_batch()
    }

    /// Sends outputs on. Where the operator sets event times, its watermark goes between them.
    fn emit(&mut self, env: &mut Env<'_>, n: usize, outputs: &mut Batch) -> Result<(), HostError> {
        if self.nodes[n].generator.is_none() {
            return self.emit_by_port(env, n, outputs);
        }
        let mut from = 0;
        while from < outputs.len() {
            let mut to = from;
            let mut moved = false;
            while to < outputs.len() && !moved {
                let timestamp = outputs.row(to).timestamp;
                moved = self.nodes[n].generator.as_mut().is_some_and(|generator| generator.observe(timestamp));
                to += 1;
            }
            if from == 0 && to == outputs.len() {
                self.emit_by_port(env, n, outputs)?;
            } else {
                let mut piece = BatchBuilder::default();
                piece.extend(outputs, from..to);
                self.emit_by_port(env, n, &mut piece.into_batch())?;
            }
            if moved {
                let watermark = self.nodes[n].watermark_out();
                self.advance_outputs(env, n, Some(watermark))?;
            }
            from = to;
        }
        Ok(())
    }

    fn emit_by_port(&mut self, env: &mut Env<'_>, n: usize, outputs: &mut Batch) -> Result<(), HostError> {
        let Some(first) = (!outputs.is_empty()).then(|| outputs.row(0).port) else { return Ok(()) };
        if (1..outputs.len()).all(|at| outputs.row(at).port == first) {
            let routes = self.nodes[n].routes[usize::from(first)].clone();
            return self.deliver(env, &routes, outputs);
        }
        for port in 0..self.nodes[n].routes.len() {
            let routes = self.nodes[n].routes[port].clone();
            if routes.is_empty() {
                continue;
            }
            let mut rows = BatchBuilder::default();
            outputs.iter().filter(|view| usize::from(view.port) == port).for_each(|view| rows.push_view(view));
            if !rows.is_empty() {
                self.deliver(env, &routes, &mut rows.into_batch())?;
            }
        }
        Ok(())
    }

    /// Applies the policy to one record that an operator refused or could not survive.
    #[expect(clippy::too_many_arguments, reason = "one record with all that its dead letter says")]
    fn refuse(
        &mut self,
        env: &mut Env<'_>,
        n: usize,
        input: &Batch,
        row: usize,
        policy: RejectPolicy,
        reason: &str,
        code: Option<u16>,
        fault: impl FnOnce() -> GuestFault,
    ) -> Result<(), HostError> {
        match policy {
            RejectPolicy::Skip => Ok(()),
            RejectPolicy::Fail => {
                let node = &self.nodes[n];
                Err(HostError::Guest { operator: node.name.clone(), at: Some(node.place(input, row)), fault: fault() })
            }
            RejectPolicy::DeadLetter => {
                let letter = self.dead_letter(n, input.view(row), reason, code);
                if let Some(sink) = &mut self.dead_letters {
                    env.staged_bytes = sink.send(&letter)?;
                    env.counters.dead_letters += 1;
                }
                Ok(())
            }
        }
    }

    fn dead_letter(&self, n: usize, record: View<'_>, reason: &str, code: Option<u16>) -> Batch {
        let node = &self.nodes[n];
        let mut headers = HeadersBuilder::from_headers(record.headers);
        let mut add = |name: &str, value: &str| headers.push(name.as_bytes(), Some(value.as_bytes()));
        add("millstream.input", node.input_name(record.port));
        add("millstream.partition", &record.partition.to_string());
        add("millstream.offset", &record.offset.to_string());
        add("millstream.operator", &node.name);
        add("millstream.digest", &node.digest);
        add("millstream.reason", reason);
        if let Some(code) = code {
            add("millstream.code", &code.to_string());
        }
        let mut letter = BatchBuilder::default();
        let fields = Fields { port: 0, timestamp: record.timestamp, offset: record.offset, partition: NONE, key_id: NONE };
        letter.push(record.key, record.value, headers.headers(), fields);
        letter.into_batch()
    }

    /// Has every sink accept what it was sent; notes marks, generators and digests.
    pub(super) fn flush(&mut self) -> Result<TaskProgress, HostError> {
        let mut progress = TaskProgress::default();
        for sink in &mut self.sinks {
            let mark = sink.sink.flush()?;
            if !mark.is_empty() {
                progress.sinks.insert(sink.name.clone(), mark);
            }
        }
        if let Some(sink) = &mut self.dead_letters {
            sink.flush()?;
        }
        for node in &self.nodes {
            progress.digests.insert(node.name.clone(), node.digest.clone());
            progress.store_versions.extend(node.store_versions.iter().cloned());
            if let Some(ms) = node.generator.as_ref().and_then(|generator| generator.event_time_max()) {
                progress.event_time_max.insert(format!("operator {}", node.name), ms);
            }
        }
        Ok(progress)
    }

    /// After a restore: operators that set event times tell those below where they had come to.
    pub(super) fn resume_generators(&mut self, env: &mut Env<'_>) -> Result<(), HostError> {
        for n in 0..self.nodes.len() {
            if self.nodes[n].generator.as_ref().is_some_and(|generator| generator.watermark() != UNKNOWN) {
                let watermark = self.nodes[n].watermark_out();
                self.advance_outputs(env, n, Some(watermark))?;
            }
        }
        Ok(())
    }
}
