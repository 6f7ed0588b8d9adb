//! The packed batch: the one place in Rust that defines its byte layout, for the host and for the Rust SDK.
//!
//! A batch is many records of one task: an *index* of fixed-width rows and one byte *arena*. A row is [`ROW_BYTES`] wide, little-endian:
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0..4 | `key-end` u32 | where the key ends in the arena; it begins where the row before ends (row 0: at 0) |
//! | 4..8 | `value-end` u32 | where the value ends; it begins at `key-end` |
//! | 8..12 | `headers-end` u32 | where the headers end; they begin at `value-end` |
//! | 12..14 | `port` u16 | input: which input of the operator; output: which output; state: which store; timers: [`timer`] |
//! | 14..16 | `flags` u16 | [`FLAG_KEY_NULL`], [`FLAG_VALUE_NULL`], [`FLAG_HEADERS`]; all other bits are zero |
//! | 16..24 | `timestamp` s64 | ms since 1970 UTC; in an output row [`INHERIT`] = that of the input row |
//! | 24..32 | `offset` s64 | input: offset in its stream; output: number of the input row it was made from |
//! | 32..36 | `partition` u32 | input: source partition; output: target partition, or [`NONE`] = by key |
//! | 36..40 | `key-id` u32 | numbers the distinct keys of a batch from 0 in order of appearance; [`NONE`] = not computed |
//!
//! Headers: `u16 count`, then per header `u16 name length · name · u32 value length (0xFFFFFFFF = null) · value`.

mod append;
mod batch;
mod builder;
mod check;
mod headers;
mod row;
mod writer;

pub use append::append;
pub use batch::{Batch, Rows, View};
pub use builder::{BatchBuilder, Fields};
pub use check::{LayoutError, OutputRules};
pub use headers::{Headers, HeadersBuilder};
pub use row::Row;
pub use writer::ValueWriter;

/// Width of one index row, in bytes.
pub const ROW_BYTES: usize = 40;
/// The key is null (not the same as empty); its bytes are none.
pub const FLAG_KEY_NULL: u16 = 1;
/// The value is null: a tombstone in a stream, "absent" in an answer of the state, "delete" in a write to it.
pub const FLAG_VALUE_NULL: u16 = 2;
/// The row has headers. Without this flag `headers-end` equals `value-end`.
pub const FLAG_HEADERS: u16 = 4;
/// "By key" as a partition, "not computed" as a key-id.
pub const NONE: u32 = u32::MAX;
/// As the timestamp of an output row: take that of the input row.
pub const INHERIT: i64 = i64::MIN;
/// The largest arena, in bytes. Ends are u32; half of that leaves room to add without a check for overflow.
pub const ARENA_BYTES_MAX: usize = 1 << 30;

/// What `port` means in a row of timers.
pub mod timer {
    /// Set a timer in event time (in a due row: this was one).
    pub const EVENT: u16 = 0;
    /// Set a timer in processing time (in a due row: this was one).
    pub const PROCESSING: u16 = 1;
    /// Delete the event-time timer with the same timestamp, key and value.
    pub const DELETE_EVENT: u16 = 2;
    /// Delete the processing-time timer with the same timestamp, key and value.
    pub const DELETE_PROCESSING: u16 = 3;
}
