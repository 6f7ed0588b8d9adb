//! `millstream build` and `millstream inspect`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Environment;
use super::say::Say;
use super::test::{TestArgs, test};
use super::watch::watch;
use crate::build::{self, Request};
use crate::cases;
use crate::error::HostError;
use crate::operator::{Grants, Loaded, WasmEngine};

#[derive(Args)]
pub(super) struct BuildArgs {
    /// The guest project's folder.
    dir: PathBuf,
    /// Where the component goes; default: the project's folder.
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Show what is run.
    #[arg(long, short)]
    verbose: bool,
    /// Build again, and run the cases, whenever a file of the project changes; until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

#[derive(Args)]
pub(super) struct InspectArgs {
    /// The component.
    file: PathBuf,
}

pub(super) fn build(args: &BuildArgs, environment: &Environment, say: Say) -> Result<(), HostError> {
    if args.watch {
        return watch(&args.dir, || rebuilt(args, environment, say));
    }
    once(args, environment, say).map(drop)
}

/// Builds and tests; what is wrong is said, and cured by the next change.
fn rebuilt(args: &BuildArgs, environment: &Environment, say: Say) {
    let done = once(args, environment, say).and_then(|component| match args.dir.join(cases::FOLDER).is_dir() {
        true => test(&TestArgs::of(&args.dir, &component), environment, say).map(drop),
        false => Ok(()),
    });
    if let Err(error) = done {
        let _exit_code = say.failed(error);
    }
}

/// Returns the component's file.
fn once(args: &BuildArgs, environment: &Environment, say: Say) -> Result<PathBuf, HostError> {
    let request = Request { dir: args.dir.clone(), output: args.output.clone(), verbose: args.verbose, cache: environment.cache.clone() };
    let built = build::build(&request, &mut |step| eprintln!("{step}"))?;
    say.answer(&json!({ "component": built.path, "bytes": built.bytes }))?;
    say.line(&format!("{} · {} bytes", built.path.display(), built.bytes));
    Ok(built.path)
}

pub(super) fn inspect(args: &InspectArgs, environment: &Environment, say: Say) -> Result<(), HostError> {
    let engine = WasmEngine::new(Some(environment.cache.join("compiled")))?;
    let loaded = Loaded::load(&engine, &args.file, Grants { state: true })?;
    let said = &loaded.description;
    let stores: Vec<_> = said.stores.iter().map(|store| json!({ "name": store.name, "version": store.version })).collect();
    say.answer(&json!({
        "file": args.file, "digest": loaded.digest, "bytes": loaded.bytes, "imports": loaded.imports, "name": said.name, "version": said.version,
        "inputs": said.inputs, "outputs": said.outputs, "stores": stores, "config_schema": said.config_schema,
    }))?;
    say.line(&format!("{} {} · {} bytes · sha256 {}", said.name, said.version, loaded.bytes, loaded.digest));
    let list = |names: &[String], none: &str| if names.is_empty() { none.to_owned() } else { names.join(", ") };
    say.line(&format!("inputs   {}", list(&said.inputs, "any number")));
    say.line(&format!("outputs  {}", list(&said.outputs, "none")));
    let stores: Vec<String> = said.stores.iter().map(|store| format!("{} (version {})", store.name, store.version)).collect();
    say.line(&format!("stores   {}", list(&stores, "none")));
    say.line(&format!("imports  {}", list(&loaded.imports, "none")));
    Ok(())
}
