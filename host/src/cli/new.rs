//! `millstream new` and `millstream sdk`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Environment;
use super::say::Say;
use crate::build::{self, Language};
use crate::error::HostError;

#[derive(Args)]
pub(super) struct NewArgs {
    /// The new folder; its last part is the operator's name.
    dir: PathBuf,
    /// The language.
    #[arg(long, short, value_name = "LANGUAGE")]
    lang: Language,
}

#[derive(Args)]
pub(super) struct SdkArgs {
    lang: Language,
}

pub(super) fn new(args: &NewArgs, say: Say) -> Result<(), HostError> {
    let files = build::create(&args.dir, args.lang)?;
    say.answer(&json!({ "files": files }))?;
    files.iter().for_each(|file| say.line(&file.display().to_string()));
    let dir = args.dir.display();
    say.line(&format!("\nmillstream test {dir}            builds it and runs its cases\nmillstream build {dir} --watch   does so at every change"));
    Ok(())
}

pub(super) fn sdk(args: &SdkArgs, environment: &Environment, say: Say) -> Result<(), HostError> {
    let folder = build::sdk(&environment.cache, args.lang)?;
    say.answer(&json!({ "sdk": folder }))?;
    say.line(&folder.display().to_string());
    Ok(())
}
