//! throw-away
use std::rc::Rc; use std::time::Instant;
use millstream::operator::*; use millstream::record::*; use millstream::state::*;
fn main() {
    let engine = WasmEngine::new(Some("/root/.cache/millstream/compiled".into())).unwrap();
    for name in std::env::args().skip(1) {
        let path = format!("/root/.cache/millstream/components/{name}.wasm");
        let t = Instant::now();
        let loaded = Loaded::load(&engine, path.as_ref(), Grants { state: true }).unwrap();
        let load = t.elapsed();
        let stores_n: Vec<String> = loaded.description.stores.iter().map(|s| s.name.clone()).collect();
        let setup = Setup { config: vec![], inputs: vec!["in".into()], outputs: loaded.description.outputs.clone(), stores: stores_n.clone() };
        let mut op = loaded.open("x", &setup, &Limits { call_ms_max: 60000, memory_bytes_max: 2<<30, ..Limits::default() }).unwrap();
        for numbered in [true, false] { for n in [1usize, 16, 256, 4096] {
            let mut b = BatchBuilder::default(); 
            let mut ids = std::collections::HashMap::new();
            for i in 0..n { let k = format!("key-{:012}", (i * 7919) % 500); let next = ids.len() as u32; let id = *ids.entry(k.clone()).or_insert(next);
                let v = if name.contains("json") || name.contains("route") { br#"{"origin":"JFK","dest":"LAX","delay":12,"carrier":"AA","flight":1234,"date":"2013-01-01","cancelled":false,"x":1}"#.to_vec() } else { vec![b'a'; 100] };
                b.push(Some(k.as_bytes()), Some(&v), Headers::default(), Fields { timestamp: i as i64, offset: i as i64, partition: 0, port: 0, key_id: if numbered { id } else { NONE } }); }
            let b = b.into_batch();
            let opts: Vec<_> = stores_n.iter().map(|n| StoreOptions { name: n.clone(), ttl_ms: None }).collect();
            let mut stores = Stores::open(Rc::new(MemoryStore::default()), "j", "o", 0, &opts).unwrap();
            let rounds = if name.starts_with("python") { 200 } else { 2000 };
            let mut times = vec![];
            for _ in 0..rounds.min(2_000_000 / n + 20) { let t = Instant::now(); op.process(Call { watermark: 0, now: 0, task: 0 }, &b, &mut stores).unwrap(); times.push(t.elapsed().as_nanos() as f64 / n as f64); stores.keep(); }
            times.sort_by(f64::total_cmp);
            println!("{name:18} load {load:?} numbered={numbered} n={n:5} {:8.0} ns/record (min {:.0})", times[times.len()/2], times[0]);
        } op.settle().unwrap(); }
    }
}
