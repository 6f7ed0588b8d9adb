//! One row of the index, read and written at fixed places.

use crate::{FLAG_HEADERS, FLAG_KEY_NULL, FLAG_VALUE_NULL, ROW_BYTES};

/// One index row, decoded. Field by field as the crate's table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub key_end: u32,
    pub value_end: u32,
    pub headers_end: u32,
    pub port: u16,
    pub flags: u16,
    pub timestamp: i64,
    pub offset: i64,
    pub partition: u32,
    pub key_id: u32,
}

pub(crate) const PORT_AT: usize = 12;
pub(crate) const TIMESTAMP_AT: usize = 16;
pub(crate) const OFFSET_AT: usize = 24;
pub(crate) const PARTITION_AT: usize = 32;
pub(crate) const KEY_ID_AT: usize = 36;

impl Row {
    /// Decodes the bytes of one row.
    #[inline]
    pub fn read(bytes: &[u8; ROW_BYTES]) -> Row {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let i64_at = |at: usize| (u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32) as i64;
        Row {
            key_end: u32_at(0),
            value_end: u32_at(4),
            headers_end: u32_at(8),
            port: u16_at(PORT_AT),
            flags: u16_at(14),
            timestamp: i64_at(TIMESTAMP_AT),
            offset: i64_at(OFFSET_AT),
            partition: u32_at(PARTITION_AT),
            key_id: u32_at(KEY_ID_AT),
        }
    }

    /// Encodes the row.
    #[inline]
    pub fn bytes(&self) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        bytes[0..4].copy_from_slice(&self.key_end.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.value_end.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.headers_end.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.port.to_le_bytes());
        bytes[14..16].copy_from_slice(&self.flags.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.timestamp.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.offset.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.partition.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.key_id.to_le_bytes());
        bytes
    }

    pub fn key_is_null(&self) -> bool {
        self.flags & FLAG_KEY_NULL != 0
    }

    pub fn value_is_null(&self) -> bool {
        self.flags & FLAG_VALUE_NULL != 0
    }

    pub fn has_headers(&self) -> bool {
        self.flags & FLAG_HEADERS != 0
    }
}
