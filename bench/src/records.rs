//! What is measured with: records of 100 bytes, a key of 16 and a value of 84. `guests/rust/native-bench` includes this file, too.

use super::layout::{Batch, BatchBuilder, Fields};

/// Records per batch, as a job has it by default.
pub const BATCH: usize = 1_024;
/// Distinct keys.
pub const KEYS: usize = 500;
/// Configs of the operators.
pub const MAP: &str = r#"{"map":"upper"}"#;
pub const FILTER: &str = r#"{"only":{"field":"origin","equals":"JFK"},"select":["flight","dest","delay"]}"#;

pub fn records(rows: usize, value: impl Fn(usize) -> String) -> Batch {
    let mut batch = BatchBuilder::default();
    for n in 0..rows {
        let key_id = n * 7 % KEYS.min(rows);
        let fields = Fields { offset: n as i64, timestamp: 1_000, partition: 0, key_id: key_id as u32, ..Fields::default() };
        batch.push(Some(format!("key-{key_id:012}").as_bytes()), Some(value(n).as_bytes()), Default::default(), fields);
    }
    batch.into_batch()
}

pub fn words(_: usize) -> String {
    "a mill stream drives the wheel and the wheel grinds what the miller pours into it...".to_owned()
}

/// A third of them pass [`FILTER`].
pub fn flight(n: usize) -> String {
    let origin = ["JFK", "LGA", "EWR"][n % 3];
    let text = format!(r#"{{"flight":{n},"carrier":"UA","origin":"{origin}","dest":"ORD","delay":{}}}"#, n % 90);
    format!("{text:<84}")
}
