//! Records of a topic as the golden cases write them down: what the host wrote, told without the host.

use millstream::record::{BatchBuilder, Fields, HeadersBuilder, NO_TIMESTAMP, jsonl};
use serde_json::Value;

use super::broker::Broker;
use super::reader::Record;

/// Beside the stamp 1: the time of a record that Kafka cannot be given, such as 0.
const TIME: &str = "millstream.timestamp";

impl Broker {
    /// All committed records of a topic, partition by partition, as JSON rows.
    #[track_caller]
    pub fn rows(&self, topic: &str) -> Vec<Value> {
        self.read_committed(topic).into_iter().map(row).collect()
    }
}

fn row(mut record: Record) -> Value {
    if let (Some(1), Some((name, Some(time)))) = (record.timestamp, record.headers.last())
        && name == TIME
    {
        record.timestamp = Some(String::from_utf8_lossy(time).parse().expect("a time in digits"));
        record.headers.pop();
    }
    let mut headers = HeadersBuilder::default();
    record.headers.iter().for_each(|(name, value)| assert!(headers.push(name.as_bytes(), value.as_deref())));
    let mut batch = BatchBuilder::default();
    let fields = Fields { timestamp: record.timestamp.unwrap_or(NO_TIMESTAMP), ..Fields::default() };
    batch.push(record.key.as_deref(), record.value.as_deref(), headers.headers(), fields);
    batch.as_batch().iter().map(|view| jsonl::to_json(view, false)).next().unwrap_or_default()
}
