//! Makes a task from the plan and its last checkpoint: start, restart and swap all come this way.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::chain::Chain;
use super::control::Mark;
use super::input::{InputTime, TaskInput};
use super::node::{ChainNode, ChainSink, Route};
use super::{Task, TaskPhase};
use crate::checkpoint::TaskProgress;
use crate::error::HostError;
use crate::job::{Consumer, Job, Plan, PlanInput, StartAt, Target};
use crate::record::{BatchBuilder, Offset, TaskId};
use crate::sink::{Accepts, Sink};
use crate::source::{InputPartition, Start};
use crate::state::{StateStore, StoreOptions, Stores};
use crate::time::{Combined, Generator};

/// What a task works on, opened by the worker.
pub struct TaskParts<'a> {
    pub job: &'a Job,
    pub plan: &'a Plan,
    pub id: TaskId,
    /// What the last checkpoint says; the default where there was none.
    pub progress: TaskProgress,
    pub state: Rc<dyn StateStore>,
    /// Opens a sink: an output or an internal stream (never an operator).
    pub open_sink: &'a mut dyn FnMut(Target) -> Result<Box<dyn Sink>, HostError>,
    pub dead_letters: Option<Box<dyn Sink>>,
    /// Has the source begin with a partition.
    pub assign: &'a mut dyn FnMut(InputPartition, Start) -> Result<Offset, HostError>,
    pub now_ms: i64,
}

/// Builds the task, ready for [`Task::resume_time`].
pub fn build(mut parts: TaskParts<'_>) -> Result<Task, HostError> {
    let stage = &parts.plan.stages[parts.id.stage as usize];
    let mut edges = vec![0; stage.nodes.len()];
    let mut from_inputs = vec![0; stage.nodes.len()];
    let mut sinks = Sinks::default();
    let mut roots = Vec::new();
    for (_, targets) in &stage.inputs {
        for target in targets {
            if let Target::Operator(consumer) = target {
                from_inputs[consumer.node] += 1;
            }
        }
        roots.push(sinks.routes(targets, &mut edges, &mut parts)?);
    }
    let mut routes = Vec::new();
    for node in &stage.nodes {
        let by_port = node.outputs.iter().map(|targets| sinks.routes(targets, &mut edges, &mut parts));
        routes.push(by_port.collect::<Result<Vec<_>, _>>()?);
    }
    let mut nodes = Vec::new();
    for (n, routes) in routes.into_iter().enumerate() {
        nodes.push(node(&parts, stage.nodes[n].operator, edges[n], from_inputs[n] > 1, routes, &sinks)?);
    }
    let inputs = stage.inputs.iter().map(|(input, _)| open_input(&mut parts, *input)).collect::<Result<Vec<_>, _>>()?;
    let chain = Chain { task: parts.id, nodes, sinks: sinks.opened, roots, dead_letters: parts.dead_letters };
    Ok(Task { id: parts.id, phase: TaskPhase::Running, inputs, chain, piece: BatchBuilder::default() })
}

/// The task's sinks, each opened once however many routes lead there.
#[derive(Default)]
struct Sinks {
    opened: Vec<ChainSink>,
    places: BTreeMap<(bool, usize), usize>,
}

impl Sinks {
    fn routes(&mut self, targets: &[Target], edges: &mut [usize], parts: &mut TaskParts<'_>) -> Result<Rc<[Route]>, HostError> {
        let mut routes = Vec::new();
        for target in targets {
            routes.push(match *target {
                Target::Operator(Consumer { node, port }) => {
                    edges[node] += 1;
                    Route::Node { node, port, edge: edges[node] - 1 }
                }
                Target::Repartition(input) => Route::Sink { sink: self.place(*target, (false, input), parts)? },
                Target::Output(output) => Route::Sink { sink: self.place(*target, (true, output), parts)? },
            });
        }
        routes.sort();
        Ok(routes.into())
    }

