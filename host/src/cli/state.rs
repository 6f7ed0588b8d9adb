//! `millstream state`: committed state, one key or a range.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::say::Say;
use super::stream::{Streams, open};
use super::{Environment, state_cluster};
use crate::error::HostError;
use crate::record::{BatchBuilder, jsonl};
use crate::state::{Flow, RocksStore, StateStore, StoreId, without_expiry};

#[derive(Subcommand)]
pub(super) enum StateCommand {
    /// The value of one key.
    Get(GetArgs),
    /// Keys and values in order; without a store: which stores there are.
    Scan(ScanArgs),
}

#[derive(Args)]
struct StoreArgs {
    /// Only needed where several jobs have such a store.
    #[arg(long)]
    job: Option<String>,
    /// Only needed where several operators have such a store.
    #[arg(long)]
    operator: Option<String>,
    #[command(flatten)]
    streams: Streams,
}

/// Which store is meant.
pub(super) struct Asked<'a> {
    pub store: &'a str,
    pub job: Option<&'a str>,
    pub operator: Option<&'a str>,
}

impl StoreArgs {
    fn asks<'a>(&'a self, store: &'a str) -> Asked<'a> {
        Asked { store, job: self.job.as_deref(), operator: self.operator.as_deref() }
    }
}

#[derive(Args)]
pub(super) struct GetArgs {
    store: String,
    key: String,
    #[command(flatten)]
    of: StoreArgs,
}

#[derive(Args)]
pub(super) struct ScanArgs {
    store: Option<String>,
    /// Keys that begin with this.
    #[arg(long, default_value = "")]
    prefix: String,
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
    #[command(flatten)]
    of: StoreArgs,
}

pub(super) fn state(command: &StateCommand, environment: &Environment, say: Say) -> Result<(), HostError> {
    let (StateCommand::Get(GetArgs { of, .. }) | StateCommand::Scan(ScanArgs { of, .. })) = command;
    match (command, of.streams.cluster.connect(environment)?) {
        (StateCommand::Get(args), Some(cluster)) => state_cluster::get(&cluster, &of.asks(&args.store), &args.key, say),
        (StateCommand::Scan(args), Some(cluster)) => match &args.store {
            Some(store) => state_cluster::scan(&cluster, &of.asks(store), &args.prefix, args.limit, say),
            None => state_cluster::list(&cluster, of.job.as_deref(), say),
        },
        (StateCommand::Get(args), None) => get(args, say),
        (StateCommand::Scan(args), None) => scan(args, say),
    }
}

fn find(state: &RocksStore, store: &str, of: &StoreArgs) -> Result<StoreId, HostError> {
    let fits = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let all = state.stores()?;
    let mut found = all.iter().filter(|(job, operator, name)| name == store && fits(&of.job, job) && fits(&of.operator, operator));
    match (found.next(), found.next()) {
        (Some((job, operator, _)), None) => Ok(StoreId { job: job.clone(), operator: operator.clone(), store: store.to_owned(), task: 0 }),
        (Some(_), Some(_)) => Err(HostError::job(store, "several operators have such a store").with_help("say which by --job and --operator")),
        (None, _) => Err(HostError::job(store, "there is no such store").with_help("`millstream state scan` shows which there are")),
    }
}

/// A value as the operator wrote it. What has expired and was not swept yet is shown, too.
fn as_written(expires: bool, stored: &[u8]) -> Option<&[u8]> {
    Some(if expires { without_expiry(stored) } else { stored })
}

pub(super) fn row(task: u32, key: &[u8], value: Option<&[u8]>) -> Value {
    let mut rows = BatchBuilder::default();
    rows.push(Some(key), value, Default::default(), jsonl::unset(0));
    let mut row = jsonl::to_json(rows.as_batch().view(0), false);
    row["task"] = task.into();
    // Counters are commonly 8 bytes, which nobody can read as text.
    if let Some(bytes) = value.and_then(|value| <[u8; 8]>::try_from(value).ok()) {
        row["value_u64_le"] = u64::from_le_bytes(bytes).into();
    }
    row
}

fn get(args: &GetArgs, say: Say) -> Result<(), HostError> {
    let log = open(&args.of.streams.data)?;
    let state = log.state();
    let id = find(&state, &args.store, &args.of)?;
    for task in state.tasks_of(&id)? {
        let id = StoreId { task, ..id.clone() };
        let Some(handle) = state.find(&state.located(&id)?)? else { continue };
        let expires = state.expires(&id)?;
        let mut found = None;
        state
            .get_many(handle, &[args.key.as_bytes()], &mut |_, value| found = value.map(|value| row(task, args.key.as_bytes(), as_written(expires, value))))?;
        if let Some(row) = found {
            say.out(&row.to_string());
            return Ok(());
        }
    }
    Err(HostError::job(&args.key, format!("store `{}` has no such key", args.store)))
}

fn scan(args: &ScanArgs, say: Say) -> Result<(), HostError> {
    let log = open(&args.of.streams.data)?;
    let state = log.state();
    let Some(store) = &args.store else {
        for (job, operator, store) in state.stores()? {
            say.out(&json!({ "job": job, "operator": operator, "store": store }).to_string());
        }
        return Ok(());
    };
    let id = find(&state, store, &args.of)?;
    let mut left = args.limit;
    for task in state.tasks_of(&id)? {
        let id = StoreId { task, ..id.clone() };
        let Some(handle) = state.find(&state.located(&id)?)? else { continue };
        let expires = state.expires(&id)?;
        state.scan(handle, args.prefix.as_bytes(), &[], &mut |key, value| {
            if left == 0 || !key.starts_with(args.prefix.as_bytes()) {
                return Flow::Break(());
            }
            left -= 1;
            say.out(&row(task, key, as_written(expires, value)).to_string());
            Flow::Continue(())
        })?;
    }
    Ok(())
}
