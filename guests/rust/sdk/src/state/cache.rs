//! The state of one batch: read with one call, written back with one call, and in between a table of slots.
//!
//! All keys and values of the batch lie in one arena: at first the host's answer itself, then whatever is added behind it. With
//! [`Prefetch::RecordKey`](crate::Prefetch::RecordKey) a record finds its slot by the number of its key, without hashing where the host gave the numbers.
//! The hash table is built only when a key is looked up by its bytes.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::{Store, Value, no_store};
use crate::Failure;
use crate::context::Named;
use crate::host::Host;
use crate::layout::{Batch, BatchBuilder, Fields, Headers, NONE};

/// One key of one store. `capacity` is the room at `value.start`, so a value that does not grow is overwritten in place.
#[derive(Clone, Debug)]
struct Slot {
    store: u16,
    key: Range<usize>,
    value: Range<usize>,
    capacity: usize,
    present: bool,
    dirty: bool,
}

impl Slot {
    /// Room for a longer value: behind everything else, and to grow, as a list that gains an item per record must not leave a copy of each length.
    #[cold]
    fn make_room(&mut self, bytes: usize, arena: &mut Vec<u8>) {
        self.capacity = bytes.max(2 * self.capacity);
        self.value.start = arena.len();
        arena.resize(self.value.start + self.capacity, 0);
    }
}

/// The state that one call has read and written so far.
#[derive(Debug)]
pub(crate) struct Cache {
    stores: Vec<Named>,
    arena: Vec<u8>,
    slots: Vec<Slot>,
    /// Own numbers of the rows' keys, where the host gave none; [`NONE`] for a null key.
    row_ids: Vec<u32>,
    /// Keys that the rows have; 0: slots cannot be found by number.
    distinct: usize,
    /// Slots by store and key: those before `tabled` are in.
    table: HashTable<u32>,
    tabled: usize,
    encoded: Vec<u8>,
}

impl Cache {
    pub fn new(stores: Vec<Named>) -> Self {
        let (arena, slots, row_ids, encoded) = Default::default();
        Cache { stores, arena, slots, row_ids, distinct: 0, table: HashTable::new(), tabled: 0, encoded }
    }

    /// Forgets the batch before. What it left unwritten belonged to a failed call.
    pub fn begin(&mut self) {
        self.arena.clear();
        self.slots.clear();
        self.row_ids.clear();
        self.table.clear();
        (self.distinct, self.tabled) = (0, 0);
    }

    /// Reads the rows' distinct keys in every store: slot `store place × distinct + key number`.
    pub fn read_record_keys(&mut self, input: &Batch, host: &mut dyn Host) -> Result<(), Failure> {
        let keys = distinct_keys(input, &mut self.row_ids);
        if keys.is_empty() {
            return Ok(());
        }
        self.distinct = keys.len();
        let mut wanted = BatchBuilder::with_capacity(keys.len() * self.stores.len(), keys.iter().map(|key| key.len()).sum::<usize>() * self.stores.len());
        for store in &self.stores {
            for key in &keys {
                wanted.push(Some(key), None, Headers::default(), Fields { port: store.number, ..Fields::default() });
            }
        }
        let found = ask(host, wanted.into_batch())?;
        self.slots.reserve(found.len());
        for n in 0..found.len() {
            let (row, begin) = (found.row(n), found.begin(n));
            let (key_end, value_end) = (row.key_end as usize, row.value_end as usize);
            let (value, present) = (key_end..value_end, !row.value_is_null());
            self.slots.push(Slot { store: row.port, key: begin..key_end, capacity: value.len(), value, present, dirty: false });
        }
        self.arena = found.into_parts().1;
        Ok(())
    }

    /// Reads the keys that [`Keys::want`] named.
    pub fn read_named(&mut self, host: &mut dyn Host) -> Result<(), Failure> {
        if self.slots.is_empty() {
            return Ok(());
        }
        let mut wanted = BatchBuilder::with_capacity(self.slots.len(), self.arena.len());
        for slot in &self.slots {
            wanted.push(Some(&self.arena[slot.key.clone()]), None, Headers::default(), Fields { port: slot.store, ..Fields::default() });
        }
        let found = ask(host, wanted.into_batch())?;
        for (n, row) in found.iter().enumerate() {
            self.put_value(n, row.value);
        }
        Ok(())
    }

    /// The slot of the current row's key.
    #[inline]
    pub fn slot_of_row(&mut self, store: &'static str, row: u32, key: &[u8], key_id: u32, host: &mut dyn Host) -> Result<usize, Failure> {
        if self.distinct == 0 {
            return self.slot_of_key(store, key, host);
        }
        let id = if self.row_ids.is_empty() { key_id } else { self.row_ids[row as usize] };
        let place = Named::place(&self.stores, store).ok_or_else(|| no_store(store))?;
        Ok(place * self.distinct + id as usize)
    }

    /// The slot of any key; asks the host for one that is not there.
    pub fn slot_of_key(&mut self, store: &'static str, key: &[u8], host: &mut dyn Host) -> Result<usize, Failure> {
        let number = self.store_number(store)?;
        let (slot, is_new) = self.slot_or_new(number, key);
        if is_new {
            let mut wanted = BatchBuilder::with_capacity(1, key.len());
            wanted.push(Some(key), None, Headers::default(), Fields { port: number, ..Fields::default() });
            let found = ask(host, wanted.into_batch())?;
            self.put_value(slot, found.view(0).value);
        }
        Ok(slot)
    }

    /// The number that the host knows a store by.
    pub fn store_number(&self, store: &'static str) -> Result<u16, Failure> {
        Named::place(&self.stores, store).map(|place| self.stores[place].number).ok_or_else(|| no_store(store))
    }

