//! `millstream state` on a Kafka cluster: a store as its changelog has it, read from the beginning to the end. What it shows is held in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::say::Say;
use super::state::{Asked, row};
use crate::changelog::{Entry, entry};
use crate::error::HostError;
use crate::kafka::Cluster;
use crate::state::{LAYOUTS, StorePlace, without_expiry};

const SUFFIX: &str = ".changelog";

/// Committed entries: task and key → value.
type Entries = BTreeMap<(u32, Vec<u8>), Vec<u8>>;

/// The changelogs that may hold the store asked for: all, or those of a job.
fn changelogs(cluster: &Cluster, job: Option<&str>) -> Result<Vec<(String, u32)>, HostError> {
    let topics = cluster.topics()?.into_iter().filter(|(name, _)| name.ends_with(SUFFIX));
    Ok(topics.filter(|(name, _)| job.is_none_or(|job| name.strip_prefix(job).is_some_and(|rest| rest.starts_with('.')))).collect())
}

/// What is called with each entry: changelog, task, entry, value.
type Visit<'a> = &'a mut dyn FnMut(&str, u32, Entry<'_>, Option<&[u8]>);

/// Reads all changelogs and hands over each entry, in order.
fn each(cluster: &Arc<Cluster>, job: Option<&str>, visit: Visit<'_>) -> Result<(), HostError> {
    for (topic, partitions) in changelogs(cluster, job)? {
        for partition in 0..partitions {
            cluster.read(&topic, partition, 0, &mut |batch| {
                for record in batch {
                    if let Some(entry) = entry(record.key.unwrap_or_default()) {
                        visit(&topic, partition, entry, record.value);
                    }
                }
                true
            })?;
        }
    }
    Ok(())
}

/// Which stores there are: changelog, operator, store.
pub(super) fn list(cluster: &Arc<Cluster>, job: Option<&str>, say: Say) -> Result<(), HostError> {
    let mut found = std::collections::BTreeSet::new();
    each(cluster, job, &mut |topic, _, entry, _| {
        if let Entry::State { operator, store, .. } = entry {
            found.insert((topic.to_owned(), operator.to_owned(), store.to_owned()));
        }
    })?;
    for (changelog, operator, store) in found {
        say.out(&json!({ "changelog": changelog, "operator": operator, "store": store }).to_string());
    }
    Ok(())
}

/// What the changelogs say of one operator's store.
#[derive(Default)]
struct Found {
    /// By place: see [`StorePlace`].
    entries: [Entries; 2],
    places: BTreeMap<u32, StorePlace>,
    expires: bool,
    /// It has, or had, rows.
    known: bool,
}

impl Found {
    fn take(&mut self, asked: &str, task: u32, (store, key): (&str, &[u8]), value: Option<&[u8]>) -> Result<(), HostError> {
        if store == LAYOUTS {
            if key == asked.as_bytes() {
                self.expires |= value.is_some();
            } else if StorePlace::store_of(key) == Some(asked.as_bytes()) {
                self.places.insert(task, StorePlace::decode(value, asked)?);
            }
        } else if let Some(second) = StorePlace::is_second(asked, store) {
            self.known = true;
            let entries = &mut self.entries[usize::from(second)];
            match value {
                Some(value) => drop(entries.insert((task, key.to_vec()), value.to_vec())),
                None => drop(entries.remove(&(task, key.to_vec()))),
            }
        }
        Ok(())
    }

    /// The rows that are the store's, as the operator wrote them.
    fn into_entries(self) -> Entries {
        let Found { entries: [first, second], places, expires, .. } = self;
        let lies_in = |task: &u32, second: bool| places.get(task).is_some_and(|place| place.second) == second;
        let first = first.into_iter().filter(|((task, _), _)| lies_in(task, false));
        let all = first.chain(second.into_iter().filter(|((task, _), _)| lies_in(task, true)));
        all.map(|(key, stored)| (key, if expires { without_expiry(&stored).to_vec() } else { stored })).collect()
    }
}

/// The store's entries, as its changelog ends.
fn entries(cluster: &Arc<Cluster>, asked: &Asked<'_>) -> Result<Entries, HostError> {
    let mut by_operator: BTreeMap<(String, String), Found> = BTreeMap::new();
    let mut taken = Ok(());
    each(cluster, asked.job, &mut |topic, task, entry, value| {
        let Entry::State { operator, store, key } = entry else { return };
        if taken.is_ok() && asked.operator.is_none_or(|only| only == operator) {
            let found = by_operator.entry((topic.to_owned(), operator.to_owned())).or_default();
            taken = found.take(asked.store, task, (store, key), value);
        }
    })?;
    taken?;
    let mut found = by_operator.into_values().filter(|found| found.known);
    match (found.next(), found.next()) {
        (Some(found), None) => Ok(found.into_entries()),
        (Some(_), Some(_)) => Err(HostError::job(asked.store, "several operators have such a store").with_help("say which by --job and --operator")),
        (None, _) => Err(HostError::job(asked.store, "there is no such store").with_help("`millstream state scan --bootstrap …` shows which there are")),
    }
}

pub(super) fn get(cluster: &Arc<Cluster>, asked: &Asked<'_>, key: &str, say: Say) -> Result<(), HostError> {
    let entries = entries(cluster, asked)?;
    let found = entries.iter().find(|((_, found), _)| found == key.as_bytes());
    let ((task, _), value) = found.ok_or_else(|| HostError::job(key, format!("store `{}` has no such key", asked.store)))?;
    say.out(&row(*task, key.as_bytes(), Some(value)).to_string());
    Ok(())
}

pub(super) fn scan(cluster: &Arc<Cluster>, asked: &Asked<'_>, prefix: &str, limit: usize, say: Say) -> Result<(), HostError> {
    let entries = entries(cluster, asked)?;
    for ((task, key), value) in entries.iter().filter(|((_, key), _)| key.starts_with(prefix.as_bytes())).take(limit) {
        say.out(&row(*task, key, Some(value)).to_string());
    }
    Ok(())
}
