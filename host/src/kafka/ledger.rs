//! Checkpoints on Kafka: changelog, progress and positions in the transaction of the outputs; then the local copy of the state.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use rdkafka::{Offset as RdOffset, TopicPartitionList};

use super::cluster::{Cluster, Isolation, Place, Which};
use super::layout::Layout;
use super::member::Committed;
use super::producer::Producer;
use super::raw::{Consumer, PlainRecords, Topic};
use super::trial::FailPoint;
use crate::changelog;
use crate::checkpoint::{Ledger, TaskProgress};
use crate::error::HostError;
use crate::log::{CopyMark, LocalState};
use crate::record::TaskId;
use crate::state::{Change, Flow, StateStore, StoreHandle, StoreId};
use crate::time::Clock;

/// A copy's mark follows the changelog so often, ms: what a restart reads again at most, in time.
const MARK_MS: i64 = 1_000;
/// Changes that are handed to the client in one call, at most.
const RECORDED_TOGETHER: usize = 512;
/// Of a position's metadata, bytes: brokers take 4,096 unless told otherwise.
const METADATA_BYTES_MAX: usize = 1_024;

/// Which changelog a store's changes go to.
pub(super) struct Changelog {
    topic: Rc<Topic>,
    partition: u32,
    /// What its keys begin with.
    prefix: Vec<u8>,
}

/// The changelogs of a worker's stores, known as stores are opened.
pub(super) type Changelogs = Rc<RefCell<BTreeMap<StoreHandle, Changelog>>>;

/// Committed state of a worker: the local copies, of which it notes where their changes go.
pub(super) struct KafkaState {
    pub local: LocalState,
    pub layout: Rc<Layout>,
    pub producer: Rc<Producer>,
    pub changelogs: Changelogs,
}

impl StateStore for KafkaState {
    fn open(&self, id: &StoreId) -> Result<StoreHandle, HostError> {
        let handle = self.local.open(id)?;
        if let Some(stage) = self.layout.stages.iter().find(|stage| stage.operators.contains(&id.operator)) {
            let topic = self.producer.topic(&stage.changelog)?;
            let changelog = Changelog { topic, partition: id.task, prefix: changelog::prefix(&id.operator, &id.store) };
            self.changelogs.borrow_mut().insert(handle, changelog);
        }
        Ok(handle)
    }

    fn get_many(&self, store: StoreHandle, keys: &[&[u8]], found: &mut dyn FnMut(usize, Option<&[u8]>)) -> Result<(), HostError> {
        self.local.get_many(store, keys, found)
    }

    fn scan(&self, store: StoreHandle, begin: &[u8], end: &[u8], visit: &mut dyn FnMut(&[u8], &[u8]) -> Flow) -> Result<(), HostError> {
        self.local.scan(store, begin, end, visit)
    }
}

/// What the ledger keeps of a task.
#[derive(Default)]
struct Kept {
    /// As it was written last.
    progress: Vec<u8>,
    /// What the group's positions are, by topic and partition.
    positions: BTreeMap<Place, u64>,
}

/// What a ledger shares with the rest of a worker's transport.
pub(super) struct LedgerParts {
    pub cluster: Arc<Cluster>,
    pub layout: Rc<Layout>,
    pub producer: Rc<Producer>,
    pub member: Arc<Consumer>,
    pub local: LocalState,
    pub clock: Arc<dyn Clock>,
    pub committed: Rc<BTreeMap<Place, Committed>>,
    pub changelogs: Changelogs,
}

/// See the module.
pub(super) struct KafkaLedger {
    parts: LedgerParts,
    tasks: BTreeMap<TaskId, Kept>,
    /// Written by this checkpoint's `commit`, for its `apply`.
    progress: Vec<(TaskId, Vec<u8>)>,
    marked_ms: i64,
}

impl KafkaLedger {
    pub fn new(parts: LedgerParts) -> KafkaLedger {
        let marked_ms = parts.clock.now_ms();
        KafkaLedger { parts, tasks: BTreeMap::new(), progress: Vec::new(), marked_ms }
    }

