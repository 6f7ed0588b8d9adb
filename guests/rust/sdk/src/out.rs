//! What goes out: one record to emit.

use crate::Record;
use crate::layout::{Headers, INHERIT, NONE};

/// A named output port: `const LATE: Port = Port::new("late")`, one of [`Operator::OUTPUTS`](crate::Operator::OUTPUTS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub(crate) name: &'static str,
}

impl Port {
    pub const fn new(name: &'static str) -> Port {
        Port { name }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// One record to emit. Unless told otherwise: to the first output port, with the input record's timestamp, to the partition of its key, without headers.
///
/// ```
/// # use millstream_sdk::{Out, Port};
/// const LATE: Port = Port::new("late");
/// let out = Out::new(Some(b"AA"), Some(b"12")).to(LATE).timestamp(60_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Out<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Headers<'a>,
    pub(crate) port: Option<Port>,
    pub(crate) timestamp: i64,
    pub(crate) partition: u32,
}

impl<'a> Out<'a> {
    /// A record of key and value; `None` is null, and a null value is a tombstone.
    pub fn new(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Self {
        Out { key, value, headers: Headers::default(), port: None, timestamp: INHERIT, partition: NONE }
    }

    /// A copy of a record: key, value and headers.
    pub fn of(record: &Record<'a>) -> Self {
        Out { headers: record.view.headers, ..Out::new(record.view.key, record.view.value) }
    }

    pub fn key(self, key: &'a [u8]) -> Self {
        Out { key: Some(key), ..self }
    }

    pub fn value(self, value: &'a [u8]) -> Self {
        Out { value: Some(value), ..self }
    }

    /// All headers; [`HeadersBuilder`](crate::HeadersBuilder) makes them.
    pub fn headers(self, headers: Headers<'a>) -> Self {
        Out { headers, ..self }
    }

    pub fn to(self, port: Port) -> Self {
        Out { port: Some(port), ..self }
    }

    /// Event time, ms since 1970 UTC.
    pub fn timestamp(self, timestamp_ms: i64) -> Self {
        Out { timestamp: timestamp_ms, ..self }
    }

    /// A partition of the stream behind the port, in place of the key's.
    pub fn partition(self, partition: u32) -> Self {
        Out { partition, ..self }
    }
}
