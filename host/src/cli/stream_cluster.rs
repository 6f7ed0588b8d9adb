//! `millstream stream` on a Kafka cluster.

use std::sync::Arc;

use comfy_table::Table;
use serde_json::json;

use super::say::Say;
use super::stream::{AppendArgs, CatArgs, From, Shown, append_lines, place};
use crate::error::HostError;
use crate::kafka::{Cluster, Isolation, Needed, Place, Purpose, Topics, Which};

fn partitions(cluster: &Cluster, topic: &str) -> Result<Vec<Place>, HostError> {
    Ok((0..cluster.partitions_of(topic)?).map(|partition| (topic.to_owned(), partition)).collect())
}

pub(super) fn list(cluster: &Cluster, say: Say) -> Result<(), HostError> {
    let topics = cluster.topics()?;
    let answer: Vec<_> = topics.iter().map(|(name, partitions)| json!({ "name": name, "partitions": partitions })).collect();
    say.answer(&answer)?;
    topics.iter().for_each(|(name, partitions)| say.line(&format!("{name:<48} {partitions:>4} partitions")));
    Ok(())
}

pub(super) fn describe(cluster: &Cluster, topic: &str, say: Say) -> Result<(), HostError> {
    let places = partitions(cluster, topic)?;
    let of = |which| cluster.offsets(&places, which);
    let (first, stable, end) = (of(Which::First)?, of(Which::End(Isolation::Committed))?, of(Which::End(Isolation::Uncommitted))?);
    let rows = (0..places.len()).map(|n| json!({ "first": first[n], "next": stable[n], "end": end[n] }));
    say.answer(&json!({ "name": topic, "partitions": rows.collect::<Vec<_>>() }))?;
    let mut table = Table::new();
    // Between `next` and `end` lie records of transactions that are open. Offsets count markers of transactions, too: there are fewer records.
    table.set_header(["partition", "first", "next", "end"]);
    for n in 0..places.len() {
        table.add_row([n.to_string(), first[n].to_string(), stable[n].to_string(), end[n].to_string()]);
    }
    say.line(&table.to_string());
    Ok(())
}

pub(super) fn cat(cluster: &Arc<Cluster>, args: &CatArgs, say: Say) -> Result<(), HostError> {
    let mut shown = Shown::new(args, say);
    let from = place(&args.from)?;
    for (topic, partition) in partitions(cluster, &args.stream)? {
        if args.partition.is_some_and(|only| only != partition) {
            continue;
        }
        let (offset, since_ms) = match from {
            From::Offset(offset) => (offset, i64::MIN),
            From::Time(ms) => (0, ms),
        };
        cluster.read(&topic, partition, offset, &mut |batch| shown.show(batch, since_ms))?;
    }
    shown.done();
    Ok(())
}

pub(super) fn append(cluster: &Arc<Cluster>, args: &AppendArgs, say: Say) -> Result<(), HostError> {
    let purpose = Purpose::Output { retention_ms: None, retention_bytes: None };
    Topics::new(cluster)?.ensure(&[Needed { topic: args.stream.clone(), partitions: args.partitions, exactly: false, purpose }])?;
    append_lines(args, say, &mut |rows| cluster.append(&args.stream, rows))
}
