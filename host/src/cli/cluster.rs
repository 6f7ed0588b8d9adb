//! How commands name a Kafka cluster: `--bootstrap`, and properties for whoever needs more than an address.

use std::sync::Arc;

use clap::Args;

use super::Environment;
use crate::error::HostError;
use crate::job::Guarantee;
use crate::kafka::{Cluster, Settings, owned};

#[derive(Args, Clone)]
pub(super) struct ClusterArgs {
    /// Streams of this Kafka cluster (host:port, several with commas) instead of those of a data folder.
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "data")]
    bootstrap: Option<String>,
    /// A client property (librdkafka's name): NAME=VALUE, NAME=env:VARIABLE, or NAME=file:PATH for secrets. Repeatable.
    #[arg(long = "property", value_name = "NAME=VALUE", requires = "bootstrap")]
    properties: Vec<String>,
}

impl ClusterArgs {
    /// The cluster; `None`: a data folder is meant.
    pub fn connect(&self, environment: &Environment) -> Result<Option<Arc<Cluster>>, HostError> {
        let Some(bootstrap) = self.bootstrap.clone() else { return Ok(None) };
        let properties = self.properties.iter().map(|text| property(text, environment)).collect::<Result<Vec<_>, _>>()?;
        let tool = || "tool".to_owned();
        Cluster::connect(Settings {
            bootstrap,
            job: tool(),
            group: tool(),
            instance: tool(),
            guarantee: Guarantee::AtLeastOnce,
            replication: -1,
            checkpoint_interval_ms: 1_000,
            properties,
            fingerprint: tool(),
            process: String::new(),
        })
        .map(Some)
    }
}

fn property(text: &str, environment: &Environment) -> Result<(String, String), HostError> {
    let key = "--property";
    let Some((name, value)) = text.split_once('=') else {
        return Err(HostError::job(key, format!("{text:?} is no NAME=VALUE")).with_help("for example security.protocol=SASL_SSL"));
    };
    if owned(name).is_some() {
        return Err(HostError::job(key, format!("`{name}` is the command's to set")).with_help("leave it out"));
    }
    let value = match (value.strip_prefix("env:"), value.strip_prefix("file:")) {
        (Some(variable), _) => (environment.variable)(variable)
            .ok_or_else(|| HostError::job(key, format!("the environment has no variable {variable}, which `{name}` is to come from")))?,
        (_, Some(path)) => std::fs::read_to_string(path)
            .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
            .map_err(|error| HostError::job(key, format!("{path}, which `{name}` is to come from, cannot be read: {error}")))?,
        _ => value.to_owned(),
    };
    Ok((name.to_owned(), value))
}
