//! Filter and map: keeps the records whose value contains a text, and changes the value's case.

use millstream_sdk::prelude::*;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Records whose value does not contain this are dropped. Empty: all stay.
    keep: String,
    map: Map,
}

impl Default for Config {
    fn default() -> Self {
        Config { keep: String::new(), map: Map::Upper }
    }
}

/// What happens to ASCII letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Map {
    Upper,
    Lower,
    Same,
}

pub struct FilterMap {
    config: Config,
}

impl Operator for FilterMap {
    type Config = Config;

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        Ok(FilterMap { config })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let value = record.value_text()?;
        if !value.contains(&self.config.keep) {
            return Ok(());
        }
        ctx.emit_with(Out::of(record), |out| {
            out.put(value.as_bytes());
            match self.config.map {
                Map::Upper => out.written().make_ascii_uppercase(),
                Map::Lower => out.written().make_ascii_lowercase(),
                Map::Same => {}
            }
        })
    }
}

export_operator!(FilterMap);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};

    #[test]
    fn kept_records_are_mapped_and_others_vanish() {
        let mut op = Harness::<FilterMap>::open(serde_json::json!({ "keep": "mill" })).unwrap();
        op.feed(&[Input::new("a", "windmill"), Input::new("b", "wind"), Input::new("c", "mill é")]).unwrap();
        let out: Vec<_> = op.take_outputs().iter().map(|o| (o.from_row, o.value_text())).collect();
        assert_eq!(out, [(0, "WINDMILL".to_string()), (2, "MILL é".to_string())]);
    }

    #[test]
    fn wrong_config_is_refused_with_its_field() {
        let failure = Harness::<FilterMap>::open(serde_json::json!({ "map": "title" })).err().unwrap();
        assert!(failure.to_string().contains("`map`: unknown variant `title`"), "{failure}");
    }
}
