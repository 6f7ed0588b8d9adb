//! Sizes, durations and times as people write them in a job file.

use serde::{Deserialize, Deserializer, de};

/// Bytes: a number, or text such as "64MiB", "10 kB".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub u64);

/// Milliseconds: text such as "100ms", "1.5s", "10m", "26h", "7d".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration(pub u64);

const SIZES: [(&str, u64); 8] =
    [("b", 1), ("kb", 1_000), ("mb", 1_000_000), ("gb", 1_000_000_000), ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("", 1)];
const DURATIONS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (text[..split].parse::<f64>().ok()?, text[split..].trim().to_ascii_lowercase());
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    let value = number * *factor as f64;
    (value >= 0.0 && value < i64::MAX as f64).then_some(value.round() as u64)
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Number(u64),
            Text(String),
        }
        match Raw::deserialize(from).map_err(|_| de::Error::custom("expected a size, such as \"64MiB\""))? {
            Raw::Number(bytes) => Ok(Size(bytes)),
            Raw::Text(text) => scaled(&text, &SIZES)
                .map(Size)
                .ok_or_else(|| de::Error::custom(format!("{text:?} is no size; expected bytes, or text such as \"64MiB\", \"10kB\""))),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from).map_err(|_| de::Error::custom("expected a duration, such as \"100ms\""))?;
        scaled(&text, &DURATIONS)
            .map(Duration)
            .ok_or_else(|| de::Error::custom(format!("{text:?} is no duration; expected a number with ms, s, m, h or d, such as \"100ms\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale_and_nonsense_is_nothing() {
        assert_eq!(scaled("64MiB", &SIZES), Some(64 << 20));
        assert_eq!(scaled("1.5 kB", &SIZES), Some(1_500));
        assert_eq!(scaled("26h", &DURATIONS), Some(93_600_000));
        for wrong in ["", "h", "10", "-1s", "1y", "1e99d"] {
            assert_eq!(scaled(wrong, &DURATIONS), None, "{wrong}");
        }
    }
}
