//! Plays a case: a job around the operator, in memory.

use std::sync::Arc;

use super::Subject;
use super::read::{Case, Step};
use crate::error::HostError;
use crate::job::{Job, Plan};
use crate::memory::MemoryLog;
use crate::operator::{Operator, Setup};
use crate::record::{Batch, BatchBuilder, TaskId};
use crate::time::{Clock, SimulatedClock};
use crate::worker::Worker;

/// The names of the job's parts.
const JOB: &str = "test";
const OPERATOR: &str = "op";
const DEAD_LETTERS: &str = "test.dead-letters";
/// How long a call may take: the first one of an interpreter is slow.
const CALL: &str = "10s";
/// An operator that wants the same batch again for ever comes to no end.
const TURNS_MAX: usize = 100_000;
/// A checkpoint is made when the case wants one.
const CHECKPOINT: &str = "1d";

/// How the records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// As many together as time allows, the operator never stopped.
    Whole,
    /// One by one, the operator stopped and restored after each.
    Pieces,
}

/// What came out.
#[derive(Default)]
pub(super) struct Played {
    /// By output, as the operator declares them.
    pub outputs: Vec<Batch>,
    /// Dead letters: what was refused, and what the operator could not survive.
    pub rejects: Batch,
    pub logs: Vec<String>,
    pub restores: usize,
}

struct Player<'a> {
    case: &'a Case,
    subject: &'a Subject,
    log: MemoryLog,
    clock: SimulatedClock,
    played: Played,
}

pub(super) fn play(case: &Case, subject: &Subject, pace: Pace) -> Result<Played, HostError> {
    let clock = SimulatedClock::starting_at(case.now_ms);
    let mut player = Player { case, subject, log: MemoryLog::new(), clock, played: Played::default() };
    player.through(pace)?;
    let Player { log, mut played, .. } = player;
    played.outputs = subject.component.description.outputs.iter().map(|output| log.read(&stream(output), 0)).collect();
    played.rejects = log.read(DEAD_LETTERS, 0);
    Ok(played)
}

fn stream(port: &str) -> String {
    format!("out.{port}")
}

