//! Event times that a Kafka client cannot write: 0 is "now" to librdkafka, -1 is "none" on the wire, and Java clients write nothing before 1970, while Kafka Streams
//! stops at reading it. Such a record is stamped 1 and carries its time in a header, which is taken out again when it is read.

use crate::record::{Headers, HeadersBuilder, NO_TIMESTAMP, TimestampMs};

/// The last header of a record that is stamped [`STAND_IN`]: its time in decimal digits.
const HEADER: &[u8] = b"millstream.timestamp";
const STAND_IN: i64 = 1;

/// Whether a record needs the header.
pub(super) fn needs_header(timestamp: TimestampMs) -> bool {
    timestamp != NO_TIMESTAMP && timestamp <= 0
}

/// The stamp and headers that stand for such a time.
pub(super) fn stand_in(timestamp: TimestampMs, headers: Headers<'_>) -> (i64, HeadersBuilder) {
    let mut with = HeadersBuilder::from_headers(headers);
    with.push(HEADER, Some(timestamp.to_string().as_bytes()));
    (STAND_IN, with)
}

/// A read record's time; takes the header out where it carries that. A topic that stamps records itself (LogAppendTime) knows better than the header.
pub(super) fn undo(stamp: Option<i64>, headers: &mut HeadersBuilder) -> TimestampMs {
    let stamp = stamp.unwrap_or(NO_TIMESTAMP);
    if stamp != STAND_IN {
        return stamp;
    }
    let Some(timestamp) = headers.headers().iter().last().and_then(|(name, value)| (name == HEADER).then(|| parse(value?))?) else { return stamp };
    let mut kept = HeadersBuilder::default();
    let count = headers.headers().iter().count() - 1;
    for (name, value) in headers.headers().iter().take(count) {
        kept.push(name, value);
    }
    *headers = kept;
    timestamp
}

fn parse(value: &[u8]) -> Option<TimestampMs> {
    std::str::from_utf8(value).ok()?.parse().ok().filter(|timestamp| needs_header(*timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&str, Option<&str>)]) -> HeadersBuilder {
        let mut headers = HeadersBuilder::default();
        of.iter().for_each(|(name, value)| assert!(headers.push(name.as_bytes(), value.map(str::as_bytes))));
        headers
    }

    fn listed(headers: &HeadersBuilder) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        headers.headers().iter().map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect()
    }

    #[test]
    fn times_come_back_with_the_headers_as_they_were() {
        let own = headers(&[("a", Some("1")), ("millstream.timestamp", Some("-7")), ("b", None)]);
        for time in [0, -1, -650, i64::MIN + 1] {
            assert!(needs_header(time));
            let (stamp, mut headers) = stand_in(time, own.headers());
            assert_eq!(undo(Some(stamp), &mut headers), time);
            assert_eq!(listed(&headers), listed(&own));
        }
        assert!(!needs_header(1) && !needs_header(NO_TIMESTAMP) && !needs_header(i64::MAX));
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        let cases = [(1, Some("later")), (1, Some("5")), (1, None), (7, Some("0"))];
        for (stamp, value) in cases {
            let mut own = headers(&[("millstream.timestamp", value)]);
            assert_eq!(undo(Some(stamp), &mut own), stamp);
            assert_eq!(listed(&own).len(), 1);
        }
        assert_eq!(undo(None, &mut headers(&[])), NO_TIMESTAMP);
    }
}
