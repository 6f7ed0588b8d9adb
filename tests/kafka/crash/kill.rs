//! kill -9 at random moments while records flow (C1, C2), and the orderly stop (C6).

use std::time::{Duration, Instant};

use millstream_tests::folder::Random;
use millstream_tests::kafka::{Broker, ByKey, Isolation, Job, Of, Outgoing, Reader, Shape, by_key, lines, numbered, scaled, until};

const BOUND: Duration = Duration::from_secs(120);

/// Feeds a job while its host is killed again and again at random moments, and waits until all is done.
pub(super) fn run_with_kills(job: &Job<'_>, feeds: Vec<(String, Vec<Outgoing>)>, kills: usize) {
    let mut random = Random(kills as u64);
    let over = Duration::from_millis(2_000 * kills as u64);
    let feeding: Vec<_> = feeds.into_iter().map(|(topic, records)| job.broker.feed(&topic, records, over)).collect();
    let began = Instant::now();
    // Not the group's positions: the transaction of a host that was killed holds them back until the next host is there.
    let written = || job.broker.high_watermarks(&job.output()).iter().sum::<i64>();
    let (mut before, mut moved) = (written(), 0);
    for n in 0..kills {
        let host = job.start("a");
        // Some die while they start; the others work first.
        if n % 4 != 3 {
            until("the job to write", BOUND, || (written() > before).then_some(()));
        }
        std::thread::sleep(Duration::from_millis(random.below(700) as u64));
        host.kill();
        let now = written();
        moved += usize::from(now > before);
        before = now;
    }
    println!("{}: {kills} kills in {:.1} s, {moved} after it had written, {before} records by then", job.name, began.elapsed().as_secs_f64());
    assert!(moved * 2 >= kills, "most kills hit a host that did nothing yet");
    let host = job.start("a");
    feeding.into_iter().for_each(|feed| feed.join());
    job.await_done(BOUND);
    host.stop();
}

#[test]
fn c1_a_killed_copy_is_exact_for_a_concurrent_and_a_later_reader() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Copy);
    let records = numbered(0..scaled(40_000, 200_000), 1_000);
    let (kills, output, client) = (scaled(6, 20), job.output(), broker.client());
    let over = std::sync::atomic::AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reader = Reader::open(&client, &output, Isolation::Committed).patience(Duration::from_secs(60));
            let mut records = Vec::new();
            loop {
                let last = over.load(std::sync::atomic::Ordering::Acquire);
                records.extend(reader.read());
                if last {
                    return records;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        run_with_kills(&job, vec![(job.input(), records)], kills);
        over.store(true, std::sync::atomic::Ordering::Release);
        reading.join().expect("a reader")
    });
    // Read in pieces: each piece is in order by partition, and a key has one.
    let concurrent: ByKey = by_key(&seen);
    println!("c1: {} records exact, {} for the concurrent reader", job.assert_exact(), job.compare(&concurrent));
}

#[test]
fn c2_a_killed_count_is_exact_and_its_changelog_has_the_whole_state() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count);
    let records = numbered(0..scaled(40_000, 200_000), 1_000);
    run_with_kills(&job, vec![(job.input(), records)], scaled(6, 20));
    let exact = job.assert_exact();
    let expected = job.expected_counts();
    assert!(job.counts(Of::Changelog) == expected, "the changelog is not the recount");
    assert!(job.counts(Of::Folder(&job.data("a"))) == expected, "the local copy is not the recount");
    // A host with nothing but the changelog.
    let mut host = job.start("fresh");
    // Each of its workers has: one that is stopped before has a part.
    for worker in 0..2 {
        host.await_said(&format!("worker {worker}: restored"), BOUND);
    }
    job.await_done(BOUND);
    host.stop();
    assert!(job.counts(Of::Folder(&job.data("fresh"))) == expected, "the changelog replayed is not the recount");
    println!("c2: {exact} records exact, {} keys, changelog, copy and fresh copy equal", expected.len());
}

#[test]
fn killed_repartitions_and_joins_are_exact() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Words);
    run_with_kills(&job, vec![(job.input(), lines(0..scaled(10_000, 50_000), 500))], scaled(3, 20));
    println!("words: {} records exact", job.assert_exact());
    assert!(job.counts(Of::Changelog) == job.expected_counts());
    let job = Job::new(broker, Shape::Join);
    let (count, keys) = scaled((10_000, 5_000), (50_000, 25_000));
    let feeds = job.inputs().into_iter().map(|topic| (topic, numbered(0..count, keys))).collect();
    run_with_kills(&job, feeds, scaled(3, 20));
    println!("join: {} pairs exact", job.assert_exact());
}

#[test]
fn c6_sigterm_commits_what_was_done_and_nothing_is_done_again() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Copy);
    let count = scaled(20_000, 200_000);
    for round in 0..scaled(2, 5) {
        let records = numbered(round * count..(round + 1) * count, 1_000);
        let feed = broker.feed(&job.input(), records, Duration::from_secs(4));
        let host = job.start("a");
        job.await_progress(BOUND);
        std::thread::sleep(Duration::from_millis(300));
        let (took, said) = host.stop();
        feed.join();
        println!("c6: stopped in {} ms: {}", took.as_millis(), said.lines().last().unwrap_or_default());
        assert!(took <= Duration::from_secs(2), "{took:?}");
        // Whatever was written is committed: an uncommitted reader sees no more than a committed one.
        let (committed, all) = (broker.read_committed(&job.output()).len(), broker.read_uncommitted(&job.output()).len());
        assert_eq!((committed as i64, all), (job.committed(), committed), "outputs, positions");
    }
    let host = job.start("a");
    job.await_done(BOUND);
    host.stop();
    assert_eq!(broker.read_uncommitted(&job.output()).len(), job.assert_exact(), "records were processed again");
}
