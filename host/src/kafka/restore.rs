//! Brings copies of state up to their changelogs: from the position that each copy knows, in batches, a bounded step at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::types::RDKafkaErrorCode;

use super::cluster::{Cluster, Place};
use super::layout::Layout;
use super::raw::{Message, Messages, Owner, Queue, Topic};
use super::source::{Extent, extents};
use crate::changelog::{Entry, entry, prefix};
use crate::error::HostError;
use crate::log::{CopyMark, LocalState};
use crate::record::{Offset, TaskId};
use crate::state::{Change, StateStore, StoreHandle, StoreId};

/// Records and waiting of one step, at most.
const STEP_RECORDS_MAX: usize = 16_384;
const STEP_WAIT_MS: u64 = 20;
/// A copy that was not touched for so long may hold keys whose deletion the changelog has forgotten (delete.retention.ms, a day by default; KIP-1259).
const COPY_AGE_MS_MAX: i64 = 23 * 3_600_000;

struct Part {
    task: TaskId,
    partition: u32,
    topic: Topic,
    from: Offset,
    next: Offset,
    /// Everything committed before the task was ours lies below this.
    target: Offset,
    mark: CopyMark,
    /// How messages name its topic, once one came.
    topic_id: Option<usize>,
    handles: BTreeMap<(String, String), StoreHandle>,
    /// The store of the last record, by what its keys begin with: the next is of the same one, mostly.
    last: Option<(Vec<u8>, StoreHandle)>,
}

/// See the module.
pub struct Restore {
    cluster: Arc<Cluster>,
    local: LocalState,
    messages: Messages,
    queue: Queue,
    parts: Vec<Part>,
    job: String,
    /// What people must be told.
    pub lines: Vec<String>,
}

impl Restore {
    /// Looks where each task's copy is and where its changelog ends. Call it when no transaction of whoever had the tasks before can be committed any more: after
    /// the group's positions were read, which waits for those that are ending.
    pub fn begin(cluster: &Arc<Cluster>, layout: &Layout, local: &LocalState, tasks: &[TaskId], now_ms: i64) -> Result<Restore, HostError> {
        let job = cluster.settings.job.clone();
        let (local, queue) = (local.clone(), Queue::new(cluster.reader()));
        let mut restore = Restore { cluster: cluster.clone(), local, queue, messages: Messages::new(), parts: Vec::new(), job, lines: Vec::new() };
        let places: Vec<Place> = tasks.iter().map(|task| (layout.stage(*task).changelog.clone(), task.partition)).collect();
        let extents = extents(cluster, &places)?;
        for (task, place) in tasks.iter().zip(&places) {
            let Some(extent) = extents.get(place).copied() else { continue };
            let from = restore.start(layout, *task, extent, now_ms)?;
            let stage = layout.stage(*task);
            let mark = CopyMark { changelog: stage.changelog.clone(), changelog_id: stage.changelog_id.clone(), position: extent.end, at_ms: now_ms };
            if from >= extent.end {
                restore.local.apply(&mut std::iter::empty(), &[], &[(*task, mark)])?;
                continue;
            }
            let topic = Topic::open(Owner::Consumer(cluster.reader().clone()), &place.0);
            let topic = topic.and_then(|topic| topic.start(place.1, from, &restore.queue).map(|()| topic));
            let topic = topic.map_err(|failure| cluster.failure(format!("reading changelog {}-{}", place.0, place.1), &failure))?;
            let part = Part {
                task: *task,
                partition: place.1,
                topic,
                from,
                next: from,
                target: extent.end,
                mark,
                topic_id: None,
                handles: BTreeMap::new(),
                last: None,
            };
            restore.parts.push(part);
        }
        Ok(restore)
    }

    /// Where to read a task's changelog from. A copy of something else, or one that the changelog has gone past, is dropped: all is read then.
    fn start(&mut self, layout: &Layout, task: TaskId, extent: Extent, now_ms: i64) -> Result<Offset, HostError> {
        let stage = layout.stage(task);
        let why = match self.local.mark(task)? {
            None => "there is none here",
            Some(mark) if (&mark.changelog, &mark.changelog_id) != (&stage.changelog, &stage.changelog_id) => "the one here is of another changelog",
            Some(mark) if mark.position > extent.end => "the one here is ahead of the changelog, so it is of another one",
            Some(mark) if mark.position < extent.first => "the changelog begins after the one here ends",
            Some(mark) if now_ms - mark.at_ms > COPY_AGE_MS_MAX => "the one here is too old to know of all deletions",
            Some(mark) => return Ok(mark.position),
        };
        let operators: Vec<&str> = stage.operators.iter().map(String::as_str).collect();
        self.local.wipe(task, &operators)?;
        if extent.end > extent.first {
            let (changelog, partition) = (&stage.changelog, task.partition);
            self.lines.push(format!("task {task}: state is restored from all of {changelog}-{partition} ({why})"));
        }
        if extent.first > 0 {
            self.lines.push(format!("task {task}: the changelog begins at offset {}: what was deleted from it before is not restored", extent.first));
        }
        Ok(extent.first)
    }

