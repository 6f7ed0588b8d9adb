//! Jobs on a real Kafka, each in a process of its own: records per CPU-second against a bare loop over the same client, and how soon a killed worker is back.
//!
//! `kafka run JOB DATA BOOTSTRAP` and `kafka bare BOOTSTRAP INPUT OUTPUT RECORDS` are those processes; by hand they can be profiled, with a broker of
//! `tests/kafka/broker` and records of `kafka load BOOTSTRAP TOPIC RECORDS KEYS`. `kafka rates`, `kafka kills`, `kafka latency`: one part alone.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use millstream::runtime::{Options, run};
use millstream_bench::clients::{Feed, Watch};
use millstream_bench::{bare, table};
use millstream_tests::components;
use millstream_tests::kafka::Broker;

/// Runs of each kind; they take turns, so that what disturbs the machine for a while disturbs all.
const ROUNDS: usize = 9;
const PARTITIONS: usize = 4;
const RECORDS: u64 = 3_000_000;
const KEYED_RECORDS: u64 = 2_000_000;
const MANY: u64 = 1_000_000;
const FEW: u64 = 1_000;
/// Kills of each kind.
const KILLS: usize = 3;
/// Records that are in flight when a worker is killed.
const IN_FLIGHT: u64 = 20_000;
/// One record after another, for latency.
const PAUSE: Duration = Duration::from_millis(23);
const SINGLES: usize = 250;
/// No further round begins after so long: a busy machine shows fewer.
const RATES: Duration = Duration::from_secs(300);
const LATENCY: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What takes turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bare,
    Map,
    MapAtLeastOnce,
    CountFew,
    CountMany,
}

const KINDS: [Kind; 5] = [Kind::Bare, Kind::Map, Kind::MapAtLeastOnce, Kind::CountFew, Kind::CountMany];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Bare => "bare loop, exactly once",
            Kind::Map => "stateless: map, exactly once",
            Kind::MapAtLeastOnce => "stateless: map, at least once",
            Kind::CountFew => "keyed count, 1 k keys",
            Kind::CountMany => "keyed count, 1 M keys",
        }
    }

    fn input(self) -> (&'static str, u64) {
        match self {
            Kind::CountMany => ("many-keys", KEYED_RECORDS),
            _ => ("few-keys", RECORDS),
        }
    }
}

/// A job file. `bounded`: it ends where its input ends now.
fn job(name: &str, kind: Kind, input: &str, bounded: bool) -> String {
    let counts = matches!(kind, Kind::CountFew | Kind::CountMany);
    let component = components::component(if counts { "rust-count" } else { "rust-filter-map" });
    let operator = if counts { "stores = [\"counts\"]" } else { "config = { map = \"upper\" }" };
    let guarantee = if kind == Kind::MapAtLeastOnce { "at-least-once" } else { "exactly-once" };
    format!(
        "name = \"{name}\"\n\n[kafka]\nguarantee = \"{guarantee}\"\n\n[input.records]\nstream = \"{input}\"\nbounded = {bounded}\n\n\
         [operator.work]\ncomponent = {:?}\ninput = [\"records\"]\n{operator}\n\n[output.results]\nstream = \"{name}.out\"\nfrom = \"work\"\npartitions = {PARTITIONS}\n",
        component.display().to_string()
    )
}

