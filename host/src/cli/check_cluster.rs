//! What `check` asks a Kafka cluster: which of the job's topics are there and fit, what would be made, who is in the group, and what is not permitted.

use serde_json::{Value, json};

use super::say::Say;
use crate::error::HostError;
use crate::kafka::{Cluster, Described, Needed, Purpose, Topics};
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
    let used = describe_topics(checked, cluster)?;
    let there = cluster.describe(&used.iter().map(|used| used.topic.as_str()).collect::<Vec<_>>())?;
    for used in used {
        let one = look(&topics, there.get(&used.topic), used, &mut first);
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

fn look(topics: &Topics, there: Option<&Described>, used: TopicUse, first: &mut Option<HostError>) -> Found {
    let TopicUse { topic, user, partitions } = used;
    let output = || Some(Purpose::Output { retention_ms: None, retention_bytes: None });
    let (user, purpose, needs) = match user {
        TopicUser::Input => ("input", None, &["Read", "Describe"][..]),
        TopicUser::Output => ("output", output(), &["Write", "Describe"][..]),
        TopicUser::DeadLetters => ("dead letters", output(), &["Write", "Describe"][..]),
        TopicUser::Repartition => ("repartition", Some(Purpose::Repartition), &["Read", "Write", "Describe"][..]),
        TopicUser::Changelog => ("changelog", Some(Purpose::Changelog), &["Read", "Write", "Describe"][..]),
    };
    let Some(there) = there else {
        return Found { topic, user, state: format!("will be made with {partitions} partitions"), wrong: false };
    };
    let exactly = matches!(purpose, Some(Purpose::Repartition | Purpose::Changelog));
    let fits = purpose.map_or(Ok(()), |purpose| topics.fits(&Needed { topic: topic.clone(), partitions, exactly, purpose }, there.partitions));
    // Brokers that do not say what is allowed are not asked to.
    let missing: Vec<&str> = needs.iter().copied().filter(|need| !there.allowed.is_empty() && !there.allowed.contains(need)).collect();
    let may = match missing.is_empty() {
        true => Ok(()),
        false => Err(HostError::job(format!("topic `{topic}`"), format!("is the job's {user}, but its user may not {} there", missing.join(", ")))
            .with_help("docs/kafka.md lists the permissions that a job needs")),
    };
    match fits.and(may) {
        Ok(()) => Found { topic, user, state: format!("{} partitions", there.partitions), wrong: false },
        Err(error) => {
            let state = error.to_string();
            first.get_or_insert(error);
            Found { topic, user, state, wrong: true }
        }
    }
}
