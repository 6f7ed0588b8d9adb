//! Watermarks on their way through an internal stream: records of our own between the data, in the order they were true.
//!
//! Such a record has a null key, a null value and one header, `millstream.watermark`: `u32 upstream task · u8 kind (0 at, 1 idle, 2 ended) · s64 ms`, little-endian.

use crate::record::{Batch, BatchBuilder, FLAG_HEADERS, FLAG_KEY_NULL, FLAG_VALUE_NULL, Fields, HeadersBuilder, NO_TIMESTAMP, NONE};

const HEADER: &[u8] = b"millstream.watermark";
const FLAGS: u16 = FLAG_KEY_NULL | FLAG_VALUE_NULL | FLAG_HEADERS;

/// What an upstream task says of its event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    At(i64),
    /// It has no active input: do not wait for it.
    Idle,
    Ended,
}

/// Reads row `n` if it is a watermark record: the upstream task and its mark.
pub(super) fn read(batch: &Batch, n: usize) -> Option<(u32, Mark)> {
    if batch.row(n).flags != FLAGS {
        return None;
    }
    let bytes: &[u8; 13] = batch.view(n).headers.last(HEADER)??.try_into().ok()?;
    let task = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let ms = i64::from_le_bytes([bytes[5], bytes[6], bytes[7], bytes[8], bytes[9], bytes[10], bytes[11], bytes[12]]);
    let mark = match bytes[4] {
        0 => Mark::At(ms),
        1 => Mark::Idle,
        _ => Mark::Ended,
    };
    Some((task, mark))
}

/// One record for each of `partitions`.
pub(super) fn write(task: u32, mark: Mark, partitions: u32) -> Batch {
    let (kind, ms) = match mark {
        Mark::At(ms) => (0, ms),
        Mark::Idle => (1, 0),
        Mark::Ended => (2, 0),
    };
    let mut value = [0; 13];
    value[0..4].copy_from_slice(&task.to_le_bytes());
    value[4] = kind;
    value[5..13].copy_from_slice(&ms.to_le_bytes());
    let mut headers = HeadersBuilder::default();
    headers.push(HEADER, Some(&value));
    let mut rows = BatchBuilder::default();
    for partition in 0..partitions {
        rows.push(None, None, headers.headers(), Fields { port: 0, timestamp: NO_TIMESTAMP, offset: 0, partition, key_id: NONE });
    }
    rows.into_batch()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_the_way_and_data_is_not_mistaken_for_them() {
        for mark in [Mark::At(-5), Mark::At(i64::MAX - 1), Mark::Idle, Mark::Ended] {
            let batch = write(7, mark, 3);
            assert_eq!(batch.len(), 3);
            assert_eq!(read(&batch, 2), Some((7, mark)));
            assert_eq!(batch.row(2).partition, 2);
        }
        let mut data = BatchBuilder::default();
        data.push(None, None, Default::default(), Fields::default());
        let mut other = HeadersBuilder::default();
        other.push(b"x", None);
        data.push(None, None, other.headers(), Fields::default());
        let data = data.into_batch();
        assert_eq!(read(&data, 0), None);
        assert_eq!(read(&data, 1), None);
    }
}
