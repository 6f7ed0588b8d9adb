//! The operators of one task, chained: records flow through them without leaving the thread, and event time follows the records.

use std::rc::Rc;

use super::Env;
use super::control::{self, Mark};
use super::node::{ChainNode, ChainSink, Route};
use crate::error::HostError;
use crate::operator::Call;
use crate::record::{Batch, BatchBuilder, NONE, TaskId};
use crate::sink::Sink;
use crate::state::TimeDomain;
use crate::time::{ENDED, WatermarkMs};

/// Timers of one call, at most.
const TIMERS_PER_CALL_MAX: usize = 1_024;
/// An operator may answer due timers with timers that are due at once, but not for ever.
const TIMER_ROUNDS_MAX: usize = 10_000;

pub(super) struct Chain {
    pub task: TaskId,
    pub nodes: Vec<ChainNode>,
    pub sinks: Vec<ChainSink>,
    /// By task input: where its records go.
    pub roots: Vec<Rc<[Route]>>,
    pub dead_letters: Option<Box<dyn Sink>>,
}

impl Chain {
    /// Takes records of a task input in. They may wait in an operator's inbox until [`Chain::flush_inboxes`].
    pub fn feed(&mut self, env: &mut Env<'_>, input: usize, batch: &mut Batch) -> Result<(), HostError> {
        let routes = self.roots[input].clone();
        if routes.iter().any(|route| matches!(route, Route::Sink { .. })) {
            // The partition a record was read from says nothing about where its copy goes.
            (0..batch.len()).for_each(|n| batch.set_partition(n, NONE));
        }
        for route in routes.iter() {
            if let Route::Node { node, port, .. } = *route
                && self.nodes[node].merges_inputs
            {
                self.inbox(env, node, port, batch)?;
            } else {
                self.follow(env, *route, batch)?;
            }
        }
        Ok(())
    }

    /// An operator with several inputs gets their records in one batch, in the order the task chose.
    fn inbox(&mut self, env: &mut Env<'_>, node: usize, port: u16, batch: &Batch) -> Result<(), HostError> {
        let target = &mut self.nodes[node];
        let first = target.inbox.len();
        target.inbox.extend(batch, 0..batch.len());
        target.inbox_ports.resize(first, 0);
        target.inbox_ports.resize(first + batch.len(), port);
        let limits = env.limits(target.operator);
        if target.inbox.len() >= limits.batch_records_max || target.inbox.bytes() >= limits.batch_bytes_max {
            self.flush_inbox(env, node)?;
        }
        Ok(())
    }

    /// Has every operator handle what waits for it: before event time moves, and at the end of a turn.
    pub fn flush_inboxes(&mut self, env: &mut Env<'_>) -> Result<(), HostError> {
        for node in 0..self.nodes.len() {
            if !self.nodes[node].inbox.is_empty() {
                self.flush_inbox(env, node)?;
            }
        }
        Ok(())
    }

    fn flush_inbox(&mut self, env: &mut Env<'_>, node: usize) -> Result<(), HostError> {
        let target = &mut self.nodes[node];
        let mut batch = target.inbox.finish();
        for (n, port) in target.inbox_ports.drain(..).enumerate() {
            batch.set_port(n, port);
            batch.set_partition(n, self.task.partition);
        }
        self.call(env, node, &mut batch)
    }

    /// Hands records to all of `routes`; sinks come first, as an operator's input has its partition overwritten.
    pub fn deliver(&mut self, env: &mut Env<'_>, routes: &Rc<[Route]>, batch: &mut Batch) -> Result<(), HostError> {
        for route in routes.iter() {
            self.follow(env, *route, batch)?;
        }
        Ok(())
    }

    fn follow(&mut self, env: &mut Env<'_>, route: Route, batch: &mut Batch) -> Result<(), HostError> {
        match route {
            Route::Sink { sink } => {
                let sink = &mut self.sinks[sink];
                env.counters.records_out += if sink.output.is_some() { batch.len() as u64 } else { 0 };
                env.staged_bytes = sink.sink.send(batch)?;
                Ok(())
            }
            Route::Node { node, port, .. } => {
                for n in 0..batch.len() {
                    batch.set_port(n, port);
                    batch.set_partition(n, self.task.partition);
                }
                self.call(env, node, batch)
            }
        }
    }

    /// Calls an operator with a batch, in portions where it is over the operator's limits.
    fn call(&mut self, env: &mut Env<'_>, node: usize, batch: &mut Batch) -> Result<(), HostError> {
        let limits = env.limits(self.nodes[node].operator);
        let (records_max, bytes_max) = (limits.batch_records_max.max(1), limits.batch_bytes_max);
        if batch.len() <= records_max && batch.bytes() <= bytes_max {
            return self.call_once(env, node, batch);
        }
        let mut portion = BatchBuilder::default();
        let mut from = 0;
        while from < batch.len() {
            let mut to = from + 1;
            let begin = batch.begin(from);
            while to < batch.len() && to - from < records_max && batch.row(to).headers_end as usize - begin <= bytes_max {
                to += 1;
            }
            portion.extend(batch, from..to);
            self.call_once(env, node, &mut portion.finish())?;
            from = to;
        }
        Ok(())
    }

