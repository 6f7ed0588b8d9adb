//! Writes that are not committed yet: one store's, above the committed values. Bytes live in one arena that the next checkpoint empties, so a write allocates
//! nothing once the arena has grown; a failed call is undone from a log of what it replaced.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::{Bound, Range};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// What an entry costs besides its bytes.
const ENTRY_BYTES: usize = 48;

/// Where an entry's key and value lie in the arena.
#[derive(Clone, Debug)]
struct Entry {
    key: Range<usize>,
    /// `None`: deleted.
    value: Option<Range<usize>>,
}

/// What a call replaced.
enum Undo {
    Added,
    Changed { entry: usize, value: Option<Range<usize>> },
}

#[derive(Default)]
pub(super) struct Overlay {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    table: HashTable<usize>,
    hasher: FxBuildHasher,
    /// Keys in order, kept from the first scan on.
    ordered: Option<BTreeMap<Box<[u8]>, usize>>,
    log: Vec<Undo>,
    /// The arena's length before the current call.
    call_began: usize,
}

impl Overlay {
    /// An overlay that keeps its keys in order from the start.
    pub fn ordered() -> Self {
        Overlay { ordered: Some(BTreeMap::new()), ..Overlay::default() }
    }

    /// `None`: not written; `Some(None)`: deleted.
    pub fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        let entry = *self.table.find(self.hasher.hash_one(key), |n| &self.arena[self.entries[*n].key.clone()] == key)?;
        Some(self.entries[entry].value.clone().map(|value| &self.arena[value]))
    }

    /// Writes a value in parts (so that a prefix needs no copy), or deletes.
    pub fn put(&mut self, key: &[u8], value: Option<[&[u8]; 2]>) {
        let hash = self.hasher.hash_one(key);
        let found = self.table.find(hash, |n| &self.arena[self.entries[*n].key.clone()] == key).copied();
        let at = found.unwrap_or_else(|| self.add(key, hash));
        let value = value.map(|parts| {
            let begin = self.arena.len();
            parts.iter().for_each(|part| self.arena.extend_from_slice(part));
            begin..self.arena.len()
        });
        let before = std::mem::replace(&mut self.entries[at].value, value);
        self.log.push(if found.is_some() { Undo::Changed { entry: at, value: before } } else { Undo::Added });
    }

    fn add(&mut self, key: &[u8], hash: u64) -> usize {
        let begin = self.arena.len();
        self.arena.extend_from_slice(key);
        let at = self.entries.len();
        self.entries.push(Entry { key: begin..self.arena.len(), value: None });
        let (arena, entries, hasher) = (&self.arena, &self.entries, &self.hasher);
        self.table.insert_unique(hash, at, |n| hasher.hash_one(&arena[entries[*n].key.clone()]));
        if let Some(ordered) = &mut self.ordered {
            ordered.insert(key.into(), at);
        }
        at
    }

    /// The call succeeded: its writes stay.
    pub fn keep(&mut self) {
        self.log.clear();
        self.call_began = self.arena.len();
    }

    /// The call failed: everything is as before it.
    pub fn undo(&mut self) {
        while let Some(step) = self.log.pop() {
            match step {
                Undo::Changed { entry, value } => self.entries[entry].value = value,
                Undo::Added => self.remove_last(),
            }
        }
        self.arena.truncate(self.call_began);
    }

    fn remove_last(&mut self) {
        let Some(entry) = self.entries.pop() else { return };
        let key = &self.arena[entry.key];
        let last = self.entries.len();
        if let Ok(found) = self.table.find_entry(self.hasher.hash_one(key), |n| *n == last) {
            found.remove();
        }
        if let Some(ordered) = &mut self.ordered {
            ordered.remove(key);
        }
    }

    /// What it holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.arena.len() + self.entries.len() * ENTRY_BYTES
    }

    /// Each key once, with its last value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.entries.iter().map(|entry| (&self.arena[entry.key.clone()], entry.value.clone().map(|value| &self.arena[value])))
    }

    /// Keys in [begin, end) in order (`end` empty: no end), deleted ones too.
    pub fn range(&mut self, begin: &[u8], end: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let (arena, entries) = (&self.arena, &self.entries);
        let ordered = self
            .ordered
            .get_or_insert_with(|| entries.iter().enumerate().map(|(n, entry)| (arena[entry.key.clone()].into(), n)).collect::<BTreeMap<Box<[u8]>, usize>>());
        let empty = !end.is_empty() && end <= begin;
        let from = Bound::Included(begin);
        let to = if empty { Bound::Included(begin) } else { Some(end).filter(|end| !end.is_empty()).map_or(Bound::Unbounded, Bound::Excluded) };
        let take = if empty { 0 } else { usize::MAX };
        ordered.range::<[u8], _>((from, to)).take(take).map(|(key, n)| (&**key, entries[*n].value.clone().map(|value| &arena[value])))
    }

    /// All of it is committed, or dropped: empty, with its memory kept.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
        self.table.clear();
        self.log.clear();
        self.call_began = 0;
        if let Some(ordered) = &mut self.ordered {
            ordered.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(overlay: &mut Overlay, key: &str, value: Option<&str>) {
        overlay.put(key.as_bytes(), value.map(|value| [value.as_bytes(), &[]]));
    }

    #[test]
    fn undo_brings_back_what_a_call_changed_and_drops_what_it_added() {
        let mut overlay = Overlay::default();
        put(&mut overlay, "a", Some("1"));
        overlay.keep();
        put(&mut overlay, "a", Some("22"));
        put(&mut overlay, "a", None);
        put(&mut overlay, "b", Some("3"));
        assert_eq!(overlay.range(b"", b"").count(), 2);
        overlay.undo();
        assert_eq!(overlay.get(b"a"), Some(Some(&b"1"[..])));
        assert_eq!(overlay.get(b"b"), None);
        assert_eq!(overlay.range(b"", b"").count(), 1);
        put(&mut overlay, "b", Some("4"));
        assert_eq!(overlay.get(b"b"), Some(Some(&b"4"[..])));
    }

    #[test]
    fn a_range_is_in_order_and_half_open() {
        let mut overlay = Overlay::default();
        for key in ["c", "a", "b", "d"] {
            put(&mut overlay, key, Some(key));
        }
        let keys: Vec<_> = overlay.range(b"b", b"d").map(|(key, _)| key.to_vec()).collect();
        assert_eq!(keys, [b"b".to_vec(), b"c".to_vec()]);
        assert_eq!(overlay.range(b"d", b"b").count(), 0);
    }
}
