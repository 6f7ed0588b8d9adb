//! Brokers that die, bounce, stay away, or are not there yet (N1, N3, N4).

use std::time::{Duration, Instant};

use millstream_tests::kafka::{Broker, Host, Job, Of, PARTITIONS, Shape, number, scaled, until};

const BOUND: Duration = Duration::from_secs(120);
/// How soon a job goes on after the broker can serve it.
const RESUMED: Duration = Duration::from_secs(15);
/// The same after it stood still. Requests that it had taken are waited for, each for up to ten seconds, and one may follow another.
const THAWED: Duration = Duration::from_secs(45);

/// A broker that answers can serve nobody as long as its controller takes it for dead: on a busy machine that comes and goes while it starts. So the time counts
/// from when its partitions had no leader last.
fn resumes(job: &Job<'_>, host: &Host, what: &str, within: Duration) {
    let began = Instant::now();
    let (before, mut led_since) = (job.committed(), began);
    until(&format!("{what}: {} to go on from {before}", job.name), BOUND, || {
        if job.broker.partitions(&job.input()) < PARTITIONS {
            led_since = Instant::now();
        }
        (job.committed() > before).then_some(())
    });
    println!("{what}: goes on after {:.1} s, {:.1} s of them with leaders", began.elapsed().as_secs_f64(), led_since.elapsed().as_secs_f64());
    assert!(led_since.elapsed() <= within, "{what}: {:?}: {}", led_since.elapsed(), host.said());
}

#[test]
fn n1_n3_n4_a_job_waits_for_its_broker_and_goes_on_exactly() {
    let broker = Broker::start();
    let transaction = Duration::from_secs(scaled(4, 10));
    let properties = format!("properties = {{ \"transaction.timeout.ms\" = {} }}", transaction.as_millis());
    let job = Job::new(&broker, Shape::Count).with("kafka", &properties);
    broker.stop();
    let mut host = job.start("a");
    host.await_said("paused: ", BOUND);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(scaled(4, 120)) {
        assert!(host.lives(), "{}", host.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("n4: {}", host.said().lines().next().unwrap_or_default());
    broker.restart();
    let (kills, bounces) = scaled((2, 1), (5, 5));
    let feed = broker.feed_on(&job.input(), (0..).map(|n| number(n, 500)), 1_000);
    resumes(&job, &host, "n4", RESUMED);
    for n in 0..kills {
        broker.kill();
        if n == 0 {
            std::thread::sleep(transaction * 2);
        }
        broker.restart();
        resumes(&job, &host, if n == 0 { "n3: away for two transaction timeouts" } else { "n1: kill -9" }, RESUMED);
    }
    for _ in 0..bounces {
        broker.restart();
        resumes(&job, &host, "n1: clean bounce", RESUMED);
    }
    feed.end();
    job.await_done(BOUND);
    let said = host.stop().1;
    said.lines().filter(|line| line.contains("paused")).for_each(|line| println!("n1, n3, n4: {line}"));
    let exact = job.assert_exact();
    assert!(job.counts(Of::Changelog) == job.expected_counts(), "the changelog is not the recount");
    println!("n1, n3, n4: {kills} kills, {bounces} bounces, {exact} records exact");
}

/// A broker that stands still: a long pause of a collector, a machine that was suspended. After nine seconds its own controller takes it for dead, and when it goes
/// on it knows of no broker, and of no leader, for a moment.
#[test]
fn a_broker_that_stands_still_is_waited_for() {
    let broker = Broker::start();
    let job = Job::new(&broker, Shape::Count).with("kafka", "properties = { \"socket.timeout.ms\" = 3000 }");
    let host = job.start("a");
    let mut feed = broker.feed_on(&job.input(), (0..).map(|n| number(n, 500)), 1_000);
    job.await_progress(BOUND);
    let pauses: &[u64] = scaled(&[2, 11, 20], &[2, 5, 8, 11, 14, 20, 30, 45, 2, 11, 20]);
    for (round, seconds) in pauses.iter().enumerate() {
        // Not across it: the test's own producer would forget its broker, too (decisions/0014).
        feed.end();
        broker.freeze();
        std::thread::sleep(Duration::from_secs(*seconds));
        broker.thaw();
        until("leaders", BOUND, || (broker.partitions(&job.input()) == PARTITIONS).then_some(()));
        feed = broker.feed_on(&job.input(), ((round + 1) * 1_000_000..).map(|n| number(n, 500)), 1_000);
        resumes(&job, &host, &format!("stood still for {seconds} s"), THAWED);
    }
    feed.end();
    job.await_done(BOUND);
    host.stop();
    println!("stood still {} times: {} records exact", pauses.len(), job.assert_exact());
}
