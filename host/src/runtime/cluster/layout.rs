//! Which topics a job needs: found, made or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Checked;
use crate::error::HostError;
use crate::job::{Job, LostPolicy, Plan, PlanInput, SinkKind, SourceKind, Stage, StartAt};
use crate::kafka::{Cluster, InputTopic, Layout, Purpose, StageTopics, Topics};

/// What is known of a topic that the job writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub partitions: u32,
    pub record_bytes_max: usize,
}

/// A job's topics.
pub(super) struct JobTopics {
    pub plan: Arc<Plan>,
    pub layout: Layout,
    /// By topic that the job writes: outputs, repartitions, dead letters.
    pub targets: BTreeMap<String, Target>,
}

/// The plan, as of how many partitions the input topics have. An input topic that is not there is an error.
fn plan(checked: &Checked, cluster: &Cluster) -> Result<Plan, HostError> {
    let names: Vec<&str> = checked.job.inputs.iter().filter_map(|input| stream(&input.source)).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(**name)) {
        return Err(HostError::job(format!("stream `{twice}`"), "is two inputs of the job, which a group cannot keep two positions in")
            .with_help("make it one input, and let both operators read that"));
    }
    let partitions = cluster.partitions(&names)?;
    checked.plan_with(|name| match partitions.get(name) {
        Some(partitions) => Ok(Some(*partitions)),
        None => Err(HostError::job(format!("stream `{name}`"), format!("is an input, but there is no such topic on {}", cluster.settings.bootstrap))
            .with_help("create it (kafka-topics --create), or correct the job file or --bootstrap")),
    })
}

fn stream(source: &SourceKind) -> Option<&str> {
    match source {
        SourceKind::Stream { stream, .. } => Some(stream),
        _ => None,
    }
}

/// Names and counts of the topics that a job would use, for `check`: what each is for, and how many partitions it needs.
pub fn describe_topics(checked: &Checked, cluster: &Cluster) -> Result<Vec<(String, String, u32)>, HostError> {
    let plan = plan(checked, cluster)?;
    let job = &checked.job;
    let mut topics = Vec::new();
    for input in &plan.inputs {
        match input {
            PlanInput::Job { input, partitions } => {
                topics.extend(stream(&job.inputs[*input].source).map(|name| (name.to_owned(), "input".to_owned(), *partitions)));
            }
            PlanInput::Internal { stream, partitions, .. } => topics.push((stream.clone(), "repartition".to_owned(), *partitions)),
        }
    }
    topics.extend(plan.stages.iter().map(|stage| (changelog(job, &plan, stage), "changelog".to_owned(), stage.tasks)));
    for output in &job.outputs {
        if let SinkKind::Stream { stream, options } = &output.sink {
            topics.push((stream.clone(), "output".to_owned(), options.partitions));
        }
    }
    topics.push((job.errors.dead_letter_stream.clone(), "dead letters".to_owned(), 1));
    Ok(topics)
}

/// A stage's changelog is named after the first operator in it, which is in no other stage; or after its input where it has no operator.
fn changelog(job: &Job, plan: &Plan, stage: &Stage) -> String {
    let first = match (stage.nodes.first(), stage.inputs.first()) {
        (Some(node), _) => job.operators[node.operator].name.as_str(),
        (None, Some((input, _))) => match &plan.inputs[*input] {
            PlanInput::Job { input, .. } => job.inputs[*input].name.as_str(),
            PlanInput::Internal { stream, .. } => stream,
        },
        (None, None) => "stage",
    };
    format!("{}.{first}.changelog", job.name)
}

/// Finds the job's topics, makes those that are missing, refuses those that are wrong.
pub(super) fn prepare(checked: &Checked, cluster: &Arc<Cluster>, topics: &Topics) -> Result<JobTopics, HostError> {
    let plan = Arc::new(plan(checked, cluster)?);
    let job = &checked.job;
    let mut targets = BTreeMap::new();
    let mut target = |topic: &str, partitions: u32| {
        let record_bytes_max = topics.record_bytes_max(topic)?;
        targets.insert(topic.to_owned(), Target { partitions, record_bytes_max });
        Ok::<_, HostError>(())
    };
    for output in &job.outputs {
        if let SinkKind::Stream { stream, options } = &output.sink {
            let purpose = Purpose::Output { retention_ms: options.retention_ms, retention_bytes: options.retention_bytes };
            // A topic that is there keeps its partitions: the job writes to what it finds.
            target(stream, topics.ensure(stream, options.partitions, false, &purpose)?)?;
        }
    }
    let dead_letters = &job.errors.dead_letter_stream;
    target(dead_letters, topics.ensure(dead_letters, 1, false, &Purpose::Output { retention_ms: None, retention_bytes: None })?)?;
    for input in &plan.inputs {
        if let PlanInput::Internal { stream, partitions, .. } = input {
            target(stream, topics.ensure(stream, *partitions, true, &Purpose::Repartition)?)?;
        }
    }
    let layout = layout(job, &plan, topics)?;
    Ok(JobTopics { plan, layout, targets })
}

