//! Committed values that were read or written lately, so that a key that comes again is not looked up in RocksDB again (some 2.5 µs, against 0.2 here).
//!
//! One per worker, for all its stores: keys are the database's, store and task in front. Only the worker that owns a task writes its state, so what is here is what
//! is below. Bounded by two generations: values go to the young one; when that is full it becomes the old one, and what was not met since is gone with the one
//! before. Nothing is allocated per key.
//!
//! A store that was empty when it was opened is here as a *whole* until generations turn: then a key that is not here is nowhere, and new keys are not looked for below.
//!
//! A value can be *held*: it is committed elsewhere (in a changelog) and not written below yet. Held values are never dropped: generations do not turn before they
//! are written.

use super::arena::Arena;
use super::table::{Table, hash};

/// Both generations of one worker together hold at most about so many bytes.
const CACHE_BYTES_MAX: usize = 128 << 20;
/// A longer value is not worth its place: reading it is dear anyway.
const VALUE_BYTES_MAX: usize = 4 << 10;
const KEY_BYTES_MAX: usize = 4 << 10;
/// What an entry costs besides its bytes in the arena: its slot, and the table's spare ones.
const ENTRY_BYTES: usize = 16;
/// Before an entry's key and value in the arena: `u32 key bytes · u32 value bytes or ABSENT · u32 room for a value, and above it the round it is held in`.
const HEAD_BYTES: usize = 12;
const ABSENT: u32 = u32::MAX;
/// Bits of that last word that are the room, at most [`VALUE_BYTES_MAX`].
const ROOM_BITS: u32 = 13;
const ROUND_MAX: u32 = (1 << (32 - ROOM_BITS)) - 1;
/// Address space of a generation: it is full at half of all, and one entry may go beyond.
const ARENA_BYTES: usize = CACHE_BYTES_MAX / 2 + HEAD_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX;
/// So many entries are brought near together.
pub(crate) const TOGETHER: usize = 64;
/// Of an entry's key and value, so much is brought near.
const ENTRY_BYTES_FETCHED: usize = 36;
/// Left beside a key that has no value: one is written soon, as a rule, and fits there if it is a number.
const ROOM_BYTES: usize = 8;

struct Generation {
    arena: Arena,
    table: Table,
    /// Entries of this round are held, those of others no more: all are released at once, without a look at them.
    round: u32,
}

impl Default for Generation {
    fn default() -> Self {
        Generation { arena: Arena::default(), table: Table::default(), round: 1 }
    }
}

#[derive(Default)]
pub(crate) struct Cache {
    young: Generation,
    old: Generation,
    /// Entries of the young generation that were held; those that still are have the number of this round.
    held: Vec<u32>,
    /// The same in the order of the keys, while they are visited, beside what says most of that order.
    sorted: Vec<(u128, u32)>,
    /// What the keys of all that was held begin with.
    held_begin: Vec<u8>,
    /// What the keys of stores begin with that are here as a whole.
    whole: Vec<[u8; 8]>,
}

impl Cache {
    /// Where a key's value is, if it is known here: good for [`Cache::at`] until the next write.
    pub fn find(&mut self, key: &[u8]) -> Option<u32> {
        let hash = hash(key);
        if let Some(entry) = self.young.find(hash, key) {
            return Some(entry);
        }
        let entry = self.old.find(hash, key)?;
        if self.is_full() {
            // It is read from below, and put: that is when generations turn.
            return None;
        }
        // Whatever is met is young again.
        self.young.add(hash, key, self.old.value(entry))
    }

    /// A store is empty, below and here.
    pub fn begin_whole(&mut self, store: [u8; 8]) {
        if !self.is_whole(store) {
            self.whole.push(store);
        }
    }

    /// Whether a key of the store that is not here is nowhere.
    pub fn is_whole(&self, store: [u8; 8]) -> bool {
        self.whole.contains(&store)
    }

