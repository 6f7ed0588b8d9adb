//! The section `[kafka]` of a job file.

use toml::Spanned;

use super::file::{FromEntry, KafkaSection, PropertyEntry};
use super::model::{Guarantee, KafkaSpec, PropertyValue};
use super::parse::Reader;
use crate::error::HostError;

/// Most brokers a cluster of which a topic's replicas can lie on.
const REPLICATION_MAX: u32 = 100;

pub(super) fn section(reader: &Reader<'_>, section: KafkaSection) -> Result<KafkaSpec, HostError> {
    let guarantee = match section.guarantee.as_ref().map(|value| (value.as_ref().as_str(), value.span())) {
        None | Some(("exactly-once", _)) => Guarantee::ExactlyOnce,
        Some(("at-least-once", _)) => Guarantee::AtLeastOnce,
        Some((other, span)) => return Err(reader.error(span, format!("there is no guarantee {other:?}"), "expected \"exactly-once\" or \"at-least-once\"")),
    };
    let replication = section.replication.as_ref().map(|value| reader.bounded(Some(value), 1, 1, REPLICATION_MAX)).transpose()?;
    let instance = section.instance.as_ref().map(|name| reader.name(name, "a host")).transpose()?;
    let filled = |value: Option<Spanned<String>>, what: &str| match value {
        Some(value) if value.as_ref().trim().is_empty() => Err(reader.error(value.span(), format!("{what} is empty"), "fill it in, or leave the key out")),
        value => Ok(value.map(Spanned::into_inner)),
    };
    let mut properties = Vec::new();
    for (name, value) in section.properties {
        properties.push((name.as_ref().clone(), property(reader, name.as_ref(), value)?));
    }
    let (bootstrap, group) = (filled(section.bootstrap, "`bootstrap`")?, filled(section.group, "`group`")?);
    Ok(KafkaSpec { bootstrap, group, instance, guarantee, replication, properties })
}

fn property(reader: &Reader<'_>, name: &str, value: Spanned<PropertyEntry>) -> Result<PropertyValue, HostError> {
    let span = value.span();
    match value.into_inner() {
        PropertyEntry::Text(text) => Ok(PropertyValue::Text(text)),
        PropertyEntry::Number(number) => Ok(PropertyValue::Text(number.to_string())),
        PropertyEntry::Flag(flag) => Ok(PropertyValue::Text(flag.to_string())),
        PropertyEntry::From(FromEntry { env: Some(name), file: None }) => Ok(PropertyValue::Environment(name)),
        PropertyEntry::From(FromEntry { env: None, file: Some(path) }) => Ok(PropertyValue::File(reader.resolve(&path))),
        PropertyEntry::From(_) => {
            Err(reader.error(span, format!("where `{name}` comes from is not clear"), "give one of { env = \"NAME\" } and { file = \"path\" }"))
        }
    }
}
