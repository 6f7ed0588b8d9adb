//! A record as a line of JSON: what JSONL files, `stream append` and `stream cat` speak.
//!
//! `{"key": …, "value": …, "headers": {…}, "timestamp": ms, "partition": n}`; all may be missing. A key, value or header is text, any other JSON value (as it is
//! written), or null; `key_base64` and `value_base64` hold bytes that are no text. Headers whose names repeat, or that are no text, are a list in their order:
//! `[{"name": …, "value": …}]`, with `name_base64` and `value_base64` alike. An `offset` is passed over: whoever takes the record gives it one.
//! Reading allocates for text with escapes, for base64 and for lists; a plain line not at all. Writing does not allocate beyond the buffer it is given.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::io::Write;

use base64::Engine;
use base64::display::Base64Display;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{BatchBuilder, Fields, Headers, HeadersBuilder, NO_TIMESTAMP, NONE, View};

/// A line, taken apart but not decoded.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
    headers: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    partition: Option<&'a RawValue>,
    key_base64: Option<&'a RawValue>,
    value_base64: Option<&'a RawValue>,
    #[serde(rename = "offset")]
    _offset: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedHeader<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    value: Option<&'a RawValue>,
    name_base64: Option<&'a RawValue>,
    value_base64: Option<&'a RawValue>,
}

/// A text that is borrowed where it has no escapes. (A bare `Cow` would always be copied.)
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads lines, and keeps its memory from line to line.
#[derive(Debug, Default)]
pub struct LineReader {
    headers: HeadersBuilder,
}

impl LineReader {
    /// Appends the record that a line says. `fields` gives what the line leaves out. The error says what is wrong with the line, which is then not appended.
    pub fn push(&mut self, line: &[u8], into: &mut BatchBuilder, fields: Fields) -> Result<(), String> {
        // An array would pass for an object that lists its fields in order.
        if line.trim_ascii_start().first().is_some_and(|first| *first == b'[') {
            return Err("is no JSON object".to_owned());
        }
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| reason(&error))?;
        let key = part(line.key, line.key_base64, "key")?;
        let value = part(line.value, line.value_base64, "value")?;
        self.headers.clear();
        if let Some(headers) = line.headers {
            read_headers(headers.get(), &mut self.headers)?;
        }
        let timestamp = integer(line.timestamp, "timestamp")?.unwrap_or(fields.timestamp);
        let partition = match integer(line.partition, "partition")? {
            None => fields.partition,
            // Whoever reads a partition knows better.
            Some(_) if fields.partition != NONE => fields.partition,
            Some(partition) => u32::try_from(partition).map_err(|_| format!("has partition {partition}, which cannot be"))?,
        };
        let headers = self.headers.headers();
        let bytes = key.as_ref().map_or(0, |key| key.len()) + value.as_ref().map_or(0, |value| value.len()) + headers.bytes().len();
        if !into.fits(bytes) {
            return Err(format!("has {bytes} bytes, too many for a batch"));
        }
        into.push(key.as_deref(), value.as_deref(), headers, Fields { timestamp, partition, ..fields });
        Ok(())
    }
}

/// One line by itself: [`LineReader::push`].
pub fn push_line(line: &[u8], into: &mut BatchBuilder, fields: Fields) -> Result<(), String> {
    LineReader::default().push(line, into, fields)
}

fn reason(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => format!("is no record: {error}"),
        _ => format!("is no JSON: {error}"),
    }
}

fn part<'a>(plain: Option<&'a RawValue>, coded: Option<&'a RawValue>, name: &str) -> Result<Option<Cow<'a, [u8]>>, String> {
    match (plain, coded) {
        (Some(_), Some(_)) => Err(format!("has both {name} and {name}_base64")),
        (None, None) => Ok(None),
        (Some(plain), None) => bytes(plain.get()),
        (None, Some(coded)) => {
            let Text(text) = serde_json::from_str(coded.get()).map_err(|_| format!("has a {name}_base64 that is no text"))?;
            BASE64_STANDARD
                .decode(text.as_bytes())
                .map(|bytes| Some(Cow::Owned(bytes)))
                .map_err(|error| format!("has a {name}_base64 that is no base64: {error}"))
        }
    }
}

