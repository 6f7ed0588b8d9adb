//! Compiled code on disk, by the component's digest and the engine's version and settings. The folder is ours alone: nothing a user hands over is loaded as code.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::engine::WasmEngine;
use crate::error::HostError;
use crate::files::write_whole;

const CHECKSUM_BYTES: usize = 32;

/// Compiles a component, or takes what an earlier compilation left.
pub(super) fn compile(engine: &WasmEngine, digest: &str, bytes: &[u8]) -> Result<Component, wasmtime::Error> {
    let Some(folder) = &engine.cache else { return Component::new(&engine.engine, bytes) };
    let path = path(engine, folder, digest);
    if let Some(component) = load(engine, &path) {
        return Ok(component);
    }
    let component = Component::new(&engine.engine, bytes)?;
    // Without the cache the next start is slower, and nothing else: a full or read-only disk is no reason to refuse the job.
    let _kept = component
        .serialize()
        .map_err(|error| HostError::external("serialising compiled code", anyhow::anyhow!("{error:#}")))
        .and_then(|code| store(folder, &path, &code));
    Ok(component)
}

fn path(engine: &WasmEngine, folder: &Path, digest: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    engine.engine.precompile_compatibility_hash().hash(&mut hasher);
    folder.join(format!("{digest}-{:016x}.cwasm", hasher.finish()))
}

fn load(engine: &WasmEngine, path: &Path) -> Option<Component> {
    let file = fs::read(path).ok()?;
    let (checksum, code) = file.split_at_checked(CHECKSUM_BYTES)?;
    if Sha256::digest(code).as_slice() != checksum {
        return None;
    }
    // SAFETY: the file lies in our own cache folder, was written by `store` from code that this engine's version compiled, and its checksum holds.
    unsafe { Component::deserialize(&engine.engine, code) }.ok()
}

fn store(folder: &Path, path: &Path, code: &[u8]) -> Result<(), HostError> {
    let mut file = Sha256::digest(code).to_vec();
    file.extend_from_slice(code);
    write_whole(path, &file).map_err(|error| HostError::external(format!("writing the compile cache {}", folder.display()), error))
}
