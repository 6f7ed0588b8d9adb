//! The shared vectors of `tests/vectors/`: read as they say, refused as they say, and written again to the same bytes.

use millstream_layout::{Batch, BatchBuilder, Fields, HeadersBuilder, LayoutError};
use serde_json::Value;

fn vectors(kind: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/batches.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON");
    all[kind].as_array().expect("a list").clone()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hex");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn nullable(hex: &Value) -> Option<Vec<u8>> {
    (!hex.is_null()).then(|| bytes(hex))
}

fn fields(row: &Value) -> Fields {
    let unsigned = |name: &str| row[name].as_u64().expect(name);
    let signed = |name: &str| row[name].as_i64().expect(name);
    Fields {
        port: unsigned("port") as u16,
        timestamp: signed("timestamp"),
        offset: signed("offset"),
        partition: unsigned("partition") as u32,
        key_id: unsigned("key_id") as u32,
    }
}

#[test]
fn valid_batches_hold_the_rows_that_they_should() {
    let vectors = vectors("valid");
    assert!(!vectors.is_empty());
    for vector in &vectors {
        let name = &vector["name"];
        let batch = Batch::parse(bytes(&vector["index"]), bytes(&vector["arena"])).unwrap_or_else(|e| panic!("{name}: {e}"));
        let rows = vector["rows"].as_array().expect("rows");
        assert_eq!(batch.len(), rows.len(), "{name}");
        for (view, row) in batch.iter().zip(rows) {
            assert_eq!((view.key, view.value), (nullable(&row["key"]).as_deref(), nullable(&row["value"]).as_deref()), "{name}");
            let Fields { port, timestamp, offset, partition, key_id } = fields(row);
            assert_eq!((view.port, view.timestamp, view.offset, view.partition, view.key_id), (port, timestamp, offset, partition, key_id), "{name}");
            let headers: Vec<_> = view.headers.iter().map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect();
            let expected = row["headers"].as_array().expect("headers").iter();
            let expected: Vec<_> = expected.map(|pair| (pair[0].as_str().expect("a name").as_bytes().to_vec(), nullable(&pair[1]))).collect();
            assert_eq!(headers, expected, "{name}");
        }
    }
}

#[test]
fn rows_of_valid_batches_are_written_to_the_same_bytes() {
    for vector in vectors("valid") {
        let mut builder = BatchBuilder::default();
        for row in vector["rows"].as_array().expect("rows") {
            let mut headers = HeadersBuilder::default();
            for pair in row["headers"].as_array().expect("headers") {
                assert!(headers.push(pair[0].as_str().expect("a name").as_bytes(), nullable(&pair[1]).as_deref()));
            }
            builder.push(nullable(&row["key"]).as_deref(), nullable(&row["value"]).as_deref(), headers.headers(), fields(row));
        }
        let batch = builder.into_batch();
        assert_eq!((batch.index(), batch.arena()), (bytes(&vector["index"]).as_slice(), bytes(&vector["arena"]).as_slice()), "{}", vector["name"]);
    }
}

#[test]
fn invalid_batches_are_refused_for_the_right_reason() {
    let vectors = vectors("invalid");
    assert!(!vectors.is_empty());
    for vector in &vectors {
        let name = &vector["name"];
        let error = Batch::parse(bytes(&vector["index"]), bytes(&vector["arena"])).expect_err(&name.to_string());
        assert_eq!(variant(&error), vector["error"], "{name}: {error}");
    }
}

fn variant(error: &LayoutError) -> String {
    let debug = format!("{error:?}");
    debug.split([' ', '{']).next().unwrap_or_default().to_owned()
}
