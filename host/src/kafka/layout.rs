//! What of a job's plan lives in topics: by stage what its tasks read, and where their state's changelog is.

use std::collections::BTreeSet;

use super::cluster::Place;
use crate::job::{LostPolicy, StartAt};
use crate::record::TaskId;

/// An input of a stage that is a topic.
#[derive(Clone, Debug)]
pub struct InputTopic {
    /// Place in the plan's inputs.
    pub input: u32,
    /// What a checkpoint calls it.
    pub name: String,
    pub topic: String,
    /// The id the cluster gave the topic; `None`: the broker does not say.
    pub id: Option<String>,
    pub start: StartAt,
    pub lost: LostPolicy,
    /// Stop at what is the end when a task begins.
    pub bounded: bool,
}

/// One stage of the plan.
#[derive(Clone, Debug)]
pub struct StageTopics {
    pub stage: u32,
    pub tasks: u32,
    pub operators: Vec<String>,
    pub inputs: Vec<InputTopic>,
    pub changelog: String,
    pub changelog_id: String,
}

/// All stages, in the plan's order.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    pub stages: Vec<StageTopics>,
}

impl StageTopics {
    /// The topics whose partitions the group hands out for this stage: its inputs, or the changelog where it reads none, whose partitions then stand for tasks.
    fn carriers(&self) -> impl Iterator<Item = &str> {
        let inputs = self.inputs.iter().map(|input| input.topic.as_str());
        inputs.chain(self.inputs.is_empty().then_some(self.changelog.as_str()))
    }
}

impl Layout {
    /// What the workers subscribe to.
    pub fn subscription(&self) -> Vec<&str> {
        let topics: BTreeSet<&str> = self.stages.iter().flat_map(StageTopics::carriers).collect();
        topics.into_iter().collect()
    }

    pub fn stage(&self, task: TaskId) -> &StageTopics {
        &self.stages[task.stage as usize]
    }

    /// The tasks that an assignment stands for: those of which all partitions are there. The `range` assignor gives them to one member.
    pub fn tasks(&self, assigned: &[Place]) -> Vec<TaskId> {
        let has = |topic: &str, partition: u32| assigned.iter().any(|(name, number)| name == topic && *number == partition);
        let tasks = self.stages.iter().flat_map(|stage| (0..stage.tasks).map(move |partition| (stage, partition)));
        let whole = tasks.filter(|(stage, partition)| stage.carriers().all(|topic| has(topic, *partition)));
        whole.map(|(stage, partition)| TaskId { stage: stage.stage, partition }).collect()
    }

    /// The partitions that tasks read, with the input each is.
    pub fn reads<'a>(&'a self, tasks: &'a [TaskId]) -> impl Iterator<Item = (&'a InputTopic, u32)> {
        tasks.iter().flat_map(|task| self.stage(*task).inputs.iter().map(|input| (input, task.partition)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(number: u32, topic: &str) -> InputTopic {
        let (start, lost) = (StartAt::Oldest, LostPolicy::Fail);
        InputTopic { input: number, name: topic.to_owned(), topic: topic.to_owned(), id: None, start, lost, bounded: false }
    }

    fn stage(number: u32, tasks: u32, inputs: Vec<InputTopic>) -> StageTopics {
        let (changelog, changelog_id) = (format!("log-{number}"), String::new());
        StageTopics { stage: number, tasks, operators: Vec::new(), inputs, changelog, changelog_id }
    }

    #[test]
    fn a_task_is_assigned_when_all_its_partitions_are() {
        let layout = Layout { stages: vec![stage(0, 1, vec![]), stage(1, 2, vec![input(0, "a"), input(1, "b")])] };
        assert_eq!(layout.subscription(), ["a", "b", "log-0"]);
        let place = |topic: &str, partition| (topic.to_owned(), partition);
        let task = |stage, partition| TaskId { stage, partition };
        assert_eq!(layout.tasks(&[place("a", 0), place("b", 0), place("a", 1)]), [task(1, 0)]);
        assert_eq!(layout.tasks(&[place("log-0", 0), place("log-1", 0)]), [task(0, 0)]);
        assert_eq!(layout.reads(&[task(1, 1)]).map(|(input, partition)| (input.topic.as_str(), partition)).collect::<Vec<_>>(), [("a", 1), ("b", 1)]);
    }
}