/// A process of this program: a job, or the loop.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(args: &[&str]) -> Outcome<Process> {
        let mut child = Command::new(std::env::current_exe()?).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("a pipe")?);
        Ok(Process { child, lines })
    }

    fn job(folder: &Path, data: &Path, broker: &Broker) -> Outcome<Process> {
        let path = |path: &Path| path.display().to_string();
        Process::start(&["run", &path(&folder.join("job.toml")), &path(data), &broker.bootstrap()])
    }

    /// Its next line that begins so, without that.
    fn line(&mut self, begins: &str) -> Outcome<String> {
        let mut line = String::new();
        while self.lines.read_line(&mut line)? > 0 {
            if let Some(rest) = line.strip_prefix(begins) {
                return Ok(rest.trim().to_owned());
            }
            line.clear();
        }
        Err(format!("a process ended without saying {begins:?}").into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The process that is a job.
fn run_job(job: &str, data: &str, bootstrap: &str) -> Outcome<()> {
    let began = ProcessTime::now();
    let (cache, bootstrap, instance) = (Some(components::cache().join("compiled")), Some(bootstrap.to_owned()), Some("bench".to_owned()));
    let job = run(Path::new(job), &Options { cache, bootstrap, instance, ..Options::new(data) })?;
    let mut seen = u64::MAX;
    while !job.is_over() {
        std::thread::sleep(Duration::from_millis(50));
        job.take_lines().iter().for_each(|line| println!("{line}"));
        let now = job.snapshot();
        // Twice without news, nothing waiting: all was taken in, and committed.
        if now.records_in == seen && now.lag == 0 && now.records_in > 0 {
            println!("idle {}", now.records_in);
        }
        seen = now.records_in;
    }
    job.take_lines().iter().for_each(|line| println!("{line}"));
    let end = job.wait()?;
    println!("cpu-s {} {}", began.elapsed().as_secs_f64(), end.records_in);
    Ok(())
}

/// Thousands of records per CPU-second of a whole process.
fn measure(kind: Kind, round: usize, broker: &Broker) -> Outcome<f64> {
    let folder = tempfile::tempdir()?;
    let name = format!("bench-{}-{round}", KINDS.iter().position(|of| *of == kind).unwrap_or_default());
    let output = format!("{name}.out");
    let (input, records) = kind.input();
    broker.create_topic(&output, PARTITIONS, &[]);
    let mut process = if kind == Kind::Bare {
        Process::start(&["bare", &broker.bootstrap(), input, &output, &records.to_string()])?
    } else {
        fs::write(folder.path().join("job.toml"), job(&name, kind, input, true))?;
        Process::job(folder.path(), &folder.path().join("data"), broker)?
    };
    let line = process.line("cpu-s ")?;
    let (seconds, did) = line.split_once(' ').ok_or("two figures")?;
    assert_eq!(did.parse::<u64>()?, records, "{}: a bounded job runs to its end", kind.name());
    broker.delete_topic(&output);
    if kind != Kind::Bare {
        broker.delete_topic(&format!("{name}.work.changelog"));
    }
    Ok(records as f64 / seconds.parse::<f64>()? / 1e3)
}

/// Median, lowest and highest.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    match (values.first(), values.last()) {
        (Some(low), Some(high)) => (values[values.len() / 2], *low, *high),
        _ => (f64::NAN, f64::NAN, f64::NAN),
    }
}

/// The rates, and the ratios of runs of the same round.
fn rates(broker: &Broker, feed: &Feed) -> Outcome<String> {
    for (topic, records, keys) in [("few-keys", RECORDS, FEW), ("many-keys", KEYED_RECORDS, MANY)] {
        broker.create_topic(topic, PARTITIONS, &[]);
        feed.load(topic, records, keys);
    }
    let began = Instant::now();
    let mut rates = KINDS.map(|_| Vec::new());
    for round in 0..ROUNDS {
        for (kind, rates) in KINDS.iter().zip(&mut rates) {
            rates.push(measure(*kind, round, broker)?);
        }
        if began.elapsed() > RATES {
            break;
        }
    }
    let of = |kind: Kind| KINDS.iter().position(|of| *of == kind).map(|n| rates[n].clone()).unwrap_or_default();
    let rounds = of(Kind::Bare).len();
    let mut text = format!(
        "Thousands of records per CPU-second of the client's whole process, start and end included; {rounds} rounds in turns: median, lowest and highest.\n\n\
         | what | median | range |\n|---|---|---|\n"
    );
    for kind in KINDS {
        let (median, low, high) = spread(of(kind));
        text += &format!("| {} | {median:.0} | {low:.0} to {high:.0} |\n", kind.name());
    }
    text += "\nRatios of runs of the same round:\n\n| ratio | median | range | floor | aim |\n|---|---|---|---|---|\n";
    let pairs = [
        ("stateless / bare loop", Kind::Map, Kind::Bare, "0.60 | 0.90"),
        ("exactly once / at least once", Kind::Map, Kind::MapAtLeastOnce, "0.90 | 1.00"),
        ("keyed count, 1 k keys / stateless", Kind::CountFew, Kind::Map, "0.35 | 0.70"),
        ("keyed count, 1 M keys / stateless", Kind::CountMany, Kind::Map, "0.35 | 0.70"),
    ];
    for (name, one, other, goals) in pairs {
        let (median, low, high) = spread(of(one).iter().zip(of(other)).map(|(one, other)| one / other).collect());
        text += &format!("| {name} | {median:.2} | {low:.2} to {high:.2} | {goals} |\n");
    }
    Ok(text)
}

