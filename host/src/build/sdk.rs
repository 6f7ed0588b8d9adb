//! The SDKs of C, Go and Python, inside this binary: users need nothing of ours but `millstream`. Unpacked into the cache folder on first use.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::HostError;

const FILES: [(&str, &str); 29] = [
    ("c/millstream.h", include_str!("../../../guests/c/sdk/millstream.h")),
    ("c/millstream.c", include_str!("../../../guests/c/sdk/millstream.c")),
    ("go/batch.go", include_str!("../../../guests/go/sdk/batch.go")),
    ("go/cache.go", include_str!("../../../guests/go/sdk/cache.go")),
    ("go/component_wasip1.go", include_str!("../../../guests/go/sdk/component_wasip1.go")),
    ("go/context.go", include_str!("../../../guests/go/sdk/context.go")),
    ("go/doc.go", include_str!("../../../guests/go/sdk/doc.go")),
    ("go/errors.go", include_str!("../../../guests/go/sdk/errors.go")),
    ("go/go.mod", include_str!("../../../guests/go/sdk/go.mod")),
    ("go/headers.go", include_str!("../../../guests/go/sdk/headers.go")),
    ("go/host.go", include_str!("../../../guests/go/sdk/host.go")),
    ("go/imports_wasip1.go", include_str!("../../../guests/go/sdk/imports_wasip1.go")),
    ("go/instance.go", include_str!("../../../guests/go/sdk/instance.go")),
    ("go/json.go", include_str!("../../../guests/go/sdk/json.go")),
    ("go/keytable.go", include_str!("../../../guests/go/sdk/keytable.go")),
    ("go/native.go", include_str!("../../../guests/go/sdk/native.go")),
    ("go/object.go", include_str!("../../../guests/go/sdk/object.go")),
    ("go/operator.go", include_str!("../../../guests/go/sdk/operator.go")),
    ("go/out.go", include_str!("../../../guests/go/sdk/out.go")),
    ("go/raw.go", include_str!("../../../guests/go/sdk/raw.go")),
    ("go/record.go", include_str!("../../../guests/go/sdk/record.go")),
    ("go/setup.go", include_str!("../../../guests/go/sdk/setup.go")),
    ("go/store.go", include_str!("../../../guests/go/sdk/store.go")),
    ("go/millstreamtest/harness.go", include_str!("../../../guests/go/sdk/millstreamtest/harness.go")),
    ("go/millstreamtest/host.go", include_str!("../../../guests/go/sdk/millstreamtest/host.go")),
    ("go/millstreamtest/records.go", include_str!("../../../guests/go/sdk/millstreamtest/records.go")),
    ("python/millstream.py", include_str!("../../../guests/python/sdk/millstream.py")),
    ("python/millstream_testing.py", include_str!("../../../guests/python/sdk/millstream_testing.py")),
    ("python/millstream_component.py", include_str!("../../../guests/python/sdk/millstream_component.py")),
];

/// The folder with the unpacked files (`c/`, `go/`, `python/`). Its name is the hash of their contents, so another version has another folder.
pub(super) fn unpacked(cache: &Path) -> Result<PathBuf, HostError> {
    let mut hash = Sha256::new();
    for (name, text) in FILES {
        hash.update(name.len().to_le_bytes());
        hash.update(name);
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let sdk = cache.join("sdk").join(digest);
    if sdk.is_dir() {
        return Ok(sdk);
    }
    // Made beside its place and moved there whole, so that nobody sees half of it.
    let draft = cache.join("sdk").join(format!("draft-{}", std::process::id()));
    let written = write_files(&draft).and_then(|()| match std::fs::rename(&draft, &sdk) {
        // Another process was first, with the same bytes.
        Err(_) if sdk.is_dir() => std::fs::remove_dir_all(&draft),
        moved => moved,
    });
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
    fn every_file_of_an_sdk_is_inside_but_its_tests() {
        let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests");
        for language in ["c", "go", "python"] {
            let sdk = guests.join(language).join("sdk");
            let mut folders = vec![sdk.clone()];
            while let Some(folder) = folders.pop() {
                for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                    let name = format!("{language}/{}", path.strip_prefix(&sdk).unwrap().display());
                    if path.is_dir() {
                        folders.push(path);
                    } else if !name.ends_with("_test.go") && !name.ends_with(".pyc") {
                        assert!(FILES.iter().any(|(inside, _)| *inside == name), "{name} is missing in FILES");
                    }
                }
            }
        }
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
