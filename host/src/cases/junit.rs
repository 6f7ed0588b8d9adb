//! Verdicts as a JUnit report, which every CI reads.

use std::fmt::Write as _;

use super::Verdict;

/// The report of one operator's cases.
pub fn junit(operator: &str, verdicts: &[Verdict]) -> String {
    let failures = verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
    let seconds: f64 = verdicts.iter().map(|verdict| verdict.took.as_secs_f64()).sum();
    let operator = escaped(operator);
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" time=\"{seconds:.3}\"", verdicts.len());
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{operator}\" {counts}>\n");
    for verdict in verdicts {
        // Writing to a string cannot fail.
        let _written = write!(xml, "    <testcase classname=\"{operator}\" name=\"{}\" time=\"{:.3}\"", escaped(&verdict.case), verdict.took.as_secs_f64());
        match &verdict.failure {
            None => xml.push_str("/>\n"),
            Some(failure) => {
                let first = failure.lines().next().unwrap_or_default();
                let _written = writeln!(xml, ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>", escaped(first), escaped(failure));
            }
        }
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// Text of an element or an attribute. Characters that XML has no place for become `?`.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || c == '\u{fffe}' || c == '\u{ffff}' => escaped.push('?'),
            c => escaped.push(c),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_report_counts_and_escapes() {
        let verdict = |case: &str, failure: Option<&str>| Verdict {
            case: case.to_owned(),
            took: Duration::from_millis(1_500),
            restores: 0,
            failure: failure.map(str::to_owned),
            logs: Vec::new(),
            accepted: false,
        };
        let xml = junit("a\"b", &[verdict("fine", None), verdict("bad", Some("- <x> & \u{1}\n+ y"))]);
        assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\" time=\"3.000\""), "{xml}");
        assert!(xml.contains("classname=\"a&quot;b\" name=\"fine\" time=\"1.500\"/>"), "{xml}");
        assert!(xml.contains("<failure message=\"- &lt;x&gt; &amp; ?\">- &lt;x&gt; &amp; ?\n+ y</failure>"), "{xml}");
    }
}
