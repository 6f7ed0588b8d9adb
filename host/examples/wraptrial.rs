//! throw-away
fn main(){ let a: Vec<String> = std::env::args().collect(); std::fs::write(&a[2], millstream::build::wrap(&std::fs::read(&a[1]).unwrap()).unwrap()).unwrap(); }
