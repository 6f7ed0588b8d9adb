//! Headers of a record: a counted list of name and value, read in place.

/// The headers of one record, still packed. Empty bytes are no headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    bytes: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Wraps packed headers. Whether they are well formed is [`Headers::is_well_formed`]'s to say; reading a malformed list ends early.
    pub fn packed(bytes: &'a [u8]) -> Self {
        Headers { bytes }
    }

    /// The packed bytes, as they stand in an arena.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Each header in order; names may repeat.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.bytes;
        let mut left = take_u16(&mut rest).unwrap_or(0);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            next(&mut rest)
        })
    }

    /// The last header of that name, as Kafka's `lastHeader`. `None`: there is none; `Some(None)`: its value is null.
    pub fn last(&self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        self.iter().filter(|(n, _)| *n == name).last().map(|(_, value)| value)
    }

    /// Whether count and lengths agree exactly with the bytes.
    pub fn is_well_formed(&self) -> bool {
        let mut rest = self.bytes;
        let Some(count) = take_u16(&mut rest) else { return false };
        (0..count).all(|_| next(&mut rest).is_some()) && rest.is_empty()
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    take(rest, 2).map(|b| u16::from_le_bytes([b[0], b[1]]))
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    let name_bytes = take_u16(rest)?;
    let name = take(rest, usize::from(name_bytes))?;
    let b = take(rest, 4)?;
    let value_bytes = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    if value_bytes == u32::MAX {
        return Some((name, None));
    }
    Some((name, Some(take(rest, value_bytes as usize)?)))
}

/// Packs headers. Empty until the first [`HeadersBuilder::push`].
#[derive(Clone, Debug, Default)]
pub struct HeadersBuilder {
    bytes: Vec<u8>,
    count: u16,
}

impl HeadersBuilder {
    /// Starts from the headers of a record, to add to them.
    pub fn from_headers(headers: Headers<'_>) -> Self {
        let mut builder = HeadersBuilder::default();
        for (name, value) in headers.iter() {
            builder.push(name, value);
        }
        builder
    }

    /// Adds one header. A name is cut at 65,535 bytes; past 65,535 headers nothing more is added (`false`).
    pub fn push(&mut self, name: &[u8], value: Option<&[u8]>) -> bool {
        if self.count == u16::MAX {
            return false;
        }
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&[0, 0]);
        }
        self.count += 1;
        self.bytes[0..2].copy_from_slice(&self.count.to_le_bytes());
        let name = &name[..name.len().min(usize::from(u16::MAX))];
        self.bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(name);
        match value {
            None => self.bytes.extend_from_slice(&u32::MAX.to_le_bytes()),
            Some(value) => {
                self.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
                self.bytes.extend_from_slice(value);
            }
        }
        true
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    pub fn headers(&self) -> Headers<'_> {
        Headers::packed(&self.bytes)
    }
}
