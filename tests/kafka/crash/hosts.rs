//! Two and three hosts that come, go and die (C7, shortened).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millstream_tests::folder::Random;
use millstream_tests::kafka::{Broker, Host, Job, Of, Shape, lines, scaled};

const BOUND: Duration = Duration::from_secs(120);
const SESSION: Duration = Duration::from_secs(6);
const NAMES: [&str; 3] = ["a", "b", "c"];

/// The longest time that a partition of the input stood still.
struct Gaps {
    seen: BTreeMap<(String, i32), (i64, Instant)>,
    longest: Duration,
}

impl Gaps {
    fn look(&mut self, job: &Job<'_>) {
        for (place, offset) in job.broker.committed_offsets(&job.name).into_iter().filter(|((topic, _), _)| *topic == job.input()) {
            let now = Instant::now();
            let (last, since) = self.seen.entry(place).or_insert((offset, now));
            self.longest = self.longest.max(since.elapsed());
            if *last != offset {
                (*last, *since) = (offset, now);
            }
        }
    }
}

#[test]
fn c7_three_hosts_that_join_leave_and_die_are_exact() {
    let broker = Broker::shared();
    let session = format!("properties = {{ \"session.timeout.ms\" = {} }}", SESSION.as_millis());
    let job = Job::new(broker, Shape::Words).workers(1).with("kafka", &session);
    let over = Duration::from_secs(scaled(25, 120));
    let count = over.as_secs() as usize * scaled(500, 5_000);
    let feed = broker.feed(&job.input(), lines(0..count, 2_000), over);
    let mut random = Random(7);
    let mut hosts: BTreeMap<&str, Host> = BTreeMap::new();
    let (mut kills, mut leaves, mut joins) = (0, 0, 0);
    let mut gaps = Gaps { seen: BTreeMap::new(), longest: Duration::ZERO };
    while !feed.is_done() {
        let name = NAMES[random.below(3)];
        match hosts.remove(name) {
            Some(host) if hosts.is_empty() => drop(hosts.insert(name, host)),
            Some(host) if random.below(4) == 0 => {
                host.stop();
                leaves += 1;
            }
            Some(host) => {
                host.kill();
                kills += 1;
                // Most come back at once, as whoever runs hosts has them do.
                if random.below(4) > 0 {
                    hosts.insert(name, job.start(name));
                }
            }
            None => {
                hosts.insert(name, job.start(name));
                joins += 1;
            }
        }
        let next = Instant::now() + Duration::from_millis(1_500 + random.below(2_500) as u64);
        while Instant::now() < next {
            gaps.look(&job);
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    feed.join();
    for name in NAMES {
        hosts.entry(name).or_insert_with(|| job.start(name));
    }
    let began = Instant::now();
    while job.lag() > 0 {
        let all = hosts.values_mut().all(Host::lives);
        let said = || hosts.iter().map(|(name, host)| format!("{name}: {}", host.said())).collect::<Vec<_>>().join("\n");
        assert!(all && began.elapsed() < BOUND, "lag {} with {} at work; {}", job.lag(), broker.members_at_work(&job.name), said());
        std::thread::sleep(Duration::from_millis(200));
    }
    hosts.into_values().for_each(|host| drop(host.stop()));
    let exact = job.assert_exact();
    assert!(job.counts(Of::Changelog) == job.expected_counts(), "the changelog is not the recount");
    println!("c7: {kills} kills, {joins} joins, {leaves} leaves: {exact} records exact, longest gap {:.1} s", gaps.longest.as_secs_f64());
}
