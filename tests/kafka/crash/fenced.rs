//! Whoever lost its place commits nothing: a host that was frozen while another took over (C4), one whose transactional id a stranger used (C5), and records that
//! their own producer took back (C8).

use std::time::{Duration, Instant};

use millstream_tests::kafka::{Broker, Job, Shape, number, numbered, scaled, until};

const BOUND: Duration = Duration::from_secs(60);
const SESSION: Duration = Duration::from_secs(6);
/// How soon a host must be back.
const BACK: Duration = Duration::from_secs(10);

#[test]
fn c4_a_host_that_slept_while_another_took_over_commits_nothing_and_joins_again() {
    let broker = Broker::shared();
    let session = format!("properties = {{ \"session.timeout.ms\" = {} }}", SESSION.as_millis());
    let job = Job::new(broker, Shape::Count).workers(1).with("kafka", &session);
    for round in 0..scaled(1, 3) {
        let (sleeper, other) = (job.start("a"), job.start("b"));
        let feed = broker.feed_on(&job.input(), (0..).map(|n| number(n, 500)), 1_000);
        until("two members at work", BOUND, || (broker.members_at_work(&job.name) == 2).then_some(()));
        job.await_progress(BOUND);
        sleeper.signal("STOP");
        // The other has it all when it commits what the sleeper had.
        std::thread::sleep(SESSION * 2);
        until("the other to have taken over", BOUND, || (broker.members_at_work(&job.name) == 1).then_some(()));
        job.await_progress(BOUND);
        sleeper.signal("CONT");
        let began = Instant::now();
        let mut sleeper = sleeper;
        let back = until("the sleeper to join or to end", BOUND, || {
            (!sleeper.lives()).then_some("ended").or_else(|| (broker.members_at_work(&job.name) == 2).then_some("joined"))
        });
        println!("c4: round {round}: {back} again after {:.1} s", began.elapsed().as_secs_f64());
        assert!(began.elapsed() <= BACK, "{:?}: {}", began.elapsed(), sleeper.said());
        feed.end();
        job.await_done(BOUND);
        other.stop();
        if sleeper.lives() {
            sleeper.stop();
        }
    }
    println!("c4: {} records exact", job.assert_exact());
}

#[test]
fn c5_a_stranger_with_our_transactional_id_is_thrown_out_again() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count).workers(1);
    let times = scaled(2, 10);
    let feed = broker.feed(&job.input(), numbered(0..times * 4_000, 500), Duration::from_secs(12 * times as u64));
    let host = job.start("a");
    job.await_progress(BOUND);
    let mut longest = Duration::ZERO;
    for n in 0..times {
        let stranger = broker.transactional(&format!("{}.a.worker-0", job.name));
        let (began, before) = (Instant::now(), job.committed());
        until("the job to go on", BOUND, || {
            assert!(began.elapsed() < BACK * 2, "{}", host.said());
            (job.committed() > before).then_some(())
        });
        longest = longest.max(began.elapsed());
        println!("c5: back {:.1} s after stranger {n}", began.elapsed().as_secs_f64());
        drop(stranger);
    }
    assert!(longest <= BACK, "{longest:?}: {}", host.said());
    feed.join();
    job.await_done(BOUND);
    host.stop();
    println!("c5: {times} strangers, {} records exact", job.assert_exact());
}

#[test]
fn c8_records_of_aborted_transactions_reach_no_operator() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count);
    let host = job.start("a");
    let producer = broker.transactional(&broker.name("aborting"));
    let transactions = scaled(100, 1_000);
    for n in 0..transactions {
        producer.transact(&job.input(), &numbered(n * 100..(n + 1) * 100, 500), n % 10 >= 3);
    }
    job.await_done(BOUND);
    let (_, said) = host.stop();
    let exact = job.assert_exact();
    assert_eq!(exact, transactions * 70);
    assert!(said.contains(&format!("{exact} records in, {exact} out")), "{said}");
    println!("c8: {transactions} transactions, 30 % aborted: {exact} records exact");
}
