//! What each operator is given: batches that meet every shape of a record, the same on each call.

use std::collections::BTreeMap;

use millstream::record::{Batch, BatchBuilder, Fields, Headers, HeadersBuilder, INHERIT, NONE};

/// An operator, its config, and how its records' values come about.
pub struct Workload {
    pub operator: &'static str,
    pub config: &'static str,
    pub inputs: &'static [&'static str],
    values: fn(&mut Random) -> Option<Vec<u8>>,
    /// Whether what is said of a reject is the operators' own, and so the same in all languages.
    pub same_messages: bool,
}

pub const WORKLOADS: [Workload; 9] = [
    Workload { operator: "identity", config: "", inputs: &["in"], values: plain, same_messages: true },
    Workload { operator: "count", config: "", inputs: &["in"], values: plain, same_messages: true },
    Workload { operator: "misbehave", config: "", inputs: &["in"], values: plain, same_messages: true },
    Workload { operator: "filter-map", config: r#"{"keep":"e","map":"lower"}"#, inputs: &["in"], values: text, same_messages: false },
    Workload { operator: "filter-map", config: "", inputs: &["in"], values: text, same_messages: false },
    Workload { operator: "split", config: "", inputs: &["in"], values: text, same_messages: false },
    Workload { operator: "window", config: r#"{"size_ms":7000,"lateness_ms":900}"#, inputs: &["in"], values: number, same_messages: false },
    Workload { operator: "join", config: r#"{"within_ms":5000,"separator":" + "}"#, inputs: &["left", "right"], values: plain, same_messages: true },
    Workload {
        operator: "json",
        config: r#"{"only":{"field":"kind","equals":"a"},"select":["n","kind","x y"],"key":"n"}"#,
        inputs: &["in"],
        values: object,
        same_messages: false,
    },
];

/// A linear congruential generator.
pub struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn one_of(&mut self, values: &[&str]) -> Vec<u8> {
        values[self.below(values.len() as u64) as usize].as_bytes().to_vec()
    }
}

fn plain(random: &mut Random) -> Option<Vec<u8>> {
    match random.below(15) {
        0 => None,
        1 => Some(b"poison".to_vec()),
        2 => Some(Vec::new()),
        // Among the thousands of values a few are large.
        3 if random.below(200) == 0 => Some(vec![b'v'; 1 << 20]),
        _ => Some(b"some value".to_vec()),
    }
}

fn text(random: &mut Random) -> Option<Vec<u8>> {
    let texts = ["", " ,", "The mill, the stream.", "Öl 42", "ÀÉ-îõ @AZ[`az{", "ελληνικά ΚΑΙ", "日本語 Text１２", "a\u{301}e x²", "e", "poison"];
    match random.below(12) {
        0 => None,
        1 => Some(vec![b'e', 0xff, b'e']),
        _ => Some(random.one_of(&texts)),
    }
}

fn number(random: &mut Random) -> Option<Vec<u8>> {
    let odd = ["", "x", "-", "1_0", " +7\n", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1.5", "\u{a0}3\u{3000}"];
    match random.below(10) {
        0 => None,
        1 => Some(random.one_of(&odd)),
        _ => Some((random.below(200) as i64 - 100).to_string().into_bytes()),
    }
}

fn object(random: &mut Random) -> Option<Vec<u8>> {
    let texts = [
        "{",
        "7",
        "null",
        "[]",
        "{}",
        r#"{"kind":"a"}"#,
        r#"{"kind":"a","n":1}"#,
        r#" { "kind" : "a" , "n" : "text" , "x y" : [ 1 , {"z": null} ] } "#,
        r#"{"kind":"b","n":2}"#,
        r#"{"kind":"\u0061","n":true,"x y":"\n"}"#,
        r#"{"kind":"a","n":-3,"kind":"b"}"#,
        r#"{"kind":"b","kind":"a","n":null}"#,
        r#"{"kind":["a"],"n":1}"#,
        r#"{"kind":"a","n":1} x"#,
    ];
    Some(random.one_of(&texts))
}

/// The batches of a workload. The last is the later part of a numbered one: its numbers neither begin at 0 nor are without gaps.
pub fn batches(workload: &Workload) -> Vec<Batch> {
    let mut random = Random(7);
    let mut all = vec![Batch::default()];
    for rows in [1, 2, 10, 300, 1_000] {
        for numbered in [true, false] {
            all.push(batch(workload, &mut random, rows, numbered));
        }
    }
    let mut part = BatchBuilder::default();
    let whole = &all[all.len() - 2];
    part.extend(whole, whole.len() / 2..whole.len());
    all.push(part.into_batch());
    all
}

fn batch(workload: &Workload, random: &mut Random, rows: i64, numbered: bool) -> Batch {
    let mut headers = HeadersBuilder::default();
    headers.push(b"trace", Some(b"1"));
    headers.push(b"nothing", None);
    let mut ids = BTreeMap::new();
    let mut batch = BatchBuilder::default();
    for offset in 0..rows {
        let key = match random.below(20) {
            0 => None,
            1 => Some(Vec::new()),
            2 => Some(vec![0xff; 1_000]),
            k => Some(format!("key-{}", k * random.below(40)).into_bytes()),
        };
        let value = (workload.values)(random);
        let number = ids.len() as u32;
        let number = *ids.entry(key.clone()).or_insert(number);
        let timestamp = if random.below(3) == 0 { INHERIT } else { random.below(100_000) as i64 - 50_000 };
        let port = random.below(workload.inputs.len() as u64) as u16;
        let fields = Fields { port, timestamp, offset, partition: 3, key_id: if numbered { number } else { NONE } };
        let headers = if random.below(4) == 0 { headers.headers() } else { Headers::default() };
        batch.push(key.as_deref(), value.as_deref(), headers, fields);
    }
    batch.into_batch()
}
