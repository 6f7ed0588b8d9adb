//! Lists the SDKs of all languages but Rust, to be put inside the binary: `src/build/sdk.rs` includes the list.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What lies in an SDK's folder and is not part of it: its tests, and what toolchains leave behind.
fn is_left_out(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with('.') || name.ends_with("_test.go") || name.ends_with(".pyc") || ["__pycache__", "node_modules", "target", "tests"].contains(&name)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    // So that a file that is added is noticed.
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path {
            path if is_left_out(&path) => {}
            path if path.is_dir() => collect(&path, found)?,
            path => found.push(path),
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let place = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(format!("cargo sets {name}")));
    let guests = place("CARGO_MANIFEST_DIR")?.join("../guests").canonicalize()?;
    println!("cargo::rerun-if-changed={}", guests.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&guests)? {
        let language = entry?.path();
        // Rust users have the crate.
        if language.join("sdk").is_dir() && !language.ends_with("rust") {
            collect(&language.join("sdk"), &mut files)?;
        }
    }
    files.sort();
    let mut list = String::from("[\n");
    for file in &files {
        let from = file.strip_prefix(&guests).map_err(io::Error::other)?.display().to_string();
        let name = from.replacen("/sdk/", "/", 1);
        let _ = writeln!(list, "    ({name:?}, include_bytes!({:?})),", file.display().to_string());
    }
    list.push_str("]\n");
    fs::write(place("OUT_DIR")?.join("sdks.rs"), list)
}
