//! One job in five languages: what they emit, and their state, is one transaction.

use std::path::Path;
use std::time::Duration;

use millstream_tests::binary::{build_relay, recount};
use millstream_tests::kafka::{Broker, Host, scaled, until};

const BOUND: Duration = Duration::from_secs(180);

#[test]
fn a_job_in_five_languages_killed_anywhere_counts_each_flight_once() {
    let (broker, examples) = (Broker::shared(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples"));
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let job = build_relay(&examples, scratch.path());
    let start = || Host::start(&job, &scratch.path().join("data"), &["--bootstrap", &broker.bootstrap(), "--instance", "relay"]);
    let (mut kills, mut before) = (0, 0);
    for n in 0..scaled(4, 20) {
        let mut host = start();
        let written = || broker.high_watermarks("tallies").iter().sum::<i64>();
        // The file is read within seconds: it dies soon after it has written something.
        until("the job to write, or to be done", BOUND, || (written() > before || !host.lives()).then_some(()));
        std::thread::sleep(Duration::from_millis(n * 30 % 200));
        if !host.lives() {
            break;
        }
        host.kill();
        kills += 1;
        before = written();
    }
    let (status, said) = start().ended(BOUND);
    assert!(status.success(), "{said}");
    let lines = |stream: &str| broker.rows(stream).iter().map(|row| format!("{row}\n")).collect::<String>();
    println!("relay: {kills} kills; {}", recount(&examples.join("relay"), scratch.path(), &[&lines("alerts"), &lines("tallies")]).trim());
    assert!(kills > 1, "only {kills} kills hit a running job");
}
