//! Sixteen bytes of text at once: the only file that knows of vector instructions.
//!
//! Wasm's simd128, SSE2 natively on x86-64, and plain Rust elsewhere give the same answers: a bit per byte, the first byte's the lowest.

/// Bytes in a block.
pub(crate) const BLOCK_BYTES: usize = 16;

#[derive(Clone, Copy)]
pub(crate) struct Block(arch::Vector);

impl Block {
    #[inline(always)]
    pub fn load(bytes: &[u8; BLOCK_BYTES]) -> Block {
        Block(arch::load(bytes))
    }

    /// Where a run of plain text inside a JSON string ends: quotes, backslashes and control characters.
    #[inline(always)]
    pub fn string_stops(self) -> u32 {
        arch::string_stops(self.0)
    }

    /// What is no decimal digit.
    #[inline(always)]
    pub fn not_digits(self) -> u32 {
        !arch::digits(self.0) & 0xffff
    }

    /// What is none of JSON's four space characters.
    #[inline(always)]
    pub fn not_spaces(self) -> u32 {
        !arch::spaces(self.0) & 0xffff
    }

    /// What is outside ASCII in either.
    #[inline(always)]
    pub fn or(self, other: Block) -> Block {
        Block(arch::or(self.0, other.0))
    }

    /// Whether a byte is outside ASCII.
    #[inline(always)]
    pub fn has_high_bits(self) -> bool {
        arch::high_bits(self.0) != 0
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod arch {
    use core::arch::wasm32::*;

    pub type Vector = v128;

    #[inline(always)]
    pub fn load(bytes: &[u8; 16]) -> Vector {
        // SAFETY: sixteen bytes are there to be read, and the instruction asks for no alignment.
        unsafe { v128_load(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn at_most(v: Vector, most: Vector) -> Vector {
        i8x16_eq(u8x16_min(v, most), v)
    }

    #[inline(always)]
    pub fn string_stops(v: Vector) -> u32 {
        let quote_or_escape = v128_or(i8x16_eq(v, u8x16_splat(b'"')), i8x16_eq(v, u8x16_splat(b'\\')));
        u32::from(i8x16_bitmask(v128_or(quote_or_escape, at_most(v, u8x16_splat(0x1f)))))
    }

    #[inline(always)]
    pub fn digits(v: Vector) -> u32 {
        u32::from(i8x16_bitmask(at_most(i8x16_sub(v, u8x16_splat(b'0')), u8x16_splat(9))))
    }

    #[inline(always)]
    pub fn spaces(v: Vector) -> u32 {
        let is = |byte| i8x16_eq(v, u8x16_splat(byte));
        u32::from(i8x16_bitmask(v128_or(v128_or(is(b' '), is(b'\n')), v128_or(is(b'\r'), is(b'\t')))))
    }

    #[inline(always)]
    pub fn or(a: Vector, b: Vector) -> Vector {
        v128_or(a, b)
    }

    #[inline(always)]
    pub fn high_bits(v: Vector) -> u32 {
        u32::from(i8x16_bitmask(v))
    }
}

#[cfg(target_arch = "x86_64")]
mod arch {
    use core::arch::x86_64::*;

    pub type Vector = __m128i;

    // SAFETY of all calls here: SSE2 is part of x86-64, and `load` has sixteen bytes to read and asks for no alignment.

    #[inline(always)]
    pub fn load(bytes: &[u8; 16]) -> Vector {
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn splat(byte: u8) -> Vector {
        unsafe { _mm_set1_epi8(byte as i8) }
    }

    #[inline(always)]
    fn is(v: Vector, byte: u8) -> Vector {
        unsafe { _mm_cmpeq_epi8(v, splat(byte)) }
    }

    #[inline(always)]
    fn at_most(v: Vector, most: u8) -> Vector {
        unsafe { _mm_cmpeq_epi8(_mm_min_epu8(v, splat(most)), v) }
    }

    #[inline(always)]
    pub fn string_stops(v: Vector) -> u32 {
        high_bits(or(or(is(v, b'"'), is(v, b'\\')), at_most(v, 0x1f)))
    }

    #[inline(always)]
    pub fn digits(v: Vector) -> u32 {
        high_bits(at_most(unsafe { _mm_sub_epi8(v, splat(b'0')) }, 9))
    }

    #[inline(always)]
    pub fn spaces(v: Vector) -> u32 {
        high_bits(or(or(is(v, b' '), is(v, b'\n')), or(is(v, b'\r'), is(v, b'\t'))))
    }

    #[inline(always)]
    pub fn or(a: Vector, b: Vector) -> Vector {
        unsafe { _mm_or_si128(a, b) }
    }

    #[inline(always)]
    pub fn high_bits(v: Vector) -> u32 {
        unsafe { _mm_movemask_epi8(v) as u32 }
    }
}

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128"))))]
use plain as arch;

/// Without vectors; on machines that have them it is here to be tested.
#[cfg(any(test, not(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))))]
mod plain {
    pub type Vector = [u8; 16];

    pub fn load(bytes: &[u8; 16]) -> Vector {
        *bytes
    }

    fn bits(v: Vector, is: impl Fn(u8) -> bool) -> u32 {
        v.iter().enumerate().fold(0, |bits, (at, byte)| bits | u32::from(is(*byte)) << at)
    }

    pub fn string_stops(v: Vector) -> u32 {
        bits(v, |byte| byte == b'"' || byte == b'\\' || byte < 0x20)
    }

    pub fn digits(v: Vector) -> u32 {
        bits(v, |byte| byte.is_ascii_digit())
    }

    pub fn spaces(v: Vector) -> u32 {
        bits(v, |byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
    }

    pub fn or(a: Vector, b: Vector) -> Vector {
        std::array::from_fn(|at| a[at] | b[at])
    }

    pub fn high_bits(v: Vector) -> u32 {
        bits(v, |byte| byte >= 0x80)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_say_of_every_byte_at_every_place_what_plain_rust_says() {
        for byte in 0..=255u8 {
            for at in 0..BLOCK_BYTES {
                let mut bytes = [b'a'; BLOCK_BYTES];
                bytes[at] = byte;
                let (block, expected) = (arch::load(&bytes), plain::load(&bytes));
                assert_eq!(arch::string_stops(block), plain::string_stops(expected), "{byte} at {at}");
                assert_eq!(arch::digits(block), plain::digits(expected), "{byte} at {at}");
                assert_eq!(arch::spaces(block), plain::spaces(expected), "{byte} at {at}");
                assert_eq!(arch::high_bits(block), plain::high_bits(expected), "{byte} at {at}");
                let with_another = arch::or(block, arch::load(&[b'0'; BLOCK_BYTES]));
                assert_eq!(arch::high_bits(with_another), plain::high_bits(plain::or(expected, [b'0'; BLOCK_BYTES])), "{byte} at {at}");
            }
        }
    }
}
