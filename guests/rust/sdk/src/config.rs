//! Decodes an operator's config, and says where it is wrong.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Failure;

/// For operators without a config: anything but `{}` is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Decodes a config. None given is the same as `{}`, so a config whose fields all have defaults may be left out.
pub(crate) fn decode<C: DeserializeOwned>(json: &[u8]) -> Result<C, Failure> {
    let json = if json.is_empty() { b"{}" } else { json };
    from_json(json).map_err(|reason| Failure::Fatal(format!("config: {reason}")))
}

/// Decodes JSON; the error begins with the path of the wrong field where there is one.
pub(crate) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| match e.path().to_string().as_str() {
        "." => e.inner().to_string(),
        path => format!("`{path}`: {}", e.inner()),
    })?;
    reader.end().map_err(|e| e.to_string())?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[allow(dead_code)]
        windows: Vec<Window>,
    }

    #[derive(Debug, Deserialize)]
    struct Window {
        #[allow(dead_code)]
        size_ms: u64,
    }

    #[test]
    fn wrong_field_is_named_with_its_path() {
        let failure = decode::<Config>(br#"{"windows":[{"size_ms":1},{"size_ms":"long"}]}"#).unwrap_err();
        let Failure::Fatal(text) = failure else { panic!("{failure}") };
        assert!(text.starts_with("config: `windows[1].size_ms`: invalid type: string \"long\", expected u64"), "{text}");
    }

    #[test]
    fn missing_and_unknown_fields_are_named() {
        let text = |json: &[u8]| decode::<Config>(json).unwrap_err().to_string();
        assert!(text(b"").contains("missing field `windows`"), "{}", text(b""));
        assert!(text(br#"{"windows":[],"window":1}"#).contains("unknown field `window`"));
        assert!(text(br#"{"windows":[]} x"#).contains("trailing characters"));
    }

    #[test]
    fn no_config_takes_nothing_but_an_empty_one() {
        assert!(decode::<NoConfig>(b"").is_ok());
        assert!(decode::<NoConfig>(b" { } ").is_ok());
        assert!(decode::<NoConfig>(br#"{"a":1}"#).is_err());
        assert!(decode::<NoConfig>(b"null").is_err());
    }
}
