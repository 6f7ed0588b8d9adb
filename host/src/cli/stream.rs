//! `millstream stream`: list, cat, append, describe.

use std::io::BufRead;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use serde_json::json;

use super::cluster::ClusterArgs;
use super::say::Say;
use super::{DataArgs, Environment, stream_cluster};
use crate::error::HostError;
use crate::log::{Log, StreamSettings};
use crate::record::{Batch, BatchBuilder, View, jsonl};
use crate::time::parse_ms;

#[derive(Subcommand)]
pub(super) enum StreamCommand {
    /// All streams of a data folder, or topics of a cluster.
    List(Streams),
    /// Print the records of a stream.
    Cat(CatArgs),
    /// Append records from standard input; makes the stream if it is not there.
    Append(AppendArgs),
    /// Partitions, offsets, bytes and retention of a stream.
    Describe(DescribeArgs),
}

/// Where the streams are.
#[derive(Args, Clone)]
pub(super) struct Streams {
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Args)]
pub(super) struct CatArgs {
    pub stream: String,
    #[command(flatten)]
    pub of: Streams,
    /// This partition only.
    #[arg(long)]
    pub partition: Option<u32>,
    /// oldest, an offset, or a time (RFC 3339).
    #[arg(long, default_value = "oldest")]
    pub from: String,
    /// At most so many records.
    #[arg(long)]
    pub limit: Option<u64>,
    #[arg(long, value_enum, default_value_t = CatFormat::Jsonl)]
    pub format: CatFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CatFormat {
    /// A JSON object per record.
    Jsonl,
    /// The values, a line each.
    Value,
    /// A table; the fields of JSON values become columns.
    Table,
}

#[derive(Args)]
pub(super) struct AppendArgs {
    pub stream: String,
    #[command(flatten)]
    of: Streams,
    /// Lines are values, not JSON records.
    #[arg(long)]
    pub lines: bool,
    /// Partitions, if the stream is made now.
    #[arg(long, default_value_t = 4)]
    pub partitions: u32,
}

#[derive(Args)]
pub(super) struct DescribeArgs {
    stream: String,
    #[command(flatten)]
    of: Streams,
}

/// Records per write of `append`.
const APPEND_RECORDS: usize = 10_000;

pub(super) fn stream(command: &StreamCommand, environment: &Environment, say: Say) -> Result<(), HostError> {
    let (StreamCommand::List(of)
    | StreamCommand::Cat(CatArgs { of, .. })
    | StreamCommand::Append(AppendArgs { of, .. })
    | StreamCommand::Describe(DescribeArgs { of, .. })) = command;
    let cluster = of.cluster.connect(environment)?;
    match (command, cluster) {
        (StreamCommand::List(_), Some(cluster)) => stream_cluster::list(&cluster, say),
        (StreamCommand::Cat(args), Some(cluster)) => stream_cluster::cat(&cluster, args, say),
        (StreamCommand::Append(args), Some(cluster)) => stream_cluster::append(&cluster, args, say),
        (StreamCommand::Describe(args), Some(cluster)) => stream_cluster::describe(&cluster, &args.stream, say),
        (StreamCommand::List(of), None) => list(&of.data, say),
        (StreamCommand::Cat(args), None) => cat(args, say),
        (StreamCommand::Append(args), None) => append(args, say),
        (StreamCommand::Describe(args), None) => describe(args, say),
    }
}

/// Opens a data folder that must be there: a tool makes none by a slip of the pen.
pub(super) fn open(data: &DataArgs) -> Result<std::sync::Arc<Log>, HostError> {
    if !data.data.join("format").is_file() {
        let reason = "is no data folder of Millstream";
        return Err(HostError::job(data.data.display().to_string(), reason).with_help("give the folder that `millstream run` used, by --data"));
    }
    Log::open(&data.data)
}

fn list(data: &DataArgs, say: Say) -> Result<(), HostError> {
    let log = open(data)?;
    let streams = log.streams().into_iter().map(|(name, _)| log.describe(&name)).collect::<Result<Vec<_>, _>>()?;
    say.answer(&streams)?;
    for stream in &streams {
        let records: u64 = stream.partitions.iter().map(|partition| partition.next - partition.first).sum();
        say.line(&format!("{:<48} {:>4} partitions {records:>12} records", stream.name, stream.settings.partitions));
    }
    Ok(())
}

fn describe(args: &DescribeArgs, say: Say) -> Result<(), HostError> {
    let described = open(&args.of.data)?.describe(&args.stream)?;
    say.answer(&described)?;
    let mut table = Table::new();
    table.set_header(["partition", "first", "next", "bytes"]);
    for (n, partition) in described.partitions.iter().enumerate() {
        table.add_row([n.to_string(), partition.first.to_string(), partition.next.to_string(), partition.bytes.to_string()]);
    }
    say.line(&table.to_string());
    Ok(())
}

fn cat(args: &CatArgs, say: Say) -> Result<(), HostError> {
    let log = open(&args.of.data)?;
    let described = log.describe(&args.stream)?;
    let mut shown = Shown::new(args, say);
    for (n, partition) in described.partitions.iter().enumerate() {
        let n = n as u32;
        if args.partition.is_some_and(|only| only != n) {
            continue;
        }
        let (mut offset, since_ms) = match place(&args.from)? {
            From::Offset(offset) => (offset.max(partition.first), i64::MIN),
            From::Time(ms) => (partition.first, ms),
        };
        while offset < partition.next {
            let Some(batch) = log.read(&args.stream, n, offset)? else { break };
            if !shown.show(&batch, since_ms) {
                break;
            }
            offset += batch.len() as u64;
        }
    }
    shown.done();
    Ok(())
}

/// Where reading begins.
pub(super) enum From {
    Offset(u64),
    /// Event time, ms.
    Time(i64),
}

/// Reads `--from`.
pub(super) fn place(text: &str) -> Result<From, HostError> {
    match (text, text.parse::<u64>(), parse_ms(text)) {
        ("oldest" | "earliest", _, _) => Ok(From::Offset(0)),
        (_, Ok(offset), _) => Ok(From::Offset(offset)),
        (_, _, Some(ms)) => Ok(From::Time(ms)),
        _ => Err(HostError::job("--from", format!("{text:?} is no place in a stream")).with_help("oldest, an offset, or RFC 3339 text")),
    }
}

/// Records on their way to the reader's eyes.
pub(super) struct Shown {
    format: CatFormat,
    left: u64,
    rows: super::say_table::Rows,
    say: Say,
}

impl Shown {
    pub fn new(args: &CatArgs, say: Say) -> Shown {
        Shown { format: args.format, left: args.limit.unwrap_or(u64::MAX), rows: super::say_table::Rows::default(), say }
    }

