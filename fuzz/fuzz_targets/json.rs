//! Feeds the Rust SDK's JSON scanner anything: it accepts what serde_json accepts, finds the same fields, and what it calls text is text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_sdk::{JsonError, JsonFields};
use serde_json::value::RawValue;
use std::collections::HashMap;

const NAMES: [&str; 4] = ["a", "origin", "", "name of more than eight bytes"];
const TOO_DEEP: &str = "at most 127 objects and arrays inside one another";

fuzz_target!(|text: &[u8]| {
    let expected: Option<HashMap<String, &RawValue>> = std::str::from_utf8(text).ok().and_then(|text| serde_json::from_str(text).ok());
    let mut fields = JsonFields::new(NAMES);
    match (fields.find(text), expected) {
        (Ok(found), Some(expected)) => {
            assert_eq!(found.whole().as_bytes(), text);
            assert!(std::str::from_utf8(found.whole().as_bytes()).is_ok());
            for (number, name) in NAMES.iter().enumerate() {
                let raw = expected.get(*name).map(|raw| raw.get());
                assert_eq!(found.raw(number), raw);
                assert_eq!(found.text(number).map(String::from), raw.and_then(|raw| serde_json::from_str(raw).ok()));
            }
        }
        (Err(JsonError::NotText(_)), _) => assert!(std::str::from_utf8(text).is_err()),
        // serde_json passes over values of any depth.
        (Err(JsonError::NotJson { at, expected: wanted, found }), expected) => {
            assert!(expected.is_none() || wanted == TOO_DEEP);
            assert_eq!(found, text.get(at).copied());
        }
        (Ok(_), None) => panic!("serde_json refuses what the scanner accepts"),
    }
});
