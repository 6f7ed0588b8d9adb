//! A task's end of a topic: rows go to the worker's producer, partitions as the Java client would choose them.

use std::rc::Rc;

use super::producer::Producer;
use super::raw::Topic;
use crate::error::HostError;
use crate::record::{Batch, NONE, TaskId, partition_of};
use crate::sink::{Accepts, Sink};

/// What a record of Kafka's takes beside key, value and headers, at most, bytes.
const RECORD_OVERHEAD_BYTES: usize = 256;

/// See the module. What it sends is committed, or not, with all else of the worker: by its ledger.
pub(super) struct KafkaSink {
    pub producer: Rc<Producer>,
    pub topic: Rc<Topic>,
    pub partitions: u32,
    pub record_bytes_max: usize,
    pub task: TaskId,
}

impl Sink for KafkaSink {
    fn accepts(&self) -> Accepts {
        Accepts { partitions: self.partitions, record_bytes_max: self.record_bytes_max.saturating_sub(RECORD_OVERHEAD_BYTES) }
    }

    fn restore(&mut self, _mark: Option<&[u8]>) -> Result<(), HostError> {
        Ok(())
    }

    fn send(&mut self, batch: &Batch) -> Result<usize, HostError> {
        let (partitions, task) = (self.partitions, self.task.partition);
        self.producer.send(&self.topic, batch, |view| match (view.partition, view.key) {
            (NONE, Some(key)) => partition_of(key, partitions),
            (NONE, None) => task % partitions,
            (explicit, _) => explicit,
        })
    }

    fn flush(&mut self) -> Result<Vec<u8>, HostError> {
        Ok(Vec::new())
    }

    fn abort(&mut self) -> Result<(), HostError> {
        // The transaction goes with its producer.
        Ok(())
    }
}
