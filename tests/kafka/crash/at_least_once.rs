//! The weaker guarantee keeps what it promises: nothing is lost, whatever dies. What may come twice is what a kill left uncommitted.

use std::time::Duration;

use millstream_tests::kafka::{Broker, Difference, Job, Shape, by_key, numbered, until};

use super::kill::run_with_kills;

const BOUND: Duration = Duration::from_secs(60);

fn job(broker: &Broker) -> Job<'_> {
    Job::new(broker, Shape::Copy).with("kafka", "guarantee = \"at-least-once\"")
}

#[test]
fn at_least_once_loses_nothing_when_hosts_are_killed() {
    let broker = Broker::shared();
    let job = job(broker);
    run_with_kills(&job, vec![(job.input(), numbered(0..20_000, 500))], 4);
    let found = by_key(&broker.read_committed(&job.output()));
    let difference = Difference::between(&job.expected(), &found);
    println!("at least once: {} records came twice", difference.doubled);
    assert_eq!(difference.lost, 0, "{difference:?}");
}

#[test]
fn at_least_once_doubles_nothing_when_it_is_stopped_in_order() {
    let broker = Broker::shared();
    let job = job(broker);
    broker.produce(&job.input(), &numbered(0..5_000, 100));
    let host = job.start("a");
    until("a commit", BOUND, || (job.committed() > 0).then_some(()));
    host.stop();
    broker.produce(&job.input(), &numbered(5_000..8_000, 100));
    let host = job.start("a");
    job.await_done(BOUND);
    host.stop();
    assert_eq!(job.assert_exact(), 8_000);
}
