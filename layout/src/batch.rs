//! A batch whose ends are in order, and views into it.

use crate::row::{KEY_ID_AT, OFFSET_AT, PARTITION_AT, PORT_AT, TIMESTAMP_AT};
use crate::{Headers, LayoutError, NONE, ROW_BYTES, Row, check};

/// Many records, packed. A value of this type is well formed: made by a builder, or checked by [`Batch::parse`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) index: Vec<u8>,
    pub(crate) arena: Vec<u8>,
}

impl Batch {
    /// Takes bytes from across a boundary and checks every row: lengths, order of ends, flags, nulls, headers.
    pub fn parse(index: Vec<u8>, arena: Vec<u8>) -> Result<Batch, LayoutError> {
        check::check(&index, &arena)?;
        Ok(Batch { index, arena })
    }

    /// Takes bytes from a side that has checked them (a guest from its host). Wrong bytes make later reads panic, never read outside.
    pub fn trusted(index: Vec<u8>, arena: Vec<u8>) -> Batch {
        Batch { index, arena }
    }

    /// Number of records.
    #[inline]
    pub fn len(&self) -> usize {
        self.index.len() / ROW_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Index and arena together, in bytes: what queues and limits count.
    pub fn bytes(&self) -> usize {
        self.index.len() + self.arena.len()
    }

    pub fn index(&self) -> &[u8] {
        &self.index
    }

    pub fn arena(&self) -> &[u8] {
        &self.arena
    }

    pub fn into_parts(self) -> (Vec<u8>, Vec<u8>) {
        (self.index, self.arena)
    }

    /// The row at `n`. Panics past the end, like an index.
    #[inline]
    pub fn row(&self, n: usize) -> Row {
        let bytes = &self.index[n * ROW_BYTES..(n + 1) * ROW_BYTES];
        Row::read(bytes.try_into().expect("a row is ROW_BYTES long"))
    }

    /// Where the row at `n` begins in the arena.
    #[inline]
    pub fn begin(&self, n: usize) -> usize {
        if n == 0 { 0 } else { self.row(n - 1).headers_end as usize }
    }

    /// The record at `n`. Panics past the end, like an index.
    #[inline]
    pub fn view(&self, n: usize) -> View<'_> {
        View::new(self.row(n), self.begin(n), &self.arena)
    }

    /// All records, in order.
    #[inline]
    pub fn iter(&self) -> Rows<'_> {
        Rows { index: self.index.chunks_exact(ROW_BYTES), arena: &self.arena, begin: 0 }
    }

    pub fn set_port(&mut self, n: usize, port: u16) {
        self.put(n, PORT_AT, &port.to_le_bytes());
    }

    pub fn set_timestamp(&mut self, n: usize, timestamp: i64) {
        self.put(n, TIMESTAMP_AT, &timestamp.to_le_bytes());
    }

    pub fn set_offset(&mut self, n: usize, offset: i64) {
        self.put(n, OFFSET_AT, &offset.to_le_bytes());
    }

    pub fn set_partition(&mut self, n: usize, partition: u32) {
        self.put(n, PARTITION_AT, &partition.to_le_bytes());
    }

    pub fn set_key_id(&mut self, n: usize, key_id: u32) {
        self.put(n, KEY_ID_AT, &key_id.to_le_bytes());
    }

    /// Makes outputs of the input rows: each made from itself, to `port`, to the partition of its key.
    pub fn forward(&mut self, port: u16) {
        let (rows, _) = self.index.as_chunks_mut::<ROW_BYTES>();
        for (n, row) in rows.iter_mut().enumerate() {
            row[PORT_AT..PORT_AT + 2].copy_from_slice(&port.to_le_bytes());
            row[OFFSET_AT..PARTITION_AT].copy_from_slice(&(n as i64).to_le_bytes());
            row[PARTITION_AT..KEY_ID_AT].copy_from_slice(&NONE.to_le_bytes());
            row[KEY_ID_AT..].copy_from_slice(&NONE.to_le_bytes());
        }
    }

    #[inline]
    fn put(&mut self, n: usize, at: usize, bytes: &[u8]) {
        let at = n * ROW_BYTES + at;
        self.index[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// One record, as a view into its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
    pub port: u16,
    pub timestamp: i64,
    pub offset: i64,
    pub partition: u32,
    pub key_id: u32,
}

impl<'a> View<'a> {
    #[inline]
    fn new(row: Row, begin: usize, arena: &'a [u8]) -> View<'a> {
        let (key_end, value_end, headers_end) = (row.key_end as usize, row.value_end as usize, row.headers_end as usize);
        View {
            key: (!row.key_is_null()).then(|| &arena[begin..key_end]),
            value: (!row.value_is_null()).then(|| &arena[key_end..value_end]),
            headers: Headers::packed(&arena[value_end..headers_end]),
            port: row.port,
            timestamp: row.timestamp,
            offset: row.offset,
            partition: row.partition,
            key_id: row.key_id,
        }
    }
}

/// The records of a batch, in order.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    index: std::slice::ChunksExact<'a, u8>,
    arena: &'a [u8],
    begin: usize,
}

impl<'a> Iterator for Rows<'a> {
    type Item = View<'a>;

    #[inline]
    fn next(&mut self) -> Option<View<'a>> {
        let row = Row::read(self.index.next()?.try_into().expect("a row is ROW_BYTES long"));
        let view = View::new(row, self.begin, self.arena);
        self.begin = row.headers_end as usize;
        Some(view)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.index.size_hint()
    }
}

impl ExactSizeIterator for Rows<'_> {}

impl<'a> IntoIterator for &'a Batch {
    type Item = View<'a>;
    type IntoIter = Rows<'a>;

    fn into_iter(self) -> Rows<'a> {
        self.iter()
    }
}
