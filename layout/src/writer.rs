//! Writes a value where it will lie.

use crate::append;

/// Writes the value of one record at the end of a batch's arena, without a copy of it elsewhere. See [`BatchBuilder::push_with`](crate::BatchBuilder::push_with).
///
/// It is a [`std::io::Write`] that never fails, so `write!` and serde_json write into it, too.
#[derive(Debug)]
pub struct ValueWriter<'b> {
    arena: &'b mut Vec<u8>,
    begin: usize,
}

impl<'b> ValueWriter<'b> {
    pub(crate) fn new(arena: &'b mut Vec<u8>) -> Self {
        ValueWriter { begin: arena.len(), arena }
    }

    /// Adds bytes.
    #[inline(always)]
    pub fn put(&mut self, bytes: &[u8]) {
        append(self.arena, bytes);
    }

    /// Adds one byte.
    #[inline(always)]
    pub fn put_byte(&mut self, byte: u8) {
        self.arena.push(byte);
    }

    /// What has been written so far, to be changed.
    #[inline(always)]
    pub fn written(&mut self) -> &mut [u8] {
        &mut self.arena[self.begin..]
    }

    /// How many bytes have been written so far.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.arena.len() - self.begin
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::io::Write for ValueWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
