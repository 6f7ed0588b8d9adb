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

    /// Adds a number's decimal digits, as `to_string` has them.
    #[inline]
    pub fn put_number(&mut self, number: u64) {
        /// As many as the greatest number has.
        const DIGITS_MAX: usize = 20;
        let mut digits = [0; DIGITS_MAX];
        let (mut begin, mut rest) = (DIGITS_MAX, number);
        loop {
            begin -= 1;
            digits[begin] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.put(&digits[begin..]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_std_writes_them() {
        let mut numbers: Vec<u64> = (0..=u64::MAX.ilog10()).flat_map(|n| [10u64.pow(n) - 1, 10u64.pow(n), 10u64.pow(n) + 1]).collect();
        numbers.push(u64::MAX);
        for number in numbers {
            let mut arena = b"before".to_vec();
            ValueWriter::new(&mut arena).put_number(number);
            assert_eq!(String::from_utf8(arena), Ok(format!("before{number}")));
        }
    }
}
