//! Kafka's own tools agree with what the host says it did.

use std::time::Duration;

use millstream_tests::kafka::{Broker, Job, Shape, numbered};

const BOUND: Duration = Duration::from_secs(60);

#[test]
fn kafkas_own_tools_see_the_outputs_no_lag_and_no_hanging_transaction() {
    let broker = Broker::shared();
    let job = Job::new(broker, Shape::Count);
    let feed = broker.feed(&job.input(), numbered(0..5_000, 100), Duration::from_secs(3));
    let host = job.start("a");
    job.await_progress(BOUND);
    host.kill();
    let host = job.start("a");
    feed.join();
    job.await_done(BOUND);
    let lags = broker.tool(&["ConsumerGroupCommand", "--bootstrap-server", "@B", "--describe", "--group", &job.name]);
    host.stop();
    let lines = lags.lines().filter(|line| line.contains(&job.input())).map(|line| line.split_whitespace().nth(5)).collect::<Vec<_>>();
    assert_eq!(lines, [Some("0"); 4], "{lags}");
    let output = job.output();
    let args = ["ConsoleConsumer", "--bootstrap-server", "@B", "--topic", &output, "--from-beginning", "--isolation-level", "read_committed"];
    let seen = broker.tool(&[&args[..], &["--max-messages", "5000", "--timeout-ms", "20000"]].concat());
    let mut seen: Vec<&str> = seen.lines().collect();
    let records = broker.read_committed(&output);
    let mut wanted: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()).collect();
    seen.sort_unstable();
    wanted.sort_unstable();
    assert!(seen == wanted && job.assert_exact() == 5_000, "the console consumer saw {} records", seen.len());
    let ours = |list: &str| list.lines().filter(|line| line.contains(&job.name)).map(str::to_owned).collect::<Vec<_>>();
    let hanging = broker.tool(&["TransactionsCommand", "--bootstrap-server", "@B", "find-hanging", "--broker-id", "1"]);
    assert!(ours(&hanging).is_empty(), "{hanging}");
    let list = broker.tool(&["TransactionsCommand", "--bootstrap-server", "@B", "list"]);
    let states = ours(&list);
    assert!(states.len() == 2 && states.iter().all(|line| line.contains("CompleteCommit") || line.contains("CompleteAbort")), "{list}");
    println!("tools: lag 0, {} records on the console, no hanging transaction; {}", seen.len(), states.join("; "));
}