    /// What is to be written of tasks that have moved, and the group's positions with them.
    fn stage(&mut self, tasks: &[(TaskId, TaskProgress)]) -> Result<TopicPartitionList, HostError> {
        let mut offsets = TopicPartitionList::new();
        self.progress.clear();
        for (task, progress) in tasks {
            let stage = self.parts.layout.stage(*task);
            let mut progress = progress.clone();
            progress.topics = stage.inputs.iter().filter_map(|input| Some((input.name.clone(), input.id.clone()?))).collect();
            let bytes = changelog::encode(&progress)?;
            let kept = self.tasks.entry(*task).or_default();
            if kept.progress == bytes {
                continue;
            }
            let metadata = metadata(&stage.changelog_id, &progress);
            let inputs = stage.inputs.iter().filter_map(|input| Some(((input.topic.clone(), task.partition), *progress.positions.get(&input.name)?)));
            // A task without topics stands for itself, so that a member that is none any more cannot commit for it.
            let itself = stage.inputs.is_empty().then(|| ((stage.changelog.clone(), task.partition), 0));
            for (place, position) in inputs.chain(itself) {
                if stage.inputs.is_empty() || kept.positions.get(&place) != Some(&position) {
                    let added = offsets.add_partition_offset(&place.0, place.1 as i32, RdOffset::Offset(position as i64));
                    added.map_err(|error| HostError::external("committing positions", error))?;
                    if let Some(mut entry) = offsets.find_partition(&place.0, place.1 as i32) {
                        entry.set_metadata(metadata.as_str());
                    }
                    kept.positions.insert(place, position);
                }
            }
            let topic = self.parts.producer.topic(&stage.changelog)?;
            self.parts.producer.send_plain(&topic, task.partition, changelog::PROGRESS_KEY, Some(&bytes))?;
            kept.progress.clone_from(&bytes);
            self.progress.push((*task, bytes));
        }
        Ok(offsets)
    }

    /// Where the changelogs end now, when it is time to note that: all that this worker has committed lies below, and nobody else writes them.
    /// Nothing depends on a mark being new: where the cluster does not say, the one before stays, and a restart reads more.
    fn marks(&mut self) -> Vec<(TaskId, CopyMark)> {
        let now_ms = self.parts.clock.now_ms();
        if now_ms - self.marked_ms < MARK_MS {
            return Vec::new();
        }
        self.marked_ms = now_ms;
        let places: Vec<Place> = self.tasks.keys().map(|task| (self.parts.layout.stage(*task).changelog.clone(), task.partition)).collect();
        let ends = match self.parts.cluster.offsets(&places, Which::End(Isolation::Uncommitted)) {
            Ok(ends) => ends,
            Err(error) => {
                self.parts.cluster.trouble.note(error.to_string());
                return Vec::new();
            }
        };
        let marks = self.tasks.keys().zip(ends).map(|(task, position)| {
            let stage = self.parts.layout.stage(*task);
            (*task, CopyMark { changelog: stage.changelog.clone(), changelog_id: stage.changelog_id.clone(), position, at_ms: now_ms })
        });
        marks.collect()
    }
}

/// What stands beside a position: the changelog that belongs to it, and for people the components that made it.
fn metadata(changelog_id: &str, progress: &TaskProgress) -> String {
    let mut text = format!("millstream changelog={changelog_id}");
    if let Some(watermark) = progress.event_time_max.values().max() {
        text += &format!(" event-time={watermark}");
    }
    for (operator, digest) in &progress.digests {
        let entry = format!(" {operator}={}", digest.get(..12).unwrap_or(digest));
        if text.len() + entry.len() > METADATA_BYTES_MAX {
            break;
        }
        text += &entry;
    }
    text
}

/// The changelog that a position's metadata names; `None`: it is not one of ours.
fn changelog_of(metadata: &str) -> Option<&str> {
    metadata.strip_prefix("millstream changelog=")?.split(' ').next()
}