    /// Applies what is there, bounded. `true`: all copies are complete.
    pub fn step(&mut self) -> Result<bool, HostError> {
        if self.parts.is_empty() {
            return Ok(true);
        }
        self.messages.take(&self.queue, STEP_RECORDS_MAX, STEP_WAIT_MS);
        let messages = std::mem::replace(&mut self.messages, Messages::new());
        let mut changes = Vec::new();
        let mut progress: BTreeMap<TaskId, &[u8]> = BTreeMap::new();
        for message in messages.iter() {
            let Some(n) = self.part_of(&message) else { continue };
            match message.error() {
                None => {
                    self.read(n, &message, &mut changes, &mut progress)?;
                    self.parts[n].next = message.offset() as Offset + 1;
                }
                Some(RDKafkaErrorCode::PartitionEOF) => self.parts[n].next = self.parts[n].next.max(message.offset() as Offset),
                Some(code) => return Err(self.cluster.failed(format!("reading changelog {}-{}", message.topic(), message.partition()), code)),
            }
        }
        let marks: Vec<(TaskId, CopyMark)> = self.parts.iter().map(|part| (part.task, CopyMark { position: part.next, ..part.mark.clone() })).collect();
        let progress: Vec<(TaskId, &[u8])> = progress.into_iter().collect();
        if !changes.is_empty() || !progress.is_empty() {
            self.local.apply(&mut changes.into_iter(), &progress, &marks)?;
        }
        let done: Vec<Part> = self.parts.extract_if(.., |part| part.next >= part.target).collect();
        for part in &done {
            part.topic.stop(part.partition);
            self.local.apply(&mut std::iter::empty(), &[], &[(part.task, part.mark.clone())])?;
        }
        Ok(self.parts.is_empty())
    }

    fn part_of(&mut self, message: &Message<'_>) -> Option<usize> {
        let (partition, id) = (message.partition(), message.topic_id());
        let known = self.parts.iter().position(|part| part.partition == partition && part.topic_id == Some(id));
        known.or_else(|| {
            let n = self.parts.iter().position(|part| part.partition == partition && part.mark.changelog == message.topic())?;
            self.parts[n].topic_id = Some(id);
            Some(n)
        })
    }

    fn read<'a>(&mut self, n: usize, message: &Message<'a>, changes: &mut Vec<Change<'a>>, progress: &mut BTreeMap<TaskId, &'a [u8]>) -> Result<(), HostError> {
        let part = &mut self.parts[n];
        let key = message.key().unwrap_or_default();
        if let Some((prefix, store)) = &part.last
            && let Some(key) = key.strip_prefix(prefix.as_slice())
        {
            changes.push(Change { store: *store, key, value: message.value() });
            return Ok(());
        }
        match entry(key) {
            Some(Entry::Progress) => drop(message.value().map(|value| progress.insert(part.task, value))),
            Some(Entry::State { operator, store, key }) => {
                let handle = match part.handles.get(&(operator.to_owned(), store.to_owned())) {
                    Some(handle) => *handle,
                    None => {
                        let id = StoreId { job: self.job.clone(), operator: operator.to_owned(), store: store.to_owned(), task: part.task.partition };
                        let handle = self.local.open(&id)?;
                        part.handles.insert((operator.to_owned(), store.to_owned()), handle);
                        handle
                    }
                };
                part.last = Some((prefix(operator, store), handle));
                changes.push(Change { store: handle, key, value: message.value() });
            }
            None => {
                let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
                return Err(HostError::storage(format!("changelog {topic}-{partition}"), format!("holds a record at offset {offset} that no job wrote"))
                    .with_help("something else writes to this topic: run the job under another name, or restore the topic"));
            }
        }
        Ok(())
    }

    /// Records (offsets) read so far, and to read in all, for people.
    pub fn progress(&self) -> (u64, u64) {
        self.parts.iter().fold((0, 0), |(done, all), part| (done + (part.next - part.from), all + (part.target - part.from)))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.parts.iter().for_each(|part| part.topic.stop(part.partition));
    }
}
