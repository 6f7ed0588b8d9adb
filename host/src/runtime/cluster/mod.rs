//! Jobs on a Kafka cluster: what of the job lives in topics, each worker's place in the group, and its transport.

mod layout;
mod place;
mod run;
mod settings;
mod transport;

pub use layout::{TopicUse, TopicUser, describe_topics};
pub(super) use run::run_once;
pub use settings::{process_name, settings};
