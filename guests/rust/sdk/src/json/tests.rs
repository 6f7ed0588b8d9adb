//! The scanner against serde_json: random documents, and the same ones broken.

use proptest::prelude::*;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::*;

/// All fields in order, as serde_json reads an object whose values it passes over.
struct Expected(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Expected;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expected, A::Error> {
                let mut fields = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    fields.push((name, map.next_value::<&RawValue>()?.get().to_owned()));
                }
                Ok(Expected(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Both readers accept the text and find the same, or both refuse it. Returns whether they accept.
fn agree(text: &[u8]) -> bool {
    let expected = std::str::from_utf8(text).ok().and_then(|text| serde_json::from_str::<Expected>(text).ok());
    let mut asked: Vec<String> = ["", "a", "absent", "a name of more than eight bytes", "a name of more than eight BYTES"].map(str::to_owned).into();
    asked.extend(expected.iter().flat_map(|expected| expected.0.iter().map(|(name, _)| name.clone())));
    let mut fields = JsonFields::new(&asked);
    let shown = || String::from_utf8_lossy(text).into_owned();
    match (fields.find(text), &expected) {
        (Ok(found), Some(expected)) => {
            for (number, name) in asked.iter().enumerate() {
                let last = expected.0.iter().rev().find(|(other, _)| other == name).map(|(_, raw)| raw.as_str());
                assert_eq!(found.raw(number), last, "{name:?} in {}", shown());
                let text = last.and_then(|raw| serde_json::from_str::<String>(raw).ok());
                assert_eq!(found.text(number).map(Cow::into_owned), text, "{name:?} in {}", shown());
            }
            true
        }
        (Err(_), None) => false,
        (Ok(_), None) => panic!("serde_json refuses what the scanner accepts: {}", shown()),
        (Err(e), Some(_)) => panic!("serde_json accepts what the scanner refuses ({e}): {}", shown()),
    }
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 2 => Just(" ".to_owned()), 1 => "[ \n\r\t]{1,40}"]
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[a-zA-Z0-9_ ,:{}\\[\\]]{0,20}",
        2 => "[äöüßéñ€語\u{1f600}\u{7f}]{1,6}",
        1 => prop::sample::select(vec![r#"\""#, r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0041", r"\u00e9", r"\ud83d\ude00", r"\uD800", r"\udc00x"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn name() -> impl Strategy<Value = String> {
    let known = ["\"\"", "\"a\"", r#""\u0061""#, "\"a name of more than eight bytes\"", "\"origin\"", "\"origin\\u0000\""];
    prop_oneof![2 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 2 => "\"[a-c]{0,9}\"", 1 => string()]
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => prop::sample::select(vec!["true", "false", "null", "0", "-0", "0.0", "1e5", "-1.5E-7", "9E+99999"]).prop_map(str::to_owned),
        2 => "-?[1-9][0-9]{0,40}",
        1 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,20})?",
        3 => string(),
    ]
}

fn joined(items: Vec<(String, String, String)>) -> String {
    items.into_iter().map(|(before, item, after)| before + &item + &after).collect::<Vec<_>>().join(",")
}

fn fields(value: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = String> {
    let field = (name(), space(), space(), value).prop_map(|(name, before, after, value)| format!("{name}{before}:{after}{value}"));
    (space(), prop::collection::vec((space(), field, space()), 0..6)).prop_map(|(empty, fields)| match fields.is_empty() {
        true => format!("{{{empty}}}"),
        false => format!("{{{}}}", joined(fields)),
    })
}

fn value() -> impl Strategy<Value = String> + Clone {
    let nested = scalar().boxed().prop_recursive(5, 30, 5, |inner| {
        let array = (space(), prop::collection::vec((space(), inner.clone(), space()), 0..5)).prop_map(|(empty, items)| match items.is_empty() {
            true => format!("[{empty}]"),
            false => format!("[{}]", joined(items)),
        });
        prop_oneof![1 => inner.clone(), 1 => array, 1 => fields(inner)]
    });
    nested.boxed()
}

fn document() -> impl Strategy<Value = String> {
    (space(), fields(value()), space()).prop_map(|(before, object, after)| before + &object + &after)
}

/// One change of a document.
#[derive(Clone, Debug)]
enum Change {
    Cut(prop::sample::Index),
    Put(prop::sample::Index, u8),
    Set(prop::sample::Index, u8),
    Drop(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
}

impl Change {
    fn make(&self, text: &mut Vec<u8>) {
        let length = text.len();
        match self {
            Change::Put(at, byte) => text.insert(at.index(length + 1), *byte),
            _ if length == 0 => {}
            Change::Cut(at) => text.truncate(at.index(length)),
            Change::Set(at, byte) => text[at.index(length)] = *byte,
            Change::Drop(at) => drop(text.remove(at.index(length))),
            Change::Swap(a, b) => text.swap(a.index(length), b.index(length)),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let byte = || prop_oneof![6 => prop::sample::select(br#"{}[]",:\/ue0123459-+.Etfn "#.to_vec()), 1 => any::<u8>(), 1 => 0..0x20u8];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        1 => at().prop_map(Change::Cut),
        4 => (at(), byte()).prop_map(|(at, byte)| Change::Put(at, byte)),
        4 => (at(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        3 => at().prop_map(Change::Drop),
        2 => (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_object_is_read_as_serde_json_reads_it(text in document()) {
        // The one thing that serde_json refuses of these: halves of surrogate pairs in a name.
        prop_assert!(agree(text.as_bytes()) || text.contains(r"\u"));
    }

    #[test]
    fn broken_objects_are_refused_where_serde_json_refuses_them(text in document(), changes in prop::collection::vec(change(), 1..4)) {
        let mut text = text.into_bytes();
        changes.iter().for_each(|change| change.make(&mut text));
        agree(&text);
    }

    #[test]
    fn whatever_bytes_come_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..40)) {
        agree(&text);
    }
}

#[test]
fn every_ending_of_a_text_is_met_at_every_place_of_a_block() {
    let whole = br#"{"origin":"J\u0046K","n":-12.5e+3,"ok":true,"list":[1,{"a":null}],"more than eight":"plain text"}"#;
    for shift in 0..20 {
        let text = [&b"                    "[..shift], whole].concat();
        assert!(agree(&text));
        for end in 0..text.len() {
            assert!(!agree(&text[..end]));
        }
    }
}

#[test]
fn every_byte_is_judged_as_serde_json_judges_it_wherever_it_stands() {
    let whole = br#" { "a" : "b\n" , "c" : [ 1.5e2 , { "d" : false } ] } "#;
    for at in 0..whole.len() {
        for byte in 0..=255 {
            let mut text = *whole;
            text[at] = byte;
            agree(&text);
        }
    }
}

#[test]
fn objects_and_arrays_may_be_127_deep_as_for_serde_json() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [1, 126, 127, 128, 5_000] {
            let text = format!(r#"{{"a":{}1{}}}"#, open.repeat(depth - 1), close.repeat(depth - 1));
            let found = JsonFields::new(["a"]).find(text.as_bytes()).map(|_| ()).map_err(|e| e.to_string());
            assert_eq!(found.is_ok(), serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{depth}: {found:?}");
            assert!(found.is_ok() || found.unwrap_err().starts_with("expected at most 127 objects and arrays inside one another at byte "));
        }
    }
}

#[test]
fn places_of_one_text_are_not_taken_for_those_of_the_next() {
    let mut fields = JsonFields::new(["a", "b"]);
    assert_eq!(fields.find(br#"{"a":1,"b":2}"#).unwrap().raw(1), Some("2"));
    assert_eq!(fields.find(br#"{"a":1}"#).unwrap().raw(1), None);
    assert!(fields.find(br#"{"b":1,"#).is_err());
    fields.turn = u32::MAX - 1;
    assert_eq!(fields.find(br#"{"a":1,"b":2}"#).unwrap().raw(1), Some("2"));
    assert_eq!(fields.find(br#"{"a":1}"#).unwrap().raw(1), None);
    assert_eq!(fields.find(br#"{"b":3}"#).unwrap().raw(1), Some("3"));
}

#[test]
fn many_names_are_told_apart_and_one_given_twice_is_found_twice() {
    let names: Vec<String> = (0..500).map(|n| format!("field number {}", n % 400)).collect();
    let text = format!("{{{}}}", (0..450).map(|n| format!(r#""field number {n}":{n}"#)).collect::<Vec<_>>().join(","));
    let mut fields = JsonFields::new(&names);
    let found = fields.find(text.as_bytes()).unwrap();
    for n in 0..500 {
        assert_eq!(found.raw(n), Some((n % 400).to_string().as_str()));
    }
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let said = |text: &[u8]| JsonFields::new(["a"]).find(text).unwrap_err().to_string();
    assert_eq!(said(b""), "expected an object at byte 0, where the text ends");
    assert_eq!(said(b"7"), "expected an object at byte 0, found `7`");
    assert_eq!(said(b"{"), "expected a field's name in quotes at byte 1, where the text ends");
    assert_eq!(said(br#"{"a" 1}"#), "expected `:` after a field's name at byte 5, found `1`");
    assert_eq!(said(br#"{"a":01}"#), "expected no digit after a leading zero at byte 6, found `1`");
    assert_eq!(said(br#"{"a":1,}"#), "expected a field's name in quotes at byte 7, found `}`");
    assert_eq!(said(br#"{"a":1} x"#), "expected nothing after the object at byte 8, found `x`");
    assert_eq!(said(br#"{"a":"b"#), "expected `\"` at a string's end at byte 7, where the text ends");
    assert_eq!(said(b"{\"a\":\"\n\"}"), "expected a control character to be escaped at byte 6, found byte 0x0a");
    assert_eq!(said(br#"{"a":"\x"}"#), "expected one of `\"\\/bfnrtu` after a backslash at byte 7, found `x`");
    assert_eq!(said(br#"{"a":[1 2]}"#), "expected `,` or `]` after an element at byte 8, found `2`");
    assert_eq!(said(b"{\"a\":\"\xff\"}"), "not UTF-8: invalid utf-8 sequence of 1 bytes from index 6");
}
