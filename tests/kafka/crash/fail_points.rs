//! C3: the host ends itself at each step of a checkpoint.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use millstream::kafka::FailPoint;
use millstream_tests::folder::Random;
use millstream_tests::kafka::{Broker, Job, Of, Shape, long, numbered, scaled};

const BOUND: Duration = Duration::from_secs(60);
const SIGABRT: i32 = 6;
const RECORDS: usize = 100;
const KEYS: usize = 50;

#[test]
fn c3_a_host_that_ends_at_any_step_of_a_checkpoint_leaves_it_exact() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count);
    let mut random = Random(3);
    let (mut fed, mut runs) = (0, 0);
    for (point, name) in FailPoint::ALL {
        for _ in 0..scaled(1, 5) {
            if point == FailPoint::DuringRestore {
                // So that there is something to restore.
                std::fs::remove_dir_all(job.data("a")).expect("a data folder");
            }
            // Each of two workers counts: the first of them to be there ends the process.
            let trial = format!("{name}:{}", if point == FailPoint::DuringRestore { 1 } else { 1 + random.below(5) });
            let mut host = job.start_at(&broker.bootstrap(), "a", &["--trial", &trial]);
            // A checkpoint needs something to hold: records come as long as the host lives.
            let began = Instant::now();
            while host.lives() && began.elapsed() < BOUND {
                broker.produce(&job.input(), &numbered(fed..fed + RECORDS, KEYS));
                fed += RECORDS;
                std::thread::sleep(Duration::from_millis(50));
            }
            let (status, said) = host.ended(BOUND);
            assert_eq!(status.signal(), Some(SIGABRT), "{trial}: {said}");
            runs += 1;
        }
        if long() {
            finish(&job, name);
        }
    }
    println!("c3: {runs} runs, {} records exact", finish(&job, "the last"));
}

fn finish(job: &Job<'_>, point: &str) -> usize {
    let host = job.start("a");
    job.await_done(BOUND);
    host.stop();
    let exact = job.assert_exact();
    let expected = job.expected_counts();
    assert!(job.counts(Of::Changelog) == expected, "{point}: the changelog is not the recount");
    assert!(job.counts(Of::Folder(&job.data("a"))) == expected, "{point}: the local copy is not the recount");
    exact
}
