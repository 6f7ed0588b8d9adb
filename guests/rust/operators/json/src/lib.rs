//! JSON: keeps the records whose field equals a value, and of those the fields named, in that order; may make one field the key.

use millstream_sdk::BAD_JSON;
use millstream_sdk::prelude::*;
use serde::Deserialize;
use serde_json::Value;

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
    /// All fields that the config names; the numbers below are theirs.
    fields: JsonFields,
    only: Option<(usize, Value)>,
    key: Option<(usize, String)>,
    /// The names of `select` as they stand in the output: behind a comma, quoted and with a colon. Their numbers begin at 0.
    select: Vec<Vec<u8>>,
}

impl Operator for Project {
    type Config = Config;

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        let Config { only, select, key } = config;
        let only_field = only.as_ref().map(|only| only.field.as_str());
        let fields = JsonFields::new(select.iter().map(String::as_str).chain(only_field).chain(key.as_deref()));
        let (only_at, key_at) = (select.len(), select.len() + usize::from(only.is_some()));
        Ok(Project {
            fields,
            only: only.map(|only| (only_at, only.equals)),
            key: key.map(|field| (key_at, field)),
            select: select.iter().map(|field| format!(",{}:", Value::from(field.as_str())).into_bytes()).collect(),
        })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let found = record.value_fields(&mut self.fields)?;
        if let Some((field, equals)) = &self.only
            && !found.raw(*field).map_or(Ok(false), |raw| is(raw, equals)).map_err(bad)?
        {
            return Ok(());
        }
        let mut out = Out::of(record);
        let key;
        if let Some((number, field)) = &self.key {
            let raw = found.raw(*number).ok_or_else(|| reject(BAD_JSON, format!("the value has no field `{field}`")))?;
            key = match serde_json::from_str(raw).map_err(bad)? {
                Value::String(text) => text,
                other => other.to_string(),
            };
            out = out.key(key.as_bytes());
        }
        if self.select.is_empty() {
            return ctx.emit(out);
        }
        ctx.emit_with(out, |out| {
            for (number, name) in self.select.iter().enumerate() {
                let Some(raw) = found.raw(number) else { continue };
                out.put(name);
                out.put(raw.as_bytes());
            }
            match out.written().first_mut() {
                Some(comma) => *comma = b'{',
                None => out.put_byte(b'{'),
            }
            out.put_byte(b'}');
        })
    }
}

/// Whether a value's text is that value: text without escapes is compared as it stands.
fn is(raw: &str, equals: &Value) -> serde_json::Result<bool> {
    match (equals, raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))) {
        (Value::String(text), Some(quoted)) if !quoted.contains('\\') => Ok(quoted == text),
        _ => Ok(serde_json::from_str::<Value>(raw)? == *equals),
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