impl Ledger for KafkaLedger {
    fn progress(&mut self, task: TaskId) -> Result<Option<TaskProgress>, HostError> {
        let stage = self.parts.layout.stage(task);
        let stored = self
            .parts
            .local
            .progress(task)?
            .map(|bytes| changelog::decode(&bytes, &format!("job `{}`, task {task}", self.parts.cluster.settings.job)))
            .transpose()?;
        let mut progress = stored.clone().unwrap_or_default();
        let mut known = stored.is_some();
        for input in &stage.inputs {
            let what = || format!("stream `{}`", input.topic);
            if let (Some(then), Some(now)) = (progress.topics.get(&input.name), &input.id)
                && then != now
            {
                return Err(HostError::storage(what(), "was deleted and made again: the job's positions count records of the topic that is gone")
                    .with_help("run the job under another name to read the new topic from its beginning"));
            }
            let Some(Committed { offset, metadata }) = self.parts.committed.get(&(input.topic.clone(), task.partition)) else { continue };
            if changelog_of(metadata).is_some_and(|id| id != stage.changelog_id) {
                return Err(HostError::storage(
                    format!("changelog `{}`", stage.changelog),
                    "was deleted and made again: the state that belongs to the group's positions is gone",
                )
                .with_help("run the job under another name, or reset the group's positions (kafka-consumer-groups --reset-offsets) to build the state anew"));
            }
            // Somebody may have moved the group's positions with Kafka's own tools: they are what counts.
            progress.positions.insert(input.name.clone(), *offset);
            known = true;
        }
        Ok(known.then_some(progress))
    }

    fn record(&mut self, changes: &mut dyn Iterator<Item = Change<'_>>) -> Result<(), HostError> {
        let (changelogs, producer) = (self.parts.changelogs.borrow(), &self.parts.producer);
        let mut records = PlainRecords::default();
        let mut of: Option<(StoreHandle, &Changelog)> = None;
        for change in changes {
            // They come store by store.
            let known = of.filter(|(store, _)| *store == change.store);
            let Some((store, changelog)) = known.or_else(|| Some((change.store, changelogs.get(&change.store)?))) else { continue };
            if let Some((_, before)) = of
                && (known.is_none() || records.len() == RECORDED_TOGETHER)
            {
                producer.send_plain_many(&before.topic, before.partition, &records)?;
                records.clear();
            }
            of = Some((store, changelog));
            records.push([&changelog.prefix, change.key], change.value);
        }
        of.map_or(Ok(()), |(_, last)| producer.send_plain_many(&last.topic, last.partition, &records))
    }

    fn commit(&mut self, tasks: &[(TaskId, TaskProgress)]) -> Result<(), HostError> {
        let offsets = self.stage(tasks)?;
        self.parts.producer.commit(&offsets, &self.parts.member)
    }

    fn apply(&mut self, changes: &mut dyn Iterator<Item = Change<'_>>) -> Result<(), HostError> {
        self.parts.cluster.trial.passes(FailPoint::BeforeStore);
        let marks = self.marks();
        let progress: Vec<(TaskId, &[u8])> = self.progress.iter().map(|(task, bytes)| (*task, bytes.as_slice())).collect();
        self.parts.local.apply(changes, &progress, &marks)?;
        self.parts.cluster.trial.passes(FailPoint::AfterStore);
        Ok(())
    }

    fn abort(&mut self) -> Result<(), HostError> {
        self.progress.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_names_the_changelog_and_stays_short() {
        let digests = (0..500).map(|n| (format!("operator-{n}"), "0123456789abcdef".to_owned())).collect();
        let text = metadata("abc", &TaskProgress { digests, ..TaskProgress::default() });
        assert!(text.len() <= METADATA_BYTES_MAX && text.contains(" operator-0=0123456789ab"), "{text}");
        assert_eq!(changelog_of(&text), Some("abc"));
        assert_eq!(changelog_of("somebody else's"), None);
    }
}
