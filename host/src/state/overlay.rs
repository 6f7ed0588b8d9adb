//! Writes that are not committed yet: one store's, above the committed values. Bytes live in one arena that the next checkpoint empties, so a write allocates
//! nothing once the arena has grown; a failed call is undone from a log of what it replaced.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::table::{Table, hash};

/// What an entry costs besides its bytes.
const ENTRY_BYTES: usize = 48;
/// In place of a value's length: the key is deleted.
const DELETED: u32 = u32::MAX;
/// In place of a replaced value's length: there was no such entry.
const ADDED: u32 = u32::MAX - 1;

/// Where a key and its value lie in the arena. Small, as these fill the processor's cache.
#[derive(Clone, Copy)]
struct Entry {
    key_begin: usize,
    value_begin: usize,
    key_bytes: u32,
    value_bytes: u32,
}

/// What a call replaced.
struct Undo {
    value_begin: usize,
    value_bytes: u32,
    entry: u32,
}

impl Entry {
    fn key<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.key_begin..self.key_begin + self.key_bytes as usize]
    }

    /// `None`: deleted.
    fn value<'a>(&self, arena: &'a [u8]) -> Option<&'a [u8]> {
        (self.value_bytes != DELETED).then(|| &arena[self.value_begin..self.value_begin + self.value_bytes as usize])
    }
}

#[derive(Default)]
pub(super) struct Overlay {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    table: Table,
    /// Keys in order, kept from the first scan on.
    ordered: Option<BTreeMap<Box<[u8]>, u32>>,
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
        let entry = self.find(key, hash(key))?;
        Some(self.entries[entry as usize].value(&self.arena))
    }

    /// Writes a value in parts (so that a prefix needs no copy), or deletes.
    pub fn put(&mut self, key: &[u8], value: Option<[&[u8]; 2]>) {
        let hash = hash(key);
        let found = self.find(key, hash);
        let entry = found.unwrap_or_else(|| self.add(key, hash));
        let value_begin = self.arena.len();
        let value_bytes = value.map_or(DELETED, |parts| {
            parts.iter().for_each(|part| self.arena.extend_from_slice(part));
            (self.arena.len() - value_begin) as u32
        });
        let at = &mut self.entries[entry as usize];
        let value_bytes_before = if found.is_some() { at.value_bytes } else { ADDED };
        self.log.push(Undo { value_begin: at.value_begin, value_bytes: value_bytes_before, entry });
        (at.value_begin, at.value_bytes) = (value_begin, value_bytes);
    }

    fn find(&self, key: &[u8], hash: u32) -> Option<u32> {
        self.table.find(hash, |entry| self.entries[entry as usize].key(&self.arena) == key)
    }

    fn add(&mut self, key: &[u8], hash: u32) -> u32 {
        let key_begin = self.arena.len();
        self.arena.extend_from_slice(key);
        let entry = self.entries.len() as u32;
        self.entries.push(Entry { key_begin, value_begin: 0, key_bytes: key.len() as u32, value_bytes: DELETED });
        self.table.add(hash, entry);
        if let Some(ordered) = &mut self.ordered {
            ordered.insert(key.into(), entry);
        }
        entry
    }

    /// The call succeeded: its writes stay.
    pub fn keep(&mut self) {
        self.log.clear();
        self.call_began = self.arena.len();
    }

    /// The call failed: everything is as before it.
    pub fn undo(&mut self) {
        while let Some(step) = self.log.pop() {
            if step.value_bytes == ADDED {
                self.remove_last();
            } else {
                let entry = &mut self.entries[step.entry as usize];
                (entry.value_begin, entry.value_bytes) = (step.value_begin, step.value_bytes);
            }
        }
        self.arena.truncate(self.call_began);
    }

    fn remove_last(&mut self) {
        let Some(entry) = self.entries.pop() else { return };
        let key = entry.key(&self.arena);
        self.table.remove(hash(key), self.entries.len() as u32);
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
        self.entries.iter().map(|entry| (entry.key(&self.arena), entry.value(&self.arena)))
    }

    /// Keys in [begin, end) in order (`end` empty: no end), deleted ones too.
    pub fn range(&mut self, begin: &[u8], end: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let (arena, entries) = (&self.arena, &self.entries);
        let ordered =
            self.ordered.get_or_insert_with(|| entries.iter().zip(0..).map(|(entry, n)| (entry.key(arena).into(), n)).collect::<BTreeMap<Box<[u8]>, u32>>());
        let empty = !end.is_empty() && end <= begin;
        let from = Bound::Included(begin);
        let to = if empty { Bound::Included(begin) } else { Some(end).filter(|end| !end.is_empty()).map_or(Bound::Unbounded, Bound::Excluded) };
        let take = if empty { 0 } else { usize::MAX };
        ordered.range::<[u8], _>((from, to)).take(take).map(|(key, n)| (&**key, entries[*n as usize].value(arena)))
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
