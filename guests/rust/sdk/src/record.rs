//! What comes in: records, and timers that are due.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::layout::{INHERIT, View};
use crate::{BAD_JSON, BAD_TEXT, JsonError, JsonFields, JsonFound, NO_KEY, NO_TIME, Stop, reject};

/// One input record, read in place. Its fields are those of [`View`]: `key`, `value` (`None` is null), `headers`, `port`, `timestamp`, `offset`, …
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub(crate) view: View<'a>,
    pub(crate) row: u32,
}

impl<'a> Record<'a> {
    /// Number of the record in its batch.
    pub fn row(&self) -> u32 {
        self.row
    }

    /// The key, or a reject with code [`NO_KEY`].
    pub fn require_key(&self) -> Result<&'a [u8], Stop> {
        self.view.key.ok_or_else(|| reject(NO_KEY, "the record has no key"))
    }

    /// Event time in ms since 1970 UTC, where the record has one.
    pub fn time(&self) -> Option<i64> {
        (self.view.timestamp != INHERIT).then_some(self.view.timestamp)
    }

    /// Event time, or a reject with code [`NO_TIME`].
    pub fn require_time(&self) -> Result<i64, Stop> {
        self.time().ok_or_else(|| reject(NO_TIME, "the record has no timestamp"))
    }

    /// The key as text, or a reject with code [`BAD_TEXT`].
    pub fn key_text(&self) -> Result<&'a str, Stop> {
        text(self.view.key, "key")
    }

    /// The value as text, or a reject with code [`BAD_TEXT`].
    pub fn value_text(&self) -> Result<&'a str, Stop> {
        text(self.view.value, "value")
    }

    /// The value decoded from JSON, or a reject with code [`BAD_JSON`] that names the wrong field.
    pub fn value_json<T: DeserializeOwned>(&self) -> Result<T, Stop> {
        let bytes = self.view.value.ok_or_else(|| reject(BAD_JSON, "the value is null"))?;
        crate::config::from_json(bytes).map_err(|reason| reject(BAD_JSON, format!("the value: {reason}")))
    }

    /// Fields of the value, which is a JSON object, as text: the fast way to a few of many fields, see [`JsonFields`]. Or a reject: [`BAD_TEXT`] where the value
    /// is null or not UTF-8, [`BAD_JSON`] with the place and what was expected there.
    #[inline]
    pub fn value_fields<'f>(&self, fields: &'f mut JsonFields) -> Result<JsonFound<'f>, Stop>
    where
        'a: 'f,
    {
        let Some(bytes) = self.view.value else { return Err(reject(BAD_TEXT, "the value is null")) };
        fields.find(bytes).map_err(|e| match e {
            JsonError::NotText(_) => reject(BAD_TEXT, format!("the value is {e}")),
            JsonError::NotJson { .. } => reject(BAD_JSON, format!("the value: {e}")),
        })
    }

    /// The last header of that name; `None`: there is none, or its value is null.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.view.headers.last(name.as_bytes()).flatten()
    }
}

fn text<'a>(bytes: Option<&'a [u8]>, part: &str) -> Result<&'a str, Stop> {
    let bytes = bytes.ok_or_else(|| reject(BAD_TEXT, format!("the {part} is null")))?;
    crate::text::from_utf8(bytes).map_err(|e| reject(BAD_TEXT, format!("the {part} is not UTF-8: {e}")))
}

impl<'a> Deref for Record<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

/// Which clock a timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Due when the watermark has reached it.
    Event,
    /// Due when the host's clock has reached it.
    Processing,
}

/// A timer, to be set or deleted, or one that is due. It *is* its domain, time, key and payload: setting it twice sets one.
///
/// ```
/// # use millstream_sdk::Timer;
/// let end_of_window = Timer::event(60_000).key(Some(b"AA")).payload(b"window");
/// assert_eq!(end_of_window.at_ms, 60_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer<'a> {
    pub domain: Domain,
    /// Due time, ms since 1970 UTC.
    pub at_ms: i64,
    pub key: Option<&'a [u8]>,
    pub payload: &'a [u8],
}

impl<'a> Timer<'a> {
    pub const fn event(at_ms: i64) -> Self {
        Timer { domain: Domain::Event, at_ms, key: None, payload: b"" }
    }

    pub const fn processing(at_ms: i64) -> Self {
        Timer { domain: Domain::Processing, at_ms, key: None, payload: b"" }
    }

    pub const fn key(self, key: Option<&'a [u8]>) -> Self {
        Timer { key, ..self }
    }

    pub const fn payload(self, payload: &'a [u8]) -> Self {
        Timer { payload, ..self }
    }
}
