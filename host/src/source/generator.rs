//! Records from a seed: each one follows from its number alone, so any position can be read again. A rate counts from the moment of the start, or restart.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use super::{InputPartition, PollBudget, Polled, Source, Start};
use crate::error::HostError;
use crate::job::GeneratorSpec;
use crate::record::{BatchBuilder, Fields, NONE, Offset};
use crate::time::Clock;

/// Makes `{"n":…,"pad":"…"}` under keys `key-00000000` and on.
pub struct GeneratorSource {
    spec: GeneratorSpec,
    clock: Arc<dyn Clock>,
    assigned: BTreeMap<InputPartition, Assigned>,
    key: Vec<u8>,
    value: Vec<u8>,
}

struct Assigned {
    position: Offset,
    began_at: Offset,
    began_ms: i64,
    paused: bool,
    told_end: bool,
}

impl GeneratorSource {
    pub fn new(spec: GeneratorSpec, clock: Arc<dyn Clock>) -> Self {
        GeneratorSource { spec, clock, assigned: BTreeMap::new(), key: Vec::new(), value: Vec::new() }
    }
}

/// What a key takes, and what surrounds a number in a value, bytes.
const KEY_BYTES: usize = 32;

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Source for GeneratorSource {
    fn assign(&mut self, at: InputPartition, start: Start) -> Result<Offset, HostError> {
        let position = match start {
            Start::At(position) => position,
            // Nothing is there before it is asked for: the newest is the first.
            Start::Oldest | Start::Newest => 0,
            Start::Timestamp(ms) => {
                let (after_ms, interval_ms) = (ms.saturating_sub(self.spec.first_timestamp_ms).max(0) as u64, self.spec.interval_ms.max(0) as u64);
                if interval_ms == 0 { 0 } else { after_ms.div_ceil(interval_ms) }
            }
        };
        let began_ms = self.clock.now_ms();
        self.assigned.insert(at, Assigned { position, began_at: position, began_ms, paused: false, told_end: false });
        Ok(position)
    }

    fn revoke(&mut self, at: InputPartition) {
        self.assigned.remove(&at);
    }

    fn pause(&mut self, at: InputPartition, paused: bool) {
        if let Some(assigned) = self.assigned.get_mut(&at) {
            assigned.paused = paused;
        }
    }

    fn poll(&mut self, budget: PollBudget, found: &mut Vec<Polled>) -> Result<(), HostError> {
        let now_ms = self.clock.now_ms();
        let share = (budget.records_max / self.assigned.len().max(1)).max(1) as u64;
        let bytes_share = budget.bytes_max / self.assigned.len().max(1);
        for (at, assigned) in self.assigned.iter_mut().filter(|(_, assigned)| !assigned.paused) {
            let due = self.spec.rate_per_s.map(|rate| assigned.began_at + ((now_ms - assigned.began_ms).max(0) as u64).saturating_mul(rate) / 1_000);
            let last = self.spec.count.unwrap_or(u64::MAX);
            let until = assigned.position.saturating_add(share).min(last).min(due.unwrap_or(u64::MAX)).max(assigned.position);
            let expected = (until - assigned.position) as usize;
            let mut rows = BatchBuilder::with_capacity(expected, expected.saturating_mul(self.spec.value_bytes.saturating_add(KEY_BYTES)).min(bytes_share));
            for n in assigned.position..until {
                let random = mix(self.spec.seed ^ mix(u64::from(at.partition)) ^ n);
                self.key.clear();
                self.value.clear();
                // Writing to a vector cannot fail.
                let _written = write!(self.key, "key-{:08}", random % self.spec.keys).and_then(|()| write!(self.value, "{{\"n\":{n},\"pad\":\""));
                self.value.resize(self.spec.value_bytes.saturating_sub(2).max(self.value.len()), b'.');
                self.value.extend_from_slice(b"\"}");
                let timestamp = self.spec.first_timestamp_ms.saturating_add((n as i64).saturating_mul(self.spec.interval_ms));
                let fields = Fields { port: 0, timestamp, offset: n as i64, partition: at.partition, key_id: NONE };
                rows.push(Some(&self.key), Some(&self.value), Default::default(), fields);
                assigned.position = n + 1;
                if rows.bytes() >= bytes_share {
                    break;
                }
            }
            if !rows.is_empty() {
                found.push(Polled::Records { at: *at, batch: rows.into_batch(), next: assigned.position });
            }
            if assigned.position >= last && !assigned.told_end {
                assigned.told_end = true;
                found.push(Polled::End { at: *at });
            }
        }
        Ok(())
    }

    fn end(&mut self, _at: InputPartition) -> Result<Option<Offset>, HostError> {
        Ok(self.spec.count)
    }
}
