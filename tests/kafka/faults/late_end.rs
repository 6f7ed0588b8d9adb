//! N7: the network keeps the end of a transaction and delivers it into the next one of the same producer. librdkafka cannot tell the broker which it ends (KIP-890),
//! so the host takes a new producer wherever an end may still be on its way.

use std::time::Duration;

use millstream_tests::kafka::{Api, Broker, Difference, Job, Proxy, Shape, by_key, number, scaled, until};

const BOUND: Duration = Duration::from_secs(60);
const KEYS: usize = 500;
const RECORDS_PER_SECOND: usize = 4_000;

/// What the client notices of the request that was kept.
enum Notice {
    /// The call for the commit fails, when its time is over.
    Call,
    /// The time of the request is over; the client repeats it by itself, and the call succeeds.
    Request,
    /// The connection breaks; the client repeats the request by itself.
    Connection,
}

struct Trial<'a> {
    broker: &'a Broker,
    proxy: Proxy,
    job: Job<'a>,
    args: Vec<&'a str>,
    notice: Notice,
}

impl<'a> Trial<'a> {
    fn new(broker: &'a Broker, notice: Notice, args: &[&'a str]) -> Trial<'a> {
        // Longer than the call for the commit may take.
        let socket_ms = if matches!(notice, Notice::Request) { 1_000 } else { 3_000 };
        let job = Job::new(broker, Shape::Count).workers(1).with("kafka", &format!("properties = {{ \"socket.timeout.ms\" = {socket_ms} }}"));
        Trial { broker, proxy: Proxy::start(broker), job, args: args.to_vec(), notice }
    }

    /// Keeps the ends of `tries` transactions, each until the one after is under way. Returns how often a new producer was taken.
    fn run(&mut self, tries: usize) -> usize {
        let host = self.job.start_at(&self.proxy.bootstrap(), "a", &self.args);
        // As long as it takes: a transaction needs records.
        let feed = self.broker.feed_on(&self.job.input(), (0..).map(|n| number(n, KEYS)), RECORDS_PER_SECOND);
        self.job.await_progress(BOUND);
        let begun = self.proxy.seen(Api::InitProducerId);
        for n in 0..tries {
            self.proxy.hold(Api::EndTxn, 1);
            self.proxy.await_waiting(Api::EndTxn, 1, BOUND);
            if matches!(self.notice, Notice::Connection) {
                self.proxy.drop_connections();
            }
            // The next transaction puts its first partition in after the ends of others have passed; its records follow at once.
            let (ends, adds) = (self.proxy.passed(Api::EndTxn), self.proxy.passed(Api::AddPartitionsToTxn));
            until("the next transaction", BOUND, || {
                let begun = self.proxy.passed(Api::EndTxn) > ends || matches!(self.notice, Notice::Call);
                (begun && self.proxy.passed(Api::AddPartitionsToTxn) > adds).then_some(())
            });
            std::thread::sleep(Duration::from_millis(n as u64 % 5 * 10));
            self.proxy.release(Api::EndTxn);
            self.job.await_progress(BOUND);
        }
        feed.end();
        self.job.await_done(BOUND);
        let new = self.proxy.seen(Api::InitProducerId) - begun;
        host.stop();
        new
    }

    fn difference(&self) -> Difference {
        Difference::between(&self.job.expected(), &by_key(&self.broker.read_committed(&self.job.output())))
    }
}

#[test]
fn n7_a_late_end_of_a_transaction_ends_no_other() {
    let broker = Broker::shared();
    let tries = scaled(2, 20);
    for (notice, name, args) in [
        (Notice::Call, "the call fails", &["--trial", "commit-ms=1000"][..]),
        (Notice::Request, "the request is repeated", &[]),
        (Notice::Connection, "the connection breaks", &[]),
    ] {
        let mut trial = Trial::new(broker, notice, args);
        let new = trial.run(tries);
        println!("n7: {name}: {tries} tries, {new} new producers, {:?}", trial.difference());
        assert!(new >= tries, "{new} new producers of {tries}");
        trial.job.assert_exact();
    }
}

/// That the test above can fail: with the rule switched off, records are lost or doubled.
#[test]
fn without_a_new_producer_a_late_end_does_harm() {
    let broker = Broker::shared();
    for (notice, args) in [(Notice::Request, "keep-producer"), (Notice::Call, "keep-producer,commit-ms=1000")] {
        let mut trial = Trial::new(broker, notice, &["--trial", args]);
        let harmed = (0..20).any(|_| {
            trial.run(2);
            let harm = trial.difference();
            println!("n7 without the rule ({args}): {harm:?}");
            !harm.none()
        });
        assert!(harmed, "no harm came of it: the test of the rule proves nothing");
    }
}

/// librdkafka looks for the group's coordinator without an end while no broker can be reached: the worker must not wait for it.
#[test]
fn a_worker_does_not_wait_for_ever_to_commit_positions() {
    let broker = Broker::shared();
    let proxy = Proxy::start(broker);
    let job = Job::new(broker, Shape::Count).workers(1);
    let mut host = job.start_at(&proxy.bootstrap(), "a", &[]);
    let feed = broker.feed_on(&job.input(), (0..).map(|n| number(n, KEYS)), RECORDS_PER_SECOND);
    job.await_progress(BOUND);
    proxy.hold(Api::TxnOffsetCommit, 1);
    proxy.await_waiting(Api::TxnOffsetCommit, 1, BOUND);
    proxy.refuse(true);
    proxy.drop_connections();
    host.await_said("committing positions", BOUND);
    proxy.release(Api::TxnOffsetCommit);
    proxy.refuse(false);
    job.await_progress(BOUND);
    feed.end();
    job.await_done(BOUND);
    host.stop();
    println!("positions: {} records exact", job.assert_exact());
}
