//! One operator of a task's chain: its state, its event time, and where its outputs go.

use std::rc::Rc;

use super::Env;
use super::control::Mark;
use crate::error::{GuestFault, HostError};
use crate::operator::{Call, Isolated, Operator, isolate};
use crate::record::{Batch, BatchBuilder};
use crate::sink::{Accepts, Sink};
use crate::state::Stores;
use crate::time::{Combined, Generator, WatermarkMs};

/// How often a batch is tried again when an operator asks for it, and the first wait, ms (doubled each time, up to the last).
const RETRIES_MAX: u32 = 10;
const RETRY_WAIT_MS: u64 = 10;
const RETRY_WAIT_MS_MAX: u64 = 1_000;

/// Where records go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    // Sinks sort first: an operator's input has its partitions overwritten.
    Sink { sink: usize },
    Node { node: usize, port: u16, edge: usize },
}

/// A sink of the task: an output of the job (its place there), or an internal stream (none).
pub(super) struct ChainSink {
    pub name: String,
    pub output: Option<usize>,
    pub sink: Box<dyn Sink>,
    /// The last mark sent into an internal stream in this run.
    pub sent: Option<Mark>,
}

pub(super) struct ChainNode {
    /// Place in `Job::operators`.
    pub operator: usize,
    pub name: String,
    /// Of the component that runs now.
    pub digest: String,
    /// Of its stores, by `operator/store`.
    pub store_versions: Vec<(String, u32)>,
    /// Names of what it reads, by input port.
    pub input_names: Vec<String>,
    /// Has stores, so key-ids are worth computing.
    pub keyed: bool,
    pub stores: Stores,
    pub watermarks: Combined,
    /// It sets event times: its outputs' own watermark.
    pub generator: Option<Generator>,
    pub idle_told: bool,
    /// By output port.
    pub routes: Vec<Rc<[Route]>>,
    /// By output port: what all sinks there take.
    pub accepts: Vec<Accepts>,
    /// More than one task input leads here: their records wait in `inbox`, with the ports they came in by.
    pub merges_inputs: bool,
    pub inbox: BatchBuilder,
    pub inbox_ports: Vec<u16>,
}

impl ChainNode {
    /// The watermark below this operator.
    pub fn watermark_out(&self) -> WatermarkMs {
        match &self.generator {
            Some(generator) if self.watermarks.current() != crate::time::ENDED => generator.watermark(),
            _ => self.watermarks.current(),
        }
    }

    pub fn process(&mut self, env: &mut Env<'_>, call: Call, batch: &Batch) -> Result<Isolated, HostError> {
        self.attempt(env, call, batch, isolate::process)
    }

    pub fn on_timer(&mut self, env: &mut Env<'_>, call: Call, due: &Batch) -> Result<Isolated, HostError> {
        self.attempt(env, call, due, isolate::on_timer)
    }

    fn attempt(
        &mut self,
        env: &mut Env<'_>,
        call: Call,
        batch: &Batch,
        run: fn(&mut dyn Operator, Call, &Batch, &mut Stores) -> Result<Isolated, GuestFault>,
    ) -> Result<Isolated, HostError> {
        self.stores.set_watermark(call.watermark);
        let Some(operator) = env.operators[self.operator].as_deref_mut() else {
            unreachable!("a worker opens the operators of its tasks before it runs them");
        };
        let mut retries = 0;
        loop {
            match run(operator, call, batch, &mut self.stores) {
                Ok(done) => return Ok(done),
                Err(GuestFault::Retry(_)) if retries < RETRIES_MAX => {
                    env.clock.sleep_ms((RETRY_WAIT_MS << retries).min(RETRY_WAIT_MS_MAX));
                    retries += 1;
                }
                Err(GuestFault::Host(text)) => {
                    return Err(HostError::external(format!("reading state for operator `{}`", self.name), anyhow::anyhow!(text)));
                }
                Err(fault) => return Err(HostError::Guest { operator: self.name.clone(), at: Some(self.place(batch, 0)), fault }),
            }
        }
    }

    /// Names a record for people: input, partition, offset.
    pub fn place(&self, batch: &Batch, row: usize) -> String {
        if row >= batch.len() {
            return "an empty batch".to_owned();
        }
        let row = batch.row(row);
        format!("{}, partition {}, offset {}", self.input_name(row.port), row.partition, row.offset)
    }

    pub fn input_name(&self, port: u16) -> &str {
        self.input_names.get(usize::from(port)).map_or("?", String::as_str)
    }
}
