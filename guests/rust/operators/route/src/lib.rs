//! Several outputs: a record goes to the port whose list has the text of one field of its JSON value; others go to `rest`.

use millstream_sdk::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};

const PORTS: [Port; 3] = [Port::new("a"), Port::new("b"), Port::new("c")];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The field to look at. A value that is no text is compared as JSON writes it.
    field: String,
    /// Texts that go to the port of that name.
    #[serde(default)]
    a: Vec<String>,
    #[serde(default)]
    b: Vec<String>,
    #[serde(default)]
    c: Vec<String>,
}

pub struct Route {
    config: Config,
}

impl Operator for Route {
    type Config = Config;
    const OUTPUTS: &'static [&'static str] = &["rest", "a", "b", "c"];

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Route { config })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let value: Map<String, Value> = record.value_json()?;
        let text = match value.get(&self.config.field) {
            None => return ctx.emit(Out::of(record)),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let lists = [&self.config.a, &self.config.b, &self.config.c];
        match lists.iter().position(|list| list.contains(&text)) {
            Some(port) => ctx.emit(Out::of(record).to(PORTS[port])),
            None => ctx.emit(Out::of(record)),
        }
    }
}

export_operator!(Route);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};

    #[test]
    fn field_decides_the_port() {
        let mut op = Harness::<Route>::open(serde_json::json!({ "field": "kind", "a": ["x", "1"], "c": ["y"] })).unwrap();
        let values = [r#"{"kind":"x"}"#, r#"{"kind":1}"#, r#"{"kind":"y"}"#, r#"{"kind":"z"}"#, "{}", "[]"];
        op.feed(&values.map(|value| Input::new("k", value))).unwrap();
        assert_eq!(op.take_outputs().iter().map(|o| o.port.clone()).collect::<Vec<_>>(), ["a", "a", "c", "rest", "rest"]);
        assert_eq!(op.take_rejects()[0].row, 5);
    }
}
