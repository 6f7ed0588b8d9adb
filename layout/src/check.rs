//! What a batch from across the boundary must satisfy before anybody reads it.

use std::fmt;

use crate::{Batch, FLAG_HEADERS, FLAG_KEY_NULL, FLAG_VALUE_NULL, Headers, NONE, ROW_BYTES, Row};

/// What is wrong with a batch, and in which row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The index is not a whole number of rows.
    IndexLength { bytes: usize },
    /// A part ends before it begins.
    EndsGoBackwards { row: usize },
    /// A part ends past the arena.
    EndOutsideArena { row: usize, end: u32, arena: usize },
    /// The last row ends before the arena does: bytes that belong to nobody.
    ArenaNotUsedUp { end: usize, arena: usize },
    /// A flag that this version does not know.
    UnknownFlags { row: usize, flags: u16 },
    /// A null part that has bytes.
    NullWithBytes { row: usize },
    /// Headers whose count or lengths do not agree with their bytes, or bytes there without the flag.
    Headers { row: usize },
    /// An output port that the operator does not have.
    Port { row: usize, port: u16, ports: u16 },
    /// The row says it was made from an input row that the batch did not have.
    FromMissingRow { row: usize, from: i64, rows: usize },
    /// A partition that the target stream does not have.
    Partition { row: usize, partition: u32, partitions: u32 },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutError::IndexLength { bytes } => write!(f, "the index has {bytes} bytes, which is no multiple of {ROW_BYTES}"),
            LayoutError::EndsGoBackwards { row } => write!(f, "row {row}: a part ends before it begins"),
            LayoutError::EndOutsideArena { row, end, arena } => write!(f, "row {row}: a part ends at {end}, past the arena's {arena} bytes"),
            LayoutError::ArenaNotUsedUp { end, arena } => write!(f, "the last row ends at {end}, but the arena has {arena} bytes"),
            LayoutError::UnknownFlags { row, flags } => write!(f, "row {row}: unknown flags {flags:#06x}"),
            LayoutError::NullWithBytes { row } => write!(f, "row {row}: a null key or value has bytes"),
            LayoutError::Headers { row } => write!(f, "row {row}: the headers' count or lengths do not agree with their bytes"),
            LayoutError::Port { row, port, ports } => write!(f, "row {row}: port {port}, but there are {ports}"),
            LayoutError::FromMissingRow { row, from, rows } => write!(f, "row {row}: made from input row {from}, but there were {rows}"),
            LayoutError::Partition { row, partition, partitions } => write!(f, "row {row}: partition {partition}, but the stream has {partitions}"),
        }
    }
}

impl std::error::Error for LayoutError {}

pub(crate) fn check(index: &[u8], arena: &[u8]) -> Result<(), LayoutError> {
    if !index.len().is_multiple_of(ROW_BYTES) {
        return Err(LayoutError::IndexLength { bytes: index.len() });
    }
    let mut begin = 0;
    for (n, bytes) in index.chunks_exact(ROW_BYTES).enumerate() {
        let row = Row::read(bytes.try_into().expect("a row is ROW_BYTES long"));
        check_row(n, &row, begin, arena)?;
        begin = row.headers_end;
    }
    if begin as usize != arena.len() {
        return Err(LayoutError::ArenaNotUsedUp { end: begin as usize, arena: arena.len() });
    }
    Ok(())
}

fn check_row(n: usize, row: &Row, begin: u32, arena: &[u8]) -> Result<(), LayoutError> {
    if row.key_end < begin || row.value_end < row.key_end || row.headers_end < row.value_end {
        return Err(LayoutError::EndsGoBackwards { row: n });
    }
    if row.headers_end as usize > arena.len() {
        return Err(LayoutError::EndOutsideArena { row: n, end: row.headers_end, arena: arena.len() });
    }
    if row.flags & !(FLAG_KEY_NULL | FLAG_VALUE_NULL | FLAG_HEADERS) != 0 {
        return Err(LayoutError::UnknownFlags { row: n, flags: row.flags });
    }
    if row.key_is_null() && row.key_end != begin || row.value_is_null() && row.value_end != row.key_end {
        return Err(LayoutError::NullWithBytes { row: n });
    }
    let well_formed = match row.has_headers() {
        true => Headers::packed(&arena[row.value_end as usize..row.headers_end as usize]).is_well_formed(),
        false => row.headers_end == row.value_end,
    };
    if well_formed { Ok(()) } else { Err(LayoutError::Headers { row: n }) }
}

/// What rows returned by a guest may name.
#[derive(Clone, Copy, Debug)]
pub struct OutputRules<'a> {
    /// Rows of the batch that the call was given.
    pub input_rows: usize,
    /// Partitions of the stream behind each output port; `NONE` where partitions mean nothing (a chained operator). Its length is the number of ports.
    pub partitions_by_port: &'a [u32],
}

impl OutputRules<'_> {
    /// Checks ports, lineage and partitions of a batch whose layout has been checked.
    pub fn check(&self, outputs: &Batch) -> Result<(), LayoutError> {
        let ports = self.partitions_by_port.len() as u16;
        for n in 0..outputs.len() {
            let row = outputs.row(n);
            let Some(&partitions) = self.partitions_by_port.get(usize::from(row.port)) else {
                return Err(LayoutError::Port { row: n, port: row.port, ports });
            };
            if row.offset < 0 || row.offset as u64 >= self.input_rows as u64 {
                return Err(LayoutError::FromMissingRow { row: n, from: row.offset, rows: self.input_rows });
            }
            if row.partition != NONE && row.partition >= partitions {
                return Err(LayoutError::Partition { row: n, partition: row.partition, partitions });
            }
        }
        Ok(())
    }
}