impl Player<'_> {
    fn through(&mut self, pace: Pace) -> Result<(), HostError> {
        let (job, plan) = self.job(false)?;
        self.log.create(DEAD_LETTERS, 1);
        self.case.inputs.iter().for_each(|input| self.log.create(input, 1));
        let mut worker = self.open(&job, &plan)?;
        let mut steps = self.case.steps.iter().peekable();
        while let Some(step) = steps.next() {
            match step {
                Step::Advance(ms) => self.clock.advance_ms(*ms),
                Step::Record(input, record) => {
                    let mut rows = BatchBuilder::default();
                    rows.extend(record, 0..record.len());
                    while let (Pace::Whole, Some(Step::Record(next, record))) = (pace, steps.peek())
                        && next == input
                    {
                        rows.extend(record, 0..record.len());
                        steps.next();
                    }
                    self.log.append(&self.case.inputs[*input], 0, rows.as_batch());
                }
            }
            self.settle(&mut worker)?;
            if pace == Pace::Pieces {
                worker = self.restored(worker, &job, &plan)?;
            }
        }
        self.finish(worker)
    }

    /// All inputs end, and with them event time.
    fn finish(&mut self, mut worker: Worker) -> Result<(), HostError> {
        worker.checkpoint()?;
        self.listen(&mut worker)?;
        drop(worker);
        let (job, plan) = self.job(true)?;
        let mut worker = self.open(&job, &plan)?;
        for _ in 0..TURNS_MAX {
            let finished = worker.turn()?.finished;
            self.listen(&mut worker)?;
            if finished {
                return Ok(());
            }
        }
        Err(endless())
    }

    fn restored(&mut self, mut worker: Worker, job: &Arc<Job>, plan: &Plan) -> Result<Worker, HostError> {
        worker.checkpoint()?;
        drop(worker);
        self.played.restores += 1;
        self.open(job, plan)
    }

    /// Turns until nothing is left to do.
    fn settle(&mut self, worker: &mut Worker) -> Result<(), HostError> {
        for _ in 0..TURNS_MAX {
            let timers = worker.counters().timers;
            let processed = worker.turn()?.processed;
            self.listen(worker)?;
            if processed == 0 && worker.counters().timers == timers {
                return Ok(());
            }
        }
        Err(endless())
    }

    fn listen(&mut self, worker: &mut Worker) -> Result<(), HostError> {
        for (_, settled) in worker.settle()? {
            self.played.logs.extend(settled.logs.into_iter().map(|(_, text)| text));
        }
        Ok(())
    }

    /// The job: the operator between streams of its ports' names. `bounded`: the inputs end where they are.
    fn job(&self, bounded: bool) -> Result<(Arc<Job>, Plan), HostError> {
        let text = |text: &str| toml::Value::from(text);
        let table = |entries: Vec<(&str, toml::Value)>| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<toml::Table>();
        let description = &self.subject.component.description;
        let inputs = self.case.inputs.iter().map(|input| {
            let entries = vec![("stream", text(input)), ("bounded", bounded.into()), ("watermark", self.case.watermark.clone().into())];
            (input.clone(), table(entries).into())
        });
        let outputs = description.outputs.iter().map(|output| {
            let entries = vec![("stream", text(&stream(output))), ("from", text(&format!("{OPERATOR}.{output}"))), ("partitions", 1.into())];
            (output.clone(), table(entries).into())
        });
        let stores: Vec<&str> = description.stores.iter().map(|store| store.name.as_str()).collect();
        let mut operator = table(vec![
            ("component", text(&self.subject.path.display().to_string())),
            ("input", self.case.inputs.clone().into()),
            ("limits", table(vec![("call", text(CALL))]).into()),
        ]);
        if !stores.is_empty() {
            operator.insert("stores".to_owned(), stores.into());
        }
        if let Some(config) = &self.case.config {
            operator.insert("config".to_owned(), config.clone().into());
        }
        let file = table(vec![
            ("name", text(JOB)),
            ("checkpoint", table(vec![("interval", text(CHECKPOINT))]).into()),
            ("input", inputs.collect::<toml::Table>().into()),
            ("operator", table(vec![(OPERATOR, operator.into())]).into()),
            ("output", outputs.collect::<toml::Table>().into()),
        ]);
        let job = Job::parse(&self.case.path, &file.to_string()).map_err(|error| self.unfit(error))?;
        let plan = Plan::make(&job, std::slice::from_ref(description), &vec![1; self.case.inputs.len()])?;
        Ok((Arc::new(job), plan))
    }

    /// Lines of the job's text are not the case's.
    fn unfit(&self, error: HostError) -> HostError {
        match error {
            HostError::JobFile(file) => HostError::job(self.case.path.display().to_string(), file.reason.clone()),
            other => other,
        }
    }

    fn open(&self, job: &Arc<Job>, plan: &Plan) -> Result<Worker, HostError> {
        let tasks: Vec<TaskId> = plan.stages.iter().map(|stage| TaskId { stage: stage.number, partition: 0 }).collect();
        let spec = &job.operators[0];
        let setup = Setup {
            config: spec.config.clone().into_bytes(),
            inputs: self.case.inputs.clone(),
            outputs: self.subject.component.description.outputs.clone(),
            stores: spec.stores.iter().map(|store| store.name.clone()).collect(),
        };
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let mut open = |_: usize| -> Result<Box<dyn Operator>, HostError> { self.subject.component.open(OPERATOR, &setup, &spec.limits) };
        Worker::open(job.clone(), plan, &tasks, clock, &mut self.log.transport(job, plan), &mut open)
    }
}

fn endless() -> HostError {
    let reason = format!("it comes to no end within {TURNS_MAX} turns: does the operator ask for the same batch again and again?");
    HostError::external("running the case", anyhow::anyhow!(reason))
}