    fn call_once(&mut self, env: &mut Env<'_>, n: usize, batch: &mut Batch) -> Result<(), HostError> {
        if batch.is_empty() {
            return Ok(());
        }
        let node = &mut self.nodes[n];
        if node.keyed {
            env.key_ids.assign(batch);
        }
        let call = Call { watermark: node.watermarks.current(), now: env.now_ms, task: self.task.partition };
        let done = node.process(env, call, batch)?;
        self.take_effects(env, n, batch, done)
    }

    /// An input's watermark moved (`None`: it is idle): tells the operators that read it, fires what is due, and goes on downstream.
    pub fn advance(&mut self, env: &mut Env<'_>, routes: &Rc<[Route]>, watermark: Option<WatermarkMs>) -> Result<(), HostError> {
        for route in routes.iter() {
            match *route {
                Route::Node { node, edge, .. } => match self.nodes[node].watermarks.set(edge, watermark) {
                    Some(moved) => self.advance_node(env, node, moved)?,
                    None => self.tell_idle(env, node)?,
                },
                Route::Sink { sink } => self.send_mark(env, sink, watermark)?,
            }
        }
        Ok(())
    }

    /// Passes on that all inputs of an operator have become idle, or that one is active again.
    fn tell_idle(&mut self, env: &mut Env<'_>, n: usize) -> Result<(), HostError> {
        let node = &mut self.nodes[n];
        let idle = node.watermarks.all_idle();
        if idle == node.idle_told {
            return Ok(());
        }
        node.idle_told = idle;
        let watermark = (!idle).then(|| node.watermark_out());
        self.advance_outputs(env, n, watermark)
    }

    fn advance_node(&mut self, env: &mut Env<'_>, node: usize, watermark: WatermarkMs) -> Result<(), HostError> {
        self.nodes[node].idle_told = false;
        self.fire(env, node, TimeDomain::Event, watermark)?;
        // An operator that sets event times has its own watermark, except that an end is an end.
        if self.nodes[node].generator.is_none() || watermark == ENDED {
            self.advance_outputs(env, node, Some(watermark))?;
        }
        Ok(())
    }

    pub fn advance_outputs(&mut self, env: &mut Env<'_>, node: usize, watermark: Option<WatermarkMs>) -> Result<(), HostError> {
        for port in 0..self.nodes[node].routes.len() {
            let routes = self.nodes[node].routes[port].clone();
            self.advance(env, &routes, watermark)?;
        }
        Ok(())
    }

    /// Sends the watermark through an internal stream, to each of its partitions, if it is news.
    fn send_mark(&mut self, env: &mut Env<'_>, sink: usize, watermark: Option<WatermarkMs>) -> Result<(), HostError> {
        let target = &mut self.sinks[sink];
        if target.output.is_some() {
            return Ok(());
        }
        let mark = match watermark {
            None => Mark::Idle,
            Some(ENDED) => Mark::Ended,
            Some(crate::time::UNKNOWN) => return Ok(()),
            Some(ms) => Mark::At(ms),
        };
        if target.sent == Some(mark) {
            return Ok(());
        }
        target.sent = Some(mark);
        env.staged_bytes = target.sink.send(&control::write(self.task.partition, mark, target.sink.accepts().partitions))?;
        Ok(())
    }

    /// Fires all timers of an operator due at or before `until`, in order.
    pub fn fire(&mut self, env: &mut Env<'_>, n: usize, domain: TimeDomain, until: i64) -> Result<(), HostError> {
        for _ in 0..TIMER_ROUNDS_MAX {
            let node = &mut self.nodes[n];
            if node.stores.next_due(domain)?.is_none_or(|due| due > until) {
                return Ok(());
            }
            let due = node.stores.take_due(domain, until, TIMERS_PER_CALL_MAX)?;
            // They are taken for good: whatever the call does, a timer fires once.
            node.stores.keep();
            let call = Call { watermark: node.watermarks.current(), now: env.now_ms, task: self.task.partition };
            env.counters.timers += due.len() as u64;
            let done = node.on_timer(env, call, &due)?;
            self.take_effects(env, n, &due, done)?;
        }
        let fault = crate::error::GuestFault::Fatal(format!("sets timers that are due at once, {TIMER_ROUNDS_MAX} times in a row"));
        Err(HostError::Guest { operator: self.nodes[n].name.clone(), at: Some(format!("task {}", self.task)), fault })
    }
}