    /// Shows records of a time at or after `since_ms`. `false`: that was enough.
    pub fn show(&mut self, batch: &Batch, since_ms: i64) -> bool {
        for view in batch.iter().filter(|view| view.timestamp >= since_ms) {
            let Some(left) = self.left.checked_sub(1) else { return false };
            self.left = left;
            match self.format {
                CatFormat::Jsonl => self.say.out(&jsonl::to_json(view, true).to_string()),
                CatFormat::Value => self.say.out(&String::from_utf8_lossy(view.value.unwrap_or_default())),
                CatFormat::Table => self.rows.add(view),
            }
        }
        self.left > 0
    }

    pub fn done(self) {
        if self.format == CatFormat::Table {
            self.say.out(&self.rows.table().to_string());
        }
    }
}

fn append(args: &AppendArgs, say: Say) -> Result<(), HostError> {
    let log = Log::open(&args.of.data.data)?;
    if !log.streams().iter().any(|(name, _)| *name == args.stream) {
        log.create_stream(&args.stream, &StreamSettings { partitions: args.partitions, retention_ms: None, retention_bytes: None })?;
    }
    append_lines(args, say, &mut |rows| log.append(&args.stream, rows))
}

/// Reads records from standard input and hands them over, many at a time.
pub(super) fn append_lines(args: &AppendArgs, say: Say, write: &mut dyn FnMut(&Batch) -> Result<(), HostError>) -> Result<(), HostError> {
    let mut rows = BatchBuilder::default();
    let mut written = 0;
    for (n, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.map_err(|error| HostError::external("reading standard input", error))?;
        if args.lines {
            rows.push(None, Some(line.as_bytes()), Default::default(), jsonl::unset(0));
        } else if !line.trim().is_empty() {
            let place = || format!("standard input, line {}", n + 1);
            jsonl::push_line(line.as_bytes(), &mut rows, jsonl::unset(0)).map_err(|reason| {
                HostError::job(place(), reason).with_help(format!("{written} records before it were appended; with --lines each line is a value"))
            })?;
        }
        if rows.len() >= APPEND_RECORDS {
            write(&rows.finish())?;
            written += APPEND_RECORDS;
        }
    }
    written += rows.len();
    if !rows.is_empty() {
        write(rows.as_batch())?;
    }
    say.answer(&json!({ "stream": args.stream, "appended": written }))?;
    say.line(&format!("{written} records appended to {}", args.stream));
    Ok(())
}

/// What a record says in a table: JSON objects by their fields, anything else as `value`.
pub(super) fn fields(view: View<'_>) -> Vec<(String, String)> {
    let value = view.value.unwrap_or_default();
    match serde_json::from_slice::<serde_json::Value>(value) {
        Ok(serde_json::Value::Object(object)) => object
            .into_iter()
            .map(|(name, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (name, text)
            })
            .collect(),
        _ => vec![("value".to_owned(), String::from_utf8_lossy(value).into_owned())],
    }
}
