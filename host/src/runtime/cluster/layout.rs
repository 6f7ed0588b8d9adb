//! Which topics a job needs: found, made or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Checked;
use crate::error::HostError;
use crate::job::{Job, LostPolicy, Plan, PlanInput, SinkKind, SourceKind, Stage, StartAt};
use crate::kafka::{Cluster, Ensured, InputTopic, Layout, Needed, Purpose, StageTopics, Topics};

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

/// What a job uses a topic for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicUser {
    Input,
    Output,
    DeadLetters,
    Repartition,
    Changelog,
}

/// A topic that a job would use.
#[derive(Clone, Debug)]
pub struct TopicUse {
    pub topic: String,
    pub user: TopicUser,
    /// How many it has (inputs), must have (repartitions, changelogs), or gets if it is made.
    pub partitions: u32,
}

/// The topics that a job would use, for `check`.
pub fn describe_topics(checked: &Checked, cluster: &Cluster) -> Result<Vec<TopicUse>, HostError> {
    let plan = plan(checked, cluster)?;
    let job = &checked.job;
    let topic = |topic: &str, user: TopicUser, partitions: u32| TopicUse { topic: topic.to_owned(), user, partitions };
    let mut topics = Vec::new();
    for input in &plan.inputs {
        match input {
            PlanInput::Job { input, partitions } => topics.extend(stream(&job.inputs[*input].source).map(|name| topic(name, TopicUser::Input, *partitions))),
            PlanInput::Internal { stream, partitions, .. } => topics.push(topic(stream, TopicUser::Repartition, *partitions)),
        }
    }
    topics.extend(plan.stages.iter().map(|stage| topic(&changelog(job, &plan, stage), TopicUser::Changelog, stage.tasks)));
    for output in &job.outputs {
        if let SinkKind::Stream { stream, options } = &output.sink {
            topics.push(topic(stream, TopicUser::Output, options.partitions));
        }
    }
    topics.push(topic(&job.errors.dead_letter_stream, TopicUser::DeadLetters, 1));
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
    let needed = |topic: &str, partitions: u32, exactly: bool, purpose: Purpose| Needed { topic: topic.to_owned(), partitions, exactly, purpose };
    let mut written = Vec::new();
    for output in &job.outputs {
        if let SinkKind::Stream { stream, options } = &output.sink {
            let purpose = Purpose::Output { retention_ms: options.retention_ms, retention_bytes: options.retention_bytes };
            // A topic that is there keeps its partitions: the job writes to what it finds.
            written.push(needed(stream, options.partitions, false, purpose));
        }
    }
    written.push(needed(&job.errors.dead_letter_stream, 1, false, Purpose::Output { retention_ms: None, retention_bytes: None }));
    for input in &plan.inputs {
        if let PlanInput::Internal { stream, partitions, .. } = input {
            written.push(needed(stream, *partitions, true, Purpose::Repartition));
        }
    }
    let changelogs = plan.stages.iter().map(|stage| needed(&changelog(job, &plan, stage), stage.tasks, true, Purpose::Changelog));
    let all: Vec<Needed> = written.iter().cloned().chain(changelogs).collect();
    let there = topics.ensure(&all)?;
    let target = |needed: &Needed| {
        let Ensured { partitions, record_bytes_max, .. } = there[&needed.topic];
        (needed.topic.clone(), Target { partitions, record_bytes_max })
    };
    let targets = written.iter().map(target).collect();
    let layout = layout(job, &plan, cluster)?;
    Ok(JobTopics { plan, layout, targets })
}

fn layout(job: &Job, plan: &Plan, cluster: &Cluster) -> Result<Layout, HostError> {
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
        let operators = stage.nodes.iter().map(|node| job.operators[node.operator].name.clone()).collect();
        let changelog = changelog(job, plan, stage);
        stages.push(StageTopics { stage: stage.number, tasks: stage.tasks, operators, inputs, changelog, changelog_id: String::new() });
    }
    let mut layout = Layout { stages };
    let names = watched(&layout);
    let there = cluster.describe(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let id = |topic: &str| there.get(topic).and_then(|topic| topic.id.clone());
    for stage in &mut layout.stages {
        stage.changelog_id = id(&stage.changelog).unwrap_or_default();
        stage.inputs.iter_mut().for_each(|input| input.id = id(&input.topic));
    }
    Ok(layout)
}

fn watched(layout: &Layout) -> Vec<String> {
    let names = layout.stages.iter().flat_map(|stage| stage.inputs.iter().map(|input| input.topic.clone()).chain([stage.changelog.clone()]));
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
}

/// A topic that has more or fewer partitions than when the job began.
pub(super) fn keys_moved(topic: &str, has: &str, began_with: u32) -> HostError {
    HostError::job(format!("stream `{topic}`"), format!("the topic has {has} now, and the job began with {began_with}: keys have moved"))
        .with_help("state is kept by partition: run the job under another name, which builds it anew, or go back to as many partitions")
}

/// Whether all topics that positions and state count in are those the run began with, with as many partitions.
pub(super) fn still_there(job: &JobTopics, cluster: &Cluster) -> Result<(), HostError> {
    let names = watched(&job.layout);
    // Each once, as brokers are asked for them: a repartition topic is written and read.
    let names: BTreeSet<&str> = names.iter().map(String::as_str).chain(job.targets.keys().map(String::as_str)).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let there = cluster.describe(&names)?;
    if let Some(gone) = names.iter().find(|name| !there.contains_key(**name)) {
        return Err(HostError::storage(format!("stream `{gone}`"), "the topic was deleted while the job ran")
            .with_help("nothing was committed since; what the job needs of it cannot be gone on with under this name"));
    }
    let known = |name: &str| there.get(name).and_then(|topic| topic.id.clone()).unwrap_or_default();
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
            if let Some(now) = there.get(topic).map(|topic| topic.partitions).filter(|now| *now != stage.tasks) {
                return Err(keys_moved(topic, &format!("{now} partitions"), stage.tasks));
            }
        }
    }
    Ok(())
}
