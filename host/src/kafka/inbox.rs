//! Records of all partitions of one worker, from one queue of the client into batches: built once, straight from its buffers.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::types::RDKafkaErrorCode;

use super::cluster::{Cluster, Place, c_name, code};
use super::raw::{self, Consumer, Message, Messages, Queue};
use super::timestamp;
use crate::error::HostError;
use crate::record::{BatchBuilder, Fields, HeadersBuilder, NONE, Offset, ROW_BYTES};
use crate::source::{InputPartition, PollBudget, Polled};

/// A batch is closed at so many bytes, however much is there.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// So many records are taken at once, whatever the budget.
const TAKE_RECORDS_MAX: usize = 1 << 16;
const NO_SLOT: u32 = u32::MAX;

/// One partition that is the worker's.
struct Slot {
    topic: String,
    c_topic: CString,
    partition: u32,
    /// Which input's it is; `None` until a source is told to read it.
    at: Option<InputPartition>,
    building: BatchBuilder,
    /// One past the last record that came.
    next: Offset,
    /// There is no record below this any more.
    skipped: Offset,
    /// Where a bounded read ends.
    until: Option<Offset>,
    told_end: bool,
    /// What comes is kept until it goes on.
    paused: bool,
}

impl Slot {
    /// There is no record below `offset` that is to be handed over. A bounded read does not go past its end: what lies there is another run's.
    fn skip_to(&mut self, offset: Offset) {
        self.skipped = self.skipped.max(offset.min(self.until.unwrap_or(Offset::MAX)));
    }
}

/// See the module.
pub struct Inbox {
    cluster: Arc<Cluster>,
    /// Before the client they belong to: fields are dropped in this order.
    messages: Messages,
    queue: Queue,
    consumer: Arc<Consumer>,
    /// So many of the messages are in batches already; the rest is for the next poll.
    sorted: usize,
    slots: Vec<Slot>,
    /// By topic, as messages name it: by partition the slot.
    places: Vec<(usize, Vec<u32>)>,
    /// By input: what came and was not taken yet.
    ready: BTreeMap<u32, Vec<Polled>>,
    headers: HeadersBuilder,
}

/// Appends a message to a batch.
#[inline]
pub(super) fn fill(message: &Message<'_>, headers: &mut HeadersBuilder, into: &mut BatchBuilder) {
    message.headers(headers);
    let timestamp = timestamp::undo(message.timestamp(), headers);
    let fields = Fields { port: 0, timestamp, offset: message.offset(), partition: message.partition(), key_id: NONE };
    into.push(message.key(), message.value(), headers.headers(), fields);
}

impl Inbox {
    pub(super) fn new(cluster: &Arc<Cluster>, consumer: &Arc<Consumer>) -> Inbox {
        Inbox {
            cluster: cluster.clone(),
            consumer: consumer.clone(),
            queue: Queue::new(consumer),
            messages: Messages::new(),
            sorted: 0,
            slots: Vec::new(),
            places: Vec::new(),
            ready: BTreeMap::new(),
            headers: HeadersBuilder::default(),
        }
    }

    /// Records of these partitions will come from these offsets. Before the assignment is answered: the forwarding does not outlive a revocation.
    pub(super) fn expect(&mut self, starts: &[(Place, Offset)]) -> Result<(), HostError> {
        self.ready.clear();
        self.drop_messages();
        for ((topic, partition), next) in starts {
            self.queue.forward(topic, *partition).map_err(|failure| self.cluster.failure(format!("taking on {topic}-{partition}"), &failure))?;
            let known = self.slots.iter().position(|slot| slot.topic == *topic && slot.partition == *partition);
            let slot = match known {
                Some(slot) => slot,
                None => self.add(topic, *partition)?,
            };
            self.resume(slot);
            let slot = &mut self.slots[slot];
            slot.building.clear();
            (slot.next, slot.skipped, slot.told_end) = (*next, *next, false);
        }
        Ok(())
    }

