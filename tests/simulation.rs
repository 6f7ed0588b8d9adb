//! Seeded simulation.

fn main() {}
