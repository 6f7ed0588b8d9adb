//! JSON's grammar over blocks of sixteen bytes. Each loop head costs a component a deadline check, so what most texts have is straight code: a name, a number
//! or a string of up to fifteen bytes is one step, and a byte of space is not looked for where none is usual.

use crate::block::{BLOCK_BYTES, Block};

/// Objects and arrays inside one another, the outermost included; as many as serde_json allows.
pub(crate) const DEPTH_MAX: u32 = 127;

/// What is wrong where; the byte found there is looked up when the error is shown.
#[derive(Debug)]
pub(super) struct Wrong {
    pub at: usize,
    pub expected: &'static str,
}

#[cold]
#[inline(never)]
fn wrong<T>(at: usize, expected: &'static str) -> Result<T, Wrong> {
    Err(Wrong { at, expected })
}

/// A name as it stands between its quotes.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub begin: usize,
    pub end: usize,
    /// Without backslashes: the text is the name.
    pub is_plain: bool,
}

/// A text of at least a block. It is copied, never lent, so that it stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'t> {
    text: &'t [u8],
}

impl<'t> Scanner<'t> {
    /// The text must be at least a block long: spaces behind a shorter one change nothing.
    #[inline(always)]
    pub fn new(text: &'t [u8]) -> Scanner<'t> {
        assert!(text.len() >= BLOCK_BYTES);
        Scanner { text }
    }

    /// Goes over the whole text: one object, and spaces around it. `field` gets each name and its value's place, in the order of the text.
    #[inline(always)]
    pub fn object(self, mut field: impl FnMut(Name, usize, usize) -> Result<(), Wrong>) -> Result<(), Wrong> {
        let mut at = self.after_spaces(0);
        if self.byte(at) != b'{' {
            return wrong(at, "an object");
        }
        at = self.after_spaces(at + 1);
        if self.byte(at) != b'}' {
            loop {
                let name;
                (name, at) = self.name(at)?;
                let end = self.value(at, 1)?;
                field(name, at, end)?;
                at = self.after_spaces(end);
                match self.byte(at) {
                    b',' => at = self.after_spaces(at + 1),
                    b'}' => break,
                    _ => return wrong(at, "`,` or `}` after a field"),
                }
            }
        }
        at = self.after_spaces(at + 1);
        if at < self.text.len() { wrong(at, "nothing after the object") } else { Ok(()) }
    }

    /// A name with its colon; returns where its value begins.
    #[inline(always)]
    fn name(self, at: usize) -> Result<(Name, usize), Wrong> {
        if self.byte(at) != b'"' {
            return wrong(at, "a field's name in quotes");
        }
        let (end, is_plain) = self.string(at + 1)?;
        let colon = self.after_spaces(end + 1);
        if self.byte(colon) != b':' {
            return wrong(colon, "`:` after a field's name");
        }
        Ok((Name { begin: at + 1, end, is_plain }, self.after_spaces(colon + 1)))
    }

    /// Returns where the value at `at` ends. No `match`: a jump table's jumps are foretold worse than the branches for what most values are.
    #[inline(always)]
    fn value(self, at: usize, depth: u32) -> Result<usize, Wrong> {
        let byte = self.byte(at);
        if byte == b'"' {
            Ok(self.string(at + 1)?.0 + 1)
        } else if byte.is_ascii_digit() || byte == b'-' {
            self.number(at)
        } else {
            self.other_value(at, depth)
        }
    }

    /// The value at `at`, which `depth` objects and arrays surround, and which is neither string nor number.
    #[inline(never)]
    fn other_value(self, at: usize, depth: u32) -> Result<usize, Wrong> {
        match self.byte(at) {
            b't' => self.literal(at, b"true"),
            b'f' => self.literal(at, b"false"),
            b'n' => self.literal(at, b"null"),
            b'{' | b'[' => self.nested(at, depth),
            _ => wrong(at, "a value"),
        }
    }

    /// The inside of a string from `begin` on; returns where its closing quotes are, and whether it has no escapes.
    #[inline(always)]
    fn string(self, begin: usize) -> Result<(usize, bool), Wrong> {
        let stops = self.bits(begin, Block::string_stops);
        let end = begin + stops.trailing_zeros() as usize;
        if stops != 0 && self.byte(end) == b'"' { Ok((end, true)) } else { self.long_string(begin) }
    }

    /// The same of any length and with escapes.
    #[inline(never)]
    fn long_string(self, mut at: usize) -> Result<(usize, bool), Wrong> {
        let mut is_plain = true;
        loop {
            let stops = self.bits(at, Block::string_stops);
            if stops == 0 {
                at += BLOCK_BYTES;
                if at >= self.text.len() {
                    return wrong(self.text.len(), "`\"` at a string's end");
                }
                continue;
            }
            at += stops.trailing_zeros() as usize;
            match self.byte(at) {
                b'"' => return Ok((at, is_plain)),
                b'\\' => (at, is_plain) = (self.escape(at)?, false),
                _ => return wrong(at, "a control character to be escaped"),
            }
        }
    }

    /// Returns what follows the escape at `at`. Halves of surrogate pairs are the reader's to judge, as they are with serde_json where a text is skipped.
    fn escape(self, at: usize) -> Result<usize, Wrong> {
        match self.byte(at + 1) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' => match (at + 2..at + 6).find(|at| !self.byte(*at).is_ascii_hexdigit()) {
                None => Ok(at + 6),
                Some(at) => wrong(at, "a hexadecimal digit"),
            },
            _ => wrong(at + 1, "one of `\"\\/bfnrtu` after a backslash"),
        }
    }

    #[inline(always)]
    fn number(self, at: usize) -> Result<usize, Wrong> {
        let begin = at + usize::from(self.byte(at) == b'-');
        let mut end = self.digits(begin)?;
        if self.byte(begin) == b'0' && end != begin + 1 {
            return wrong(begin + 1, "no digit after a leading zero");
        }
        if self.byte(end) == b'.' {
            end = self.digits(end + 1)?;
        }
        if self.byte(end) | 0x20 == b'e' {
            end += 1;
            end = self.digits(end + usize::from(matches!(self.byte(end), b'+' | b'-')))?;
        }
        Ok(end)
    }

    /// At least one digit; returns where they end.
    #[inline(always)]
    fn digits(self, begin: usize) -> Result<usize, Wrong> {
        let stops = self.bits(begin, Block::not_digits);
        let end = if stops != 0 { begin + stops.trailing_zeros() as usize } else { self.after_many_digits(begin) };
        if end == begin { wrong(begin, "a digit") } else { Ok(end) }
    }

    #[inline(never)]
    fn after_many_digits(self, at: usize) -> usize {
        self.first_stop(at, Block::not_digits)
    }

    #[inline(always)]
    fn literal<const BYTES: usize>(self, at: usize, literal: &[u8; BYTES]) -> Result<usize, Wrong> {
        match self.text.get(at..at + BYTES) {
            Some(found) if found == literal => Ok(at + BYTES),
            _ => wrong(at, "`true`, `false` or `null`"),
        }
    }

    /// The object or array at `at`, which `depth` others surround, and all in it; returns where it ends. No recursion: a bit per level says which of both it is.
    #[inline(never)]
    fn nested(self, mut at: usize, depth: u32) -> Result<usize, Wrong> {
        const OBJECT: u128 = 1;
        let (mut levels, mut depth, outside) = (0u128, depth, depth);
        loop {
            // Before a value.
            let opened = self.byte(at);
            if opened == b'{' || opened == b'[' {
                if depth == DEPTH_MAX {
                    return wrong(at, "at most 127 objects and arrays inside one another");
                }
                let is_object = opened == b'{';
                (levels, depth) = (levels << 1 | u128::from(is_object), depth + 1);
                at = self.after_spaces(at + 1);
                if self.byte(at) != if is_object { b'}' } else { b']' } {
                    if is_object {
                        at = self.name(at)?.1;
                    }
                    continue;
                }
                (levels, depth, at) = (levels >> 1, depth - 1, at + 1);
            } else {
                at = self.value(at, depth)?;
            }
            // Behind a value.
            loop {
                if depth == outside {
                    return Ok(at);
                }
                let is_object = levels & OBJECT != 0;
                at = self.after_spaces(at);
                match self.byte(at) {
                    b',' => {
                        at = self.after_spaces(at + 1);
                        if is_object {
                            at = self.name(at)?.1;
                        }
                        break;
                    }
                    b'}' if is_object => {}
                    b']' if !is_object => {}
                    _ if is_object => return wrong(at, "`,` or `}` after a field"),
                    _ => return wrong(at, "`,` or `]` after an element"),
                }
                (levels, depth, at) = (levels >> 1, depth - 1, at + 1);
            }
        }
    }

    /// Where the next byte that is no space is; the text's length if there is none.
    #[inline(always)]
    fn after_spaces(self, at: usize) -> usize {
        if self.byte(at) > b' ' { at } else { self.after_more_spaces(at) }
    }

    #[inline(never)]
    fn after_more_spaces(self, at: usize) -> usize {
        self.first_stop(at, Block::not_spaces)
    }

    /// Where the first byte from `at` on is that `of` stops at; the text's length if there is none.
    #[inline(always)]
    fn first_stop(self, mut at: usize, of: impl Fn(Block) -> u32 + Copy) -> usize {
        while at < self.text.len() {
            let stops = self.bits(at, of);
            if stops != 0 {
                return at + stops.trailing_zeros() as usize;
            }
            at += BLOCK_BYTES;
        }
        self.text.len()
    }

    /// The byte there; past the end 0, which JSON has nowhere.
    #[inline(always)]
    fn byte(self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// Bits of the block at `at`, as `of` tells them; past the text's end they are zero.
    #[inline(always)]
    fn bits(self, at: usize, of: impl Fn(Block) -> u32) -> u32 {
        // Most blocks lie inside the text: a branch that is foretold is cheaper than arithmetic that the next step waits for.
        match self.text.get(at..at + BLOCK_BYTES).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => of(Block::load(bytes)),
            None => self.last_bits(at, of),
        }
    }

    /// Near the text's end its last block is read, of which some bytes have passed.
    #[inline(always)]
    fn last_bits(self, at: usize, of: impl Fn(Block) -> u32) -> u32 {
        match self.text.last_chunk() {
            Some(bytes) => of(Block::load(bytes)) >> (at + BLOCK_BYTES - self.text.len()),
            None => unreachable!("a text is at least a block long"),
        }
    }
}
