//! The plan: stages, what each task reads, and where each operator's outputs go. Pure data made from a [`super::Job`] and the operators' descriptions.

use super::model::{Job, SourceKind};

/// All stages of a job, upstream before downstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Job inputs in the job's order, then internal streams. `InputPartition::input` is a place in this list.
    pub inputs: Vec<PlanInput>,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanInput {
    /// `Job::inputs[n]`.
    Job { input: usize, partitions: u32 },
    /// A stream between two stages, named `<job>.<from>[.<port>]-<to>.repartition`; `upstream_tasks`: how many tasks write to it.
    Internal { stream: String, partitions: u32, upstream_stage: u32, upstream_tasks: u32 },
}

impl Plan {
    /// Whether an input will end: the job's own say so, an internal stream ends with all that its upstream stage reads.
    pub fn is_bounded(&self, job: &Job, input: usize) -> bool {
        match &self.inputs[input] {
            PlanInput::Internal { upstream_stage, .. } => {
                self.stages[*upstream_stage as usize].inputs.iter().all(|(upstream, _)| self.is_bounded(job, *upstream))
            }
            PlanInput::Job { input, .. } => match &job.inputs[*input].source {
                SourceKind::Stream { bounded, .. } => *bounded,
                SourceKind::Files { follow, .. } => !follow,
                SourceKind::Generator(spec) => spec.count.is_some(),
                SourceKind::Stdin { .. } => false,
            },
        }
    }
}

/// A largest part of the graph without a repartition inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub number: u32,
    /// One task per partition of its inputs, which all have as many.
    pub tasks: u32,
    /// What its tasks read (places in `Plan::inputs`), and where each of it goes: operators, but also straight to a repartition or an output.
    pub inputs: Vec<(usize, Vec<Target>)>,
    /// Topological order: an operator comes after those it reads from.
    pub nodes: Vec<Node>,
}

/// One operator in its stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Place in `Job::operators`.
    pub operator: usize,
    /// Number of input ports.
    pub ports_in: u16,
    /// By output port: where rows of that port go (may be nowhere: dropped, and `check` warns).
    pub outputs: Vec<Vec<Target>>,
}

/// An operator's input port within the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Place in `Stage::nodes`.
    pub node: usize,
    pub port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Chained: handed on within the task.
    Operator(Consumer),
    /// Through the internal stream that is `Plan::inputs[n]`.
    Repartition(usize),
    /// `Job::outputs[n]`.
    Output(usize),
}