    /// Brings what is known of keys near to the processor, of [`TOGETHER`] at most: their places in memory are far apart, and looked at one after another each would
    /// be waited for.
    pub fn fetch<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        let (mut hashes, mut length) = ([0; TOGETHER], 0);
        for (slot, key) in hashes.iter_mut().zip(keys) {
            *slot = hash(key);
            length += 1;
        }
        std::hint::black_box(self.young.touch(&hashes[..length]) ^ self.old.touch(&hashes[..length]));
    }

    fn is_full(&self) -> bool {
        self.young.bytes() > CACHE_BYTES_MAX / 2
    }

    /// The value found there; `None`: known to be absent.
    pub fn at(&self, place: u32) -> Option<&[u8]> {
        self.young.value(place)
    }

    /// Takes note of a committed value that is below; `None`: there is none.
    pub fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        if let Some(at) = self.keep(key, value) {
            self.young.set_held(at, false);
        }
    }

    /// Takes note of a committed value that is not below yet; `None`: it is to be deleted. `false`: it cannot be held, and must be written below before anything is read.
    pub fn hold(&mut self, key: &[u8], value: Option<&[u8]>) -> bool {
        let Some(at) = self.keep(key, value) else { return false };
        if !self.young.is_held(at) {
            self.young.set_held(at, true);
            if self.held.is_empty() {
                self.held_begin.extend_from_slice(key);
            }
            self.held_begin.truncate(self.held_begin.iter().zip(key).take_while(|(a, b)| a == b).count());
            self.held.push(at);
        }
        true
    }

    /// How many values are held, at most.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Visits what is held, in the order of the keys, up to the first error.
    pub fn visit_held<E>(&mut self, mut visit: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>) -> Result<(), E> {
        let (young, sorted) = (&self.young, &mut self.sorted);
        // What all have in common says nothing of their order; the sixteen bytes behind it say most.
        let common = self.held_begin.len();
        let held = self.held.iter().copied().filter(|at| young.is_held(*at));
        sorted.clear();
        sorted.extend(held.map(|at| (sixteen_bytes(&young.key(at)[common..]), at)));
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| young.key(a.1).cmp(young.key(b.1))));
        for some in sorted.chunks(TOGETHER) {
            std::hint::black_box(some.iter().fold(0, |met, (_, at)| met ^ young.ends(*at)));
            some.iter().try_for_each(|(_, at)| visit(young.key(*at), young.value(*at)))?;
        }
        Ok(())
    }

    /// All that is held has been written below.
    pub fn release(&mut self) {
        self.young.begin_round();
        self.held.clear();
        self.held_begin.clear();
    }

    /// Turns the generations where they must. `false`: they must not, as values are held.
    fn make_room(&mut self) -> bool {
        if self.is_full() {
            if !self.held.is_empty() {
                return false;
            }
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.whole.clear();
        }
        true
    }

    /// The place of a value that is here now. `None`: it is too long, or there is no room; then the one before it is not here any more, either.
    fn keep(&mut self, key: &[u8], value: Option<&[u8]>) -> Option<u32> {
        let hash = hash(key);
        if key.len() > KEY_BYTES_MAX || value.is_some_and(|value| value.len() > VALUE_BYTES_MAX) || !self.make_room() {
            self.remove(hash, key);
            return None;
        }
        if let Some(at) = self.young.find(hash, key) {
            if self.young.set(at, value) {
                return Some(at);
            }
            self.young.remove(hash, key);
        }
        let added = self.young.add(hash, key, value);
        if added.is_none() {
            self.remove(hash, key);
        }
        added
    }

    fn remove(&mut self, hash: u32, key: &[u8]) {
        self.whole.clear();
        self.young.remove(hash, key);
        self.old.remove(hash, key);
    }
}

/// The first sixteen bytes as a number that sorts as they do, but for what follows, and for zeros at the end.
fn sixteen_bytes(bytes: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = bytes.len().min(first.len());
    first[..length].copy_from_slice(&bytes[..length]);
    u128::from_be_bytes(first)
}

