//! Whether bytes are text: most are ASCII, which blocks show sooner than words.

use std::str::Utf8Error;

use crate::block::{BLOCK_BYTES, Block};

/// As std's function of that name.
#[inline]
pub(crate) fn from_utf8(bytes: &[u8]) -> Result<&str, Utf8Error> {
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes)
}

/// May be `false` for short text that is: then it is for the general check to say.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<BLOCK_BYTES>() else { return false };
    let mut seen = Block::load(last);
    let (blocks, _) = bytes.as_chunks::<BLOCK_BYTES>();
    // Four at a time: a loop's head costs as much as a block.
    let (fours, rest) = blocks.as_chunks::<4>();
    for [a, b, c, d] in fours {
        seen = seen.or(Block::load(a).or(Block::load(b)).or(Block::load(c).or(Block::load(d))));
    }
    for block in rest {
        seen = seen.or(Block::load(block));
    }
    !seen.has_high_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_other_bytes_as_std_does_at_every_length_and_place() {
        for length in 0..200 {
            let ascii = vec![b'a'; length];
            assert_eq!(from_utf8(&ascii), std::str::from_utf8(&ascii));
            for at in 0..length {
                for piece in [&[0xff][..], "é".as_bytes(), &[0x80]] {
                    let mut bytes = ascii.clone();
                    bytes.splice(at..at + 1, piece.iter().copied());
                    assert_eq!(from_utf8(&bytes), std::str::from_utf8(&bytes));
                }
            }
        }
    }
}
