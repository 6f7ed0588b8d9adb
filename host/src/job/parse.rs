//! From a job file's text to a [`Job`]: each value checked at its place, so that an error can point there.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::file::{ErrorsSection, GeneratorSection, InputSection, JobFile, OutputSection, WatermarkSection};
use super::model::{
    Errors, FileFormat, GeneratorSpec, InputSpec, Job, LostPolicy, OutputSpec, RejectPolicy, SinkKind, SourceKind, StartAt, StreamOptions, TimestampFrom,
};
use super::{graph, operators, units};
use crate::error::{HostError, JobFileError};
use crate::time::{WatermarkPolicy, parse_ms};

const WORKERS_MAX: u32 = 256;
pub(super) const PARTITIONS_MAX: u32 = 10_000;
const PARTITIONS: u32 = 4;
const CHECKPOINT_MS: u64 = 100;
const OVERLAY_BYTES: u64 = 64 << 20;
const QUEUE_RECORDS: usize = 65_536;
const QUEUE_BYTES: u64 = 32 << 20;

/// A job file being read: what errors point into.
pub(super) struct Reader<'a> {
    pub path: &'a Path,
    pub text: &'a str,
}

impl Reader<'_> {
    pub fn error(&self, span: Range<usize>, reason: impl Into<String>, help: &str) -> HostError {
        let (path, text) = (self.path.display().to_string(), self.text.to_owned());
        HostError::JobFile(Box::new(JobFileError { path, text, span, reason: reason.into(), help: (!help.is_empty()).then(|| help.to_owned()) }))
    }

    /// A path of the file, against the file's folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// A value within bounds, or its default.
    pub fn bounded<T: PartialOrd + Copy + std::fmt::Display>(&self, value: Option<&Spanned<T>>, default: T, least: T, most: T) -> Result<T, HostError> {
        match value {
            None => Ok(default),
            Some(value) if *value.as_ref() >= least && *value.as_ref() <= most => Ok(*value.as_ref()),
            Some(value) => Err(self.error(value.span(), format!("{} is out of range", value.as_ref()), &format!("expected {least} to {most}"))),
        }
    }

    pub fn name(&self, name: &Spanned<String>, what: &str) -> Result<String, HostError> {
        let text = name.as_ref();
        let fine = !text.is_empty() && text.len() <= 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !fine {
            return Err(self.error(name.span(), format!("{text:?} cannot be the name of {what}"), "use letters, digits, `-` and `_`, at most 100 of them"));
        }
        Ok(text.clone())
    }

    pub fn watermark(&self, section: Option<&Spanned<WatermarkSection>>) -> Result<Option<WatermarkPolicy>, HostError> {
        let Some(section) = section else { return Ok(None) };
        let WatermarkSection { disorder, step, idle } = *section.as_ref();
        let default = WatermarkPolicy::default();
        let step_ms = step.map_or(default.step_ms, |step| step.0 as i64);
        if step_ms == 0 {
            return Err(self.error(section.span(), "a watermark's step of 0 would never move", "leave it out (1s), or make it 1ms or more"));
        }
        Ok(Some(WatermarkPolicy { disorder_ms: disorder.map_or(0, |disorder| disorder.0 as i64), step_ms, idle_ms: idle.map(|idle| idle.0 as i64) }))
    }

    pub fn format(&self, value: Option<&Spanned<String>>, default: FileFormat) -> Result<FileFormat, HostError> {
        let Some(value) = value else { return Ok(default) };
        match value.as_ref().as_str() {
            "lines" => Ok(FileFormat::Lines),
            "csv" => Ok(FileFormat::Csv),
            "jsonl" => Ok(FileFormat::Jsonl),
            other => Err(self.error(value.span(), format!("there is no format {other:?}"), "expected \"lines\", \"csv\" or \"jsonl\"")),
        }
    }
}

