//! The SDKs of all languages, inside this binary: users need nothing of ours but `millstream`. Unpacked into the cache folder on first use.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::language::Language;
use super::toolchain::{NAME_BYTES, hex, put};
use crate::error::HostError;

/// By language and place in its SDK; listed by `build.rs`.
const FILES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/sdks.rs"));

/// The folder with a language's SDK.
pub fn sdk(cache: &Path, language: Language) -> Result<PathBuf, HostError> {
    let unpacked = unpacked(cache)?;
    Ok(match language {
        // It finds the crate of the layout where it does in Millstream's own repository.
        Language::Rust => unpacked.join("rust/guests/rust/sdk"),
        Language::TypeScript => unpacked.join(Language::JavaScript.name()),
        other => unpacked.join(other.name()),
    })
}

/// The folder with the unpacked files: `c/`, `go/` and so on. Its name is the hash of their contents, so another version has another folder.
fn unpacked(cache: &Path) -> Result<PathBuf, HostError> {
    let mut hash = Sha256::new();
    for (name, text) in FILES {
        hash.update(name.len().to_le_bytes());
        hash.update(name);
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    let sdk = cache.join("sdk").join(hex(&hash.finalize()[..NAME_BYTES]));
    if sdk.is_dir() {
        return Ok(sdk);
    }
    let draft = cache.join("sdk").join(format!("draft-{}", std::process::id()));
    let written = write_files(&draft).and_then(|()| put(&draft, &sdk));
    written.map_err(|e| HostError::external(format!("unpacking the SDK into {}", sdk.display()), e))?;
    Ok(sdk)
}

fn write_files(draft: &Path) -> std::io::Result<()> {
    for (name, text) in FILES {
        let path = draft.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sdk_is_inside_without_its_tests() {
        let inside = |name: &str| FILES.iter().any(|(file, bytes)| *file == name && !bytes.is_empty());
        assert!(inside("rust/layout/Cargo.toml") && inside("rust/guests/rust/sdk/src/lib.rs"));
        assert!(inside("c/millstream.h") && inside("cpp/millstream.hpp") && inside("go/millstreamtest/harness.go") && inside("python/millstream.py"));
        assert!(inside("javascript/index.d.ts") && inside("javascript/toolchain/package-lock.json"));
        assert!(inside("kotlin/Operator.kt") && inside("java/component/glue.c") && inside("java/testing/millstream/Harness.java"));
        assert!(!FILES.iter().any(|(file, _)| file.contains("/tests/") || file.contains("_test.") || file.contains("__pycache__")));
    }

    #[test]
    fn sdk_is_unpacked_once() {
        let cache = tempfile::tempdir().unwrap();
        let sdk = unpacked(cache.path()).unwrap();
        assert!(std::fs::read_to_string(sdk.join("c/millstream.h")).unwrap().contains("ms_process"));
        std::fs::write(sdk.join("c/mark"), "").unwrap();
        assert_eq!(unpacked(cache.path()).unwrap(), sdk);
        assert!(sdk.join("c/mark").is_file());
        assert_eq!(std::fs::read_dir(cache.path().join("sdk")).unwrap().count(), 1);
    }
}
