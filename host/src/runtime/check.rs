//! Everything about a job that can be refused before it runs.

use std::path::Path;
use std::sync::Arc;

use super::Options;
use crate::error::HostError;
use crate::job::{Job, OperatorSpec, Plan, SourceKind};
use crate::log::Log;
use crate::operator::{Description, Grants, Loaded, Setup, WasmEngine};

/// A job that may run: its file is valid, its components are compiled and fit.
pub struct Checked {
    pub job: Arc<Job>,
    /// By place in `Job::operators`.
    pub components: Vec<Arc<Loaded>>,
    pub engine: WasmEngine,
}

/// Reads a job file, and loads and checks its components. Touches no data.
pub fn check(path: &Path, options: &Options) -> Result<Checked, HostError> {
    let job = Job::read(path)?;
    let engine = WasmEngine::new(options.cache.clone())?;
    let components = job.operators.iter().map(|operator| load(&engine, operator, &operator.component)).collect::<Result<Vec<_>, _>>()?;
    let checked = Checked { job: Arc::new(job), components, engine };
    // With any partition count: ports, stores and the graph are wrong or right all the same.
    checked.plan_with(|_| Ok(None))?;
    Ok(checked)
}

/// Loads what an operator is to run.
pub(super) fn load(engine: &WasmEngine, operator: &OperatorSpec, path: &Path) -> Result<Arc<Loaded>, HostError> {
    Loaded::load(engine, path, Grants { state: !operator.stores.is_empty() })
}

impl Checked {
    /// The plan, given how many partitions a stream has (`None`: nobody knows yet; 1 is assumed).
    pub fn plan_with(&self, partitions: impl Fn(&str) -> Result<Option<u32>, HostError>) -> Result<Plan, HostError> {
        let descriptions: Vec<Description> = self.components.iter().map(|component| component.description.clone()).collect();
        let counts = self.job.inputs.iter().map(|input| match &input.source {
            SourceKind::Stream { stream, .. } => Ok(partitions(stream)?.unwrap_or(1)),
            SourceKind::Files { paths, .. } => Ok(paths.len() as u32),
            SourceKind::Stdin { .. } => Ok(1),
            SourceKind::Generator(spec) => Ok(spec.partitions),
        });
        Plan::make(&self.job, &descriptions, &counts.collect::<Result<Vec<_>, HostError>>()?)
    }

    /// The plan as of what streams a data folder holds. An input stream that is not there is an error.
    pub fn plan(&self, log: &Log) -> Result<Plan, HostError> {
        let streams = log.streams();
        self.plan_with(|name| match streams.iter().find(|(known, _)| known == name) {
            Some((_, settings)) => Ok(Some(settings.partitions)),
            None => Err(HostError::job(format!("stream `{name}`"), format!("is an input, but there is no such stream in {}", log.path().display()))
                .with_help("`millstream stream append` makes one; or is --data another folder?")),
        })
    }

    /// What an instance of an operator is told.
    pub(super) fn setup(&self, operator: usize, component: &Loaded) -> Setup {
        let spec = &self.job.operators[operator];
        Setup {
            config: spec.config.clone().into_bytes(),
            inputs: spec.inputs.iter().map(|input| input.from.clone()).collect(),
            outputs: component.description.outputs.clone(),
            stores: spec.stores.iter().map(|store| store.name.clone()).collect(),
        }
    }
}
