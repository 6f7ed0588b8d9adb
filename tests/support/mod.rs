//! What the suites share: where the built components are, how to run the binary, how to compare.

pub mod binary;
pub mod cases;
pub mod components;
pub mod disk;
pub mod folder;
pub mod guest;
pub mod kafka;
pub mod languages;
pub mod transport;

/// The project's folder.
pub fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project")
}
