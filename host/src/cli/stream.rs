//! `millstream stream`: list, cat, append, describe.

use std::io::BufRead;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use serde_json::json;

use super::DataArgs;
use super::say::Say;
use crate::error::HostError;
use crate::log::{Log, StreamSettings};
use crate::record::{BatchBuilder, View, jsonl};
use crate::time::parse_ms;

#[derive(Subcommand)]
pub(super) enum StreamCommand {
    /// All streams of a data folder.
    List(DataArgs),
    /// Print the records of a stream.
    Cat(CatArgs),
    /// Append records from standard input; makes the stream if it is not there.
    Append(AppendArgs),
    /// Partitions, offsets, bytes and retention of a stream.
    Describe(DescribeArgs),
}

#[derive(Args)]
pub(super) struct CatArgs {
    stream: String,
    #[command(flatten)]
    data: DataArgs,
    /// This partition only.
    #[arg(long)]
    partition: Option<u32>,
    /// oldest, an offset, or a time (RFC 3339).
    #[arg(long, default_value = "oldest")]
    from: String,
    /// At most so many records.
    #[arg(long)]
    limit: Option<u64>,
    #[arg(long, value_enum, default_value_t = CatFormat::Jsonl)]
    format: CatFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CatFormat {
    /// A JSON object per record.
    Jsonl,
    /// The values, a line each.
    Value,
    /// A table; the fields of JSON values become columns.
    Table,
}

#[derive(Args)]
pub(super) struct AppendArgs {
    stream: String,
    #[command(flatten)]
    data: DataArgs,
    /// Lines are values, not JSON records.
    #[arg(long)]
    lines: bool,
    /// Partitions, if the stream is made now.
    #[arg(long, default_value_t = 4)]
    partitions: u32,
}

#[derive(Args)]
pub(super) struct DescribeArgs {
    stream: String,
    #[command(flatten)]
    data: DataArgs,
}

/// Records per write of `append`.
const APPEND_RECORDS: usize = 10_000;

pub(super) fn stream(command: &StreamCommand, say: Say) -> Result<(), HostError> {
    match command {
        StreamCommand::List(data) => list(data, say),
        StreamCommand::Cat(args) => cat(args, say),
        StreamCommand::Append(args) => append(args, say),
        StreamCommand::Describe(args) => describe(args, say),
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
    let described = open(&args.data)?.describe(&args.stream)?;
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
    let log = open(&args.data)?;
    let described = log.describe(&args.stream)?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut rows = super::say_table::Rows::default();
    for (n, partition) in described.partitions.iter().enumerate() {
        let n = n as u32;
        if args.partition.is_some_and(|only| only != n) {
            continue;
        }
        let (mut offset, since_ms) = match (args.from.as_str(), args.from.parse::<u64>(), parse_ms(&args.from)) {
            ("oldest" | "earliest", _, _) => (partition.first, i64::MIN),
            (_, Ok(offset), _) => (offset.max(partition.first), i64::MIN),
            (_, _, Some(ms)) => (partition.first, ms),
            _ => return Err(HostError::job("--from", format!("{:?} is no place in a stream", args.from)).with_help("oldest, an offset, or RFC 3339 text")),
        };
        while offset < partition.next && left > 0 {
            let Some(batch) = log.read(&args.stream, n, offset)? else { break };
            for view in batch.iter().filter(|view| view.timestamp >= since_ms).take(usize::try_from(left).unwrap_or(usize::MAX)) {
                left -= 1;
                match args.format {
                    CatFormat::Jsonl => say.out(&jsonl::to_json(view, true).to_string()),
                    CatFormat::Value => say.out(&String::from_utf8_lossy(view.value.unwrap_or_default())),
                    CatFormat::Table => rows.add(view),
                }
            }
            offset += batch.len() as u64;
        }
    }
    if args.format == CatFormat::Table {
        say.out(&rows.table().to_string());
    }
    Ok(())
}

fn append(args: &AppendArgs, say: Say) -> Result<(), HostError> {
    let log = Log::open(&args.data.data)?;
    if !log.streams().iter().any(|(name, _)| *name == args.stream) {
        log.create_stream(&args.stream, &StreamSettings { partitions: args.partitions, retention_ms: None, retention_bytes: None })?;
    }
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
            log.append(&args.stream, &rows.finish())?;
            written += APPEND_RECORDS;
        }
    }
    written += rows.len();
    if !rows.is_empty() {
        log.append(&args.stream, rows.as_batch())?;
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
