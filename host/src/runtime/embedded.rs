//! A worker's transport over the embedded log, with files and standard streams beside it.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::checkpoint::Ledger;
use crate::error::HostError;
use crate::job::{FileFormat, Job, Plan, PlanInput, SinkKind, SourceKind, Target};
use crate::log::{Log, LogWorker, StreamSettings};
use crate::record::TaskId;
use crate::sink::{FileSink, Sink, StdoutSink};
use crate::source::{FileSource, GeneratorSource, Source, Stamped, StdinSource};
use crate::state::StateStore;
use crate::time::Clock;
use crate::worker::Transport;

pub(super) struct Embedded {
    worker: LogWorker,
    job: Arc<Job>,
    plan: Arc<Plan>,
    clock: Arc<dyn Clock>,
    /// What output files say of whose they are.
    owner: String,
}

impl Embedded {
    pub fn new(log: &Arc<Log>, job: &Arc<Job>, plan: &Arc<Plan>, clock: &Arc<dyn Clock>) -> Self {
        let folder = std::path::absolute(log.path()).unwrap_or_else(|_| log.path().to_owned());
        let owner = format!("job {} in {}", job.name, folder.display());
        Embedded { worker: log.worker(&job.name), job: job.clone(), plan: plan.clone(), clock: clock.clone(), owner }
    }
}

/// Creates the streams that a job writes and does not find.
pub(super) fn create_streams(log: &Log, job: &Job, plan: &Plan) -> Result<(), HostError> {
    let plain = |partitions| StreamSettings { partitions, retention_ms: None, retention_bytes: None };
    for output in &job.outputs {
        if let SinkKind::Stream { stream, options } = &output.sink {
            let known = log.streams().into_iter().find(|(name, _)| name == stream);
            // A stream that is there keeps its partitions: the job writes to what it finds.
            if known.is_none() {
                let (partitions, retention_ms, retention_bytes) = (options.partitions, options.retention_ms, options.retention_bytes);
                log.create_stream(stream, &StreamSettings { partitions, retention_ms, retention_bytes })?;
            }
        }
    }
    for input in &plan.inputs {
        if let PlanInput::Internal { stream, partitions, .. } = input {
            log.create_stream(stream, &plain(*partitions))?;
        }
    }
    log.create_stream(&job.errors.dead_letter_stream, &plain(1))
}

impl Transport for Embedded {
    fn source(&mut self, input: usize) -> Result<Box<dyn Source>, HostError> {
        let spec = match &self.plan.inputs[input] {
            PlanInput::Internal { stream, .. } => return self.worker.source(stream, false),
            PlanInput::Job { input, .. } => &self.job.inputs[*input],
        };
        let source: Box<dyn Source> = match &spec.source {
            SourceKind::Stream { stream, bounded } => self.worker.source(stream, *bounded)?,
            SourceKind::Files { paths, format, follow } => Box::new(FileSource::new(paths.clone(), *format, *follow, &spec.timestamp)),
            SourceKind::Stdin { format } => Box::new(StdinSource::new(*format, &spec.timestamp)),
            SourceKind::Generator(generator) => Box::new(GeneratorSource::new(generator.clone(), self.clock.clone())),
        };
        match &spec.source {
            // They take times from columns themselves.
            SourceKind::Files { format: FileFormat::Csv, .. } | SourceKind::Stdin { format: FileFormat::Csv } => Ok(source),
            _ => Ok(Stamped::over(source, &spec.timestamp)),
        }
    }

    fn sink(&mut self, target: Target, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        match target {
            Target::Repartition(input) => match &self.plan.inputs[input] {
                PlanInput::Internal { stream, .. } => self.worker.sink(stream, task),
                PlanInput::Job { .. } => unreachable!("a plan repartitions into internal streams"),
            },
            Target::Output(output) => match &self.job.outputs[output].sink {
                SinkKind::Stream { stream, .. } => self.worker.sink(stream, task),
                SinkKind::File { path, format } => {
                    let path = path.to_string_lossy().replace("{task}", &task.partition.to_string());
                    Ok(Box::new(FileSink::new(PathBuf::from(path), *format, &self.owner)))
                }
                SinkKind::Stdout { format } => Ok(Box::new(StdoutSink::new(*format))),
            },
            Target::Operator(_) => unreachable!("an operator is no sink"),
        }
    }

    fn dead_letters(&mut self, task: TaskId) -> Result<Box<dyn Sink>, HostError> {
        self.worker.sink(&self.job.errors.dead_letter_stream, task)
    }

    fn state(&mut self) -> Rc<dyn StateStore> {
        self.worker.state()
    }

    fn ledger(&mut self) -> Result<Box<dyn Ledger>, HostError> {
        Ok(self.worker.ledger())
    }
}
