//! `[operator.…]` sections: component, inputs, stores and limits.

use toml::Spanned;

use super::file::{InputEntry, LimitsSection, OperatorSection, StoreEntry};
use super::graph::Places;
use super::model::{OperatorInput, OperatorSpec, StoreSpec};
use super::parse::{PARTITIONS_MAX, Reader, split_port};
use super::units::Size;
use crate::error::HostError;
use crate::operator::Limits;

/// Partitions of an internal stream unless the edge says otherwise.
const REPARTITIONS: u32 = 4;

pub(super) fn operator(reader: &Reader<'_>, name: &Spanned<String>, section: OperatorSection, places: &mut Places) -> Result<OperatorSpec, HostError> {
    let component = reader.resolve(section.component.as_ref());
    if !component.is_file() {
        let help = "build it with `millstream build DIR`; paths count from the job file's folder";
        return Err(reader.error(section.component.span(), format!("there is no component {}", component.display()), help));
    }
    let mut inputs = Vec::new();
    let mut spans = Vec::new();
    for entry in section.input.as_ref() {
        spans.push(entry.span());
        inputs.push(input(reader, entry)?);
    }
    if inputs.is_empty() {
        return Err(reader.error(section.input.span(), format!("operator `{}` reads nothing", name.as_ref()), "name at least one input or operator"));
    }
    places.operators.push((name.span(), spans));
    let mut stores: Vec<StoreSpec> = Vec::new();
    for entry in section.stores.unwrap_or_default() {
        let (store, ttl_ms) = match entry.as_ref() {
            StoreEntry::Name(name) => (name.clone(), None),
            StoreEntry::Store { name, ttl } => (name.clone(), ttl.map(|ttl| ttl.0 as i64)),
        };
        let store = reader.name(&Spanned::new(entry.span(), store), "a store")?;
        if stores.iter().any(|known| known.name == store) {
            return Err(reader.error(entry.span(), format!("store `{store}` is named twice"), "leave one out"));
        }
        stores.push(StoreSpec { name: store, ttl_ms });
    }
    let config = section.config.map(|config| serde_json::to_string(&config)).transpose();
    Ok(OperatorSpec {
        name: reader.name(name, "an operator")?,
        component,
        inputs,
        config: config.map_err(|error| reader.error(name.span(), format!("`config` cannot be written as JSON: {error}"), ""))?.unwrap_or_default(),
        stores,
        limits: limits(reader, &section.limits)?,
        watermark: reader.watermark(section.watermark.as_ref())?,
    })
}

fn input(reader: &Reader<'_>, entry: &Spanned<InputEntry>) -> Result<OperatorInput, HostError> {
    let edge = match entry.as_ref() {
        InputEntry::Name(name) => {
            let (from, port) = split_port(name);
            return Ok(OperatorInput { from, port, repartition: None });
        }
        InputEntry::Edge(edge) => edge,
    };
    let (from, port) = split_port(&edge.from);
    let repartition = match (edge.by.as_deref(), edge.partitions) {
        (Some("key"), partitions) => Some(partitions.unwrap_or(REPARTITIONS)),
        (Some(other), _) => return Err(reader.error(entry.span(), format!("cannot repartition by {other:?}"), "expected by = \"key\"")),
        (None, Some(_)) => return Err(reader.error(entry.span(), "`partitions` means nothing without `by`", "add by = \"key\", or leave it out")),
        (None, None) => None,
    };
    if repartition.is_some_and(|partitions| !(1..=PARTITIONS_MAX).contains(&partitions)) {
        return Err(reader.error(entry.span(), "`partitions` is out of range", &format!("expected 1 to {PARTITIONS_MAX}")));
    }
    Ok(OperatorInput { from, port, repartition })
}

fn limits(reader: &Reader<'_>, section: &LimitsSection) -> Result<Limits, HostError> {
    let default = Limits::default();
    let size = |value: &Option<Spanned<Size>>, default: u64, least: u64, most: u64| match value {
        None => Ok(default),
        Some(size) if (least..=most).contains(&size.as_ref().0) => Ok(size.as_ref().0),
        Some(size) => Err(reader.error(size.span(), format!("{} bytes are out of range", size.as_ref().0), &format!("expected {least} to {most} bytes"))),
    };
    Ok(Limits {
        memory_bytes_max: size(&section.memory, default.memory_bytes_max, 64 << 10, 4 << 30)?,
        call_ms_max: section.call.as_ref().map_or(default.call_ms_max, |call| call.as_ref().0.max(1)),
        output_bytes_max: size(&section.output, default.output_bytes_max, 4 << 10, 1 << 30)?,
        batch_records_max: reader.bounded(section.batch_records.as_ref(), default.batch_records_max, 1, 1 << 18)?,
        batch_bytes_max: size(&section.batch_bytes, default.batch_bytes_max as u64, 1 << 10, 1 << 29)? as usize,
        recycle_percent: reader.bounded(section.recycle.as_ref(), default.recycle_percent, 1, 100)?,
    })
}
