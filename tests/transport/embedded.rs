//! The contract of a transport on the embedded log, and what that promises beyond it.

mod facts;

use facts::AT;
use millstream::source::{Polled, Start};
use millstream_tests::transport::{ALL, Embedded, Transport, numbered, pack, produce, read, read_placed};

contract!(millstream_tests::transport::Embedded);

#[test]
fn offsets_have_no_gaps_and_a_poll_returns_at_once_with_all_there_is() {
    let transport = Embedded::fresh();
    transport.create("s", 1).unwrap();
    produce(&transport, "s", 0, 0, 1_500);
    produce(&transport, "s", 0, 1_500, 1_000);
    let worker = transport.worker("job");
    let offsets: Vec<u64> = read_placed(&worker, "s", 0, Start::Oldest).1.into_iter().map(|(offset, _)| offset).collect();
    assert_eq!(offsets, (0..2_500).collect::<Vec<_>>());
    let mut source = worker.source("s", true);
    assert_eq!(source.end(AT).unwrap(), Some(2_500));
    source.assign(AT, Start::Oldest).unwrap();
    let mut found = Vec::new();
    source.poll(ALL, &mut found).unwrap();
    source.poll(ALL, &mut found).unwrap();
    assert!(matches!(found.as_slice(), [Polled::Records { next: 2_500, .. }, Polled::End { at: AT }]), "{found:?}");
}

#[test]
fn a_sink_goes_on_after_an_abort() {
    let transport = Embedded::fresh();
    transport.create("s", 1).unwrap();
    let mut worker = transport.worker("job");
    let mut sink = worker.sink("s", 0);
    sink.send(&pack(&numbered(0, 3_000), 0)).unwrap();
    sink.flush().unwrap();
    sink.abort().unwrap();
    worker.ledger.abort().unwrap();
    sink.send(&pack(&numbered(7, 2), 0)).unwrap();
    worker.checkpoint(&mut [&mut sink], 0).unwrap();
    assert_eq!(read(&worker, "s", 0, Start::Oldest), (0, numbered(7, 2)));
}
