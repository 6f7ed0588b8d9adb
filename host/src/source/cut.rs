//! Where records end in a text: at a line's end, except that a quoted CSV field may hold line ends.

use crate::job::FileFormat;

/// Finds record ends in a buffer that grows. Remembers how far it has looked.
#[derive(Default)]
pub(super) struct Cutter {
    looked: usize,
    quoted: bool,
}

impl Cutter {
    /// The end of the first record of `bytes` (one past its line end), or none yet. `bytes` begins where the last found record ended.
    pub fn next(&mut self, format: FileFormat, bytes: &[u8]) -> Option<usize> {
        for (n, byte) in bytes.iter().enumerate().skip(self.looked) {
            match byte {
                b'"' if format == FileFormat::Csv => self.quoted = !self.quoted,
                b'\n' if !self.quoted => {
                    *self = Cutter::default();
                    return Some(n + 1);
                }
                _ => {}
            }
        }
        self.looked = bytes.len();
        None
    }
}

/// A record without its line end.
pub(super) fn trim(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// Column `n` of a CSV row, unquoted. `scratch` holds it where quotes had to be taken out.
pub(super) fn column<'a>(row: &'a [u8], n: usize, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let mut begin = 0;
    let mut quoted = false;
    let mut column = 0;
    let end_of = |at: usize| if at == row.len() { Some(b',') } else { row.get(at).copied() };
    let mut at = 0;
    while let Some(byte) = end_of(at) {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted || at == row.len() => {
                if column == n {
                    return Some(unquote(&row[begin..at], scratch));
                }
                column += 1;
                begin = at + 1;
            }
            _ => {}
        }
        if at == row.len() {
            break;
        }
        at += 1;
    }
    None
}

fn unquote<'a>(field: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let Some(inner) = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")) else { return field };
    scratch.clear();
    let mut after_quote = false;
    for byte in inner {
        after_quote = *byte == b'"' && !after_quote;
        if !after_quote {
            scratch.push(*byte);
        }
    }
    scratch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_line_end_does_not_end_a_csv_row() {
        let text = b"a,\"b\nc\"\nd\n";
        let mut cutter = Cutter::default();
        assert_eq!(cutter.next(FileFormat::Csv, &text[..5]), None);
        assert_eq!(cutter.next(FileFormat::Csv, text), Some(8));
        assert_eq!(cutter.next(FileFormat::Csv, &text[8..]), Some(2));
        assert_eq!(Cutter::default().next(FileFormat::Lines, text), Some(5));
    }

    #[test]
    fn columns_come_unquoted() {
        let row = br#"1,"two, 2","say ""hi""","#;
        let texts: Vec<_> = (0..5).map(|n| column(row, n, &mut Vec::new()).map(|field| String::from_utf8_lossy(field).into_owned())).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(texts, [some("1"), some("two, 2"), some("say \"hi\""), some(""), None]);
    }
}
