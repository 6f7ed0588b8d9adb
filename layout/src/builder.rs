//! Builds a batch record by record, keeping its memory from batch to batch.

use std::ops::Range;

use crate::{ARENA_BYTES_MAX, Batch, FLAG_HEADERS, FLAG_KEY_NULL, FLAG_VALUE_NULL, Headers, INHERIT, NONE, ROW_BYTES, Row, ValueWriter, View, append};

/// The fixed-width part of a record to be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    pub port: u16,
    pub timestamp: i64,
    pub offset: i64,
    pub partition: u32,
    pub key_id: u32,
}

impl Default for Fields {
    /// An output of input row 0 to port 0: timestamp inherited, partition by key.
    fn default() -> Self {
        Fields { port: 0, timestamp: INHERIT, offset: 0, partition: NONE, key_id: NONE }
    }
}

/// Grows a batch. Pushing allocates only when the batch outgrows what the builder has held before.
#[derive(Clone, Debug, Default)]
pub struct BatchBuilder {
    batch: Batch,
}

impl BatchBuilder {
    pub fn with_capacity(rows: usize, arena_bytes: usize) -> Self {
        BatchBuilder { batch: Batch { index: Vec::with_capacity(rows * ROW_BYTES), arena: Vec::with_capacity(arena_bytes) } }
    }

    pub fn len(&self) -> usize {
        self.batch.len()
    }

    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Index and arena so far, in bytes.
    pub fn bytes(&self) -> usize {
        self.batch.bytes()
    }

    /// Whether a record whose parts take `bytes` together still fits below [`ARENA_BYTES_MAX`].
    pub fn fits(&self, bytes: usize) -> bool {
        self.batch.arena.len().saturating_add(bytes) <= ARENA_BYTES_MAX
    }

    /// Adds a record; `None` is null. Panics when the record does not fit: callers bound their batches far below that.
    #[inline]
    pub fn push(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, headers: Headers<'_>, fields: Fields) {
        let flags = if value.is_none() { FLAG_VALUE_NULL } else { 0 };
        self.push_row(key, headers, fields, flags, |arena| append(arena, value.unwrap_or_default()));
    }

    /// Adds a record whose value is what `write` writes. Panics when the record does not fit.
    #[inline]
    pub fn push_with(&mut self, key: Option<&[u8]>, headers: Headers<'_>, fields: Fields, write: impl FnOnce(&mut ValueWriter<'_>)) {
        self.push_row(key, headers, fields, 0, |arena| write(&mut ValueWriter::new(arena)));
    }

    #[inline(always)]
    fn push_row(&mut self, key: Option<&[u8]>, headers: Headers<'_>, fields: Fields, mut flags: u16, value: impl FnOnce(&mut Vec<u8>)) {
        let arena = &mut self.batch.arena;
        match key {
            Some(key) => append(arena, key),
            None => flags |= FLAG_KEY_NULL,
        }
        let key_end = arena.len();
        value(arena);
        let value_end = arena.len();
        if !headers.is_empty() {
            append(arena, headers.bytes());
            flags |= FLAG_HEADERS;
        }
        let headers_end = arena.len();
        assert!(headers_end <= ARENA_BYTES_MAX, "a batch's arena holds at most {ARENA_BYTES_MAX} bytes");
        let Fields { port, timestamp, offset, partition, key_id } = fields;
        let row =
            Row { key_end: key_end as u32, value_end: value_end as u32, headers_end: headers_end as u32, port, flags, timestamp, offset, partition, key_id };
        self.batch.index.extend_from_slice(&row.bytes());
    }

    /// Adds a copy of a record.
    #[inline]
    pub fn push_view(&mut self, view: View<'_>) {
        let View { key, value, headers, port, timestamp, offset, partition, key_id } = view;
        self.push(key, value, headers, Fields { port, timestamp, offset, partition, key_id });
    }

    /// Adds copies of a run of records: one copy of their bytes, and their rows with the ends moved.
    pub fn extend(&mut self, from: &Batch, rows: Range<usize>) {
        self.extend_changed(from, rows, |_, _| {});
    }

    /// [`BatchBuilder::extend`] with a last word on each row: `change` gets its number in `from` and may set any field but ends and flags.
    pub fn extend_changed(&mut self, from: &Batch, rows: Range<usize>, mut change: impl FnMut(usize, &mut Row)) {
        if rows.is_empty() {
            return;
        }
        let begin = from.begin(rows.start);
        let end = from.row(rows.end - 1).headers_end as usize;
        let base = self.batch.arena.len();
        self.batch.arena.extend_from_slice(&from.arena[begin..end]);
        assert!(self.batch.arena.len() <= ARENA_BYTES_MAX, "a batch's arena holds at most {ARENA_BYTES_MAX} bytes");
        let moved = |at: u32| (at as usize - begin + base) as u32;
        for n in rows {
            let row = from.row(n);
            let mut row = Row { key_end: moved(row.key_end), value_end: moved(row.value_end), headers_end: moved(row.headers_end), ..row };
            change(n, &mut row);
            self.batch.index.extend_from_slice(&row.bytes());
        }
    }

    /// The batch so far, without taking it.
    pub fn as_batch(&self) -> &Batch {
        &self.batch
    }

    /// Takes the batch; the builder starts empty, with room for as much again.
    pub fn finish(&mut self) -> Batch {
        let fresh = Batch { index: Vec::with_capacity(self.batch.index.len()), arena: Vec::with_capacity(self.batch.arena.len()) };
        std::mem::replace(&mut self.batch, fresh)
    }

    /// Takes the batch and the builder's memory with it.
    pub fn into_batch(self) -> Batch {
        self.batch
    }

    /// Empties the builder and keeps its memory.
    pub fn clear(&mut self) {
        self.batch.index.clear();
        self.batch.arena.clear();
    }
}
