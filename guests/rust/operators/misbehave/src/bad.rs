//! Results that break a rule, one each.

use millstream_sdk::layout::{Batch, NONE, Row};
use millstream_sdk::{Context, INHERIT, Outcome};

/// Orders that return bad outputs.
#[cfg(test)]
pub const OUTPUTS: [&str; 8] = ["bad-length", "bad-ends", "bad-arena", "bad-flags", "bad-port", "bad-row", "bad-headers", "bad-overlap"];

/// Carries out an order; `None`: it is none.
pub fn obey(order: &str, row: u32, ctx: &mut Context<'_>) -> Option<Outcome> {
    match order {
        "bad-timer" => {
            let row = Row { port: 9, offset: i64::from(row), ..good() };
            ctx.return_raw(None, Some(Batch::trusted(row.bytes().to_vec(), b"kv".to_vec())), None);
        }
        "bad-reject" => ctx.return_raw(None, None, Some(u32::MAX)),
        _ => ctx.return_raw(Some(batch(order, row)?), None, None),
    }
    Some(Ok(()))
}

/// A row with key `k` and value `v`.
fn good() -> Row {
    Row { key_end: 1, value_end: 2, headers_end: 2, port: 0, flags: 0, timestamp: INHERIT, offset: 0, partition: NONE, key_id: NONE }
}

/// Outputs that break the rule that the order names.
pub fn batch(order: &str, row: u32) -> Option<Batch> {
    let good = Row { offset: i64::from(row), ..good() };
    let of = |rows: &[Row], arena: &[u8]| Batch::trusted(rows.iter().flat_map(Row::bytes).collect(), arena.to_vec());
    Some(match order {
        "bad-length" => Batch::trusted(good.bytes()[..39].to_vec(), b"kv".to_vec()),
        "bad-ends" => of(&[Row { key_end: 2, value_end: 1, ..good }], b"kv"),
        "bad-arena" => of(&[Row { value_end: u32::MAX, headers_end: u32::MAX, ..good }], b"kv"),
        "bad-flags" => of(&[Row { flags: 0x8000, ..good }], b"kv"),
        "bad-port" => of(&[Row { port: 7, ..good }], b"kv"),
        "bad-row" => of(&[Row { offset: -1, ..good }], b"kv"),
        "bad-headers" => of(&[Row { flags: 4, headers_end: 4, ..good }], b"kv\xff\xff"),
        // The second row begins before the first ends.
        "bad-overlap" => of(&[good, Row { key_end: 1, ..good }], b"kv"),
        _ => return None,
    })
}
