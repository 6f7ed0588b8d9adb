//! Event times from a header or a JSON field, over any source.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

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

/// Finds one field of a JSON object and passes over the rest, without building anything. The last one counts where a name stands twice.
struct Field<'a>(&'a str);

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(IsName(self.0))? {
            if is_it {
                found = map.next_value_seed(Time)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a key is the one that is looked for.
struct IsName<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for IsName<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for IsName<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// A time: ms as a whole number, or text. Anything else is none.
struct Time;

impl<'de> DeserializeSeed<'de> for Time {
    type Value = Option<i64>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Time {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_i64<E: Error>(self, ms: i64) -> Result<Self::Value, E> {
        Ok(Some(ms))
    }

    fn visit_u64<E: Error>(self, ms: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(ms).ok())
    }

    fn visit_f64<E: Error>(self, _ms: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(parse_ms(text))
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(seq).map(|_| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(map).map(|_| None)
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
