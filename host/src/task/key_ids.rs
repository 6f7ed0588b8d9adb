//! Numbers the distinct keys of a batch, so that guests keep per-key work in a plain array instead of a hash map.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;

use crate::record::{Batch, NONE, ROW_BYTES};

/// Keeps its table from batch to batch.
#[derive(Default)]
pub struct KeyIds {
    /// (begin and end of the key in the arena, id)
    seen: HashTable<(u32, u32, u32)>,
    hasher: FxBuildHasher,
}

impl KeyIds {
    /// Sets each row's key-id; a null key keeps `NONE`.
    pub fn assign(&mut self, batch: &mut Batch) {
        self.seen.clear();
        let mut next = 0;
        let mut begin = 0;
        for n in 0..batch.index().len() / ROW_BYTES {
            let row = batch.row(n);
            let id = if row.key_is_null() { NONE } else { self.id(batch.arena(), begin, row.key_end, &mut next) };
            batch.set_key_id(n, id);
            begin = row.headers_end;
        }
    }

    fn id(&mut self, arena: &[u8], begin: u32, end: u32, next: &mut u32) -> u32 {
        let bytes = |begin: u32, end: u32| &arena[begin as usize..end as usize];
        let key = bytes(begin, end);
        let hash = |key: &[u8]| self.hasher.hash_one(key);
        match self.seen.entry(hash(key), |&(b, e, _)| bytes(b, e) == key, |&(b, e, _)| hash(bytes(b, e))) {
            Entry::Occupied(found) => found.get().2,
            Entry::Vacant(free) => {
                let id = *next;
                *next += 1;
                free.insert((begin, end, id));
                id
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BatchBuilder, Fields};

    #[test]
    fn equal_keys_share_an_id_in_order_of_appearance_and_null_has_none() {
        let mut rows = BatchBuilder::default();
        for key in [Some(&b"b"[..]), Some(b"a"), None, Some(b"b"), Some(b"")] {
            rows.push(key, Some(b"v"), Default::default(), Fields::default());
        }
        let mut batch = rows.into_batch();
        KeyIds::default().assign(&mut batch);
        assert_eq!(batch.iter().map(|r| r.key_id).collect::<Vec<_>>(), [0, 1, NONE, 0, 2]);
    }
}
