//! Adding bytes to an arena, the commonest thing a guest does.

#[cfg(any(target_arch = "wasm32", test))]
use std::ptr::copy_nonoverlapping;

/// Longest piece that is moved by a handful of instructions in place, bytes.
#[cfg(any(target_arch = "wasm32", test))]
const SHORT_BYTES_MAX: usize = 128;

/// Adds bytes at the end. In a guest short pieces, as keys and values are, are moved where they stand: Wasm's `memory.copy` of a length that is known only when
/// running is a call into the host.
#[inline(always)]
pub fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    #[cfg(target_arch = "wasm32")]
    if bytes.len() <= SHORT_BYTES_MAX {
        return append_short(to, bytes);
    }
    to.extend_from_slice(bytes);
}

#[cfg(any(target_arch = "wasm32", test))]
#[inline]
fn append_short(to: &mut Vec<u8>, bytes: &[u8]) {
    let (begin, length) = (to.len(), bytes.len());
    assert!(length <= SHORT_BYTES_MAX);
    to.reserve(length);
    // SAFETY: there is room for `length` bytes behind `begin`, and none of it can be `bytes`, as `to` is borrowed for writing. Below each move stays within
    // the `length` bytes of both; afterwards all of them are written.
    unsafe {
        let (from, into) = (bytes.as_ptr(), to.as_mut_ptr().add(begin));
        // Moves from both ends towards the middle; where they overlap, both write the same.
        match length {
            65.. => both_ends::<64>(from, into, length),
            33.. => both_ends::<32>(from, into, length),
            16.. => both_ends::<16>(from, into, length),
            8.. => both_ends::<8>(from, into, length),
            4.. => both_ends::<4>(from, into, length),
            2.. => both_ends::<2>(from, into, length),
            1 => both_ends::<1>(from, into, length),
            0 => {}
        }
        to.set_len(begin + length);
    }
}

/// Moves the first and the last `BYTES` of `length` bytes.
///
/// # Safety
///
/// `length` is at least `BYTES`; so many bytes can be read and written.
#[cfg(any(target_arch = "wasm32", test))]
#[inline(always)]
unsafe fn both_ends<const BYTES: usize>(from: *const u8, into: *mut u8, length: usize) {
    /// What one instruction moves, bytes.
    const STEP: usize = 16;
    let last = length - BYTES;
    // SAFETY: as the caller says.
    unsafe {
        if BYTES <= STEP {
            copy_nonoverlapping(from, into, BYTES);
            copy_nonoverlapping(from.add(last), into.add(last), BYTES);
        } else {
            for at in (0..BYTES).step_by(STEP) {
                copy_nonoverlapping(from.add(at), into.add(at), STEP);
                copy_nonoverlapping(from.add(last + at), into.add(last + at), STEP);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_length_come_behind_what_was_there() {
        let bytes: Vec<u8> = (0..=200).collect();
        for length in 0..=SHORT_BYTES_MAX {
            for begin in [0, 1, 7] {
                let (mut short, mut expected) = (vec![9; begin], vec![9; begin]);
                append_short(&mut short, &bytes[begin..begin + length]);
                expected.extend_from_slice(&bytes[begin..begin + length]);
                assert_eq!(short, expected);
            }
        }
    }
}