    /// Whoever begins anew knows nothing of a pause that was made before.
    fn resume(&mut self, slot: usize) {
        if std::mem::take(&mut self.slots[slot].paused) {
            self.tell_client(slot, false);
        }
    }

    fn drop_messages(&mut self) {
        self.messages.clear();
        self.sorted = 0;
    }

    fn add(&mut self, topic: &str, partition: u32) -> Result<usize, HostError> {
        let c_topic = c_name(topic)?;
        let building = BatchBuilder::default();
        self.slots.push(Slot {
            topic: topic.to_owned(),
            c_topic,
            partition,
            at: None,
            building,
            next: 0,
            skipped: 0,
            until: None,
            told_end: false,
            paused: false,
        });
        // A new partition of a topic that is known already: found again at its next message.
        self.places.clear();
        Ok(self.slots.len() - 1)
    }

    /// Nothing is the worker's any more.
    pub(super) fn forget(&mut self) {
        self.slots.clear();
        self.places.clear();
        self.ready.clear();
        self.drop_messages();
    }

    /// An input reads a partition from now on, up to `until` where it is bounded. Returns where it stands.
    pub(super) fn claim(&mut self, at: InputPartition, topic: &str, until: Option<Offset>) -> Result<Offset, HostError> {
        let slot = self.slots.iter_mut().find(|slot| slot.topic == topic && slot.partition == at.partition);
        let slot =
            slot.ok_or_else(|| HostError::external(format!("reading {topic}-{}", at.partition), anyhow::anyhow!("the group took the partition away")))?;
        slot.at = Some(at);
        slot.until = until;
        slot.told_end = false;
        Ok(slot.next)
    }

    pub(super) fn unclaim(&mut self, at: InputPartition) {
        for slot in self.slots.iter_mut().filter(|slot| slot.at == Some(at)) {
            slot.at = None;
            slot.building.clear();
        }
    }

    /// Moves what came for an input to `found`, after looking whether more has come for anybody.
    pub(super) fn poll(&mut self, input: u32, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        if self.messages.len() == 0 {
            let waits = self.ready.values().flatten().all(|polled| self.is_paused(place_of(polled)));
            self.messages.take(&self.queue, budget.records_max.clamp(1, TAKE_RECORDS_MAX), if waits { budget.wait_ms } else { 0 });
        }
        self.sort(budget)?;
        self.tell_ends();
        if let Some(mut ready) = self.ready.remove(&input) {
            found.extend(ready.extract_if(.., |polled| !self.is_paused(place_of(polled))));
            self.ready.insert(input, ready);
        }
        Ok(())
    }

    fn is_paused(&self, at: InputPartition) -> bool {
        self.slots.iter().any(|slot| slot.at == Some(at) && slot.paused)
    }

    /// From messages to batches, one a partition, as far as the budget goes.
    fn sort(&mut self, budget: PollBudget) -> Result<(), HostError> {
        let messages = std::mem::replace(&mut self.messages, Messages::new());
        let (mut records, mut bytes) = (0, 0);
        let mut failed = None;
        for message in messages.iter().skip(self.sorted) {
            let more = message.bytes() + ROW_BYTES;
            if records > 0 && (records >= budget.records_max || bytes + more > budget.bytes_max) {
                break;
            }
            (self.sorted, records, bytes) = (self.sorted + 1, records + 1, bytes + more);
            let Some(slot) = self.slot_of(&message) else { continue };
            match message.error() {
                None => self.keep(slot, &message),
                Some(RDKafkaErrorCode::PartitionEOF) => self.slots[slot].skip_to(message.offset() as Offset),
                Some(code) => failed = failed.or(Some((slot, code))),
            }
        }
        self.messages = messages;
        if self.sorted >= self.messages.len() {
            // The client's buffers are given back at once, not at the next poll.
            self.drop_messages();
        }
        for n in 0..self.slots.len() {
            self.close(n);
        }
        match failed {
            None => Ok(()),
            Some((slot, code)) => Err(self.cannot_read(slot, code)),
        }
    }