fn layout(job: &Job, plan: &Plan, topics: &Topics) -> Result<Layout, HostError> {
    let mut stages = Vec::new();
    for stage in &plan.stages {
        let mut inputs = Vec::new();
        for (n, _) in &stage.inputs {
            let (name, topic, start, lost, bounded) = match &plan.inputs[*n] {
                PlanInput::Internal { stream, .. } => (stream.clone(), stream.clone(), StartAt::Oldest, LostPolicy::Fail, false),
                PlanInput::Job { input, .. } => {
                    let spec = &job.inputs[*input];
                    let SourceKind::Stream { stream, bounded } = &spec.source else { continue };
                    (spec.name.clone(), stream.clone(), spec.start, spec.lost, *bounded)
                }
            };
            inputs.push(InputTopic { input: *n as u32, name, topic, id: None, start, lost, bounded });
        }
        let changelog = changelog(job, plan, stage);
        topics.ensure(&changelog, stage.tasks, true, &Purpose::Changelog)?;
        let operators = stage.nodes.iter().map(|node| job.operators[node.operator].name.clone()).collect();
        stages.push(StageTopics { stage: stage.number, tasks: stage.tasks, operators, inputs, changelog, changelog_id: String::new() });
    }
    let mut layout = Layout { stages };
    let names = watched(&layout);
    let ids: BTreeMap<String, Option<String>> = names.iter().cloned().zip(topics.ids(&names.iter().map(String::as_str).collect::<Vec<_>>())?).collect();
    for stage in &mut layout.stages {
        stage.changelog_id = ids.get(&stage.changelog).cloned().flatten().unwrap_or_default();
        stage.inputs.iter_mut().for_each(|input| input.id = ids.get(&input.topic).cloned().flatten());
    }
    Ok(layout)
}

fn watched(layout: &Layout) -> Vec<String> {
    let names = layout.stages.iter().flat_map(|stage| stage.inputs.iter().map(|input| input.topic.clone()).chain([stage.changelog.clone()]));
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
}

/// Whether all topics that positions and state count in are those the run began with, with as many partitions.
pub(super) fn still_there(job: &JobTopics, cluster: &Cluster, topics: &Topics) -> Result<(), HostError> {
    let names = watched(&job.layout);
    // Each once, as brokers are asked for them: a repartition topic is written and read.
    let names: BTreeSet<&str> = names.iter().map(String::as_str).chain(job.targets.keys().map(String::as_str)).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let counts = cluster.partitions(&names)?;
    if let Some(gone) = names.iter().find(|name| !counts.contains_key(**name)) {
        return Err(HostError::storage(format!("stream `{gone}`"), "the topic was deleted while the job ran")
            .with_help("nothing was committed since; what the job needs of it cannot be gone on with under this name"));
    }
    let ids: BTreeMap<&str, Option<String>> = names.iter().copied().zip(topics.ids(&names)?).collect();
    let known = |name: &str| ids.get(name).cloned().flatten().unwrap_or_default();
    for stage in &job.layout.stages {
        let inputs = stage.inputs.iter().map(|input| (input.topic.as_str(), input.id.clone().unwrap_or_default()));
        for (topic, id) in inputs.chain([(stage.changelog.as_str(), stage.changelog_id.clone())]) {
            if known(topic) != id {
                return Err(HostError::storage(
                    format!("stream `{topic}`"),
                    "the topic was deleted and made again while the job ran: its offsets count other records",
                )
                .with_help("run the job under another name to begin with the new topic"));
            }
            if counts.get(topic).is_some_and(|count| *count != stage.tasks) {
                let reason = format!("the topic has {} partitions now, and the job began with {}: keys have moved", counts[topic], stage.tasks);
                return Err(HostError::job(format!("stream `{topic}`"), reason)
                    .with_help("state is kept by partition: run the job under another name, which builds it anew, or go back to as many partitions"));
            }
        }
    }
    Ok(())
}
