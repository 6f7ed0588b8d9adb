//! Builds one guest project into a component, by the library behind `millstream build`: `build-guest DIR OUTPUT`.

use std::path::PathBuf;

use millstream::build::{Request, build};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(dir), Some(output)) = (args.next(), args.next()) else { anyhow::bail!("usage: build-guest DIR OUTPUT") };
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache = std::env::var_os("MILLSTREAM_CACHE").map_or_else(|| home.join(".cache").join("millstream"), PathBuf::from);
    build(&Request { dir, output: Some(output), verbose: false, cache }, &mut |step| println!("{step}"))?;
    Ok(())
}
