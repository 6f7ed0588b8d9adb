//! Lists what goes inside the binary for users of every language: the SDKs and the templates of new projects, which `src/build/` includes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What toolchains leave in a folder.
const MADE: [&str; 7] = ["__pycache__", "node_modules", "target", "build", "dist", "zig-out", "zig-pkg"];

/// A file to be put inside: under which name, from where.
type File = (String, PathBuf);

fn is_made(name: &str) -> bool {
    name.starts_with('.') && name != ".gitignore" || name.ends_with(".pyc") || MADE.contains(&name)
}

fn is_test(name: &str) -> bool {
    name.ends_with("_test.go") || name == "tests"
}

/// All files below a folder, named after their place in it.
fn collect(folder: &Path, name: &str, leave_out: fn(&str) -> bool, found: &mut Vec<File>) -> io::Result<()> {
    // So that a file that is added is noticed.
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let own = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if leave_out(&own) {
            continue;
        }
        let name = format!("{name}/{own}");
        match path.is_dir() {
            true => collect(&path, &name, leave_out, found)?,
            false => found.push((name, path)),
        }
    }
    Ok(())
}

fn write_list(mut files: Vec<File>, list: &Path) -> io::Result<()> {
    files.sort();
    let mut text = String::from("[\n");
    for (name, path) in files {
        // Writing to a string cannot fail.
        let _written = writeln!(text, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
    }
    fs::write(list, text + "]\n")
}

fn main() -> io::Result<()> {
    let place = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(format!("cargo sets {name}")));
    let root = place("CARGO_MANIFEST_DIR")?.join("..").canonicalize()?;
    let guests = root.join("guests");
    // A language that is new is a row there; a page below `guests/` is no reason to compile anything.
    println!("cargo::rerun-if-changed=src/build/language.rs");
    let (mut sdks, mut templates) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(&guests)? {
        let folder = entry?.path();
        let language = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if folder.join("sdk").is_dir() {
            // Rust's SDK finds the layout where it does here.
            let name = if language == "rust" { "rust/guests/rust/sdk" } else { language.as_str() };
            collect(&folder.join("sdk"), name, |name| is_made(name) || is_test(name), &mut sdks)?;
        }
        if folder.join("template").is_dir() {
            collect(&folder.join("template"), &language, is_made, &mut templates)?;
        }
    }
    collect(&root.join("layout"), "rust/layout", |name| is_made(name) || is_test(name), &mut sdks)?;
    let out = place("OUT_DIR")?;
    write_list(sdks, &out.join("sdks.rs"))?;
    write_list(templates, &out.join("templates.rs"))
}
