//! A record as a line of JSON: what JSONL files, `stream append` and `stream cat` speak.
//!
//! `{"key": …, "value": …, "headers": {…}, "timestamp": ms, "partition": n}`; all may be missing. A key or value is text, any other JSON value (its text is
//! taken), or null; `key_base64` and `value_base64` hold bytes that are no text. Reading a line allocates: this is for people and tests, not for the fast path.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::{BatchBuilder, Fields, HeadersBuilder, NO_TIMESTAMP, NONE, View};

const KEYS: [&str; 7] = ["key", "value", "headers", "timestamp", "partition", "key_base64", "value_base64"];

/// Appends the record that a line says. `fields` gives what the line leaves out. The error says what is wrong with the line.
pub fn push_line(line: &[u8], into: &mut BatchBuilder, fields: Fields) -> Result<(), String> {
    let parsed: Value = serde_json::from_slice(line).map_err(|error| format!("is no JSON: {error}"))?;
    let Value::Object(object) = parsed else { return Err("is no JSON object".to_owned()) };
    if let Some(unknown) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("has an unknown key {unknown:?}; expected {}", KEYS.join(", ")));
    }
    let key = part(&object, "key", "key_base64")?;
    let value = part(&object, "value", "value_base64")?;
    let mut headers = HeadersBuilder::default();
    match object.get("headers") {
        None | Some(Value::Null) => {}
        Some(Value::Object(named)) => {
            for (name, value) in named {
                headers.push(name.as_bytes(), text(value).as_deref());
            }
        }
        Some(_) => return Err("has headers that are no JSON object".to_owned()),
    }
    let integer = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| format!("has a {name} that is no whole number: {value}")),
    };
    let timestamp = integer("timestamp")?.unwrap_or(fields.timestamp);
    let partition = match integer("partition")? {
        None => fields.partition,
        // Whoever reads a partition knows better.
        Some(_) if fields.partition != NONE => fields.partition,
        Some(partition) => u32::try_from(partition).map_err(|_| format!("has partition {partition}, which cannot be"))?,
    };
    let bytes = key.as_ref().map_or(0, Vec::len) + value.as_ref().map_or(0, Vec::len) + headers.headers().bytes().len();
    if !into.fits(bytes) {
        return Err(format!("has {bytes} bytes, too many for a batch"));
    }
    into.push(key.as_deref(), value.as_deref(), headers.headers(), Fields { timestamp, partition, ..fields });
    Ok(())
}

fn part(object: &Map<String, Value>, plain: &str, coded: &str) -> Result<Option<Vec<u8>>, String> {
    match (object.get(plain), object.get(coded)) {
        (Some(_), Some(_)) => Err(format!("has both {plain} and {coded}")),
        (None, Some(Value::String(code))) => BASE64_STANDARD.decode(code).map(Some).map_err(|error| format!("has a {coded} that is no base64: {error}")),
        (None, Some(_)) => Err(format!("has a {coded} that is no text")),
        (None, None) => Ok(None),
        (Some(value), None) => Ok(text(value)),
    }
}

fn text(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}

/// A record as a JSON object. `place`: with partition and offset as well.
pub fn to_json(record: View<'_>, place: bool) -> Value {
    let mut object = Map::new();
    if place {
        object.insert("partition".to_owned(), record.partition.into());
        object.insert("offset".to_owned(), record.offset.into());
    }
    if record.timestamp != NO_TIMESTAMP {
        object.insert("timestamp".to_owned(), record.timestamp.into());
    }
    put(&mut object, "key", record.key);
    put(&mut object, "value", record.value);
    if !record.headers.is_empty() {
        let named = record
            .headers
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.map_or(Value::Null, |value| String::from_utf8_lossy(value).into())));
        object.insert("headers".to_owned(), Value::Object(named.collect()));
    }
    Value::Object(object)
}

fn put(object: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(std::str::from_utf8) {
        None => object.insert(name.to_owned(), Value::Null),
        Some(Ok(text)) => object.insert(name.to_owned(), text.into()),
        Some(Err(_)) => object.insert(format!("{name}_base64"), BASE64_STANDARD.encode(bytes.unwrap_or_default()).into()),
    };
}

/// What a line leaves out, for [`push_line`].
pub fn unset(offset: i64) -> Fields {
    Fields { port: 0, timestamp: NO_TIMESTAMP, offset, partition: NONE, key_id: NONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Value, String> {
        let mut rows = BatchBuilder::default();
        push_line(line.as_bytes(), &mut rows, unset(0))?;
        Ok(to_json(rows.into_batch().view(0), false))
    }

    #[test]
    fn lines_survive_the_way_there_and_back() {
        let line = r#"{"timestamp":5,"key":"k","value":"v","headers":{"a":"b","n":null}}"#;
        assert_eq!(read(line).unwrap(), serde_json::from_str::<Value>(line).unwrap());
        assert_eq!(read(r#"{"key_base64":"/wA=","value":{"a":1}}"#).unwrap(), serde_json::json!({"key_base64":"/wA=","value":"{\"a\":1}"}));
        assert_eq!(read("{}").unwrap(), serde_json::json!({"key":null,"value":null}));
    }

    #[test]
    fn a_wrong_line_is_said_to_be_wrong() {
        for (line, word) in [
            ("x", "no JSON"),
            ("[]", "no JSON object"),
            (r#"{"k":1}"#, "unknown key"),
            (r#"{"timestamp":"a"}"#, "timestamp"),
            (r#"{"key":"a","key_base64":""}"#, "both"),
        ] {
            assert!(read(line).unwrap_err().contains(word), "{line}");
        }
    }
}
