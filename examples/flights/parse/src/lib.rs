//! CSV rows of the flights and of the airlines → records keyed by carrier. A flight's event time is its scheduled departure, UTC.

use csv_core::Reader;
use millstream_sdk::prelude::*;
use serde::Deserialize;

/// Reject codes.
const COLUMNS: u16 = 1;
const TIME: u16 = 2;
const DELAY: u16 = 3;
const CARRIER: u16 = 4;

const FLIGHT_COLUMNS: usize = 19;
const AIRLINE_COLUMNS: usize = 2;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Table {
    Flights,
    Airlines,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    table: Table,
}

pub struct Parse {
    table: Table,
    fields: Fields,
}

/// A row cut into columns, in memory that is kept from row to row.
#[derive(Default)]
struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    /// How many columns the row has.
    fn read(&mut self, row: &str) -> usize {
        // Room for a row of nothing but commas.
        self.bytes.resize(row.len() + 1, 0);
        self.ends.resize(row.len() + 1, 0);
        let mut reader = Reader::new();
        let (_, _, filled, columns) = reader.read_record(row.as_bytes(), &mut self.bytes, &mut self.ends);
        // The row has no line end: an empty input says that it is over.
        let (_, _, _, more) = reader.read_record(&[], &mut self.bytes[filled..], &mut self.ends[columns..]);
        columns + more
    }

    fn get(&self, column: usize) -> &str {
        let begin = if column == 0 { 0 } else { self.ends[column - 1] };
        std::str::from_utf8(&self.bytes[begin..self.ends[column]]).expect("a text that was cut at commas")
    }
}

impl Operator for Parse {
    type Config = Config;

    fn open(config: Config, _setup: &Setup) -> Result<Self, Failure> {
        Ok(Parse { table: config.table, fields: Fields::default() })
    }

    fn process(&mut self, record: &Record<'_>, ctx: &mut Context<'_>) -> Outcome {
        let columns = self.fields.read(record.value_text()?);
        let wanted = match self.table {
            Table::Flights => FLIGHT_COLUMNS,
            Table::Airlines => AIRLINE_COLUMNS,
        };
        if columns != wanted {
            return Err(reject(COLUMNS, format!("a row of {columns} columns, where {wanted} were expected")));
        }
        match self.table {
            Table::Flights => flight(&self.fields, ctx),
            Table::Airlines => ctx.emit(Out::new(Some(carrier(self.fields.get(0))?), Some(self.fields.get(1).as_bytes()))),
        }
    }
}

fn carrier(text: &str) -> Result<&[u8], Stop> {
    let fine = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if fine { Ok(text.as_bytes()) } else { Err(reject(CARRIER, format!("{text:?} is no carrier's code"))) }
}

fn flight(fields: &Fields, ctx: &mut Context<'_>) -> Outcome {
    let carrier = carrier(fields.get(9))?;
    let (hour, minute) = (fields.get(18), fields.get(17));
    let hour = hour.parse::<jiff::Timestamp>().map_err(|_| reject(TIME, format!("time_hour {hour:?} is no time such as 2013-01-01T10:00:00Z")))?;
    let wrong_minute = || reject(TIME, format!("minute {minute:?} is none of 0 to 59"));
    let minute = minute.parse::<i64>().ok().filter(|minute| (0..60).contains(minute)).ok_or_else(wrong_minute)?;
    // A cancelled flight has no departure, hence no delay.
    let delay = match fields.get(5) {
        "NA" => "null".to_owned(),
        text => text.parse::<i32>().map_err(|_| reject(DELAY, format!("dep_delay {text:?} is no whole number")))?.to_string(),
    };
    ctx.emit(Out::new(Some(carrier), Some(delay.as_bytes())).timestamp(hour.as_millisecond() + minute * 60_000))
}

export_operator!(Parse);

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_sdk::testing::{Harness, Input};
    use serde_json::json;

    const ROW: &str = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z";

    #[test]
    fn a_flight_is_keyed_by_carrier_at_its_scheduled_departure() {
        let mut parse = Harness::<Parse>::open(json!({ "table": "flights" })).unwrap();
        parse.feed(&[Input::new("", ROW), Input::new("", ROW.replace(",515,2,", ",515,NA,"))]).unwrap();
        let out = parse.take_outputs();
        assert_eq!((out[0].key_text(), out[0].value_text(), out[0].timestamp), ("UA".into(), "2".into(), Some(1_357_035_300_000)));
        assert_eq!(out[1].value_text(), "null");
    }

    #[test]
    fn malformed_rows_are_rejected_with_what_is_wrong() {
        let mut parse = Harness::<Parse>::open(json!({ "table": "flights" })).unwrap();
        let rows = [
            "1,2,3".to_owned(),
            ROW.replace("2013-01-01T10:00:00Z", "noon"),
            ROW.replace(",515,2,", ",515,x,"),
            ROW.replace("UA", "united"),
            format!("{ROW},1"),
        ];
        parse.feed(&rows.map(|row| Input::new("", row))).unwrap();
        let codes: Vec<u16> = parse.take_rejects().iter().map(|reject| reject.reject.code).collect();
        assert_eq!(codes, [COLUMNS, TIME, DELAY, CARRIER, COLUMNS]);
    }
}