impl Job {
    /// Reads and validates a job file. Components are not looked at yet.
    pub fn read(path: &Path) -> Result<Job, HostError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            HostError::job(path.display().to_string(), format!("cannot be read: {error}")).with_help("give the path of a job file, such as job.toml")
        })?;
        Job::parse(path, &text)
    }

    /// The same from text; paths in it count from `path`'s folder.
    pub fn parse(path: &Path, text: &str) -> Result<Job, HostError> {
        let reader = Reader { path, text };
        let file: JobFile = toml::from_str(text).map_err(|error| unreadable(&reader, &error))?;
        let mut inputs = Vec::new();
        for (name, section) in in_order(file.input) {
            inputs.push(input(&reader, &name, section)?);
        }
        let mut outputs = Vec::new();
        let mut places = graph::Places::default();
        for (name, section) in in_order(file.output) {
            places.outputs.push(section.from.span());
            outputs.push(output(&reader, &name, section)?);
        }
        let mut operators = Vec::new();
        for (name, section) in in_order(file.operator) {
            operators.push(operators::operator(&reader, &name, section, &mut places)?);
        }
        let size = |size: Option<&Spanned<units::Size>>, default: u64| size.map_or(default, |size| size.as_ref().0) as usize;
        let interval = file.checkpoint.interval.as_ref().map_or(CHECKPOINT_MS, |interval| interval.as_ref().0);
        let name = reader.name(&file.name, "a job")?;
        let job = Job {
            workers: reader.bounded(file.workers.as_ref(), 1, 1, WORKERS_MAX)?,
            checkpoint_interval_ms: interval.max(1),
            overlay_bytes_max: size(file.checkpoint.overlay.as_ref(), OVERLAY_BYTES).max(1),
            queue_records_max: reader.bounded(file.queue.records.as_ref(), QUEUE_RECORDS, 1, 100_000_000)?,
            queue_bytes_max: size(file.queue.bytes.as_ref(), QUEUE_BYTES).max(1),
            errors: errors(&reader, &name, &file.errors)?,
            kafka: super::kafka::section(&reader, file.kafka)?,
            name,
            inputs,
            operators,
            outputs,
        };
        graph::check(&reader, &job, &places)?;
        Ok(job)
    }
}

/// Sections in the order of the file.
fn in_order<T>(sections: super::file::Named<T>) -> Vec<(Spanned<String>, T)> {
    let mut sections: Vec<_> = sections.into_iter().collect();
    sections.sort_by_key(|(name, _)| name.span().start);
    sections
}

/// Serde's own words, at its place, with the key that was probably meant.
fn unreadable(reader: &Reader<'_>, error: &toml::de::Error) -> HostError {
    let message = error.message().to_owned();
    let mut help = String::new();
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some((key, expected)) = rest.split_once('`')
    {
        let known = expected.split('`').skip(1).step_by(2);
        let near = known.map(|name| (strsim::damerau_levenshtein(key, name), name)).min();
        if let Some((distance, name)) = near
            && distance <= 2
        {
            help = format!("did you mean `{name}`?");
        }
    }
    reader.error(error.span().unwrap_or(0..0), message, &help)
}