impl Generation {
    fn head(&self, at: u32, word: usize) -> u32 {
        let begin = at as usize + 4 * word;
        let bytes = &self.arena.bytes()[begin..begin + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn set_head(&mut self, at: u32, word: usize, value: u32) {
        let begin = at as usize + 4 * word;
        self.arena.bytes_mut()[begin..begin + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn room(&self, at: u32) -> u32 {
        self.head(at, 2) & ((1 << ROOM_BITS) - 1)
    }

    fn is_held(&self, at: u32) -> bool {
        self.head(at, 2) >> ROOM_BITS == self.round
    }

    fn set_held(&mut self, at: u32, held: bool) {
        let round = if held { self.round } else { 0 };
        self.set_head(at, 2, self.room(at) | round << ROOM_BITS);
    }

    /// Nothing is held any more.
    fn begin_round(&mut self) {
        self.round += 1;
        if self.round > ROUND_MAX {
            // What an earlier round of the same number held would be held again: once in six days, where rounds take a second.
            self.round = 1;
            let mut at = 0;
            while (at as usize) < self.arena.len() {
                self.set_held(at, false);
                at = self.end(at);
            }
        }
    }

    /// Where an entry ends, and the next begins.
    fn end(&self, at: u32) -> u32 {
        at + HEAD_BYTES as u32 + self.head(at, 0) + self.room(at)
    }

    /// Bytes of both ends of an entry, which may lie in two lines of the processor's cache.
    fn ends(&self, at: u32) -> u8 {
        self.arena.bytes()[at as usize] ^ self.arena.bytes()[self.end(at) as usize - 1]
    }

    fn key(&self, at: u32) -> &[u8] {
        let begin = at as usize + HEAD_BYTES;
        &self.arena.bytes()[begin..begin + self.head(at, 0) as usize]
    }

    /// Brings near what the hashes most likely mean; the number says nothing.
    fn touch(&self, hashes: &[u32]) -> u32 {
        if self.table.len() == 0 {
            return 0;
        }
        let lines = hashes.iter().fold(0, |met, hash| met ^ self.table.touch(*hash));
        let bytes = self.arena.bytes();
        hashes.iter().fold(lines, |met, hash| {
            let begin = self.table.guess(*hash) as usize;
            // An entry lies in two lines, as a rule.
            met ^ u32::from(bytes[begin]) ^ u32::from(bytes[(begin + HEAD_BYTES + ENTRY_BYTES_FETCHED).min(bytes.len() - 1)])
        })
    }

    fn find(&self, hash: u32, key: &[u8]) -> Option<u32> {
        self.table.find(hash, |at| self.key(at) == key)
    }

    fn value(&self, at: u32) -> Option<&[u8]> {
        let (key, value) = (self.head(at, 0), self.head(at, 1));
        let begin = at as usize + HEAD_BYTES + key as usize;
        (value != ABSENT).then(|| &self.arena.bytes()[begin..begin + value as usize])
    }

    /// `None`: the system gives no memory for it.
    fn add(&mut self, hash: u32, key: &[u8], value: Option<&[u8]>) -> Option<u32> {
        if !self.arena.reserve(ARENA_BYTES) {
            return None;
        }
        let at = self.append(key, value);
        self.table.add(hash, at);
        Some(at)
    }

    fn append(&mut self, key: &[u8], value: Option<&[u8]>) -> u32 {
        let at = self.arena.len() as u32;
        let room = value.map_or(ROOM_BYTES, <[u8]>::len) as u32;
        for word in [key.len() as u32, if value.is_some() { room } else { ABSENT }, room] {
            self.arena.push(&word.to_le_bytes());
        }
        self.arena.push(key);
        self.arena.push(value.unwrap_or(&[0; ROOM_BYTES]));
        at
    }

    /// In place where the new value fits, which that of a counter does. `false`: it does not fit.
    fn set(&mut self, at: u32, value: Option<&[u8]>) -> bool {
        let Some(value) = value else {
            self.set_head(at, 1, ABSENT);
            return true;
        };
        if value.len() > self.room(at) as usize {
            return false;
        }
        let begin = at as usize + HEAD_BYTES + self.head(at, 0) as usize;
        self.arena.bytes_mut()[begin..begin + value.len()].copy_from_slice(value);
        self.set_head(at, 1, value.len() as u32);
        true
    }

    fn remove(&mut self, hash: u32, key: &[u8]) {
        if let Some(at) = self.find(hash, key) {
            self.table.remove(hash, at);
            self.set_held(at, false);
        }
    }

    fn bytes(&self) -> usize {
        self.arena.len() + self.table.len() * ENTRY_BYTES
    }

    fn clear(&mut self) {
        self.arena.clear();
        self.table.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_is_known_is_always_what_was_put_last() {
        let mut cache = Cache::default();
        let mut model: HashMap<Vec<u8>, Option<Vec<u8>>> = HashMap::new();
        let (mut seed, mut known) = (1u64, 0);
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        // Long values, so that generations turn many times.
        for _ in 0..400_000 {
            let key = next(100_000).to_le_bytes().to_vec();
            if next(2) == 0 {
                let value = (next(10) > 0).then(|| vec![next(256) as u8; next(6_000) as usize]);
                cache.put(&key, value.as_deref());
                model.insert(key, value);
            } else if let Some(place) = cache.find(&key) {
                assert_eq!(cache.at(place), model[&key].as_deref());
                known += 1;
            }
        }
        assert!(known > 20_000, "it knows something: {known}");
    }

    #[test]
    fn what_is_held_is_known_or_below_and_is_written_in_the_order_of_keys() {
        let mut cache = Cache::default();
        // What was committed last, and what was written below.
        let mut model: HashMap<Vec<u8>, Option<Vec<u8>>> = HashMap::new();
        let mut below: HashMap<Vec<u8>, Option<Vec<u8>>> = HashMap::new();
        let (mut seed, mut refused, mut written, mut nowhere) = (7u64, 0, 0, 0);
        cache.begin_whole(*b"the task");
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for step in 0..600_000 {
            let key = [b"the task".as_slice(), &next(50_000).to_be_bytes()[8 - next(3) as usize - 4..]].concat();
            if next(2) == 0 {
                let value = (next(10) > 0).then(|| vec![next(256) as u8; next(if step < 10_000 { 4_000 } else { 5_000 }) as usize]);
                if !cache.hold(&key, value.as_deref()) {
                    below.insert(key.clone(), value.clone());
                    refused += 1;
                }
                model.insert(key, value);
            } else if let Some(place) = cache.find(&key) {
                assert_eq!(cache.at(place), model.get(&key).and_then(Option::as_deref));
            } else {
                let value = if cache.is_whole(*b"the task") { None } else { below.get(&key).cloned().unwrap_or_default() };
                nowhere += usize::from(cache.is_whole(*b"the task"));
                assert_eq!(value, model.get(&key).cloned().unwrap_or_default());
                cache.put(&key, value.as_deref());
            }
            // Now and then only when there is no room any more.
            if step % 30_000 == 0 && step % 60_000 > 0 || step % 100_000 == 0 {
                let mut before: Option<Vec<u8>> = None;
                let visited: Result<(), ()> = cache.visit_held(|key, value| {
                    assert!(before.as_deref().is_none_or(|before| before < key));
                    before = Some(key.to_vec());
                    below.insert(key.to_vec(), value.map(<[u8]>::to_vec));
                    written += 1;
                    Ok(())
                });
                visited.unwrap();
                cache.release();
                assert_eq!(cache.held(), 0);
                cache.visit_held(|_, _| Err("nothing is held")).unwrap();
            }
        }
        assert!(!cache.is_whole(*b"the task"), "generations turned");
        assert!(refused > 1_000 && written > 10_000 && nowhere > 100, "{refused} refused, {written} written, {nowhere} looked for nowhere");
    }

    #[test]
    fn what_was_held_when_rounds_had_the_same_number_before_is_not_held() {
        let mut cache = Cache::default();
        let held = |cache: &mut Cache| {
            let mut keys = Vec::new();
            let visited: Result<(), ()> = cache.visit_held(|key, _| {
                keys.push(key.to_vec());
                Ok(())
            });
            visited.unwrap();
            keys
        };
        assert!(cache.hold(b"first", Some(b"1")) && cache.hold(b"again", None));
        cache.release();
        cache.young.round = ROUND_MAX;
        assert!(cache.hold(b"last", Some(&[0; VALUE_BYTES_MAX])));
        assert_eq!(held(&mut cache), [b"last"]);
        cache.release();
        assert_eq!(cache.young.round, 1);
        assert_eq!(held(&mut cache), [b""; 0]);
        assert!(cache.hold(b"again", Some(b"2")));
        assert_eq!(held(&mut cache), [b"again"]);
    }

    #[test]
    fn it_stays_within_its_bound() {
        let mut cache = Cache::default();
        for n in 0..3_000_000u64 {
            cache.put(&n.to_le_bytes(), Some(&[0; 40]));
            assert!(n % 1_000 > 0 || cache.young.bytes() + cache.old.bytes() <= CACHE_BYTES_MAX + VALUE_BYTES_MAX);
        }
        let last = cache.find(&2_999_999u64.to_le_bytes()).unwrap();
        assert_eq!(cache.at(last), Some(&[0; 40][..]));
        assert_eq!(cache.find(&0u64.to_le_bytes()), None);
    }
}
