//! `millstream check`: what can be refused before running, and what a job would do.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::say::Say;
use super::{DataArgs, Environment, check_cluster};
use crate::error::HostError;
use crate::job::{Job, Plan, PlanInput, Target};
use crate::kafka::Cluster;
use crate::log::Log;
use crate::runtime::{self, Checked, Options};

#[derive(Args)]
pub(super) struct CheckArgs {
    /// The job file.
    job: PathBuf,
    /// Show the graph: stages, tasks, operators, stores.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    data: DataArgs,
    /// Streams live on this Kafka cluster (host:port, several with commas), before what the job file says: asks it for topics and permissions.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
}

pub(super) fn check(args: &CheckArgs, environment: &Environment, say: Say) -> Result<(), HostError> {
    let options = Options {
        cache: Some(environment.cache.join("compiled")),
        bootstrap: args.bootstrap.clone(),
        environment: environment.variable.clone(),
        ..Options::new(&args.data.data)
    };
    let checked = runtime::check(&args.job, &options)?;
    let cluster = runtime::settings(&checked.job, &options, None)?.map(Cluster::connect).transpose()?;
    // Streams can be counted only where a data folder is, and free.
    let plan = match (&cluster, args.data.data.join("format").is_file()) {
        (Some(cluster), _) => checked.plan_with(|stream| Ok(cluster.partitions(&[stream])?.get(stream).copied()))?,
        (None, true) => checked.plan(&*Log::open(&args.data.data)?)?,
        (None, false) => checked.plan_with(|_| Ok(None))?,
    };
    let topics = cluster.map(|cluster| check_cluster::check(&checked, &cluster, say)).transpose()?;
    let notes = notes(&checked, &plan);
    say.answer(&json!({ "job": checked.job.name, "ok": true, "notes": notes, "stages": stages(&checked, &plan), "topics": topics }))?;
    say.line(&format!("job `{}` is sound: {} operators, {} stages", checked.job.name, checked.job.operators.len(), plan.stages.len()));
    notes.iter().for_each(|note| say.line(&format!("note: {note}")));
    if args.explain && !say.json {
        explain(&checked, &plan).iter().for_each(|line| say.out(line));
    }
    Ok(())
}

/// What is allowed but perhaps not meant.
fn notes(checked: &Checked, plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    for stage in &plan.stages {
        for node in &stage.nodes {
            let name = &checked.job.operators[node.operator].name;
            for (port, targets) in node.outputs.iter().enumerate() {
                if targets.is_empty() {
                    let port = &checked.components[node.operator].description.outputs[port];
                    notes.push(format!("nobody reads port `{port}` of operator `{name}`: its records are dropped"));
                }
            }
        }
        for (input, targets) in &stage.inputs {
            if targets.is_empty() {
                notes.push(format!("nobody reads input `{}`", input_name(&checked.job, plan, *input)));
            }
        }
    }
    notes
}

fn input_name<'a>(job: &'a Job, plan: &'a Plan, input: usize) -> &'a str {
    match &plan.inputs[input] {
        PlanInput::Job { input, .. } => &job.inputs[*input].name,
        PlanInput::Internal { stream, .. } => stream,
    }
}

fn target_name(checked: &Checked, plan: &Plan, stage: usize, target: &Target) -> String {
    match target {
        Target::Operator(consumer) => format!("operator {}", checked.job.operators[plan.stages[stage].nodes[consumer.node].operator].name),
        Target::Repartition(input) => format!("by key → {}", input_name(&checked.job, plan, *input)),
        Target::Output(output) => format!("output {}", checked.job.outputs[*output].name),
    }
}

fn explain(checked: &Checked, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (s, stage) in plan.stages.iter().enumerate() {
        lines.push(format!("stage {} · {} task{}", stage.number, stage.tasks, if stage.tasks == 1 { "" } else { "s" }));
        for (input, targets) in &stage.inputs {
            let to: Vec<String> = targets.iter().map(|target| target_name(checked, plan, s, target)).collect();
            lines.push(format!("  reads {} → {}", input_name(&checked.job, plan, *input), to.join(", ")));
        }
        for node in &stage.nodes {
            let (spec, component) = (&checked.job.operators[node.operator], &checked.components[node.operator]);
            lines.push(format!("  operator {} · {} {} · {}", spec.name, component.description.name, component.description.version, &component.digest[..12]));
            if !spec.stores.is_empty() {
                let stores: Vec<&str> = spec.stores.iter().map(|store| store.name.as_str()).collect();
                lines.push(format!("    stores {}", stores.join(", ")));
            }
            for (port, targets) in node.outputs.iter().enumerate() {
                let to: Vec<String> = targets.iter().map(|target| target_name(checked, plan, s, target)).collect();
                let to = if to.is_empty() { "nobody".to_owned() } else { to.join(", ") };
                lines.push(format!("    {} → {to}", component.description.outputs[port]));
            }
        }
    }
    lines
}

fn stages(checked: &Checked, plan: &Plan) -> Vec<Value> {
    let stage = |(s, stage): (usize, &crate::job::Stage)| {
        let targets = |targets: &Vec<Target>| targets.iter().map(|target| target_name(checked, plan, s, target)).collect::<Vec<_>>();
        let operators = stage.nodes.iter().map(|node| {
            let (spec, component) = (&checked.job.operators[node.operator], &checked.components[node.operator]);
            let stores: Vec<&str> = spec.stores.iter().map(|store| store.name.as_str()).collect();
            let outputs: Vec<Value> =
                node.outputs.iter().zip(&component.description.outputs).map(|(to, port)| json!({ "port": port, "to": targets(to) })).collect();
            json!({ "name": spec.name, "digest": component.digest, "stores": stores, "outputs": outputs })
        });
        let inputs = stage.inputs.iter().map(|(input, to)| json!({ "name": input_name(&checked.job, plan, *input), "to": targets(to) }));
        json!({ "number": stage.number, "tasks": stage.tasks, "inputs": inputs.collect::<Vec<_>>(), "operators": operators.collect::<Vec<_>>() })
    };
    plan.stages.iter().enumerate().map(stage).collect()
}