fn input(reader: &Reader<'_>, name: &Spanned<String>, section: InputSection) -> Result<InputSpec, HostError> {
    let kinds = [section.stream.is_some(), section.file.is_some(), section.files.is_some(), section.stdin.is_some(), section.generator.is_some()];
    if kinds.iter().filter(|is| **is).count() != 1 {
        let help = "give exactly one of `stream`, `file`, `files`, `stdin = true`, `generator`";
        return Err(reader.error(name.span(), format!("input `{}` must say where its records come from, once", name.as_ref()), help));
    }
    let flag = |flag: &Option<Spanned<bool>>| flag.as_ref().is_some_and(|flag| *flag.as_ref());
    let is_file = section.file.is_some() || section.files.is_some();
    for (key, given, fits) in [
        ("bounded", section.bounded.as_ref().map(Spanned::span), section.stream.is_some()),
        ("start", section.start.as_ref().map(Spanned::span), section.stream.is_some()),
        ("lost", section.lost.as_ref().map(Spanned::span), section.stream.is_some()),
        ("follow", section.follow.as_ref().map(Spanned::span), is_file),
        ("format", section.format.as_ref().map(Spanned::span), is_file || section.stdin.is_some()),
    ] {
        if let (Some(span), false) = (given, fits) {
            return Err(reader.error(span, format!("`{key}` means nothing for this kind of input"), "leave it out"));
        }
    }
    let format = reader.format(section.format.as_ref(), FileFormat::Lines)?;
    let (bounded, follow) = (flag(&section.bounded), flag(&section.follow));
    let files = section.files.map(|files| (files.span(), files.into_inner()));
    let files = files.or_else(|| section.file.map(|file| (file.span(), vec![file.into_inner()])));
    let source = match (section.stream, files, section.generator) {
        (Some(stream), _, _) => SourceKind::Stream { stream: stream.into_inner(), bounded },
        (_, Some((span, paths)), _) => {
            let paths: Vec<PathBuf> = paths.iter().map(|path| reader.resolve(path)).collect();
            if paths.is_empty() {
                return Err(reader.error(span, "no file is named", "give at least one"));
            }
            if let Some(missing) = paths.iter().find(|path| !path.is_file()) {
                return Err(reader.error(span, format!("there is no file {}", missing.display()), "paths count from the job file's folder"));
            }
            SourceKind::Files { paths, format, follow }
        }
        (_, _, Some(generator)) => SourceKind::Generator(self::generator(reader, &generator)?),
        _ => SourceKind::Stdin { format },
    };
    Ok(InputSpec {
        name: reader.name(name, "an input")?,
        source,
        start: start(reader, section.start.as_ref())?,
        lost: lost(reader, section.lost.as_ref())?,
        timestamp: timestamp(reader, section.timestamp.as_ref())?,
        watermark: reader.watermark(section.watermark.as_ref())?,
    })
}

fn generator(reader: &Reader<'_>, section: &Spanned<GeneratorSection>) -> Result<GeneratorSpec, HostError> {
    let GeneratorSection { seed, partitions, rate, count, keys, value_bytes, first_timestamp, interval } = section.as_ref();
    let first_timestamp_ms = match first_timestamp.as_deref().map(|text| (text, parse_ms(text))) {
        None => 0,
        Some((_, Some(ms))) => ms,
        Some((text, None)) => return Err(reader.error(section.span(), format!("{text:?} is no time"), "expected RFC 3339, such as \"2026-01-01T00:00:00Z\"")),
    };
    let partitions = partitions.unwrap_or(1);
    if !(1..=PARTITIONS_MAX).contains(&partitions) || *keys == Some(0) || *rate == Some(0) {
        return Err(reader.error(section.span(), "`partitions`, `keys` and `rate` must be at least 1", "leave out what does not matter"));
    }
    Ok(GeneratorSpec {
        seed: *seed,
        partitions,
        rate_per_s: *rate,
        count: *count,
        keys: keys.unwrap_or(1_000),
        value_bytes: value_bytes.map_or(100, |size| size.0 as usize),
        first_timestamp_ms,
        interval_ms: interval.map_or(1, |interval| interval.0 as i64),
    })
}

fn start(reader: &Reader<'_>, value: Option<&Spanned<toml::Value>>) -> Result<StartAt, HostError> {
    let Some(value) = value else { return Ok(StartAt::Oldest) };
    let offset = || value.as_ref().get("offset").and_then(toml::Value::as_integer).and_then(|offset| u64::try_from(offset).ok());
    let time = || value.as_ref().get("timestamp").and_then(toml::Value::as_str).and_then(parse_ms);
    match value.as_ref().as_str() {
        Some("oldest" | "earliest") => Ok(StartAt::Oldest),
        Some("newest" | "latest") => Ok(StartAt::Newest),
        _ => offset().map(StartAt::Offset).or_else(|| time().map(StartAt::Timestamp)).ok_or_else(|| {
            let help = "expected \"oldest\", \"newest\", { offset = 12 } or { timestamp = \"2026-01-01T00:00:00Z\" }";
            reader.error(value.span(), "this is no place to start", help)
        }),
    }
}

