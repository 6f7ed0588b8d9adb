//! Others in the job's group: another job of the same name, and a program that is no job. Both are named, and the job goes on by itself once they are gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millstream_tests::kafka::{Broker, Host, Job, Shape, numbered};
use rdkafka::consumer::{BaseConsumer, Consumer as _};

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn a_second_job_of_the_same_name_waits_and_says_why() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Copy).workers(1);
    broker.produce(&job.input(), &numbered(0..2_000, 50));
    let host = job.start("a");
    job.await_done(BOUND);
    // The same name, and another input.
    let other_input = broker.name("other");
    broker.create_topic(&other_input, 1, &[]);
    let file = job.file();
    let text = std::fs::read_to_string(&file).expect("a job");
    let other = file.with_file_name("other.toml");
    std::fs::write(&other, text.replace(&job.input(), &other_input)).expect("room on disk");
    let args = ["--bootstrap", &broker.bootstrap(), "--instance", "other"];
    let mut second = Host::start(&other, &job.data("other"), &args);
    second.await_said(&format!("another job named `{}` runs", job.name), BOUND);
    // It has taken nothing away from the first.
    broker.produce(&job.input(), &numbered(2_000..4_000, 50));
    job.await_done(BOUND);
    assert!(second.lives(), "{}", second.said());
    second.kill();
    host.stop();
    assert_eq!(job.assert_exact(), 4_000);
}

#[test]
fn a_group_in_use_by_something_else_is_named_and_waited_for() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Copy).workers(1);
    broker.produce(&job.input(), &numbered(0..2_000, 50));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (joined, at_work) = std::sync::mpsc::channel();
        let (over, job) = (&over, &job);
        scope.spawn(move || {
            let mut config = broker.client();
            config.set("group.id", &job.name).set("client.id", "somebody").set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
            let stranger: BaseConsumer = config.create().expect("a consumer");
            stranger.subscribe(&[&job.input()]).expect("a subscription");
            let mut told = false;
            while !over.load(Ordering::Acquire) {
                let record = stranger.poll(Duration::from_millis(20));
                if record.is_some_and(|record| record.is_ok()) && !told {
                    told = true;
                    joined.send(()).expect("a test");
                }
            }
        });
        at_work.recv_timeout(BOUND).expect("a stranger at work");
        let mut host = job.start("a");
        host.await_said("it is in use by something that is not this job (somebody at ", BOUND);
        over.store(true, Ordering::Release);
        job.await_done(BOUND);
        host.stop();
    });
    assert_eq!(job.assert_exact(), 2_000);
}
