//! Two and three hosts that come, go and die (C7).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millstream_tests::folder::Random;
use millstream_tests::kafka::{Broker, Host, Job, Of, PARTITIONS, Shape, line, lines, scaled, until};

const BOUND: Duration = Duration::from_secs(120);
const SESSION: Duration = Duration::from_secs(6);
const NAMES: [&str; 3] = ["a", "b", "c"];

/// How long a partition may stand still when its host dies: until the group has noticed, and a while to take over.
const GAP: Duration = SESSION.saturating_add(Duration::from_secs(3));

/// What a dead host leaves open must end as soon as its session does: whoever takes over waits for both.
fn short_sessions() -> String {
    let ms = SESSION.as_millis();
    format!("properties = {{ \"session.timeout.ms\" = {ms}, \"transaction.timeout.ms\" = {ms} }}")
}

/// The longest time that a partition of the input stood still.
#[derive(Default)]
struct Gaps {
    seen: BTreeMap<(String, i32), (i64, Instant)>,
    longest: Duration,
}

impl Gaps {
    /// Watches until something is so.
    #[track_caller]
    fn look_until(&mut self, job: &Job<'_>, what: &str, is_so: impl Fn(&Gaps) -> bool) {
        until(what, BOUND, || {
            self.look(job);
            is_so(self).then_some(())
        });
    }

    fn all_moved_since(&self, moment: Instant) -> bool {
        self.seen.values().all(|(_, since)| *since > moment)
    }

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
    let job = Job::new(broker, Shape::Words).workers(1).with("kafka", &short_sessions());
    let over = Duration::from_secs(scaled(25, 120));
    let count = over.as_secs() as usize * scaled(500, 5_000);
    let feed = broker.feed(&job.input(), lines(0..count, 2_000), over);
    let mut random = Random(7);
    let mut hosts: BTreeMap<&str, Host> = BTreeMap::new();
    let (mut kills, mut leaves, mut joins) = (0, 0, 0);
    let mut gaps = Gaps::default();
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

/// Killed one after the other: they come back at once, as whoever runs hosts has them do, and every third time when the others have their share.
#[test]
fn c7_two_and_three_hosts_killed_in_turn_are_exact_and_soon_back() {
    let broker = Broker::shared();
    for count in [2, 3] {
        let job = Job::new(broker, Shape::Words).workers(1).with("kafka", &short_sessions());
        let mut hosts: Vec<Host> = NAMES[..count].iter().map(|name| job.start(name)).collect();
        until("all hosts to be at work", BOUND, || (broker.members_at_work(&job.name) == count).then_some(()));
        let feed = broker.feed_on(&job.input(), (0..).map(|n| line(n, 2_000)), scaled(500, 5_000));
        let mut gaps = Gaps::default();
        gaps.look_until(&job, "all partitions to move", |gaps| gaps.seen.len() == PARTITIONS);
        let kills = scaled(3, 30);
        for kill in 1..=kills {
            let (n, killed) = (kill % count, Instant::now());
            hosts.remove(n).kill();
            if kill % 3 == 0 {
                gaps.look_until(&job, "the others to have it all", |_| broker.members_at_work(&job.name) == count - 1);
                gaps.look_until(&job, "its partitions to go on", |gaps| gaps.all_moved_since(killed));
            }
            let back = Instant::now();
            hosts.insert(n, job.start(NAMES[n]));
            gaps.look_until(&job, "all hosts to be at work", |gaps| gaps.all_moved_since(back) && broker.members_at_work(&job.name) == count);
        }
        feed.end();
        job.await_done(BOUND);
        hosts.into_iter().for_each(|host| drop(host.stop()));
        let exact = job.assert_exact();
        assert!(job.counts(Of::Changelog) == job.expected_counts(), "the changelog is not the recount");
        println!("c7: {count} hosts, {kills} kills in turn: {exact} records exact, longest gap {:.1} s", gaps.longest.as_secs_f64());
        assert!(gaps.longest <= GAP, "a partition stood still for {:?}", gaps.longest);
    }
}
