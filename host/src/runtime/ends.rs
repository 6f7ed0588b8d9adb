//! Sources and sinks that are no streams, the same whatever transport the job's streams have: files, standard streams, the generator.

use std::path::PathBuf;
use std::sync::Arc;

use crate::job::{FileFormat, InputSpec, OutputSpec, SinkKind, SourceKind};
use crate::record::TaskId;
use crate::sink::{FileSink, Sink, StdoutSink};
use crate::source::{FileSource, GeneratorSource, Source, Stamped, StdinSource};
use crate::time::Clock;

/// The source of an input that is no stream; `None`: it is one.
pub(super) fn source(spec: &InputSpec, clock: &Arc<dyn Clock>) -> Option<Box<dyn Source>> {
    let source: Box<dyn Source> = match &spec.source {
        SourceKind::Stream { .. } => return None,
        SourceKind::Files { paths, format, follow } => Box::new(FileSource::new(paths.clone(), *format, *follow, &spec.timestamp)),
        SourceKind::Stdin { format } => Box::new(StdinSource::new(*format, &spec.timestamp)),
        SourceKind::Generator(generator) => Box::new(GeneratorSource::new(generator.clone(), clock.clone())),
    };
    Some(match &spec.source {
        // They take times from columns themselves.
        SourceKind::Files { format: FileFormat::Csv, .. } | SourceKind::Stdin { format: FileFormat::Csv } => source,
        _ => Stamped::over(source, &spec.timestamp),
    })
}

/// A task's end of an output that is no stream; `None`: it is one. `owner`: what output files say of whose they are.
pub(super) fn sink(spec: &OutputSpec, task: TaskId, owner: &str) -> Option<Box<dyn Sink>> {
    match &spec.sink {
        SinkKind::Stream { .. } => None,
        SinkKind::File { path, format } => {
            let path = path.to_string_lossy().replace("{task}", &task.partition.to_string());
            Some(Box::new(FileSink::new(PathBuf::from(path), *format, owner)))
        }
        SinkKind::Stdout { format } => Some(Box::new(StdoutSink::new(*format))),
    }
}
