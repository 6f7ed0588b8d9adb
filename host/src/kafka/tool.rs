//! What tools do with topics, without a job or a group: read a partition up to its end, append records.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;

use super::cluster::{Cluster, Place, Which};
use super::inbox::fill;
use super::producer::Producer;
use super::raw::{Messages, Owner, Queue, Topic};
use super::source::settled_ends;
use crate::error::HostError;
use crate::record::{Batch, BatchBuilder, HeadersBuilder, NONE, Offset, partition_of};

const BATCH_RECORDS: usize = 1_024;
const WAIT_MS: u64 = 100;
/// A partition that gives nothing for so long, though there is more, cannot be read.
const SILENCE_MAX: Duration = Duration::from_secs(30);

impl Cluster {
    /// Reads committed records of a partition in batches, from `from` up to what was its end at the call, until `visit` says no. Records of a transaction that
    /// stays open, and what comes after them, are not waited for. Returns where it ended: behind the last batch that was visited, or at the end.
    pub fn read(&self, topic: &str, partition: u32, from: Offset, visit: &mut dyn FnMut(&Batch) -> bool) -> Result<(), HostError> {
        self.read_tending(&(topic.to_owned(), partition), from, visit, &mut || Ok(())).map(drop)
    }

    /// The first committed record at or after a time, ms, or else the end. Brokers are asked first; to them markers of transactions have times, too, those of their
    /// commits, and so what they answer may be an earlier record's offset: from there on it is looked for. `tend` is called in between.
    pub fn first_since(&self, place: &Place, ms: i64, tend: &mut dyn FnMut() -> Result<(), HostError>) -> Result<Offset, HostError> {
        // Records from before 1970 are stamped otherwise than what they say (see `timestamp`).
        let which = if ms > 0 { Which::At(ms) } else { Which::First };
        let from = self.offsets(std::slice::from_ref(place), which)?.first().copied().unwrap_or(0);
        let mut found = None;
        let visit = &mut |batch: &Batch| {
            found = batch.iter().find(|row| row.timestamp >= ms).map(|row| row.offset as Offset);
            found.is_none()
        };
        let end = self.read_tending(place, from, visit, tend)?;
        Ok(found.unwrap_or(end))
    }

    fn read_tending(
        &self,
        place: &Place,
        from: Offset,
        visit: &mut dyn FnMut(&Batch) -> bool,
        tend: &mut dyn FnMut() -> Result<(), HostError>,
    ) -> Result<Offset, HostError> {
        let (topic, partition) = (place.0.as_str(), place.1);
        let first = self.offsets(std::slice::from_ref(place), Which::First)?.first().copied().unwrap_or(0);
        let end = settled_ends(self, std::slice::from_ref(place), tend)?.first().copied().unwrap_or(0);
        let mut next = from.max(first);
        if next >= end {
            return Ok(next);
        }
        let doing = || format!("reading {topic}-{partition}");
        let queue = Queue::new(self.reader());
        let handle = Topic::open(Owner::Consumer(self.reader().clone()), topic).map_err(|failure| self.failure(doing(), &failure))?;
        handle.start(partition, next, &queue).map_err(|failure| self.failure(doing(), &failure))?;
        let mut heard = Instant::now();
        let (mut messages, mut headers, mut rows) = (Messages::new(), HeadersBuilder::default(), BatchBuilder::default());
        let mut result = Ok(());
        while next < end && result.is_ok() {
            messages.take(&queue, BATCH_RECORDS, WAIT_MS);
            rows.clear();
            for message in messages.iter() {
                heard = Instant::now();
                match message.error() {
                    None if (message.offset() as Offset) < end => {
                        fill(&message, &mut headers, &mut rows);
                        next = message.offset() as Offset + 1;
                    }
                    None => next = end,
                    Some(RDKafkaErrorCode::PartitionEOF) => next = next.max(message.offset() as Offset),
                    Some(code) => result = Err(self.failed(doing(), code)),
                }
            }
            if !rows.is_empty() && !visit(rows.as_batch()) {
                break;
            }
            if let Err(error) = tend() {
                result = Err(error);
            }
            if heard.elapsed() > SILENCE_MAX {
                result = Err(self.failed(doing(), RDKafkaErrorCode::OperationTimedOut));
            }
        }
        handle.stop(partition);
        result.map(|()| next)
    }

    /// How many partitions a topic has, which must be there.
    pub fn partitions_of(&self, topic: &str) -> Result<u32, HostError> {
        let count = self.partitions(&[topic])?.get(topic).copied();
        count.ok_or_else(|| {
            HostError::job(topic, format!("no such topic on {}", self.settings.bootstrap))
                .with_help("`millstream stream list --bootstrap …` shows what there is")
        })
    }

    /// Appends records by hand. Rows go by their partition, or by key, or to partition 0. All are acknowledged at return; on an error some may have been written.
    pub fn append(self: &Arc<Self>, topic: &str, records: &Batch) -> Result<(), HostError> {
        let partitions = self.partitions_of(topic)?;
        if let Some(row) = records.iter().find(|row| row.partition != NONE && row.partition >= partitions) {
            return Err(HostError::job(format!("stream `{topic}`"), format!("a record for partition {}, but there are {partitions}", row.partition)));
        }
        let producer = Producer::plain(self)?;
        let handle = producer.topic(topic)?;
        producer.send(&handle, records, |view| match (view.partition, view.key) {
            (NONE, Some(key)) => partition_of(key, partitions),
            (NONE, None) => 0,
            (explicit, _) => explicit,
        })?;
        producer.settle()
    }
}