/// The bytes of a text, or of any other JSON value as it is written; null is none.
fn bytes(json: &str) -> Result<Option<Cow<'_, [u8]>>, String> {
    match json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
        Some(text) if !text.contains('\\') => Ok(Some(Cow::Borrowed(text.as_bytes()))),
        Some(_) => serde_json::from_str::<String>(json).map(|text| Some(Cow::Owned(text.into_bytes()))).map_err(|error| reason(&error)),
        None if json == "null" => Ok(None),
        None => Ok(Some(Cow::Borrowed(json.as_bytes()))),
    }
}

fn integer(json: Option<&RawValue>, name: &str) -> Result<Option<i64>, String> {
    json.map(|json| json.get().parse().map_err(|_| format!("has a {name} that is no whole number: {}", json.get()))).transpose()
}

fn read_headers(json: &str, into: &mut HeadersBuilder) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    match json.as_bytes().first() {
        Some(b'{') => reader.deserialize_map(HeaderMap(into)).map_err(|error| reason(&error))?,
        Some(b'[') => {
            for header in Vec::<ListedHeader<'_>>::deserialize(&mut reader).map_err(|error| reason(&error))? {
                let name = part(header.name, header.name_base64, "name")?.ok_or("has a header without a name")?;
                add_header(into, &name, part(header.value, header.value_base64, "value")?.as_deref())?;
            }
        }
        _ => return Err("has headers that are neither a JSON object nor a list".to_owned()),
    }
    Ok(())
}

fn add_header(into: &mut HeadersBuilder, name: &[u8], value: Option<&[u8]>) -> Result<(), String> {
    if name.len() > usize::from(u16::MAX) {
        return Err(format!("has a header whose name has {} bytes, but at most {} fit", name.len(), u16::MAX));
    }
    if into.push(name, value) { Ok(()) } else { Err(format!("has more than {} headers", u16::MAX)) }
}

/// Takes the headers of a JSON object in their order.
struct HeaderMap<'b>(&'b mut HeadersBuilder);

impl<'de> Visitor<'de> for HeaderMap<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            let value = bytes(value.get()).map_err(serde::de::Error::custom)?;
            add_header(self.0, name.as_bytes(), value.as_deref()).map_err(serde::de::Error::custom)?;
        }
        Ok(())
    }
}

/// Appends a record as a JSON object, without a line end. `place`: with partition and offset as well.
pub fn write_line(record: View<'_>, place: bool, into: &mut Vec<u8>) {
    into.push(b'{');
    if place {
        put_number(into, "partition", i64::from(record.partition));
        put_number(into, "offset", record.offset);
    }
    if record.timestamp != NO_TIMESTAMP {
        put_number(into, "timestamp", record.timestamp);
    }
    put_bytes(into, "key", record.key);
    put_bytes(into, "value", record.value);
    if !record.headers.is_empty() {
        put_headers(into, record.headers);
    }
    into.push(b'}');
}

/// A record as a JSON value, as [`write_line`] would write it.
pub fn to_json(record: View<'_>, place: bool) -> Value {
    let mut line = Vec::new();
    write_line(record, place, &mut line);
    serde_json::from_slice(&line).unwrap_or_default()
}

fn put_name(into: &mut Vec<u8>, name: &str, suffix: &str) {
    if !matches!(into.last(), Some(b'{')) {
        into.push(b',');
    }
    for part in ["\"", name, suffix, "\":"] {
        into.extend_from_slice(part.as_bytes());
    }
}

fn put_number(into: &mut Vec<u8>, name: &str, number: i64) {
    put_name(into, name, "");
    // Writing to a vector cannot fail, here and below.
    let _written = write!(into, "{number}");
}

fn put_text(into: &mut Vec<u8>, text: &str) {
    let _written = serde_json::to_writer(into, text);
}

fn put_bytes(into: &mut Vec<u8>, name: &str, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        put_name(into, name, "");
        into.extend_from_slice(b"null");
        return;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            put_name(into, name, "");
            put_text(into, text);
        }
        Err(_) => {
            put_name(into, name, "_base64");
            let _written = write!(into, "\"{}\"", Base64Display::new(bytes, &BASE64_STANDARD));
        }
    }
}

