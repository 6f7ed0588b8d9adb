//! What tools do with topics, without a job or a group: read a partition up to its end, append records.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaErrorCode;

use super::cluster::{Cluster, Isolation, Which};
use super::inbox::fill;
use super::producer::Producer;
use super::raw::{Messages, Owner, Queue, Topic};
use crate::error::HostError;
use crate::record::{Batch, BatchBuilder, HeadersBuilder, NONE, Offset, partition_of};

const BATCH_RECORDS: usize = 1_024;
const WAIT_MS: u64 = 100;
/// A partition that gives nothing for so long, though there is more, cannot be read.
const SILENCE_MAX: Duration = Duration::from_secs(30);

impl Cluster {
    /// Reads committed records of a partition in batches, from `from` up to what was its end at the call, until `visit` says no. Records of a transaction that is
    /// open at the call, and what comes after them, are not waited for.
    pub fn read(self: &Arc<Self>, topic: &str, partition: u32, from: Offset, visit: &mut dyn FnMut(&Batch) -> bool) -> Result<(), HostError> {
        let place = [(topic.to_owned(), partition)];
        let first = self.offsets(&place, Which::First)?.first().copied().unwrap_or(0);
        let end = self.offsets(&place, Which::End(Isolation::Committed))?.first().copied().unwrap_or(0);
        let mut next = from.max(first);
        if next >= end {
            return Ok(());
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
            if heard.elapsed() > SILENCE_MAX {
                result = Err(self.failed(doing(), RDKafkaErrorCode::OperationTimedOut));
            }
        }
        handle.stop(partition);
        result
    }

    /// Appends records by hand. Rows go by their partition, or by key, or to partition 0. All are acknowledged at return; on an error some may have been written.
    pub fn append(self: &Arc<Self>, topic: &str, records: &Batch) -> Result<(), HostError> {
        let found = self.partitions(&[topic])?.get(topic).copied();
        let partitions = found.ok_or_else(|| self.failed(format!("writing to topic `{topic}`"), RDKafkaErrorCode::UnknownTopic))?;
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
