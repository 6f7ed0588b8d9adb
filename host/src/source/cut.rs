//! Where records end in a text: at a line feed, except that a quoted CSV field may hold line feeds; and the columns of a CSV row.

use csv_core::ReadFieldResult;
use memchr::{memchr, memchr2};

use crate::job::FileFormat;

/// Finds record ends in a buffer that grows. Remembers how far it has looked.
#[derive(Default)]
pub(super) struct Cutter {
    looked: usize,
    quoted: bool,
}

impl Cutter {
    /// The end of the first record of `bytes` (one past its line feed), or none yet. `bytes` begins where the last found record ended.
    pub fn next(&mut self, format: FileFormat, bytes: &[u8]) -> Option<usize> {
        let csv = format == FileFormat::Csv;
        loop {
            let rest = &bytes[self.looked..];
            let found = match (csv, self.quoted) {
                (true, true) => memchr(b'"', rest),
                (true, false) => memchr2(b'\n', b'"', rest),
                (false, _) => memchr(b'\n', rest),
            };
            let Some(at) = found.map(|n| self.looked + n) else {
                self.looked = bytes.len();
                return None;
            };
            if self.quoted {
                match bytes.get(at + 1) {
                    // Two quotes or the closing one: the next byte will tell.
                    None => {
                        self.looked = at;
                        return None;
                    }
                    Some(b'"') => self.looked = at + 2,
                    Some(_) => (self.looked, self.quoted) = (at + 1, false),
                }
            } else if bytes[at] == b'\n' {
                *self = Cutter::default();
                return Some(at + 1);
            } else {
                // A quote opens a field where one begins; elsewhere it is a byte like others, as csv-core has it.
                self.quoted = at == 0 || bytes[at - 1] == b',';
                self.looked = at + 1;
            }
        }
    }
}

/// A record without its line end.
pub(super) fn trim(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// Takes CSV rows apart, and keeps its memory from row to row.
pub(super) struct Columns {
    reader: csv_core::Reader,
    field: Vec<u8>,
}

impl Default for Columns {
    fn default() -> Self {
        // Not the reader's own default, which has no table of transitions.
        Columns { reader: csv_core::Reader::new(), field: Vec::new() }
    }
}

impl Columns {
    /// Column `n` of a row, unquoted; none where the row is shorter.
    pub fn get(&mut self, row: &[u8], n: usize) -> Option<&[u8]> {
        self.reader.reset();
        let (mut input, mut column, mut length) = (row, 0, 0);
        loop {
            if length == self.field.len() {
                self.field.resize((length * 2).max(64), 0);
            }
            // An empty input tells the reader that the row is over.
            let (result, read, written) = self.reader.read_field(input, &mut self.field[length..]);
            input = &input[read..];
            length += written;
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { .. } if column == n => return Some(&self.field[..length]),
                ReadFieldResult::Field { record_end: false } => (column, length) = (column + 1, 0),
                ReadFieldResult::Field { record_end: true } | ReadFieldResult::End => return None,
            }
        }
    }

    /// Which column has this name in a header row.
    pub fn find(&mut self, header: &[u8], name: &str) -> Option<usize> {
        // Spreadsheets begin their files with a byte order mark.
        let header = header.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(header);
        for n in 0.. {
            if self.get(header, n)? == name.as_bytes() {
                return Some(n);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(format: FileFormat, text: &[u8], step: usize) -> Vec<Vec<u8>> {
        let (mut cutter, mut begin, mut records) = (Cutter::default(), 0, Vec::new());
        for end in (0..text.len()).step_by(step).chain([text.len()]) {
            while let Some(length) = cutter.next(format, &text[begin..end.max(begin)]) {
                records.push(trim(&text[begin..begin + length]).to_vec());
                begin += length;
            }
        }
        records
    }

    #[test]
    fn a_quoted_line_end_does_not_end_a_csv_row() {
        let text = b"a,\"b\nc\"\r\nd\n\"e\"\"\nf\",g\n";
        for step in 1..text.len() {
            assert_eq!(cut(FileFormat::Csv, text, step), [&b"a,\"b\nc\""[..], b"d", b"\"e\"\"\nf\",g"], "step {step}");
        }
        assert_eq!(cut(FileFormat::Lines, text, 3).len(), 5);
    }

    #[test]
    fn a_quote_inside_a_field_is_a_byte_like_others() {
        assert_eq!(cut(FileFormat::Csv, b"5\" disk,1\n3\" disk,2\n", 1), [&b"5\" disk,1"[..], b"3\" disk,2"]);
    }

    #[test]
    fn columns_come_unquoted() {
        let row = br#"1,"two, 2","say ""hi""","#;
        let mut columns = Columns::default();
        let texts: Vec<_> = (0..5).map(|n| columns.get(row, n).map(|field| String::from_utf8_lossy(field).into_owned())).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(texts, [some("1"), some("two, 2"), some("say \"hi\""), some(""), None]);
        let long = [&b"x,"[..], &[b'y'; 1_000]].concat();
        assert_eq!(columns.get(&long, 1).map(<[u8]>::len), Some(1_000));
        assert_eq!(columns.find(b"\xEF\xBB\xBFid,\"the time\"", "id"), Some(0));
        assert_eq!(columns.find(b"id,\"the time\"", "the time"), Some(1));
        assert_eq!(columns.find(b"id", "time"), None);
    }

    proptest! {
        /// The csv crate writes, we cut: each row by itself must give its fields back.
        #[test]
        fn rows_that_the_csv_crate_writes_are_cut_and_taken_apart_alike(
            rows in proptest::collection::vec(proptest::collection::vec("[a\",\r\n ]{0,6}", 2..5), 1..6), step in 1usize..9,
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let cut = cut(FileFormat::Csv, &writer.into_inner().unwrap(), step);
            prop_assert_eq!(cut.len(), rows.len());
            let mut columns = Columns::default();
            for (text, row) in cut.iter().zip(&rows) {
                for (n, field) in row.iter().enumerate() {
                    prop_assert_eq!(columns.get(text, n), Some(field.as_bytes()));
                }
                prop_assert_eq!(columns.get(text, row.len()), None);
            }
        }
    }
}
