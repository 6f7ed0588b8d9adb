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