    fn cannot_read(&self, slot: usize, code: RDKafkaErrorCode) -> HostError {
        let Slot { topic, partition, next, .. } = &self.slots[slot];
        let doing = format!("reading {topic}-{partition} at offset {next}");
        match code {
            // The worker is opened again, which finds out what is gone and applies the input's policy.
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => HostError::external(doing, anyhow::anyhow!("the record is gone")),
            code => self.cluster.failed(doing, code),
        }
    }

    /// A worker reads few topics: they are looked at one after another.
    #[inline]
    fn slot_of(&mut self, message: &Message<'_>) -> Option<usize> {
        let topic = message.topic_id();
        let place = match self.places.iter().position(|(id, _)| *id == topic) {
            Some(place) => place,
            None => self.learn(topic, &message.topic()),
        };
        self.places[place].1.get(message.partition() as usize).filter(|slot| **slot != NO_SLOT).map(|slot| *slot as usize)
    }

    fn learn(&mut self, id: usize, topic: &str) -> usize {
        let mut by_partition = Vec::new();
        for (n, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.topic == topic) {
            let place = slot.partition as usize;
            by_partition.resize(by_partition.len().max(place + 1), NO_SLOT);
            by_partition[place] = n as u32;
        }
        self.places.push((id, by_partition));
        self.places.len() - 1
    }

    #[inline]
    fn keep(&mut self, n: usize, message: &Message<'_>) {
        let slot = &mut self.slots[n];
        let offset = message.offset() as Offset;
        if slot.until.is_some_and(|until| offset >= until) {
            return slot.skip_to(offset);
        }
        if offset < slot.next {
            return;
        }
        fill(message, &mut self.headers, &mut slot.building);
        slot.next = offset + 1;
        if slot.building.bytes() > BATCH_BYTES_MAX {
            self.close(n);
        }
    }

    /// Hands over what was built of a partition, and how far it goes.
    fn close(&mut self, n: usize) {
        let slot = &mut self.slots[n];
        let Some(at) = slot.at else { return slot.building.clear() };
        if slot.paused {
            return;
        }
        let ready = self.ready.entry(at.input).or_default();
        if !slot.building.is_empty() {
            ready.push(Polled::Records { at, batch: slot.building.finish(), next: slot.next });
        }
        if slot.skipped > slot.next {
            slot.next = slot.skipped;
            ready.push(Polled::Skipped { at, next: slot.next });
        }
    }

    fn tell_ends(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| !slot.told_end && !slot.paused && slot.until.is_some_and(|until| slot.next >= until)) {
            if let Some(at) = slot.at {
                slot.told_end = true;
                self.ready.entry(at.input).or_default().push(Polled::End { at });
            }
        }
    }

    pub(super) fn pause(&mut self, at: InputPartition, paused: bool) {
        let Some(slot) = self.slots.iter().position(|slot| slot.at == Some(at)) else { return };
        self.slots[slot].paused = paused;
        self.tell_client(slot, paused);
    }

    fn tell_client(&self, slot: usize, paused: bool) {
        let slot = &self.slots[slot];
        let mut list = TopicPartitionList::new();
        list.add_partition(&slot.topic, slot.partition as i32);
        let done = if paused { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        if let Err(error) = done {
            // A partition that is not ours any more needs no pause.
            self.cluster.trouble.note(format!("pausing {}-{}: {}", slot.topic, slot.partition, code(&error)));
        }
    }

    /// The partition's end as the last fetch saw it.
    pub(super) fn end(&self, at: InputPartition) -> Option<Offset> {
        let slot = self.slots.iter().find(|slot| slot.at == Some(at))?;
        raw::cached_end(&self.consumer, &slot.c_topic, slot.partition)
    }
}

/// Whose it is.
fn place_of(polled: &Polled) -> InputPartition {
    match polled {
        Polled::Records { at, .. } | Polled::Skipped { at, .. } | Polled::End { at } => *at,
    }
}
