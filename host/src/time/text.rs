//! Times as text.

/// RFC 3339 text or decimal ms → ms since 1970 UTC.
pub fn parse_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse::<i64>().ok().or_else(|| text.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond()))
}

/// ms since 1970 UTC → RFC 3339 text; the number itself where no calendar reaches.
pub fn format_ms(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}
