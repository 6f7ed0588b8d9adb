//! Reading a range of a store, page by page. The cursor is the operator's: no handle lives in the host.

use super::{Value, unreadable};
use crate::host::{Host, Range};
use crate::{Stop, fatal};

/// Keys and values of one page of a scan.
pub type Pairs<V> = Vec<(Vec<u8>, V)>;

/// A range of keys in ascending byte order, and how far it has been read.
///
/// ```
/// # use millstream_sdk::Scan;
/// let all = Scan::all();
/// let of_one_user = Scan::prefix(b"user-7/");
/// let from_a_to_b = Scan::range(b"a", b"b");
/// ```
#[derive(Clone, Debug)]
pub struct Scan {
    begin: Vec<u8>,
    end: Vec<u8>,
    page_rows: u32,
    done: bool,
}

impl Scan {
    /// The whole store (of the current task).
    pub fn all() -> Scan {
        Scan::range(b"", b"")
    }

    /// From `begin`, inclusive, to `end`, exclusive; an empty `end` is the end of the store.
    pub fn range(begin: &[u8], end: &[u8]) -> Scan {
        Scan { begin: begin.to_vec(), end: end.to_vec(), page_rows: 0, done: false }
    }

    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Scan {
        // The first key past the prefix: its last byte that can grow, grown; a prefix of 0xFF bytes has none, hence the store's end.
        let mut end = prefix.to_vec();
        while end.pop_if(|last| *last == u8::MAX).is_some() {}
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        Scan::range(prefix, &end)
    }

    /// At most so many rows a page; 0: as the host likes.
    pub fn page_rows(self, page_rows: u32) -> Scan {
        Scan { page_rows, ..self }
    }

    pub(crate) fn next_page<V: Value>(&mut self, number: u16, store: &'static str, host: &mut dyn Host) -> Result<Option<Pairs<V>>, Stop> {
        if self.done {
            return Ok(None);
        }
        let range = Range { store: u32::from(number), begin: self.begin.clone(), end: self.end.clone(), limit: self.page_rows, bytes_max: 0 };
        let page = host.scan(range)?;
        self.done = page.done || page.rows.is_empty();
        let mut rows = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let (key, value) = (row.key.unwrap_or_default(), row.value.unwrap_or_default());
            rows.push((key.to_vec(), V::decode(value).map_err(|e| fatal(unreadable(store, key, &e)))?));
        }
        if let Some((last, _)) = rows.last() {
            self.begin = [last, &[0][..]].concat();
        }
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_ends_where_the_next_one_begins() {
        let end = |prefix: &[u8]| Scan::prefix(prefix).end;
        assert_eq!([end(b"ab"), end(b"a\xff"), end(b"a\xff\xff"), end(b"\xff"), end(b"")], [&b"ac"[..], b"b", b"b", b"", b""]);
    }
}
