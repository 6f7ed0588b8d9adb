//! `millstream test`: builds an operator and runs its cases.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Environment;
use super::say::Say;
use crate::build::{self, Bench, Request};
use crate::cases::{self, Subject, Verdict};
use crate::error::HostError;
use crate::operator::{Grants, Loaded, WasmEngine};

/// Logged lines that are shown of a case that failed.
const LOGS_SHOWN: usize = 20;

#[derive(Args, Clone)]
pub(super) struct TestArgs {
    /// The guest project's folder; its cases are in `cases/`.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Only these cases.
    #[arg(long = "case", value_name = "NAME")]
    only: Vec<String>,
    /// Test this component instead of building the project.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Take what comes out as what is expected: writes `expected.jsonl` of each case.
    #[arg(long)]
    accept: bool,
    /// Write a JUnit report, for CI.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show what is run, and what the operator logs.
    #[arg(long, short)]
    verbose: bool,
}

impl TestArgs {
    /// The cases of a project, with nothing asked for besides.
    pub(super) fn of(dir: &Path, component: &Path) -> TestArgs {
        TestArgs { dir: dir.to_owned(), only: Vec::new(), component: Some(component.to_owned()), accept: false, junit: None, verbose: false }
    }
}

/// `false`: a case failed.
pub(super) fn test(args: &TestArgs, environment: &Environment, say: Say) -> Result<bool, HostError> {
    let folders = chosen(cases::find(&args.dir.join(cases::FOLDER))?, &args.only)?;
    let bench = Bench::set_up(&environment.cache)?;
    let path = match &args.component {
        Some(path) => path.clone(),
        None => built(args, environment, &bench)?,
    };
    let path = std::path::absolute(&path).map_err(|error| HostError::external(format!("finding {}", path.display()), error))?;
    let engine = WasmEngine::new(Some(environment.cache.join("compiled")))?;
    let subject = Subject { component: Loaded::load(&engine, &path, Grants { state: true })?, path };
    let mut verdicts = Vec::new();
    for folder in folders {
        let verdict = cases::run(&folder, &subject, args.accept)?;
        show(&verdict, args.verbose, say);
        verdicts.push(verdict);
    }
    let name = &subject.component.description.name;
    if let Some(path) = &args.junit {
        std::fs::write(path, cases::junit(name, &verdicts)).map_err(|error| HostError::external(format!("writing {}", path.display()), error))?;
    }
    let failed = verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
    let each: Vec<_> = verdicts.iter().map(answer).collect();
    say.answer(&json!({ "operator": name, "cases": each, "failed": failed }))?;
    say.line(&match failed {
        0 => format!("{name}: {} passed", counted(verdicts.len())),
        failed => format!("{name}: {failed} of {} failed", counted(verdicts.len())),
    });
    Ok(failed == 0)
}

fn counted(cases: usize) -> String {
    format!("{cases} {}", if cases == 1 { "case" } else { "cases" })
}

fn chosen(folders: Vec<PathBuf>, only: &[String]) -> Result<Vec<PathBuf>, HostError> {
    let name = |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(unknown) = only.iter().find(|wanted| !folders.iter().any(|folder| name(folder) == **wanted)) {
        let known: Vec<String> = folders.iter().map(name).collect();
        return Err(HostError::job(format!("--case {unknown}"), format!("there is no such case, only {}", known.join(", "))));
    }
    Ok(folders.into_iter().filter(|folder| only.is_empty() || only.contains(&name(folder))).collect())
}

/// Builds the project beside it: the component in the project is what `build` writes.
fn built(args: &TestArgs, environment: &Environment, bench: &Bench) -> Result<PathBuf, HostError> {
    let output = bench.path().join("component.wasm");
    let request = Request { dir: args.dir.clone(), output: Some(output), verbose: args.verbose, cache: environment.cache.clone() };
    let mut say = |step: &str| {
        if args.verbose {
            eprintln!("{step}");
        }
    };
    Ok(build::build(&request, &mut say)?.path)
}

fn show(verdict: &Verdict, verbose: bool, say: Say) {
    let took = verdict.took.as_millis();
    let logs = if verbose || verdict.failure.is_some() { &verdict.logs[verdict.logs.len().saturating_sub(LOGS_SHOWN)..] } else { &[] };
    match &verdict.failure {
        None if verdict.accepted => say.line(&format!("case {}: expected.jsonl is written ({took} ms)", verdict.case)),
        None => say.line(&format!("case {}: passed ({took} ms, restored {} times)", verdict.case, verdict.restores)),
        Some(failure) => say.line(&format!("case {}: FAILED ({took} ms)\n{}", verdict.case, failure.trim_end())),
    }
    logs.iter().for_each(|line| say.line(&format!("  log: {}", line.trim_end())));
}

fn answer(verdict: &Verdict) -> serde_json::Value {
    json!({
        "case": verdict.case, "passed": verdict.failure.is_none(), "ms": verdict.took.as_millis() as u64, "restores": verdict.restores,
        "failure": verdict.failure, "accepted": verdict.accepted,
    })
}
