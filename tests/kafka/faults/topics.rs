//! Topics that change under a job: grown, deleted, made again, emptied by retention (T1 to T4).

use std::time::{Duration, Instant};

use millstream_tests::kafka::{Broker, ByKey, Difference, Host, Job, PARTITIONS, Shape, by_key, numbered};

const BOUND: Duration = Duration::from_secs(60);
/// How soon the end of a topic is noticed.
const NOTICED: Duration = Duration::from_secs(30);

/// A job that has committed something and is at work.
fn at_work<'a>(broker: &'a Broker, shape: Shape) -> (Job<'a>, Host) {
    let job = Job::new(broker, shape);
    broker.produce(&job.input(), &numbered(0..2_000, 100));
    let host = job.start("a");
    job.await_done(BOUND);
    (job, host)
}

/// Waits for the host to end with an error that names this.
fn ends_naming(host: Host, what: &str, names: &[&str]) {
    let began = Instant::now();
    let (status, said) = host.ended(BOUND);
    println!("{what}: {status} after {:.1} s: {}", began.elapsed().as_secs_f64(), said.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(!status.success() && names.iter().all(|name| said.contains(name)), "{what}: {said}");
    assert!(began.elapsed() <= NOTICED, "{what}: {:?}", began.elapsed());
}

#[test]
fn t1_an_input_that_grows_ends_a_job_with_state_by_name() {
    let (job, host) = at_work(Broker::shared(), Shape::Count);
    job.broker.add_partitions(&job.input(), 8);
    ends_naming(host, "t1", &[&job.input(), "partition"]);
    ends_naming(job.start("a"), "t1, started again", &[&job.changelog(), "8"]);
    job.assert_exact();
}

#[test]
fn t2_an_input_that_is_deleted_or_made_again_ends_the_job_by_name() {
    let broker = Broker::shared();
    let (job, host) = at_work(broker, Shape::Copy);
    broker.delete_topic(&job.input());
    ends_naming(host, "t2, deleted", &[&job.input()]);
    ends_naming(job.start("a"), "t2, started without", &[&job.input(), "no such topic"]);
    let (job, host) = at_work(broker, Shape::Copy);
    broker.delete_topic(&job.input());
    broker.create_topic(&job.input(), PARTITIONS, &[]);
    broker.produce(&job.input(), &numbered(0..5_000, 100));
    ends_naming(host, "t2, made again", &[&job.input()]);
    ends_naming(job.start("a"), "t2, started again", &[&job.input(), "made again"]);
    assert_eq!(broker.read_committed(&job.output()).len(), 2_000, "offsets of one topic were used in another");
}

#[test]
fn t3_an_output_that_is_deleted_ends_the_job_by_name() {
    let (job, host) = at_work(Broker::shared(), Shape::Copy);
    job.broker.delete_topic(&job.output());
    ends_naming(host, "t3, idle", &[&job.output()]);
    let (job, host) = at_work(Broker::shared(), Shape::Copy);
    let feed = job.broker.feed(&job.input(), numbered(2_000..12_000, 100), Duration::from_secs(5));
    job.await_progress(BOUND);
    job.broker.delete_topic(&job.output());
    ends_naming(host, "t3, at work", &[&job.output()]);
    feed.join();
}

#[test]
fn t4_a_position_that_retention_has_passed_is_treated_as_the_job_says() {
    let broker = Broker::shared();
    for policy in ["fail", "oldest", "newest"] {
        let job = Job::new(broker, Shape::Copy).with("input", &format!("lost = \"{policy}\""));
        broker.produce(&job.input(), &numbered(0..2_000, 100));
        let host = job.start("a");
        job.await_done(BOUND);
        host.stop();
        broker.produce(&job.input(), &numbered(2_000..4_000, 100));
        // Each partition stands at 500; of 0, 120 records are gone.
        broker.delete_records(&job.input(), 0, 620);
        let mut expected = by_key(&broker.read_committed(&job.output()));
        let mut add = |from: usize| {
            for record in
                broker.read_committed(&job.input()).into_iter().filter(|record| record.offset >= if record.partition == 0 { from as i64 } else { 500 })
            {
                expected.entry(record.key.unwrap_or_default()).or_default().push(record.value.unwrap_or_default());
            }
        };
        match policy {
            "fail" => {
                ends_naming(job.start("a"), "t4, fail", &[&job.input(), "offset 500 is gone", "oldest is 620", "120 offsets"]);
                continue;
            }
            "oldest" => add(620),
            _ => add(1_000),
        }
        let mut host = job.start("a");
        host.await_said(if policy == "oldest" { "(500 to 619 are skipped)" } else { "(500 to 999 are skipped)" }, BOUND);
        job.await_done(BOUND);
        host.stop();
        let found: ByKey = by_key(&broker.read_committed(&job.output()));
        let difference = Difference::between(&expected, &found);
        assert!(difference.none(), "{policy}: {difference:?}");
        println!("t4: {policy}: exact but for what was skipped");
    }
}
