//! From a job and its operators' descriptions to the plan: stages cut at repartitions, ports resolved, co-partitioning checked.

use std::collections::BTreeMap;

use super::model::{Job, OperatorInput, SinkKind};
use super::plan::{Consumer, Node, Plan, PlanInput, Stage, Target};
use crate::error::HostError;
use crate::operator::Description;

/// Somewhere records come from, in the graph as written: an input of the job, an operator's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    Input(usize),
    Port(usize, usize),
}

impl Plan {
    /// Makes the plan. `descriptions`: by operator; `partitions`: by job input.
    pub fn make(job: &Job, descriptions: &[Description], partitions: &[u32]) -> Result<Plan, HostError> {
        for (operator, description) in job.operators.iter().zip(descriptions) {
            check_operator(operator, description)?;
        }
        let mut maker = Maker { job, descriptions, sets: Sets::new(job.inputs.len() + job.operators.len()), internals: BTreeMap::new() };
        maker.join_chained()?;
        maker.plan(partitions)
    }
}

fn check_operator(operator: &super::OperatorSpec, description: &Description) -> Result<(), HostError> {
    let key = format!("operator.{}", operator.name);
    let (wanted, given) = (description.inputs.len(), operator.inputs.len());
    if wanted != 0 && wanted != given {
        let help = format!("its inputs, in order: {}", description.inputs.join(", "));
        return Err(HostError::job(key, format!("has {given} inputs in the job, but the component takes {wanted}")).with_help(help));
    }
    for store in &description.stores {
        if !operator.stores.iter().any(|given| given.name == store.name) {
            let help = format!("add stores = [{:?}]", store.name);
            return Err(HostError::job(key, format!("the component works with a store `{}`, which the job does not give it", store.name)).with_help(help));
        }
    }
    for store in &operator.stores {
        if !description.stores.iter().any(|described| described.name == store.name) {
            let named: Vec<&str> = description.stores.iter().map(|store| store.name.as_str()).collect();
            let help = if named.is_empty() { "it works with no store: leave `stores` out".to_owned() } else { format!("it works with: {}", named.join(", ")) };
            return Err(HostError::job(key, format!("nobody owns store `{}`: the component does not describe it", store.name)).with_help(help));
        }
    }
    Ok(())
}

struct Maker<'a> {
    job: &'a Job,
    descriptions: &'a [Description],
    /// Which inputs and operators are of one stage: job inputs first, then operators.
    sets: Sets,
    /// Internal streams by where they come from and which operator reads them: partitions.
    internals: BTreeMap<(From, usize), u32>,
}

