//! State whose copy or changelog went away, or has no room: restored in full and said, or a named error (S1, S3, S7, S9).

use std::time::{Duration, Instant};

use millstream_tests::disk::SmallDisk;
use millstream_tests::kafka::{Broker, Isolation, Job, Of, PARTITIONS, Reader, Shape, number, numbered, scaled, until};

const BOUND: Duration = Duration::from_secs(120);

fn run_until_done(job: &Job<'_>, instance: &str) -> String {
    let host = job.start(instance);
    job.await_done(BOUND);
    host.stop().1
}

fn restored(said: &str) -> &str {
    said.lines().find(|line| line.contains("restored ")).unwrap_or("nothing to restore")
}

#[test]
fn s1_s3_a_killed_host_goes_on_from_its_copy_and_without_one_from_the_changelog() {
    let broker = Broker::shared();
    let keys = scaled(100_000, 1_000_000);
    let job = Job::new(broker, Shape::Count).workers(1);
    broker.feed(&job.input(), numbered(0..keys, keys), Duration::from_millis(20)).join();
    let host = job.start("a");
    job.await_done(BOUND);
    let feed = broker.feed(&job.input(), numbered(0..keys / 10, keys), Duration::from_secs(3));
    job.await_progress(BOUND);
    host.kill();
    feed.join();
    let mut reader = Reader::open(&broker.client(), &job.output(), Isolation::Committed);
    let first_output = |what: &str, reader: &mut Reader| {
        reader.read();
        broker.feed(&job.input(), numbered(0..1_000, keys), Duration::from_millis(20)).join();
        let began = Instant::now();
        let host = job.start("a");
        until("new output", BOUND, || (!reader.read().is_empty()).then_some(()));
        let took = began.elapsed();
        job.await_done(BOUND);
        let said = host.stop().1;
        println!("{what}: {keys} keys, first new committed output after {:.2} s; {}", took.as_secs_f64(), restored(&said));
    };
    // The first look waits for the transaction that was open; who reads meanwhile must not.
    let host = job.start("a");
    job.await_done(BOUND);
    println!("s1: after kill -9: {}", restored(&host.said()));
    host.kill();
    first_output("s1: kill -9", &mut reader);
    let before = job.counts(Of::Folder(&job.data("a")));
    std::fs::remove_dir_all(job.data("a")).expect("a data folder");
    first_output("s3: no data folder", &mut reader);
    let (changelog, folder) = (job.counts(Of::Changelog), job.counts(Of::Folder(&job.data("a"))));
    assert_eq!((before.len(), changelog.len()), (keys, keys));
    assert!(changelog == job.expected_counts() && folder == changelog, "the restored copy is not the recount");
    job.assert_exact();
}

#[test]
fn s7_a_copy_that_the_changelog_has_gone_past_is_restored_in_full_and_said() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count).workers(1);
    let (copy, keys) = (job.data("kept"), 300);
    broker.produce(&job.input(), &numbered(0..3_000, keys));
    run_until_done(&job, "a");
    millstream_tests::folder::copy(&job.data("a"), &copy);
    broker.produce(&job.input(), &numbered(0..3_000, keys));
    run_until_done(&job, "a");
    let gone = broker.high_watermarks(&job.changelog());
    // Every key is written again, so that nothing that was deleted is missed.
    broker.produce(&job.input(), &numbered(0..3_000, keys));
    run_until_done(&job, "a");
    std::fs::remove_dir_all(job.data("a")).expect("a data folder");
    std::fs::rename(&copy, job.data("a")).expect("the older copy");
    broker.configure(&job.changelog(), "cleanup.policy", "compact,delete");
    (0..PARTITIONS).for_each(|partition| broker.delete_records(&job.changelog(), partition as i32, gone[partition]));
    broker.configure(&job.changelog(), "cleanup.policy", "compact");
    broker.produce(&job.input(), &numbered(0..300, keys));
    let said = run_until_done(&job, "a");
    assert!(said.contains("the changelog begins after the one here ends"), "{said}");
    assert!(job.counts(Of::Folder(&job.data("a"))) == job.expected_counts(), "the restored copy is not the recount");
    println!("s7: {} records exact; {}", job.assert_exact(), restored(&said));
}

#[test]
fn s9_a_changelog_that_is_deleted_ends_the_job_by_name_and_so_does_the_next_start() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count);
    let feed = broker.feed(&job.input(), numbered(0..20_000, 500), Duration::from_secs(10));
    let host = job.start("a");
    // A partition without a position has no state that could be missing: it would just begin.
    until("a position of every partition", BOUND, || {
        let committed = broker.committed_offsets(&job.name);
        (committed.len() == PARTITIONS && committed.values().all(|offset| *offset > 0)).then_some(())
    });
    broker.delete_topic(&job.changelog());
    let began = Instant::now();
    let (status, said) = host.ended(BOUND);
    println!("s9: {status} after {:.1} s: {}", began.elapsed().as_secs_f64(), said.lines().last().unwrap_or_default());
    assert!(!status.success() && said.contains(&job.changelog()), "{said}");
    let before = broker.read_committed(&job.output()).len();
    let (status, said) = job.start("a").ended(BOUND);
    assert!(!status.success() && said.contains(&job.changelog()) && said.contains("deleted"), "{said}");
    feed.join();
    assert_eq!(broker.read_committed(&job.output()).len(), before, "something was written without its state");
}

#[test]
fn a_full_disk_pauses_a_job_which_goes_on_by_itself_when_there_is_room() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count);
    let Some(disk) = SmallDisk::at(&job.data("a"), 64) else { return };
    let mut host = job.start("a");
    let feed = broker.feed_on(&job.input(), (0..).map(|n| number(n, 5_000)), 5_000);
    job.await_progress(BOUND);
    let ballast = disk.fill();
    host.await_said("no space left", BOUND);
    // It stays paused, without spinning through its transactions or leaving the group for good.
    std::thread::sleep(Duration::from_secs(2));
    assert!(host.lives(), "{}", host.said());
    std::fs::remove_file(ballast).expect("the ballast");
    let began = Instant::now();
    job.await_progress(BOUND);
    println!("full disk: goes on {:.1} s after there is room", began.elapsed().as_secs_f64());
    feed.end();
    job.await_done(BOUND);
    let said = host.stop().1;
    let paused = said.lines().find(|line| line.contains("no space left")).unwrap_or_default();
    println!("full disk: {paused}");
    assert!(paused.contains("goes on by itself"), "{paused}");
    let exact = job.assert_exact();
    assert!(job.counts(Of::Folder(&job.data("a"))) == job.expected_counts(), "the copy is not the recount");
    println!("full disk: {exact} records exact");
}
