//! What came out, with bytes of its own, ready to compare.

use crate::layout::{Batch, INHERIT, NONE, View};

/// One emitted record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Name of the output port.
    pub port: String,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Event time, ms; inherited from the input record unless set. `None`: neither had one.
    pub timestamp: Option<i64>,
    /// Number of the row that it was made from, in its batch.
    pub from_row: usize,
    /// The partition asked for; `None`: that of the key.
    pub partition: Option<u32>,
}

impl Output {
    pub(super) fn of(row: View<'_>, port: &str) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Output {
            port: port.to_string(),
            key: row.key.map(<[u8]>::to_vec),
            value: row.value.map(<[u8]>::to_vec),
            headers: row.headers.iter().map(|(name, value)| (text(name), value.map(<[u8]>::to_vec))).collect(),
            timestamp: (row.timestamp != INHERIT).then_some(row.timestamp),
            from_row: row.offset as usize,
            partition: (row.partition != NONE).then_some(row.partition),
        }
    }

    /// Takes the timestamp of the record it was made from, as the host does.
    pub(super) fn inherit(&mut self, input: &Batch) {
        let inherited = input.row(self.from_row).timestamp;
        self.timestamp = self.timestamp.or((inherited != INHERIT).then_some(inherited));
    }

    /// The key as text; empty where it is null.
    pub fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }

    /// The value as text; empty where it is null.
    pub fn value_text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}
