//! Event times from a header or a JSON field, over any source.

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{InputPartition, PollBudget, Polled, Source, Start};
use crate::error::HostError;
use crate::job::TimestampFrom;
use crate::record::{Batch, Offset, View};
use crate::time::parse_ms;

/// Sets each record's timestamp from what it says of itself. Where it says nothing that is a time, the record keeps the one it has.
pub struct Stamped {
    inner: Box<dyn Source>,
    from: TimestampFrom,
}

impl Stamped {
    /// `inner` itself where the records' own timestamps are wanted.
    pub fn over(inner: Box<dyn Source>, from: &TimestampFrom) -> Box<dyn Source> {
        match from {
            TimestampFrom::Record => inner,
            _ => Box::new(Stamped { inner, from: from.clone() }),
        }
    }

    fn stamp(&self, batch: &mut Batch) {
        for n in 0..batch.len() {
            if let Some(timestamp) = self.time_of(batch.view(n)) {
                batch.set_timestamp(n, timestamp);
            }
        }
    }

    fn time_of(&self, record: View<'_>) -> Option<i64> {
        match &self.from {
            TimestampFrom::Record => None,
            TimestampFrom::Header(name) => std::str::from_utf8(record.headers.last(name.as_bytes())??).ok().and_then(parse_ms),
            TimestampFrom::Field(name) => serde_json::Deserializer::from_slice(record.value?).deserialize_map(Field(name)).ok().flatten(),
        }
    }
}

/// Finds one field of a JSON object and passes over the rest without building it.
struct Field<'a>(&'a str);

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == self.0 {
                found = match map.next_value::<serde_json::Value>()? {
                    serde_json::Value::String(text) => parse_ms(&text),
                    value => value.as_i64(),
                };
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl Source for Stamped {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        self.inner.assign(at, start)
    }

    fn revoke(&mut self, at: InputPartition) {
        self.inner.revoke(at);
    }

    fn pause(&mut self, at: InputPartition, paused: bool) {
        self.inner.pause(at, paused);
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let first = found.len();
        self.inner.poll(budget, found)?;
        for polled in &mut found[first..] {
            if let Polled::Records { batch, .. } = polled {
                self.stamp(batch);
            }
        }
        Ok(())
    }

    fn end(&mut self, at: InputPartition) -> Result<Option<Offset>, HostError> {
        self.inner.end(at)
    }
}
