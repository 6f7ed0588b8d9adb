//! What `check` asks a Kafka cluster: which of the job's topics are there and fit, what would be made, who is in the group, and what is not permitted.

use serde_json::{Value, json};

use super::say::Say;
use crate::error::HostError;
use crate::kafka::{Cluster, Purpose, Topics};
use crate::runtime::{Checked, TopicUse, TopicUser, describe_topics};

/// What was found of one topic.
struct Found {
    topic: String,
    user: &'static str,
    /// In words: that it fits, that it will be made, or what is wrong.
    state: String,
    wrong: bool,
}

/// Looks at everything, says all that is wrong, and fails with the first of it.
pub(super) fn check(checked: &Checked, cluster: &std::sync::Arc<Cluster>, say: Say) -> Result<Value, HostError> {
    let topics = Topics::new(cluster)?;
    let mut first = None;
    let mut found = Vec::new();
    for used in describe_topics(checked, cluster)? {
        let one = look(&topics, cluster, &used, &mut first)?;
        say.line(&format!("{} {:<48} {:<12} {}", if one.wrong { "✗" } else { "·" }, one.topic, one.user, one.state));
        found.push(one);
    }
    let strangers = cluster.strangers()?;
    for stranger in &strangers {
        say.line(&format!("✗ group `{}` has a member that is not this job: {stranger}", cluster.settings.group));
    }
    if !strangers.is_empty() && first.is_none() {
        let reason = format!("has members that are not this job: {}", strangers.join(", "));
        first =
            Some(HostError::job(format!("group `{}`", cluster.settings.group), reason).with_help("give the job a group of its own: group = \"…\" in [kafka]"));
    }
    match first {
        Some(error) => Err(error),
        None => Ok(found.iter().map(|one| json!({ "topic": one.topic, "for": one.user, "state": one.state })).collect()),
    }
}

fn look(topics: &Topics, cluster: &Cluster, used: &TopicUse, first: &mut Option<HostError>) -> Result<Found, HostError> {
    let (user, purpose, needs) = match used.user {
        TopicUser::Input => ("input", None, &["Read", "Describe"][..]),
        TopicUser::Output => ("output", Some(Purpose::Output { retention_ms: None, retention_bytes: None }), &["Write", "Describe"][..]),
        TopicUser::DeadLetters => ("dead letters", Some(Purpose::Output { retention_ms: None, retention_bytes: None }), &["Write", "Describe"][..]),
        TopicUser::Repartition => ("repartition", Some(Purpose::Repartition), &["Read", "Write", "Describe"][..]),
        TopicUser::Changelog => ("changelog", Some(Purpose::Changelog), &["Read", "Write", "Describe"][..]),
    };
    let topic = used.topic.clone();
    let found = |state: String, wrong: bool| Ok(Found { topic: topic.clone(), user, state, wrong });
    let Some(have) = cluster.partitions(&[&topic])?.get(&topic).copied() else {
        return found(format!("will be made with {} partitions", used.partitions), false);
    };
    let exactly = matches!(used.user, TopicUser::Repartition | TopicUser::Changelog).then_some(used.partitions);
    let fits = purpose.map_or(Ok(()), |purpose| topics.check(&topic, have, exactly, &purpose));
    let allowed = topics.allowed(&topic)?;
    let missing: Vec<&str> = needs.iter().copied().filter(|need| allowed.as_ref().is_some_and(|allowed| !allowed.iter().any(|one| one == need))).collect();
    let wrong = match fits {
        Err(error) => Some(error),
        Ok(()) if !missing.is_empty() => Some(
            HostError::job(format!("topic `{topic}`"), format!("is the job's {user}, but its user may not {} there", missing.join(", ")))
                .with_help("docs/kafka.md lists the permissions that a job needs"),
        ),
        Ok(()) => None,
    };
    match wrong {
        None => found(format!("{have} partitions"), false),
        Some(error) => {
            let state = error.to_string();
            first.get_or_insert(error);
            found(state, true)
        }
    }
}
