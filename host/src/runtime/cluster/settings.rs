//! From a job's `[kafka]` section, the command line and the environment to the settings of its clients.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::super::Options;
use crate::error::HostError;
use crate::job::{Job, PropertyValue, SinkKind, SourceKind};
use crate::kafka::{Settings, owned};
use crate::log::Log;

/// The note that keeps this host's name in the data folder.
const INSTANCE: &str = "instance";

/// The settings; `None`: the job's streams live in the data folder. `log`: where this host's name is kept; without it (to check a job only) it has none.
pub fn settings(job: &Job, options: &Options, log: Option<&Log>) -> Result<Option<Settings>, HostError> {
    let Some(bootstrap) = options.bootstrap.clone().or_else(|| job.kafka.bootstrap.clone()) else { return Ok(None) };
    let mut properties = Vec::new();
    for (name, value) in &job.kafka.properties {
        let key = format!("kafka.properties.{name}");
        if owned(name).is_some() {
            return Err(HostError::job(key, "is the host's to set: what it guarantees rests on it").with_help("leave it out"));
        }
        properties.push((name.clone(), secret(&key, value, options)?));
    }
    let given = options.instance.clone().or_else(|| job.kafka.instance.clone());
    let instance = match (given, log) {
        (Some(name), _) => checked_name(name)?,
        (None, Some(log)) => kept_name(log)?,
        (None, None) => "check".to_owned(),
    };
    Ok(Some(Settings {
        bootstrap,
        job: job.name.clone(),
        group: job.kafka.group.clone().unwrap_or_else(|| job.name.clone()),
        instance,
        guarantee: job.kafka.guarantee,
        replication: job.kafka.replication.map_or(-1, |replication| replication as i32),
        checkpoint_interval_ms: job.checkpoint_interval_ms,
        properties,
        fingerprint: fingerprint(job),
        process: String::new(),
    }))
}

fn secret(key: &str, value: &PropertyValue, options: &Options) -> Result<String, HostError> {
    match value {
        PropertyValue::Text(text) => Ok(text.clone()),
        PropertyValue::Environment(name) => (options.environment)(name)
            .ok_or_else(|| HostError::job(key, format!("the environment has no variable {name}")).with_help("set it where the job is started")),
        PropertyValue::File(path) => std::fs::read_to_string(path).map(|text| text.trim_end_matches(['\n', '\r']).to_owned()).map_err(|error| {
            HostError::job(key, format!("{} cannot be read: {error}", path.display())).with_help("the path counts from the job file's folder")
        }),
    }
}

fn checked_name(name: String) -> Result<String, HostError> {
    let fine = !name.is_empty() && name.len() <= 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match fine {
        true => Ok(name),
        false => {
            Err(HostError::job("--instance", format!("{name:?} cannot be the name of a host"))
                .with_help("use letters, digits, `-` and `_`, at most 100 of them"))
        }
    }
}

/// A name of the folder's own, made once: whoever works on the folder is the same member of the group.
fn kept_name(log: &Log) -> Result<String, HostError> {
    if let Some(name) = log.note(INSTANCE)? {
        return Ok(name);
    }
    let folder = std::path::absolute(log.path()).unwrap_or_else(|_| log.path().to_owned());
    let name = unlike_others(folder.as_os_str().as_encoded_bytes());
    log.set_note(INSTANCE, &name)?;
    Ok(name)
}

/// A name for [`Settings::process`].
pub fn process_name() -> String {
    unlike_others(&[])
}

/// A name that no other process makes, of this or another machine.
fn unlike_others(place: &[u8]) -> String {
    let mut seed = Sha256::new();
    seed.update(place);
    seed.update(std::process::id().to_le_bytes());
    seed.update(crate::time::Clock::now_ms(&crate::time::RealClock).to_le_bytes());
    hex(&seed.finalize()[..5])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// What makes two jobs of one name different jobs: what they read, how it flows, what they write. Components and limits may change.
fn fingerprint(job: &Job) -> String {
    let mut seed = Sha256::new();
    for input in &job.inputs {
        let stream = match &input.source {
            SourceKind::Stream { stream, .. } => stream.as_str(),
            _ => "",
        };
        seed.update(format!("input {} {stream}\n", input.name));
    }
    for operator in &job.operators {
        seed.update(format!("operator {}\n", operator.name));
        operator.inputs.iter().for_each(|input| seed.update(format!(" from {} {} {:?}\n", input.from, input.port, input.repartition)));
        operator.stores.iter().for_each(|store| seed.update(format!(" store {}\n", store.name)));
    }
    for output in &job.outputs {
        let stream = match &output.sink {
            SinkKind::Stream { stream, .. } => stream.as_str(),
            _ => "",
        };
        seed.update(format!("output {} {} {} {stream}\n", output.name, output.from, output.port));
    }
    hex(&seed.finalize()[..4])
}