fn lost(reader: &Reader<'_>, value: Option<&Spanned<String>>) -> Result<LostPolicy, HostError> {
    let Some(value) = value else { return Ok(LostPolicy::Fail) };
    match value.as_ref().as_str() {
        "fail" => Ok(LostPolicy::Fail),
        "oldest" => Ok(LostPolicy::Oldest),
        "newest" => Ok(LostPolicy::Newest),
        other => Err(reader.error(value.span(), format!("there is no policy {other:?}"), "expected \"fail\", \"oldest\" or \"newest\"")),
    }
}

fn timestamp(reader: &Reader<'_>, value: Option<&Spanned<toml::Value>>) -> Result<TimestampFrom, HostError> {
    let Some(value) = value else { return Ok(TimestampFrom::Record) };
    let named = |key: &str| value.as_ref().get(key).and_then(toml::Value::as_str).map(str::to_owned);
    if value.as_ref().as_str() == Some("record") {
        return Ok(TimestampFrom::Record);
    }
    named("header").map(TimestampFrom::Header).or_else(|| named("field").map(TimestampFrom::Field)).ok_or_else(|| {
        reader.error(value.span(), "this says not where a timestamp comes from", "expected \"record\", { header = \"name\" } or { field = \"name\" }")
    })
}

fn output(reader: &Reader<'_>, name: &Spanned<String>, section: OutputSection) -> Result<OutputSpec, HostError> {
    let kinds = [section.stream.is_some(), section.file.is_some(), section.stdout.is_some()];
    if kinds.iter().filter(|is| **is).count() != 1 {
        let help = "give exactly one of `stream`, `file`, `stdout = true`";
        return Err(reader.error(name.span(), format!("output `{}` must say where its records go, once", name.as_ref()), help));
    }
    let for_streams = [section.partitions.as_ref().map(Spanned::span), section.retention.as_ref().map(Spanned::span)];
    if let (Some(span), None) = (for_streams.into_iter().flatten().next(), &section.stream) {
        return Err(reader.error(span, "this means something for a stream only", "leave it out"));
    }
    let format = reader.format(section.format.as_ref(), FileFormat::Jsonl)?;
    let sink = match (section.stream, section.file) {
        (Some(stream), _) => {
            let retention = section.retention.map(Spanned::into_inner);
            let options = StreamOptions {
                partitions: reader.bounded(section.partitions.as_ref(), PARTITIONS, 1, PARTITIONS_MAX)?,
                retention_ms: retention.as_ref().and_then(|retention| retention.time).map(|time| time.0),
                retention_bytes: retention.as_ref().and_then(|retention| retention.size).map(|size| size.0),
            };
            SinkKind::Stream { stream: stream.into_inner(), options }
        }
        (_, Some(file)) => SinkKind::File { path: reader.resolve(file.as_ref()), format },
        _ => SinkKind::Stdout { format },
    };
    let (from, port) = split_port(section.from.as_ref());
    Ok(OutputSpec { name: reader.name(name, "an output")?, sink, from, port })
}

/// `operator.port` → both; `operator` → no port.
pub(super) fn split_port(text: &str) -> (String, String) {
    let (from, port) = text.split_once('.').unwrap_or((text, ""));
    (from.to_owned(), port.to_owned())
}

fn errors(reader: &Reader<'_>, job: &str, section: &ErrorsSection) -> Result<Errors, HostError> {
    let policy = |value: &Option<Spanned<String>>| {
        let Some(value) = value else { return Ok(RejectPolicy::DeadLetter) };
        match value.as_ref().as_str() {
            "dead-letter" => Ok(RejectPolicy::DeadLetter),
            "skip" => Ok(RejectPolicy::Skip),
            "fail" => Ok(RejectPolicy::Fail),
            other => Err(reader.error(value.span(), format!("there is no policy {other:?}"), "expected \"dead-letter\", \"skip\" or \"fail\"")),
        }
    };
    let stream = section.stream.as_ref().map_or_else(|| format!("{job}.dead-letters"), |stream| stream.as_ref().clone());
    Ok(Errors { reject: policy(&section.reject)?, trap: policy(&section.trap)?, dead_letter_stream: stream })
}