impl Maker<'_> {
    fn set_of(&self, from: From) -> usize {
        match from {
            From::Input(input) => input,
            From::Port(operator, _) => self.job.inputs.len() + operator,
        }
    }

    fn resolve(&self, from: &str, port: &str, reader: &str) -> Result<From, HostError> {
        if let Some(input) = self.job.inputs.iter().position(|input| input.name == from) {
            return Ok(From::Input(input));
        }
        let Some(operator) = self.job.operators.iter().position(|operator| operator.name == from) else {
            return Err(HostError::job(reader, format!("there is no input or operator `{from}`")));
        };
        let ports = &self.descriptions[operator].outputs;
        let at = if port.is_empty() { Some(0).filter(|_| !ports.is_empty()) } else { ports.iter().position(|name| name == port) };
        at.map(|port| From::Port(operator, port)).ok_or_else(|| {
            let reason = if ports.is_empty() { format!("operator `{from}` has no output") } else { format!("operator `{from}` has no output port `{port}`") };
            HostError::job(reader, reason).with_help(format!("its output ports: {}", if ports.is_empty() { "none".to_owned() } else { ports.join(", ") }))
        })
    }

    fn source(&self, operator: usize, input: &OperatorInput) -> Result<From, HostError> {
        self.resolve(&input.from, &input.port, &format!("operator.{}.input", self.job.operators[operator].name))
    }

    /// Puts together what is chained: whatever one operator reads without a repartition is of its stage.
    fn join_chained(&mut self) -> Result<(), HostError> {
        let inputs = self.job.inputs.len();
        for (n, operator) in self.job.operators.iter().enumerate() {
            let mut reads = Vec::new();
            for input in &operator.inputs {
                let from = self.source(n, input)?;
                match input.repartition {
                    None => self.sets.join(self.set_of(from), inputs + n),
                    Some(partitions) => {
                        let known = self.internals.insert((from, n), partitions);
                        if known.is_some_and(|known| known != partitions) {
                            let key = format!("operator.{}.input", operator.name);
                            return Err(HostError::job(key, format!("reads `{}` twice with different numbers of partitions", input.from)));
                        }
                        reads.push(partitions);
                    }
                }
            }
            if reads.iter().any(|partitions| *partitions != reads[0]) {
                let key = format!("operator.{}.input", operator.name);
                let counts: Vec<String> = reads.iter().map(u32::to_string).collect();
                return Err(HostError::job(key, format!("its inputs are repartitioned into {} partitions", counts.join(" and ")))
                    .with_help("records of one key must meet in one task: give the same `partitions` to each"));
            }
        }
        Ok(())
    }

    fn plan(mut self, partitions: &[u32]) -> Result<Plan, HostError> {
        let (inputs, internals) = (self.job.inputs.len(), std::mem::take(&mut self.internals));
        let order = self.stage_order(&internals)?;
        let stage_of = |sets: &mut Sets, member: usize| order.iter().position(|root| *root == sets.root(member)).unwrap_or(0);
        let mut plan_inputs: Vec<PlanInput> =
            partitions.iter().enumerate().map(|(input, partitions)| PlanInput::Job { input, partitions: *partitions }).collect();
        let places: BTreeMap<(From, usize), usize> = internals.keys().enumerate().map(|(n, key)| (*key, inputs + n)).collect();
        let mut stages: Vec<Stage> = Vec::new();
        let mut tasks = vec![0; order.len()];
        for (number, root) in order.iter().enumerate() {
            tasks[number] = self.tasks(*root, partitions, &internals)?;
        }
        for ((from, reader), partitions) in &internals {
            let member = self.set_of(*from);
            let upstream = stage_of(&mut self.sets, member);
            let stream = self.internal_name(*from, *reader);
            plan_inputs.push(PlanInput::Internal { stream, partitions: *partitions, upstream_stage: upstream as u32, upstream_tasks: tasks[upstream] });
        }
        for (number, root) in order.iter().enumerate() {
            stages.push(self.stage(number, *root, tasks[number], &places)?);
        }
        Ok(Plan { inputs: plan_inputs, stages })
    }

    /// Stages that something happens in, upstream before downstream.
    fn stage_order(&mut self, internals: &BTreeMap<(From, usize), u32>) -> Result<Vec<usize>, HostError> {
        let inputs = self.job.inputs.len();
        let mut roots: Vec<usize> = (0..inputs + self.job.operators.len()).map(|member| self.sets.root(member)).collect();
        roots.sort_unstable();
        roots.dedup();
        let mut order = Vec::new();
        while !roots.is_empty() {
            let before = roots.len();
            let waiting = roots.clone();
            roots.retain(|root| {
                let ready =
                    internals.keys().all(|(from, reader)| self.sets.root(inputs + reader) != *root || !waiting.contains(&self.sets.root(self.set_of(*from))));
                if ready {
                    order.push(*root);
                }
                !ready
            });
            if roots.len() == before {
                return Err(HostError::job("operator", "a repartition leads back into the stage it comes from")
                    .with_help("an operator cannot read the same records both chained and repartitioned: repartition both"));
            }
        }
        Ok(order)
    }

    /// How many tasks a stage has: the partitions of what it reads, which must agree.
    fn tasks(&mut self, root: usize, partitions: &[u32], internals: &BTreeMap<(From, usize), u32>) -> Result<u32, HostError> {
        let inputs = self.job.inputs.len();
        let mut counts: Vec<(String, u32)> = Vec::new();
        for (n, input) in self.job.inputs.iter().enumerate() {
            if self.sets.root(n) == root {
                counts.push((input.name.clone(), partitions[n]));
            }
        }
        for ((from, reader), partitions) in internals {
            if self.sets.root(inputs + reader) == root {
                counts.push((self.internal_name(*from, *reader), *partitions));
            }
        }
        let Some((first, count)) = counts.first().cloned() else { return Ok(0) };
        match counts.iter().find(|(_, other)| *other != count) {
            None => Ok(count),
            Some((other, others)) => {
                Err(HostError::job("operator", format!("`{first}` has {count} partitions and `{other}` {others}, but they meet in one stage"))
                    .with_help("records of one key must meet in one task: read them through { from = …, by = \"key\", partitions = … } with equal numbers"))
            }
        }
    }

    fn stage(&mut self, number: usize, root: usize, tasks: u32, places: &BTreeMap<(From, usize), usize>) -> Result<Stage, HostError> {
        let inputs = self.job.inputs.len();
        let members: Vec<usize> = (0..self.job.operators.len()).filter(|n| self.sets.root(inputs + n) == root).collect();
        let members = self.topological(members)?;
        let mut reads: BTreeMap<usize, Vec<Target>> = (0..inputs).filter(|n| self.sets.root(*n) == root).map(|n| (n, Vec::new())).collect();
        let mut nodes: Vec<Node> = members
            .iter()
            .map(|n| Node {
                operator: *n,
                ports_in: self.job.operators[*n].inputs.len() as u16,
                outputs: vec![Vec::new(); self.descriptions[*n].outputs.len()],
            })
            .collect();
        let node_of = |operator: usize| members.iter().position(|member| *member == operator);
        let mut connect = |from: From, target: Target| match from {
            From::Input(input) => reads.entry(input).or_default().push(target),
            From::Port(operator, port) => nodes[node_of(operator).unwrap_or(0)].outputs[port].push(target),
        };
        for (place, operator) in members.iter().enumerate() {
            for (port, input) in self.job.operators[*operator].inputs.iter().enumerate() {
                let from = self.source(*operator, input)?;
                let consumer = Target::Operator(Consumer { node: place, port: port as u16 });
                match input.repartition {
                    None => connect(from, consumer),
                    Some(_) => connect(From::Input(places[&(from, *operator)]), consumer),
                }
            }
        }
        for ((from, _), place) in places {
            if self.sets.root(self.set_of(*from)) == root {
                connect(*from, Target::Repartition(*place));
            }
        }
        for (n, output) in self.job.outputs.iter().enumerate() {
            let from = self.resolve(&output.from, &output.port, &format!("output.{}.from", output.name))?;
            if self.sets.root(self.set_of(from)) == root {
                self.check_file(output, tasks)?;
                connect(from, Target::Output(n));
            }
        }
        // An input that nobody reads needs no task.
        let tasks = if nodes.is_empty() && reads.values().all(Vec::is_empty) { 0 } else { tasks };
        Ok(Stage { number: number as u32, tasks, inputs: reads.into_iter().collect(), nodes })
    }

    /// A file has one writer.
    fn check_file(&self, output: &super::OutputSpec, tasks: u32) -> Result<(), HostError> {
        if let SinkKind::File { path, .. } = &output.sink
            && tasks > 1
            && !path.to_string_lossy().contains("{task}")
        {
            return Err(HostError::job(format!("output.{}", output.name), format!("{tasks} tasks would write the one file {}", path.display()))
                .with_help("put {task} into the name, as in \"out-{task}.jsonl\", and each task writes a file of its own"));
        }
        Ok(())
    }

    /// Operators of a stage, each after those it reads from. The job file's check has refused cycles.
    fn topological(&self, members: Vec<usize>) -> Result<Vec<usize>, HostError> {
        let mut ordered = Vec::new();
        let mut left = members;
        while !left.is_empty() {
            let ready = |n: &usize| {
                self.job.operators[*n]
                    .inputs
                    .iter()
                    .all(|input| input.repartition.is_some() || !left.iter().any(|other| self.job.operators[*other].name == input.from))
            };
            let (now, later): (Vec<usize>, Vec<usize>) = left.iter().copied().partition(ready);
            if now.is_empty() {
                return Err(HostError::job("operator", "operators read each other in a circle"));
            }
            ordered.extend(now);
            left = later;
        }
        Ok(ordered)
    }

    fn internal_name(&self, from: From, reader: usize) -> String {
        let from = match from {
            From::Input(input) => self.job.inputs[input].name.clone(),
            From::Port(operator, 0) => self.job.operators[operator].name.clone(),
            From::Port(operator, port) => format!("{}.{}", self.job.operators[operator].name, self.descriptions[operator].outputs[port]),
        };
        format!("{}.{from}-{}.repartition", self.job.name, self.job.operators[reader].name)
    }
}

/// Which members are of one set (union-find).
struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    fn new(members: usize) -> Self {
        Sets { parent: (0..members).collect() }
    }

    fn root(&mut self, mut member: usize) -> usize {
        while self.parent[member] != member {
            self.parent[member] = self.parent[self.parent[member]];
            member = self.parent[member];
        }
        member
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b)] = a.min(b);
    }
}
