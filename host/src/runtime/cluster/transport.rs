//! One worker's transport on a cluster: topics, with files and standard streams beside them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::ends;
use super::super::run::Run;
use super::layout::Target as TopicTarget;
use crate::checkpoint::Ledger;
use crate::error::HostError;
use crate::job::{Job, Plan, PlanInput, SinkKind, Target};
use crate::kafka::{Member, WorkerEnds};
use crate::record::TaskId;
use crate::sink::Sink;
use crate::source::{Source, Stamped};
use crate::state::StateStore;
use crate::worker::Transport;

pub(super) struct ClusterTransport<'a> {
    pub job: &'a Arc<Job>,
    pub plan: &'a Arc<Plan>,
    pub targets: &'a BTreeMap<String, TopicTarget>,
    pub member: &'a Member,
    pub ends: &'a WorkerEnds,
    pub owner: &'a str,
    pub run: &'a Run<'a>,
}

impl ClusterTransport<'_> {
    fn topic(&self, topic: &str, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        let Some(target) = self.targets.get(topic) else { unreachable!("the topics that a job writes are prepared before its workers open") };
        self.ends.sink(topic, target.partitions, target.record_bytes_max, task)
    }
}

impl Transport for ClusterTransport<'_> {
    fn source(&mut self, input: usize) -> Result<Box<dyn Source>, HostError> {
        let topic = self.ends.source(self.member, input as u32);
        match (&self.plan.inputs[input], topic) {
            (PlanInput::Internal { .. }, Some(source)) => Ok(source),
            (PlanInput::Job { input, .. }, Some(source)) => Ok(Stamped::over(source, &self.job.inputs[*input].timestamp)),
            (PlanInput::Job { input, .. }, None) => {
                let spec = &self.job.inputs[*input];
                ends::source(spec, &self.ends.clock).ok_or_else(|| HostError::job(spec.name.as_str(), "is a stream without a topic"))
            }
            (PlanInput::Internal { .. }, None) => unreachable!("an internal stream is a topic"),
        }
    }

    fn sink(&mut self, target: Target, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        match target {
            Target::Repartition(input) => match &self.plan.inputs[input] {
                PlanInput::Internal { stream, .. } => self.topic(stream, task),
                PlanInput::Job { .. } => unreachable!("a plan repartitions into internal streams"),
            },
            Target::Output(output) => {
                let spec = &self.job.outputs[output];
                match (&spec.sink, ends::sink(spec, task, self.owner)) {
                    (_, Some(sink)) => Ok(sink),
                    (SinkKind::Stream { stream, .. }, None) => self.topic(stream, task),
                    (_, None) => unreachable!("an output is a stream or has an end of its own"),
                }
            }
            Target::Operator(_) => unreachable!("an operator is no sink"),
        }
    }

    fn dead_letters(&mut self, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        self.topic(&self.job.errors.dead_letter_stream, task)
    }

    fn state(&mut self) -> Rc<dyn StateStore> {
        self.ends.state()
    }

    fn ledger(&mut self) -> Result<Box<dyn Ledger>, HostError> {
        Ok(self.ends.ledger(self.member))
    }

    fn is_stopping(&self) -> bool {
        self.run.stopping()
    }
}
