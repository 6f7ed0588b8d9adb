//! Figures as criterion left them, and tables in `RESULTS.md`, each between marks of its own so that benchmarks do not overwrite one another's.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a benchmark leaves its raw figures: a folder of the build output.
pub fn figures() -> PathBuf {
    // Beside the executable, as the build output may lie anywhere.
    let executable = std::env::current_exe().unwrap_or_default();
    executable.parent().unwrap_or(Path::new(".")).join("criterion")
}

/// Median and its 95 % interval, ns per iteration.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

/// What criterion found for `group/name/parameter`. `None`: it was not run (a filter was given).
pub fn figure(group: &str, name: &str, parameter: impl ToString) -> Option<Figure> {
    let path = figures().join(group).join(name).join(parameter.to_string()).join("new").join("estimates.json");
    let found: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let median = &found["median"];
    let interval = &median["confidence_interval"];
    Some(Figure { median: median["point_estimate"].as_f64()?, low: interval["lower_bound"].as_f64()?, high: interval["upper_bound"].as_f64()? })
}

/// Shows a section, and with `MILLSTREAM_BENCH_SAVE` set puts it into `RESULTS.md`.
pub fn publish(mark: &str, section: &str) -> std::io::Result<()> {
    println!("\n{section}");
    if std::env::var_os("MILLSTREAM_BENCH_SAVE").is_none() {
        return Ok(());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    let page = fs::read_to_string(&path).unwrap_or_else(|_| "# Figures\n".to_owned());
    fs::write(path, replaced(&page, mark, section))
}

/// The page with the section between its marks, added at the end where it is new.
fn replaced(page: &str, mark: &str, section: &str) -> String {
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->\n"));
    let fresh = format!("{begin}{section}{end}");
    match (page.find(&begin), page.find(&end)) {
        (Some(from), Some(to)) if from < to => format!("{}{fresh}{}", &page[..from], &page[to + end.len()..]),
        _ => format!("{page}\n{fresh}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_its_older_self_and_leaves_others_alone() {
        let page = replaced(&replaced("# P\n", "a", "1\n"), "b", "2\n");
        let again = replaced(&page, "a", "3\n");
        assert_eq!(again, page.replace('1', "3"));
        assert!(again.contains("2\n"));
    }
}