    fn place(&mut self, target: Target, key: (bool, usize), parts: &mut TaskParts<'_>) -> Result<usize, HostError> {
        if let Some(place) = self.places.get(&key) {
            return Ok(*place);
        }
        let (is_output, n) = key;
        let name = if is_output { parts.job.outputs[n].name.clone() } else { input_name(parts.job, &parts.plan.inputs[n]).to_owned() };
        let mut sink = (parts.open_sink)(target)?;
        sink.restore(parts.progress.sinks.get(&name).map(Vec::as_slice))?;
        self.opened.push(ChainSink { name, output: is_output.then_some(n), sink, sent: None });
        self.places.insert(key, self.opened.len() - 1);
        Ok(self.opened.len() - 1)
    }

    /// What a row sent along these routes must keep to: the least of all sinks there.
    fn accepts(&self, routes: &[Route]) -> Accepts {
        let sinks = routes.iter().filter_map(|route| match route {
            Route::Sink { sink } => Some(self.opened[*sink].sink.accepts()),
            Route::Node { .. } => None,
        });
        sinks.fold(Accepts::any(u32::MAX), |least, one| Accepts {
            partitions: least.partitions.min(one.partitions),
            record_bytes_max: least.record_bytes_max.min(one.record_bytes_max),
        })
    }
}

fn node(parts: &TaskParts<'_>, operator: usize, edges: usize, merges_inputs: bool, routes: Vec<Rc<[Route]>>, sinks: &Sinks) -> Result<ChainNode, HostError> {
    let spec = &parts.job.operators[operator];
    let options = spec.stores.iter().map(|store| StoreOptions { name: store.name.clone(), ttl_ms: store.ttl_ms });
    let stores = Stores::open(parts.state.clone(), &parts.job.name, &spec.name, parts.id.partition, &options.collect::<Vec<_>>())?;
    let event_time_max = parts.progress.event_time_max.get(&format!("operator {}", spec.name)).copied();
    Ok(ChainNode {
        operator,
        name: spec.name.clone(),
        digest: String::new(),
        store_versions: Vec::new(),
        input_names: spec.inputs.iter().map(|input| input.from.clone()).collect(),
        keyed: !spec.stores.is_empty(),
        stores,
        watermarks: Combined::of(edges),
        generator: spec.watermark.map(|policy| Generator::restored(policy, event_time_max)),
        idle_told: false,
        accepts: routes.iter().map(|routes| sinks.accepts(routes)).collect(),
        routes,
        merges_inputs,
        inbox: BatchBuilder::default(),
        inbox_ports: Vec::new(),
    })
}

fn open_input(parts: &mut TaskParts<'_>, input: usize) -> Result<TaskInput, HostError> {
    let name = input_name(parts.job, &parts.plan.inputs[input]).to_owned();
    let at = InputPartition { input: input as u32, partition: parts.id.partition };
    let (first, time, idle_ms) = match &parts.plan.inputs[input] {
        PlanInput::Job { input, .. } => {
            let spec = &parts.job.inputs[*input];
            let seen = parts.progress.event_time_max.get(&name).copied();
            let time = spec.watermark.map_or(InputTime::Unset, |policy| InputTime::Generated(Generator::restored(policy, seen)));
            (spec.start, time, spec.watermark.and_then(|policy| policy.idle_ms))
        }
        PlanInput::Internal { upstream_tasks, .. } => {
            let marks = parts.progress.upstream.remove(&name).unwrap_or_default();
            let marks = marks.into_iter().map(|(task, ms)| (task, (ms, Mark::At(ms)))).collect();
            (StartAt::Oldest, InputTime::Internal { marks, tasks: *upstream_tasks }, None)
        }
    };
    let start = match (parts.progress.positions.get(&name), first) {
        (Some(position), _) => Start::At(*position),
        (None, StartAt::Oldest) => Start::Oldest,
        (None, StartAt::Newest) => Start::Newest,
        (None, StartAt::Timestamp(ms)) => Start::Timestamp(ms),
        (None, StartAt::Offset(offset)) => Start::At(offset),
    };
    let position = (parts.assign)(at, start)?;
    let bounded = parts.plan.is_bounded(parts.job, input);
    Ok(TaskInput::new(name, at, position, time, idle_ms, bounded, parts.now_ms))
}

/// The name that a checkpoint knows an input by.
pub(super) fn input_name<'a>(job: &'a Job, input: &'a PlanInput) -> &'a str {
    match input {
        PlanInput::Job { input, .. } => &job.inputs[*input].name,
        PlanInput::Internal { stream, .. } => stream,
    }
}
