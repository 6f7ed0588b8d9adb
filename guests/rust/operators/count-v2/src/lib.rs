//! The keyed count of `count`, one release later: its store holds text where that of version 1 has 8 bytes, little-endian, and `migrate` turns one into the other.

use millstream_sdk::layout::{Batch, BatchBuilder, Fields};
use millstream_sdk::prelude::*;
use serde::Deserialize;

const COUNTS: Store<String> = Store::new("counts", 2);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Migrating a row with this key fails, as a faulty release would. For tests.
    refuse: Option<String>,
}

pub struct Count {
    config: Config,
}

impl Operator for Count {
    type Config = Config;
    const STORES: &'static [StoreDescription] = &[COUNTS.description()];

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Count { config })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let mut seen = ctx.state(&COUNTS)?;
        let before = seen.get()?.map_or(Ok(0), |text| text.parse::<u64>()).map_err(|e| fatal(format!("a count that is no number: {e}")))?;
        let count = (before + 1).to_string();
        seen.set(&count);
        ctx.emit(Out::new(record.key, Some(count.as_bytes())))
    }

    fn migrate(&mut self, store: &str, from_version: u32, rows: &Batch, keep: &mut BatchBuilder) -> Result<(), Failure> {
        if from_version != 1 {
            return Err(Failure::Fatal(format!("version {from_version} of store `{store}` is not known here")));
        }
        for row in rows {
            let key = row.key.unwrap_or_default();
            if self.config.refuse.as_deref().is_some_and(|refuse| refuse.as_bytes() == key) {
                return Err(Failure::Fatal(format!("key {} is refused", String::from_utf8_lossy(key))));
            }
            let Some(count) = row.value.and_then(|value| value.try_into().ok()).map(u64::from_le_bytes) else {
                return Err(Failure::Fatal(format!("key {} does not hold 8 bytes", String::from_utf8_lossy(key))));
            };
            keep.push(Some(key), Some(count.to_string().as_bytes()), Default::default(), Fields::default());
        }
        Ok(())
    }
}

export_operator!(Count);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};

    #[test]
    fn counts_of_version_1_go_on_as_text() {
        let mut count = Harness::<Count>::open(()).unwrap();
        let kept = count.migrate("counts", 1, &[(b"a", &3u64.to_le_bytes()), (b"b", &u64::MAX.to_le_bytes())]).unwrap();
        let kept: Vec<_> = kept.iter().map(|row| (row.key_text(), row.value_text())).collect();
        assert_eq!(kept, [("a", "3"), ("b", "18446744073709551615")].map(|(k, v)| (k.into(), v.into())));
        assert!(count.migrate("counts", 3, &[]).is_err());
        assert!(count.migrate("counts", 1, &[(b"a", b"short")]).is_err());
    }

    #[test]
    fn it_counts() {
        let mut count = Harness::<Count>::open(()).unwrap();
        count.feed(&[Input::new("a", "x"), Input::new("a", "x")]).unwrap();
        assert_eq!(count.take_outputs().iter().map(|o| o.value_text()).collect::<Vec<_>>(), ["1", "2"]);
    }
}
