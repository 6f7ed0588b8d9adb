//! Records to feed, and how they become a batch.

use std::collections::HashMap;

use crate::layout::{Batch, BatchBuilder, Fields, HeadersBuilder, INHERIT, NONE};

/// A record to feed: by default to the first input, without timestamp or headers.
#[derive(Clone, Debug, Default)]
pub struct Input {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: HeadersBuilder,
    port: String,
    timestamp: Option<i64>,
    partition: u32,
}

impl Input {
    pub fn new(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        Input { key: Some(key.as_ref().to_vec()), value: Some(value.as_ref().to_vec()), ..Input::default() }
    }

    /// A record without a key.
    pub fn null_key(value: impl AsRef<[u8]>) -> Self {
        Input { key: None, ..Input::new("", value) }
    }

    /// A record without a value: a tombstone.
    pub fn null_value(key: impl AsRef<[u8]>) -> Self {
        Input { value: None, ..Input::new(key, "") }
    }

    /// Event time, ms since 1970 UTC.
    pub fn at(self, timestamp_ms: i64) -> Self {
        Input { timestamp: Some(timestamp_ms), ..self }
    }

    /// The name of the input port.
    pub fn port(self, name: &str) -> Self {
        Input { port: name.to_string(), ..self }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name.as_bytes(), Some(value.as_bytes()));
        self
    }
}

/// Packs records as the host would. Panics where a port does not exist.
pub(super) fn batch(inputs: &[Input], ports: &[String], first_offset: i64, number_keys: bool) -> Batch {
    let mut ids: HashMap<Option<&[u8]>, u32> = HashMap::new();
    let mut batch = BatchBuilder::default();
    for (n, input) in inputs.iter().enumerate() {
        let port = match input.port.as_str() {
            "" => 0,
            name => ports.iter().position(|port| port == name).unwrap_or_else(|| panic!("no input port `{name}`")),
        };
        let next = ids.len() as u32;
        let key_id = if number_keys { *ids.entry(input.key.as_deref()).or_insert(next) } else { NONE };
        let timestamp = input.timestamp.unwrap_or(INHERIT);
        let fields = Fields { port: port as u16, timestamp, offset: first_offset + n as i64, partition: input.partition, key_id };
        batch.push(input.key.as_deref(), input.value.as_deref(), input.headers.headers(), fields);
    }
    batch.into_batch()
}
