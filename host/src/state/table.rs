//! Where keys lie, by their hashes: an open table whose slots lie eight to a line of the processor's cache, so that many keys can be looked for at once without a
//! branch on what has not arrived yet. A general table's search begins with such a branch, and each one guessed wrong waits for memory.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

/// Part of a key's hash beside its place, so that searching and growing do without a look at the keys themselves.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    at: u32,
}

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Line([Slot; 8]);

/// No key, and none was ever put further on.
const EMPTY: u32 = u32::MAX;
/// No key any more.
const GONE: u32 = u32::MAX - 1;
const EMPTY_LINE: Line = Line([Slot { hash: 0, at: EMPTY }; 8]);

/// What a table knows a key by.
pub(super) fn hash(key: &[u8]) -> u32 {
    (FxBuildHasher.hash_one(key) >> 16) as u32
}

/// Places by hash; keys may share a hash. Places are below `u32::MAX - 1`.
#[derive(Default)]
pub(super) struct Table {
    /// None, or a power of two.
    lines: Vec<Line>,
    keys: usize,
    /// Slots that are not empty.
    taken: usize,
}

impl Table {
    pub fn len(&self) -> usize {
        self.keys
    }

    /// The place of the key with this hash of which `is_it` holds.
    pub fn find(&self, hash: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let (line, slot) = self.search(hash, is_it)?;
        Some(self.lines[line].0[slot].at)
    }

    /// Brings the line near where a hash begins; the value says nothing.
    #[inline]
    pub fn touch(&self, hash: u32) -> u32 {
        self.lines.get(self.home(hash)).map_or(0, |line| line.0[0].at)
    }

    /// The place that a hash most likely means, without a branch; any other where it lies further on, or nowhere.
    #[inline]
    pub fn guess(&self, hash: u32) -> u32 {
        let Some(line) = self.lines.get(self.home(hash)) else { return 0 };
        line.0.iter().fold(0, |guess, slot| if slot.hash == hash && slot.at < GONE { slot.at } else { guess })
    }

    /// Adds a key that is not there.
    pub fn add(&mut self, hash: u32, at: u32) {
        // Three quarters, of which what is gone counts.
        if (self.taken + 1) * 4 > self.lines.len() * 8 * 3 {
            self.grow();
        }
        self.insert(Slot { hash, at });
        self.keys += 1;
    }

    /// Takes a key away.
    pub fn remove(&mut self, hash: u32, at: u32) {
        if let Some((line, slot)) = self.search(hash, |found| found == at) {
            self.lines[line].0[slot].at = GONE;
            self.keys -= 1;
        }
    }

    /// Empties it, and keeps its memory where that was used.
    pub fn clear(&mut self) {
        if self.taken < self.lines.len() / 8 {
            self.lines.truncate((2 * self.taken).next_power_of_two());
        }
        if self.taken > 0 {
            self.lines.fill(EMPTY_LINE);
        }
        (self.keys, self.taken) = (0, 0);
    }

    fn home(&self, hash: u32) -> usize {
        // The upper bits of the product depend on all of the hash.
        (u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & self.lines.len().wrapping_sub(1)
    }

    fn search(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<(usize, usize)> {
        let mut line = self.home(hash);
        loop {
            for (slot, Slot { hash: here, at }) in self.lines.get(line)?.0.iter().enumerate() {
                if *at == EMPTY {
                    return None;
                }
                if *here == hash && *at != GONE && is_it(*at) {
                    return Some((line, slot));
                }
            }
            line = (line + 1) & (self.lines.len() - 1);
        }
    }

    fn insert(&mut self, new: Slot) {
        let mut line = self.home(new.hash);
        loop {
            if let Some(slot) = self.lines[line].0.iter_mut().find(|slot| slot.at == EMPTY) {
                *slot = new;
                self.taken += 1;
                return;
            }
            line = (line + 1) & (self.lines.len() - 1);
        }
    }

    /// Twice as many lines, or as many where much is gone.
    fn grow(&mut self) {
        let lines = (self.keys / 3).next_power_of_two().max(8);
        let before = std::mem::replace(&mut self.lines, vec![EMPTY_LINE; lines]);
        self.taken = 0;
        for slot in before.iter().flat_map(|line| line.0).filter(|slot| slot.at < GONE) {
            self.insert(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_finds_what_was_added_and_not_removed_even_where_hashes_are_the_same() {
        let mut table = Table::default();
        let mut model: HashMap<(u32, u32), u32> = HashMap::new();
        let mut seed = 3u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) % below) as u32
        };
        let mut guessed = 0;
        for step in 0..400_000 {
            // Few hashes: chains go over many lines.
            let (hash, key) = (next(if step < 200_000 { 3_000 } else { 200_000 }), next(8));
            // The place says the key, as an arena would.
            let place = hash * 8 + key;
            assert_eq!(table.find(hash, |at| at == place), model.get(&(hash, key)).copied());
            guessed += u32::from(model.contains_key(&(hash, key)) && table.guess(hash) / 8 == hash);
            match (next(3), model.contains_key(&(hash, key))) {
                (0, true) => {
                    table.remove(hash, place);
                    model.remove(&(hash, key));
                }
                (_, false) => {
                    table.add(hash, place);
                    model.insert((hash, key), place);
                }
                _ => {}
            }
            assert_eq!(table.len(), model.len());
            if step % 150_000 == 149_999 {
                table.clear();
                model.clear();
            }
        }
        assert!(guessed > 10_000, "{guessed}");
        assert!(model.iter().all(|((hash, _), place)| table.find(*hash, |at| at == *place) == Some(*place)));
    }
}
