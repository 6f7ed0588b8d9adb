//! Fields of JSON objects without a tree: what is asked for is found as text, and the rest is checked and passed over.

mod error;
mod names;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use error::JsonError;
use names::Names;
use scan::{Name, Scanner, Wrong};

use crate::block::BLOCK_BYTES;
use crate::text::from_utf8;

/// Finds fields of JSON objects by name, sixteen bytes at a time and without allocating. For operators that need a few fields of each record and not
/// their meaning as a whole; [`Record::value_json`](crate::Record::value_json) decodes into a type of your own.
///
/// The whole text is checked as serde_json checks what it passes over: grammar, escapes, control characters, UTF-8, at most 127 objects and arrays inside
/// one another, nothing behind the object. Of fields with the same name the last one counts. Names are compared as they read, with escapes resolved.
///
/// ```
/// use millstream_sdk::JsonFields;
///
/// let mut fields = JsonFields::new(["origin", "delay", "gate"]);
/// let found = fields.find(br#"{"flight": 1545, "delay": 2.5, "origin": "EW\u0052"}"#)?;
/// assert_eq!(found.raw(0), Some(r#""EW\u0052""#));
/// assert_eq!(found.text(0).as_deref(), Some("EWR"));
/// assert_eq!(found.raw(1).and_then(|raw| raw.parse::<f64>().ok()), Some(2.5));
/// assert_eq!(found.raw(2), None);
///
/// let error = fields.find(br#"{"origin": EWR}"#).unwrap_err();
/// assert_eq!(error.to_string(), "expected a value at byte 11, found `E`");
/// # Ok::<(), millstream_sdk::JsonError>(())
/// ```
#[derive(Clone, Debug)]
pub struct JsonFields {
    names: Names,
    /// Where the fields are, one each as in `names`.
    places: Vec<Place>,
    /// Tells the places of this text from those of the texts before; 0: none yet.
    turn: u32,
}

/// Where a field's value is, and in which turn it was found.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    begin: usize,
    end: usize,
    turn: u32,
}

impl JsonFields {
    /// The names to look for. What is found is told by their numbers in this order.
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> JsonFields {
        let names = Names::new(names);
        JsonFields { places: vec![Place::default(); names.distinct()], names, turn: 0 }
    }

    /// Goes over a whole text, which must be one object.
    #[inline]
    pub fn find<'a>(&'a mut self, text: &'a [u8]) -> Result<JsonFound<'a>, JsonError> {
        let text = from_utf8(text).map_err(JsonError::NotText)?;
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            self.places.fill(Place::default());
            self.turn = 1;
        }
        match if text.len() < BLOCK_BYTES { self.scan_short(text) } else { self.scan(text.as_bytes()) } {
            Ok(()) => Ok(JsonFound { fields: self, text }),
            Err(wrong) => Err(explain(text.as_bytes(), &wrong)),
        }
    }

    /// The scanner reads whole blocks. Spaces behind an object are as good as none.
    #[cold]
    fn scan_short(&mut self, text: &str) -> Result<(), Wrong> {
        let mut padded = [b' '; BLOCK_BYTES];
        padded[..text.len()].copy_from_slice(text.as_bytes());
        self.scan(&padded)
    }

    /// Notes the places.
    #[inline(always)]
    fn scan(&mut self, text: &[u8]) -> Result<(), Wrong> {
        let JsonFields { names, places, turn } = self;
        Scanner::new(text).object(|name, begin, end| {
            let field = if name.is_plain { names.number(text, name.begin, name.end) } else { number_of_escaped(names, text, name)? };
            if let Some(field) = field {
                places[field] = Place { begin, end, turn: *turn };
            }
            Ok(())
        })
    }
}

#[cold]
fn explain(text: &[u8], wrong: &Wrong) -> JsonError {
    let at = wrong.at.min(text.len());
    JsonError::NotJson { at, expected: wrong.expected, found: text.get(at).copied() }
}

/// A name with escapes is read before it is compared; serde_json refuses halves of surrogate pairs in it.
#[cold]
fn number_of_escaped(names: &Names, text: &[u8], Name { begin, end, .. }: Name) -> Result<Option<usize>, Wrong> {
    match serde_json::from_slice::<String>(&text[begin - 1..end + 1]) {
        Ok(name) => Ok(names.number_of(name.as_bytes())),
        Err(_) => Err(Wrong { at: begin, expected: "a name that is text" }),
    }
}

/// What [`JsonFields::find`] found in one text.
#[derive(Clone, Copy, Debug)]
pub struct JsonFound<'a> {
    fields: &'a JsonFields,
    text: &'a str,
}

impl<'a> JsonFound<'a> {
    /// The text of a field's value as it stands: a string with its quotes and escapes. `None`: the object has no such field. Panics past the names, like an index.
    #[inline]
    pub fn raw(&self, field: usize) -> Option<&'a str> {
        let place = &self.fields.places[self.fields.names.place(field)];
        if place.turn == self.fields.turn { self.text.get(place.begin..place.end) } else { None }
    }

    /// The content of a field that is a string, escapes resolved; borrowed where there are none. `None`: no such field, or it is no string, or a string whose
    /// escapes are no text (halves of surrogate pairs). Panics past the names, like an index.
    #[inline]
    pub fn text(&self, field: usize) -> Option<Cow<'a, str>> {
        let raw = self.raw(field)?;
        let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
        if inside.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inside)) }
    }

    /// The whole text, checked.
    pub fn whole(&self) -> &'a str {
        self.text
    }
}