fn put_headers(into: &mut Vec<u8>, headers: Headers<'_>) {
    put_name(into, "headers", "");
    if !fits_an_object(headers) {
        into.push(b'[');
        for (n, (name, value)) in headers.iter().enumerate() {
            into.extend_from_slice(if n == 0 { b"{" } else { b",{" });
            put_bytes(into, "name", Some(name));
            put_bytes(into, "value", value);
            into.push(b'}');
        }
        into.push(b']');
        return;
    }
    for (n, (name, value)) in headers.iter().enumerate() {
        into.push(if n == 0 { b'{' } else { b',' });
        put_text(into, std::str::from_utf8(name).unwrap_or_default());
        into.push(b':');
        match value {
            None => into.extend_from_slice(b"null"),
            Some(value) => put_text(into, std::str::from_utf8(value).unwrap_or_default()),
        }
    }
    into.push(b'}');
}

/// So many headers are compared pair by pair, more by a set.
const PAIRS_MAX: usize = 16;

/// Whether an object keeps them all: names that differ, and nothing but text.
fn fits_an_object(headers: Headers<'_>) -> bool {
    let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    if !headers.iter().all(|(name, value)| is_text(name) && value.is_none_or(is_text)) {
        return false;
    }
    if headers.iter().nth(PAIRS_MAX).is_some() {
        let mut seen = HashSet::new();
        return headers.iter().all(|(name, _)| seen.insert(name));
    }
    headers.iter().enumerate().all(|(n, (name, _))| !headers.iter().take(n).any(|(before, _)| before == name))
}

/// What a line leaves out, for [`push_line`].
pub fn unset(offset: i64) -> Fields {
    Fields { port: 0, timestamp: NO_TIMESTAMP, offset, partition: NONE, key_id: NONE }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        assert_eq!(read("{}").unwrap(), serde_json::json!({"key":null,"value":null}));
        assert_eq!(read(r#" {"offset":7,"partition":1,"key":"\u00e9\n"}"#).unwrap(), serde_json::json!({"key":"é\n","value":null}));
    }

    #[test]
    fn a_value_that_is_no_text_is_taken_as_it_is_written() {
        assert_eq!(
            read(r#"{"key_base64":"/wA=","value":{"b":1.0, "a":"\n"}}"#).unwrap(),
            serde_json::json!({"key_base64":"/wA=","value":r#"{"b":1.0, "a":"\n"}"#})
        );
    }

    #[test]
    fn a_wrong_line_is_said_to_be_wrong_and_appends_nothing() {
        for (line, word) in [
            ("x", "no JSON"),
            ("[]", "no JSON object"),
            ("7", "no record"),
            (r#"{"k":1}"#, "unknown field `k`"),
            (r#"{"key":1,"key":2}"#, "duplicate field `key`"),
            (r#"{"timestamp":"a"}"#, "timestamp"),
            (r#"{"timestamp":1.5}"#, "timestamp"),
            (r#"{"partition":-1}"#, "partition -1"),
            (r#"{"key":"a","key_base64":""}"#, "both"),
            (r#"{"value_base64":"?"}"#, "no base64"),
            (r#"{"headers":7}"#, "headers"),
            (r#"{"headers":[{"value":"x"}]}"#, "without a name"),
            (r#"{"value":"\ud800"}"#, "no JSON"),
            (r#"{"value":"a"} x"#, "no JSON"),
        ] {
            let mut rows = BatchBuilder::default();
            let said = push_line(line.as_bytes(), &mut rows, unset(0)).unwrap_err();
            assert!(said.contains(word), "{line}: {said}");
            assert!(rows.is_empty(), "{line}");
        }
    }

    fn bytes_or_none() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(prop_oneof![".{0,12}".prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..12)])
    }

    proptest! {
        #[test]
        fn any_record_is_read_as_it_was_written(
            key in bytes_or_none(), value in bytes_or_none(), timestamp in any::<i64>(),
            headers in proptest::collection::vec((prop_oneof!["[a-c]", ".{0,5}"], bytes_or_none()), 0..24),
        ) {
            let mut packed = HeadersBuilder::default();
            headers.iter().for_each(|(name, value)| assert!(packed.push(name.as_bytes(), value.as_deref())));
            let mut rows = BatchBuilder::default();
            rows.push(key.as_deref(), value.as_deref(), packed.headers(), Fields { timestamp, ..unset(0) });
            let written = rows.into_batch();
            let mut line = Vec::new();
            write_line(written.view(0), false, &mut line);
            let mut again = BatchBuilder::default();
            LineReader::default().push(&line, &mut again, unset(0)).unwrap();
            prop_assert_eq!(again.into_batch(), written);
        }
    }
}
