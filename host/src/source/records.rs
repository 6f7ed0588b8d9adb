//! Bytes of a text in, records out: what files and standard input share.

use super::cut::{Columns, Cutter, trim};
use crate::error::HostError;
use crate::job::{FileFormat, TimestampFrom};
use crate::record::{BatchBuilder, Offset, jsonl};
use crate::time::parse_ms;

/// The longest record, bytes with its line end.
pub(super) const RECORD_BYTES_MAX: usize = 16 << 20;

/// How a text is read: part of an input's description.
#[derive(Clone)]
pub(super) struct TextFormat {
    pub format: FileFormat,
    /// A CSV column to take timestamps from, by name.
    column: Option<String>,
}

impl TextFormat {
    pub fn new(format: FileFormat, timestamp: &TimestampFrom) -> Self {
        let column = match timestamp {
            TimestampFrom::Field(name) if format == FileFormat::Csv => Some(name.clone()),
            _ => None,
        };
        TextFormat { format, column }
    }
}

/// A CSV text's first row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Ahead,
    /// Read, or there is none. With the column of the timestamp, where one is wanted.
    Known(Option<usize>),
}

/// Cuts a text into records. Grows with the longest record and the largest read, no further.
pub(super) struct Records {
    text: TextFormat,
    /// What errors call the text: "the input file a.csv".
    name: String,
    partition: u32,
    /// Of the first byte not taken yet.
    position: Offset,
    buffer: Vec<u8>,
    /// Where that byte is in the buffer.
    begin: usize,
    cutter: Cutter,
    header: Header,
    columns: Columns,
    lines: jsonl::LineReader,
}

impl Records {
    /// Begins at `position`, where a text begins as well: a CSV text with its header row.
    pub fn new(text: TextFormat, name: String, partition: u32, position: Offset) -> Self {
        let header = if text.format == FileFormat::Csv { Header::Ahead } else { Header::Known(None) };
        let (columns, lines) = (Columns::default(), jsonl::LineReader::default());
        Records { text, name, partition, position, buffer: Vec::new(), begin: 0, cutter: Cutter::default(), header, columns, lines }
    }

    /// Goes on elsewhere in the same text; what was put in is forgotten, a header that was seen is not.
    pub fn jump(&mut self, position: Offset) {
        self.position = position;
        self.buffer.clear();
        self.begin = 0;
        self.cutter = Cutter::default();
    }

    /// Position of the first byte that is in no record yet.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// Bytes that are there, but in no record yet.
    pub fn waiting(&self) -> usize {
        self.buffer.len() - self.begin
    }

    /// Room to append what comes next in the text.
    pub fn room(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.begin);
        self.begin = 0;
        &mut self.buffer
    }

    /// Moves the records that are there into `rows`, until it holds so many records or bytes. `true`: it does; `false`: more text is wanted.
    pub fn take(&mut self, rows: &mut BatchBuilder, records_max: usize, bytes_max: usize) -> Result<bool, HostError> {
        while rows.len() < records_max && rows.bytes() < bytes_max {
            match self.cut()? {
                Some(end) => self.push(end, rows)?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Reads the header row, if that is what comes next and all of it is there. `true`: the header is known.
    pub fn take_header(&mut self) -> Result<bool, HostError> {
        if self.header == Header::Ahead
            && let Some(end) = self.cut()?
        {
            self.push(end, &mut BatchBuilder::default())?;
        }
        Ok(self.header != Header::Ahead)
    }

    fn cut(&mut self) -> Result<Option<usize>, HostError> {
        let ahead = &self.buffer[self.begin..];
        let end = self.cutter.next(self.text.format, ahead);
        if end.unwrap_or(ahead.len()) > RECORD_BYTES_MAX {
            let help = "is a line end or a closing quote missing?";
            return Err(self.wrong(format!("a record of more than {RECORD_BYTES_MAX} bytes begins here")).with_help(help));
        }
        Ok(end)
    }

    /// The text is over: what is left is a record without a line end.
    pub fn take_rest(&mut self, rows: &mut BatchBuilder) -> Result<(), HostError> {
        let end = self.waiting();
        if end > 0 { self.push(end, rows) } else { Ok(()) }
    }

    fn push(&mut self, end: usize, rows: &mut BatchBuilder) -> Result<(), HostError> {
        let record = trim(&self.buffer[self.begin..self.begin + end]);
        let mut fields = jsonl::unset(self.position as i64);
        fields.partition = self.partition;
        match (self.text.format, self.header) {
            (FileFormat::Csv, Header::Ahead) => self.header = Header::Known(self.read_header(end)?),
            (FileFormat::Csv | FileFormat::Jsonl, _) if record.is_empty() => {}
            (FileFormat::Jsonl, _) => self
                .lines
                .push(record, rows, fields)
                .map_err(|reason| self.wrong(format!("the line {reason}")).with_help("correct the text, or take the line out"))?,
            (FileFormat::Csv, Header::Known(Some(column))) => {
                let text = self.columns.get(record, column).and_then(|text| std::str::from_utf8(text).ok());
                fields.timestamp = text.and_then(parse_ms).unwrap_or(fields.timestamp);
                rows.push(None, Some(record), Default::default(), fields);
            }
            (FileFormat::Csv | FileFormat::Lines, _) => rows.push(None, Some(record), Default::default(), fields),
        }
        self.begin += end;
        self.position += end as u64;
        Ok(())
    }

    fn read_header(&mut self, end: usize) -> Result<Option<usize>, HostError> {
        let row = trim(&self.buffer[self.begin..self.begin + end]);
        let Some(name) = &self.text.column else { return Ok(None) };
        if let Some(column) = self.columns.find(row, name) {
            return Ok(Some(column));
        }
        let help = format!("its columns: {}", String::from_utf8_lossy(row));
        Err(HostError::job(&self.name, format!("has no column `{name}`, which timestamps were to come from")).with_help(help))
    }

    fn wrong(&self, reason: String) -> HostError {
        HostError::storage(format!("{}, byte {}", self.name, self.position), reason)
    }
}
