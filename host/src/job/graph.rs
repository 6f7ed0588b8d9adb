//! What the job's graph must satisfy before anything is opened: names that exist, no cycles, nothing written from nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::model::{Job, SinkKind};
use super::parse::Reader;
use crate::error::HostError;

/// Where in the file things stand.
#[derive(Default)]
pub(super) struct Places {
    /// By operator: its name, and each entry of its `input`.
    pub operators: Vec<(Range<usize>, Vec<Range<usize>>)>,
    /// By output: its `from`.
    pub outputs: Vec<Range<usize>>,
}

pub(super) fn check(reader: &Reader<'_>, job: &Job, places: &Places) -> Result<(), HostError> {
    if job.operators.is_empty() && job.outputs.is_empty() {
        return Err(reader.error(0..0, "the job does nothing", "add an operator or an output"));
    }
    let inputs: BTreeSet<&str> = job.inputs.iter().map(|input| input.name.as_str()).collect();
    for (operator, (span, _)) in job.operators.iter().zip(&places.operators) {
        if inputs.contains(operator.name.as_str()) {
            return Err(reader.error(span.clone(), format!("`{}` is an input already", operator.name), "give the operator another name"));
        }
    }
    let known: BTreeSet<&str> = inputs.iter().copied().chain(job.operators.iter().map(|operator| operator.name.as_str())).collect();
    let find = |from: &str, port: &str, span: &Range<usize>| {
        if !known.contains(from) {
            let near = known.iter().map(|name| (strsim::damerau_levenshtein(from, name), *name)).min().filter(|(distance, _)| *distance <= 2);
            let help = match near {
                Some((_, name)) => format!("did you mean `{name}`?"),
                None => format!("there are: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            return Err(reader.error(span.clone(), format!("there is no input or operator `{from}`"), &help));
        }
        if inputs.contains(from) && !port.is_empty() {
            return Err(reader.error(span.clone(), format!("`{from}` is an input and has no port `{port}`"), "only operators have ports"));
        }
        Ok(())
    };
    for (operator, (_, spans)) in job.operators.iter().zip(&places.operators) {
        for (input, span) in operator.inputs.iter().zip(spans) {
            find(&input.from, &input.port, span)?;
        }
    }
    for (output, span) in job.outputs.iter().zip(&places.outputs) {
        find(&output.from, &output.port, span)?;
    }
    check_cycles(reader, job, places)?;
    check_targets(reader, job, places)
}

/// Follows each operator upstream; a repartition does not break a cycle, as event time would never move in it.
fn check_cycles(reader: &Reader<'_>, job: &Job, places: &Places) -> Result<(), HostError> {
    let by_name: BTreeMap<&str, usize> = job.operators.iter().enumerate().map(|(n, operator)| (operator.name.as_str(), n)).collect();
    let mut done = vec![false; job.operators.len()];
    for start in 0..job.operators.len() {
        // (operator, next input to follow)
        let mut path = vec![(start, 0)];
        while let Some((at, next)) = path.last_mut() {
            let (operator, edge) = (*at, *next);
            *next += 1;
            match job.operators[operator].inputs.get(edge).map(|input| by_name.get(input.from.as_str())) {
                None => {
                    done[operator] = true;
                    path.pop();
                }
                Some(Some(upstream)) if !done[*upstream] => {
                    if let Some(first) = path.iter().position(|(on_path, _)| on_path == upstream) {
                        let mut names: Vec<&str> = path[first..].iter().rev().map(|(n, _)| job.operators[*n].name.as_str()).collect();
                        names.insert(0, names[names.len() - 1]);
                        let reason = format!("operators read each other in a circle: {}", names.join(" → "));
                        return Err(reader.error(
                            places.operators[operator].1[edge].clone(),
                            reason,
                            "a job's graph has no cycles: take one of these inputs out",
                        ));
                    }
                    path.push((*upstream, 0));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// No two outputs may write the same file, and no output the file of another's stream.
fn check_targets(reader: &Reader<'_>, job: &Job, places: &Places) -> Result<(), HostError> {
    let mut files = BTreeSet::new();
    for (output, span) in job.outputs.iter().zip(&places.outputs) {
        if let SinkKind::File { path, .. } = &output.sink
            && !files.insert(path)
        {
            return Err(reader.error(span.clone(), format!("two outputs write {}", path.display()), "give each a file of its own"));
        }
    }
    Ok(())
}