/// Kills a worker with a million keys at work, starts it again at once: with its folder, and without.
fn kills(broker: &Broker, feed: &Feed) -> Outcome<String> {
    let folder = tempfile::tempdir()?;
    broker.create_topic("killed.in", PARTITIONS, &[]);
    broker.create_topic("killed.out", PARTITIONS, &[]);
    feed.load("killed.in", MANY, MANY);
    fs::write(folder.path().join("job.toml"), job("killed", Kind::CountMany, "killed.in", false))?;
    let mut data = folder.path().join("data-0");
    let mut process = Process::job(folder.path(), &data, broker)?;
    while process.line("idle ")?.parse::<u64>()? < MANY {}
    let mut text = String::from("| after kill -9, 1 M keys | first new committed output, s | changelog records per second |\n|---|---|---|\n");
    for fresh in [false, true] {
        let (mut back, mut restored) = (Vec::new(), Vec::new());
        for kill in 0..KILLS {
            let watch = Watch::from_now(&broker.bootstrap(), "killed.out", PARTITIONS);
            feed.load("killed.in", IN_FLIGHT, IN_FLIGHT);
            std::thread::sleep(Duration::from_millis(50));
            drop(process);
            let began = Instant::now();
            if fresh {
                data = folder.path().join(format!("data-{}", kill + 1));
            }
            process = Process::job(folder.path(), &data, broker)?;
            let marker = format!("marker-{fresh}-{kill}");
            feed.send("killed.in", &marker, "after the kill");
            feed.settle();
            watch.until(&marker);
            back.push(began.elapsed().as_secs_f64());
            // worker 0: restored 20000 changelog records in 30 ms
            let line = process.line("worker 0: restored ")?;
            let words: Vec<&str> = line.split(' ').collect();
            if let [records, _, _, "in", ms, ..] = words[..] {
                restored.push(records.parse::<f64>()? / ms.parse::<f64>()?.max(1.0) * 1e3);
            }
            process.line("idle ")?;
        }
        let ((median, low, high), (rate, ..)) = (spread(back), spread(restored));
        let (name, rate) = if fresh { ("without its data folder", format!("{:.0} k", rate / 1e3)) } else { ("with its data folder", "-".to_owned()) };
        text += &format!("| {name} | {median:.2} ({low:.2} to {high:.2}) | {rate} |\n");
    }
    Ok(text)
}

/// From a record's writing to its committed output, one record at a time.
fn latency(broker: &Broker, feed: &Feed) -> Outcome<String> {
    let folder = tempfile::tempdir()?;
    broker.create_topic("singles.in", PARTITIONS, &[]);
    broker.create_topic("singles.out", PARTITIONS, &[]);
    fs::write(folder.path().join("job.toml"), job("singles", Kind::Map, "singles.in", false))?;
    let watch = Watch::from_now(&broker.bootstrap(), "singles.out", PARTITIONS);
    let process = Process::job(folder.path(), &folder.path().join("data"), broker)?;
    feed.send("singles.in", "first", "0");
    feed.settle();
    watch.until("first");
    let began = Instant::now();
    let (mut sent, mut took) = (0, Vec::new());
    while took.len() < SINGLES && began.elapsed() < LATENCY {
        if sent < SINGLES && began.elapsed() >= PAUSE * sent as u32 {
            feed.send("singles.in", &format!("key-{sent:012}"), &began.elapsed().as_micros().to_string());
            sent += 1;
        }
        if let Some((_, value)) = watch.next(Duration::from_millis(1)) {
            took.push((began.elapsed().as_micros() as f64 - value.parse::<f64>()?) / 1e3);
        }
    }
    drop(process);
    took.sort_by(f64::total_cmp);
    let at = |part: f64| took.get((took.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN);
    Ok(format!(
        "From a record's writing to its committed output, a record every {} ms, checkpoints every 100 ms: median {:.0} ms, 90 % {:.0} ms, 99 % {:.0} ms.\n",
        PAUSE.as_millis(),
        at(0.5),
        at(0.9),
        at(0.99)
    ))
}

fn all() -> Outcome<()> {
    let broker = Broker::start();
    let feed = Feed::open(&broker.bootstrap());
    // By hand, a part alone: latency, kills or rates.
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let mut section = String::from(
        "## Jobs on Kafka\n\nOne broker on the same machine, 4 partitions in, 4 out, keys of 16 bytes, values of 100, one worker, checkpoints every 100 ms. Map: values in capitals (Rust\n\
         SDK). The bare loop does the same with librdkafka's batch calls and nothing else. Counts: RocksDB and changelog, every update put out.\n",
    );
    if wants("rates") {
        section += &format!("\n{}", rates(&broker, &feed)?);
    }
    if wants("kills") {
        section += &format!("\n{}", kills(&broker, &feed)?);
    }
    if wants("latency") {
        section += &format!("\n{}", latency(&broker, &feed)?);
    }
    section += "\n    MILLSTREAM_BENCH_SAVE=1 cargo bench -p millstream-bench --bench kafka\n";
    if only.is_some() {
        print!("\n{section}");
        return Ok(());
    }
    Ok(table::publish("kafka", &section)?)
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["run", job, data, bootstrap] => run_job(job, data, bootstrap),
        ["bare", bootstrap, input, output, records] => {
            let began = ProcessTime::now();
            bare::run(bootstrap, input, output, PARTITIONS, records.parse()?);
            println!("cpu-s {} {records}", began.elapsed().as_secs_f64());
            Ok(())
        }
        ["load", bootstrap, topic, records, keys] => {
            Feed::open(bootstrap).load(topic, records.parse()?, keys.parse()?);
            Ok(())
        }
        // Under `cargo test --benches` there is nothing to show.
        _ if args.contains(&"--test") => Ok(()),
        _ => all(),
    }
}
