//! Where a store's rows lie: under its name, or in a second place beside it, into which a migration wrote them anew. Noted per task, in [`super::LAYOUTS`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{LAYOUTS, StateStore, StoreHandle, StoreId};
use crate::error::HostError;

/// A migration that is under way: rows up to `after` are in the other place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewriting {
    /// Of the component that rewrites: what another one wrote is not gone on with.
    pub digest: String,
    /// The version that the rows get.
    pub version: u32,
    /// The last key that was rewritten; `None`: none yet.
    pub after: Option<Vec<u8>>,
}

/// The note of one store in one task. A store that never migrated has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePlace {
    /// Rows lie in the second place.
    pub second: bool,
    /// The place where they do not lie holds rows that nobody needs.
    pub stale: bool,
    pub rewriting: Option<Rewriting>,
}

impl StorePlace {
    /// Its key among the layouts. No store's name has a NUL.
    pub fn key(store: &str) -> Vec<u8> {
        [store.as_bytes(), b"\0place"].concat()
    }

    /// The store whose place a layout's key notes; `None`: it notes something else.
    pub fn store_of(key: &[u8]) -> Option<&[u8]> {
        key.strip_suffix(b"\0place")
    }

    /// Reads a note. `store` names it for the error.
    pub fn decode(note: Option<&[u8]>, store: &str) -> Result<StorePlace, HostError> {
        let note = note.map(serde_json::from_slice).transpose();
        note.map(Option::unwrap_or_default).map_err(|error| {
            HostError::storage(format!("the note on where store `{store}` lies"), format!("cannot be read: {error}"))
                .with_help("it was written by a newer Millstream: use that one, or another data folder and job name")
        })
    }

    /// The note as it is kept; `None`: there is nothing to note.
    pub fn encode(&self) -> Option<Vec<u8>> {
        (*self != StorePlace::default()).then(|| serde_json::json!(self).to_string().into_bytes())
    }

    /// Of a name in the database: which place of `store` that is; `None`: another store's.
    pub fn is_second(store: &str, found: &str) -> Option<bool> {
        [false, true].into_iter().find(|second| name(store, *second) == found)
    }

    /// What the store with the rows is called in the database.
    pub fn name(&self, store: &str) -> String {
        name(store, self.second)
    }

    /// And the other one.
    pub fn other(&self, store: &str) -> String {
        name(store, !self.second)
    }

    /// Looks it up in a task's layouts.
    pub fn find(below: &dyn StateStore, layouts: StoreHandle, store: &str) -> Result<StorePlace, HostError> {
        let mut place = Ok(StorePlace::default());
        below.get_many(layouts, &[&StorePlace::key(store)], &mut |_, note| place = StorePlace::decode(note, store))?;
        place
    }
}

fn name(store: &str, second: bool) -> String {
    if second { format!("{store}$2") } else { store.to_owned() }
}

impl super::RocksStore {
    /// The id under which a store's rows lie in a task.
    pub fn located(&self, id: &StoreId) -> Result<StoreId, HostError> {
        let Some(layouts) = self.find(&StoreId { store: LAYOUTS.to_owned(), ..id.clone() })? else { return Ok(id.clone()) };
        let place = StorePlace::find(self, layouts, &id.store)?;
        Ok(StoreId { store: place.name(&id.store), ..id.clone() })
    }

    /// The tasks that have rows of a store, wherever they lie.
    pub fn tasks_of(&self, id: &StoreId) -> Result<BTreeSet<u32>, HostError> {
        let mut tasks = BTreeSet::new();
        for second in [false, true] {
            tasks.extend(self.tasks(&StoreId { store: name(&id.store, second), ..id.clone() })?);
        }
        Ok(tasks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_never_migrated_has_no_note_and_others_come_back_as_they_were() {
        assert_eq!((StorePlace::default().encode(), StorePlace::decode(None, "s").unwrap()), (None, StorePlace::default()));
        let place = StorePlace { second: true, stale: true, rewriting: Some(Rewriting { digest: "d".to_owned(), version: 3, after: Some(vec![0, 255]) }) };
        assert_eq!(StorePlace::decode(place.encode().as_deref(), "s").unwrap(), place);
        assert_eq!((place.name("s"), place.other("s")), ("s$2".to_owned(), "s".to_owned()));
        assert_eq!(StorePlace::store_of(&StorePlace::key("s")), Some(&b"s"[..]));
        let wrong = StorePlace::decode(Some(b"{"), "s").unwrap_err().to_string();
        assert!(wrong.starts_with("the note on where store `s` lies: cannot be read"), "{wrong}");
    }
}
