//! The job file as serde reads it: every key that exists, and no other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::units::{Duration, Size};

pub(super) type Named<T> = BTreeMap<Spanned<String>, T>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct JobFile {
    pub name: Spanned<String>,
    pub workers: Option<Spanned<u32>>,
    #[serde(default)]
    pub checkpoint: CheckpointSection,
    #[serde(default)]
    pub queue: QueueSection,
    #[serde(default)]
    pub input: Named<InputSection>,
    #[serde(default)]
    pub operator: Named<OperatorSection>,
    #[serde(default)]
    pub output: Named<OutputSection>,
    #[serde(default)]
    pub errors: ErrorsSection,
    #[serde(default)]
    pub kafka: KafkaSection,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KafkaSection {
    pub bootstrap: Option<Spanned<String>>,
    pub group: Option<Spanned<String>>,
    pub instance: Option<Spanned<String>>,
    pub guarantee: Option<Spanned<String>>,
    pub replication: Option<Spanned<u32>>,
    #[serde(default)]
    pub properties: BTreeMap<Spanned<String>, Spanned<PropertyEntry>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum PropertyEntry {
    Text(String),
    Number(i64),
    Flag(bool),
    From(FromEntry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FromEntry {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointSection {
    pub interval: Option<Spanned<Duration>>,
    pub overlay: Option<Spanned<Size>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueSection {
    pub records: Option<Spanned<usize>>,
    pub bytes: Option<Spanned<Size>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputSection {
    pub stream: Option<Spanned<String>>,
    pub file: Option<Spanned<PathBuf>>,
    pub files: Option<Spanned<Vec<PathBuf>>>,
    pub stdin: Option<Spanned<bool>>,
    pub generator: Option<Spanned<GeneratorSection>>,
    pub format: Option<Spanned<String>>,
    pub follow: Option<Spanned<bool>>,
    pub bounded: Option<Spanned<bool>>,
    pub start: Option<Spanned<toml::Value>>,
    pub lost: Option<Spanned<String>>,
    pub timestamp: Option<Spanned<toml::Value>>,
    pub watermark: Option<Spanned<WatermarkSection>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GeneratorSection {
    #[serde(default)]
    pub seed: u64,
    pub partitions: Option<u32>,
    pub rate: Option<u64>,
    pub count: Option<u64>,
    pub keys: Option<u64>,
    pub value_bytes: Option<Size>,
    pub first_timestamp: Option<String>,
    pub interval: Option<Duration>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WatermarkSection {
    pub disorder: Option<Duration>,
    pub step: Option<Duration>,
    pub idle: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorSection {
    pub component: Spanned<PathBuf>,
    pub input: Spanned<Vec<Spanned<InputEntry>>>,
    pub config: Option<toml::Value>,
    pub stores: Option<Vec<Spanned<StoreEntry>>>,
    #[serde(default)]
    pub limits: LimitsSection,
    pub watermark: Option<Spanned<WatermarkSection>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum InputEntry {
    Name(String),
    Edge(EdgeEntry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EdgeEntry {
    pub from: String,
    pub by: Option<String>,
    pub partitions: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum StoreEntry {
    Name(String),
    Store { name: String, ttl: Option<Duration> },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LimitsSection {
    pub memory: Option<Spanned<Size>>,
    pub call: Option<Spanned<Duration>>,
    pub output: Option<Spanned<Size>>,
    pub batch_records: Option<Spanned<usize>>,
    pub batch_bytes: Option<Spanned<Size>>,
    pub recycle: Option<Spanned<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputSection {
    pub from: Spanned<String>,
    pub stream: Option<Spanned<String>>,
    pub file: Option<Spanned<PathBuf>>,
    pub stdout: Option<Spanned<bool>>,
    pub format: Option<Spanned<String>>,
    pub partitions: Option<Spanned<u32>>,
    pub retention: Option<Spanned<RetentionSection>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSection {
    pub time: Option<Duration>,
    pub size: Option<Size>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorsSection {
    pub reject: Option<Spanned<String>>,
    pub trap: Option<Spanned<String>>,
    pub stream: Option<Spanned<String>>,
}
