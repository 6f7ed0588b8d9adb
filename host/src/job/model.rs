//! What a job file says, after validation: names resolved, defaults filled in, units in the names.

use std::path::PathBuf;

use crate::operator::Limits;
use crate::time::WatermarkPolicy;

/// A validated job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub name: String,
    /// Worker threads; at least 1.
    pub workers: u32,
    pub checkpoint_interval_ms: u64,
    /// The overlay of one worker may hold so many bytes before an early checkpoint.
    pub overlay_bytes_max: usize,
    /// Each task's queue of one input, before its partition is paused.
    pub queue_records_max: usize,
    pub queue_bytes_max: usize,
    /// In the order of the file.
    pub inputs: Vec<InputSpec>,
    pub operators: Vec<OperatorSpec>,
    pub outputs: Vec<OutputSpec>,
    pub errors: Errors,
    /// How the job's streams live on Kafka, where they do.
    pub kafka: KafkaSpec,
}

/// The section `[kafka]`.
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaSpec {
    /// `host:port`, several with commas. Without it (and without `--bootstrap`) streams live in the data folder.
    pub bootstrap: Option<String>,
    /// The consumer group; `None`: the job's name.
    pub group: Option<String>,
    /// Names this host among those that share the job; `None`: a name kept in the data folder.
    pub instance: Option<String>,
    pub guarantee: Guarantee,
    /// Of topics that the job makes; `None`: as the broker has it.
    pub replication: Option<u32>,
    /// librdkafka's properties, by name.
    pub properties: Vec<(String, PropertyValue)>,
}

/// What a crash may do to a job's records on Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Nothing: outputs, state and positions are one transaction.
    ExactlyOnce,
    /// Those since the last checkpoint may be processed, and their outputs written, again.
    AtLeastOnce,
}

/// A property's value, or where it is: secrets need not stand in the job file.
#[derive(Clone, PartialEq)]
pub enum PropertyValue {
    Text(String),
    /// Of the environment variable of this name.
    Environment(String),
    /// The content of this file, without a line end.
    File(PathBuf),
}

/// Values may be secrets.
impl std::fmt::Debug for PropertyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PropertyValue::Text(_) => f.write_str("…"),
            PropertyValue::Environment(name) => write!(f, "env {name}"),
            PropertyValue::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    pub name: String,
    pub source: SourceKind,
    pub start: StartAt,
    pub lost: LostPolicy,
    pub timestamp: TimestampFrom,
    /// `None`: records set no watermark here (an operator downstream has one of its own).
    pub watermark: Option<WatermarkPolicy>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// A stream of the transport. `bounded`: stop at what was the end when the run began.
    Stream {
        stream: String,
        bounded: bool,
    },
    /// One partition per file. `follow`: wait for more at the end of the file.
    Files {
        paths: Vec<PathBuf>,
        format: FileFormat,
        follow: bool,
    },
    Stdin {
        format: FileFormat,
    },
    Generator(GeneratorSpec),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// A record per line, value = the line without its end, no key.
    Lines,
    /// A record per CSV row (quoted line ends allowed), value = the row's bytes without the line end; the first row is a header and skipped.
    Csv,
    /// A record per line, as a JSON object: `key`, `value` (strings, or any JSON value as its text; null = null), `headers` (object), `timestamp` (ms), `partition`,
    /// and `key_base64`, `value_base64` for bytes that are no text. Written in the same form; [`crate::record::jsonl`] says all of it.
    Jsonl,
}

/// Makes records `{"n":…,"pad":"…"}` under keys `key-00000000` and on, from a seed: the same seed gives the same records.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorSpec {
    pub seed: u64,
    pub partitions: u32,
    /// Records per second and partition; `None`: as fast as they are taken.
    pub rate_per_s: Option<u64>,
    /// Records per partition; `None`: without end.
    pub count: Option<u64>,
    /// Distinct keys.
    pub keys: u64,
    pub value_bytes: usize,
    /// Event time of record 0, and ms between records.
    pub first_timestamp_ms: i64,
    pub interval_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    Oldest,
    Newest,
    Timestamp(i64),
    Offset(u64),
}

/// What to do when the record to go on with is gone from its stream (retention).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostPolicy {
    /// Stop, and say which are gone.
    Fail,
    /// Go on with the oldest that is left, and say which were skipped.
    Oldest,
    /// Go on with what comes next, and say which were skipped.
    Newest,
}

/// Where a record's event time comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampFrom {
    /// The record's own (streams, JSONL); unknown where it has none.
    Record,
    /// A header with decimal ms or RFC 3339 text.
    Header(String),
    /// A top-level field of a JSON value, or a column of a CSV file: ms or RFC 3339 text.
    Field(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct OperatorSpec {
    pub name: String,
    /// The component's file, resolved against the job file's folder.
    pub component: PathBuf,
    /// Place in the list = input port number.
    pub inputs: Vec<OperatorInput>,
    /// JSON text; empty: none.
    pub config: String,
    pub stores: Vec<StoreSpec>,
    pub limits: Limits,
    /// `Some`: this operator sets event times; the watermark below it follows its outputs instead of its inputs.
    pub watermark: Option<WatermarkPolicy>,
}

/// One entry of `input = […]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorInput {
    /// Name of an input, or of an operator.
    pub from: String,
    /// Output port of that operator; empty: its default. Checked against `describe` at load.
    pub port: String,
    /// `by = "key"`: through an internal stream with so many partitions.
    pub repartition: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSpec {
    pub name: String,
    pub ttl_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OutputSpec {
    pub name: String,
    pub sink: SinkKind,
    pub from: String,
    pub port: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SinkKind {
    Stream {
        stream: String,
        options: StreamOptions,
    },
    /// One file; where the stage has several tasks, `{task}` in the path is the task's number (and must be there).
    File {
        path: PathBuf,
        format: FileFormat,
    },
    Stdout {
        format: FileFormat,
    },
}

/// For a stream that does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    pub partitions: u32,
    pub retention_ms: Option<u64>,
    pub retention_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectPolicy {
    DeadLetter,
    Skip,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    /// For rejected rows.
    pub reject: RejectPolicy,
    /// For records that make an operator trap or overrun a limit.
    pub trap: RejectPolicy,
    /// Default `<job>.dead-letters`.
    pub dead_letter_stream: String,
}
