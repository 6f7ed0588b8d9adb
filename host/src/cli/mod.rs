//! The command line: arguments in, one of the commands, an exit code out.
//!
//! Exit codes: 0 finished, or stopped as asked; 1 a case of `millstream test` failed; 2 wrong usage; 3 the job, a component or a name was refused; 4 an operator failed; 5 disk or files failed;
//! 6 stored data cannot be used (in use, damaged, newer); 7 another process works under the same ids.

mod build;
mod check;
mod check_cluster;
mod cluster;
mod new;
mod run;
mod say;
mod say_table;
mod state;
mod state_cluster;
mod stream;
mod stream_cluster;
mod test;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::runtime::Lookup;

/// Stream jobs whose operators are WebAssembly components, written in any language.
#[derive(Parser)]
#[command(name = "millstream", version, arg_required_else_help = true)]
pub struct Cli {
    /// Answer on standard output in JSON, errors too.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a job until its inputs end, or until SIGINT or SIGTERM.
    Run(run::RunArgs),
    /// Check a job: everything that can be refused before it runs.
    Check(check::CheckArgs),
    /// Write a new operator: the smallest useful one of a language, with a first case.
    New(new::NewArgs),
    /// Build a component from a guest project.
    Build(build::BuildArgs),
    /// Build an operator and run its cases: `cases/<name>/input.jsonl` in, `expected.jsonl` out.
    Test(test::TestArgs),
    /// Show what a component is: digest, imports, ports, stores.
    Inspect(build::InspectArgs),
    /// Print the folder with a language's SDK, for editors, type checkers and native tests.
    Sdk(new::SdkArgs),
    /// List, read, write and describe streams.
    #[command(subcommand)]
    Stream(stream::StreamCommand),
    /// Read committed state.
    #[command(subcommand)]
    State(state::StateCommand),
}

/// Where a host keeps its streams, checkpoints and state.
#[derive(Args, Clone)]
struct DataArgs {
    /// The data folder. One process owns it at a time.
    #[arg(long, default_value = "millstream-data", value_name = "DIR")]
    data: PathBuf,
}

/// What the process's environment says: the folder for compiled code and fetched tools.
pub struct Environment {
    pub cache: PathBuf,
    /// A variable's value, for settings that are to come from the environment.
    pub variable: Lookup,
}

/// Runs the command line.
pub fn main(cli: Cli, environment: &Environment) -> ExitCode {
    let say = say::Say { json: cli.json };
    let result = match cli.command {
        Command::Run(args) => run::run(&args, environment, say),
        Command::Check(args) => check::check(&args, environment, say),
        Command::New(args) => new::new(&args, say),
        Command::Sdk(args) => new::sdk(&args, environment, say),
        Command::Build(args) => build::build(&args, environment, say),
        Command::Test(args) => match test::test(&args, environment, say) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Command::Inspect(args) => build::inspect(&args, environment, say),
        Command::Stream(command) => stream::stream(&command, environment, say),
        Command::State(command) => state::state(&command, environment, say),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say.failed(error),
    }
}
