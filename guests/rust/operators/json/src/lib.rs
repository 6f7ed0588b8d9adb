//! JSON: keeps the records whose field equals a value, and of those the fields named, in that order; may make one field the key.

use std::borrow::Cow;
use std::collections::BTreeMap;

use millstream_sdk::BAD_JSON;
use millstream_sdk::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Only records that have this; none: all.
    only: Option<Only>,
    /// Fields to keep, in order; those that a record lacks are left out. Empty: the value stays as it is.
    select: Vec<String>,
    /// The field whose text becomes the key.
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    field: String,
    equals: Value,
}

pub struct Project {
    config: Config,
    /// Kept from record to record.
    value: Vec<u8>,
}

/// An object's fields, each still as text.
#[derive(Deserialize)]
struct Object<'a>(#[serde(borrow)] BTreeMap<Cow<'a, str>, &'a RawValue>);

impl Operator for Project {
    type Config = Config;

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Project { config, value: Vec::new() })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let text = record.value_text()?;
        let Object(object) = serde_json::from_str(text).map_err(bad)?;
        if let Some(Only { field, equals }) = &self.config.only {
            let found = object.get(field.as_str()).map(|raw| serde_json::from_str::<Value>(raw.get())).transpose().map_err(bad)?;
            if found.as_ref() != Some(equals) {
                return Ok(());
            }
        }
        let mut out = Out::of(record);
        let key;
        if let Some(field) = &self.config.key {
            let raw = object.get(field.as_str()).ok_or_else(|| reject(BAD_JSON, format!("the value has no field `{field}`")))?;
            key = match serde_json::from_str(raw.get()).map_err(bad)? {
                Value::String(text) => text,
                other => other.to_string(),
            };
            out = out.key(key.as_bytes());
        }
        if !self.config.select.is_empty() {
            self.value.clear();
            for field in &self.config.select {
                let Some(raw) = object.get(field.as_str()) else { continue };
                self.value.push(if self.value.is_empty() { b'{' } else { b',' });
                self.value.extend_from_slice(Value::from(field.as_str()).to_string().as_bytes());
                self.value.push(b':');
                self.value.extend_from_slice(raw.get().as_bytes());
            }
            self.value.extend_from_slice(if self.value.is_empty() { b"{}" } else { b"}" });
            out = out.value(&self.value);
        }
        ctx.emit(out)
    }
}

fn bad(e: serde_json::Error) -> Stop {
    reject(BAD_JSON, format!("the value: {e}"))
}

export_operator!(Project);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};
    use serde_json::json;

    #[test]
    fn matching_records_keep_the_chosen_fields_in_order() {
        let mut op = Harness::<Project>::open(json!({ "only": { "field": "o", "equals": "JFK" }, "select": ["n", "o"], "key": "n" })).unwrap();
        op.feed(&[Input::new("k", r#"{"o":"JFK","x":[1, 2],"n":7}"#), Input::new("k", r#"{"o":"EWR"}"#), Input::new("k", r#"{"n":1}"#)]).unwrap();
        let out: Vec<_> = op.take_outputs().iter().map(|o| (o.key_text(), o.value_text())).collect();
        assert_eq!(out, [("7".to_string(), r#"{"n":7,"o":"JFK"}"#.to_string())]);
    }

    #[test]
    fn broken_json_is_rejected_and_the_rest_goes_on() {
        let mut op = Harness::<Project>::open(()).unwrap();
        op.feed(&[Input::new("k", "{"), Input::new("k", r#"{"a":1}"#), Input::new("k", "7")]).unwrap();
        assert_eq!(op.take_rejects().iter().map(|r| r.row).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(op.take_outputs()[0].value_text(), r#"{"a":1}"#);
    }
}