    pub fn key(&self, slot: usize) -> &[u8] {
        &self.arena[self.slots[slot].key.clone()]
    }

    #[inline]
    pub fn value(&self, slot: usize) -> Option<&[u8]> {
        let slot = &self.slots[slot];
        slot.present.then(|| &self.arena[slot.value.clone()])
    }

    #[inline]
    pub fn set<V: Value>(&mut self, slot: usize, value: &V) {
        self.slots[slot].dirty = true;
        if let Some(number) = value.number() {
            return self.put_value(slot, Some(&number));
        }
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        value.encode(&mut encoded);
        self.put_value(slot, Some(&encoded));
        self.encoded = encoded;
    }

    pub fn delete(&mut self, slot: usize) {
        let slot = &mut self.slots[slot];
        (slot.present, slot.dirty) = (false, true);
    }

    /// Hands what was written to the host, in one call, in the order in which keys were first met.
    pub fn write_back(&mut self, host: &mut dyn Host) -> Result<(), Failure> {
        let written = self.slots.iter().filter(|slot| slot.dirty);
        let (rows, bytes) = written.fold((0, 0), |(rows, bytes), slot| (rows + 1, bytes + slot.key.len() + slot.value.len()));
        if rows == 0 {
            return Ok(());
        }
        let mut writes = BatchBuilder::with_capacity(rows, bytes);
        for slot in self.slots.iter_mut().filter(|slot| slot.dirty) {
            let value = slot.present.then(|| &self.arena[slot.value.clone()]);
            writes.push(Some(&self.arena[slot.key.clone()]), value, Headers::default(), Fields { port: slot.store, ..Fields::default() });
            slot.dirty = false;
        }
        host.put_many(writes.into_batch())
    }

    // In place, so that a number's length is known where it is stored.
    #[inline(always)]
    fn put_value(&mut self, slot: usize, value: Option<&[u8]>) {
        let Cache { slots, arena, .. } = self;
        let slot = &mut slots[slot];
        slot.present = value.is_some();
        let Some(value) = value else { return };
        if value.len() > slot.capacity {
            slot.make_room(value.len(), arena);
        }
        slot.value.end = slot.value.start + value.len();
        arena[slot.value.clone()].copy_from_slice(value);
    }

    /// The slot of a key by its bytes, made if there is none (then `true`, and its value is still to be read).
    fn slot_or_new(&mut self, store: u16, key: &[u8]) -> (usize, bool) {
        let Cache { arena, slots, table, tabled, .. } = self;
        let hash_of = |slot: &u32| hash(slots[*slot as usize].store, &arena[slots[*slot as usize].key.clone()]);
        while *tabled < slots.len() {
            let slot = *tabled as u32;
            table.insert_unique(hash_of(&slot), slot, hash_of);
            *tabled += 1;
        }
        let is_it = |slot: &u32| slots[*slot as usize].store == store && arena[slots[*slot as usize].key.clone()] == *key;
        if let Some(slot) = table.find(hash(store, key), is_it) {
            return (*slot as usize, false);
        }
        let begin = arena.len();
        arena.extend_from_slice(key);
        let end = arena.len();
        slots.push(Slot { store, key: begin..end, value: end..end, capacity: 0, present: false, dirty: false });
        (slots.len() - 1, true)
    }
}

/// Collects the keys that an operator wants to have read ahead; see [`Operator::prefetch`](crate::Operator::prefetch).
pub struct Keys<'k> {
    cache: &'k mut Cache,
}

impl<'k> Keys<'k> {
    pub(crate) fn new(cache: &'k mut Cache) -> Self {
        Keys { cache }
    }

    /// Names a key of a store; naming it again costs nothing. A store that is not declared is passed over: using it will say so.
    pub fn want<V>(&mut self, store: &Store<V>, key: &[u8]) {
        if let Ok(number) = self.cache.store_number(store.name) {
            self.cache.slot_or_new(number, key);
        }
    }
}

/// The distinct keys of a batch by number. `row_ids` is filled where the host's own numbers cannot be used: none given, a part of a larger batch.
fn distinct_keys<'a>(input: &'a Batch, row_ids: &mut Vec<u32>) -> Vec<&'a [u8]> {
    let mut keys: Vec<&[u8]> = Vec::with_capacity(input.len());
    let numbered = input.iter().all(|row| match row.key {
        Some(key) if row.key_id as usize == keys.len() => {
            keys.push(key);
            true
        }
        Some(_) => (row.key_id as usize) < keys.len(),
        // Without a key there is no state to find, so its number does not matter.
        None => true,
    });
    if numbered {
        return keys;
    }
    keys.clear();
    row_ids.reserve(input.len());
    let mut table: HashTable<u32> = HashTable::with_capacity(input.len());
    for row in input {
        let Some(key) = row.key else {
            row_ids.push(NONE);
            continue;
        };
        let id = *table.entry(hash(0, key), |id| keys[*id as usize] == key, |id| hash(0, keys[*id as usize])).or_insert_with(|| keys.len() as u32).get();
        if id as usize == keys.len() {
            keys.push(key);
        }
        row_ids.push(id);
    }
    keys
}

/// A fixed seed: the same batch takes the same path each time.
fn hash(store: u16, key: &[u8]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_u16(store);
    hasher.write(key);
    hasher.finish()
}

fn ask(host: &mut dyn Host, wanted: Batch) -> Result<Batch, Failure> {
    let rows = wanted.len();
    let found = host.get_many(wanted)?;
    if found.len() != rows {
        return Err(Failure::Fatal(format!("asked the host for {rows} keys, it answered {}", found.len())));
    }
    Ok(found)
}
