//! `millstream run`: starts a job, shows how it goes, and stops it gracefully.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::say::Say;
use super::{DataArgs, Environment};
use crate::error::HostError;
use crate::job::{Job, SinkKind, SourceKind};
use crate::kafka::Trial;
use crate::observe::Snapshot;
use crate::runtime::{self, Options, Running};
use crate::time::{Clock, RealClock, format_ms};

#[derive(Args)]
pub(super) struct RunArgs {
    /// The job file.
    job: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Streams live on this Kafka cluster (host:port, several with commas), before what the job file says. State is copied into the data folder.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
    /// On Kafka: names this process among those that share the job. By default a name kept in the data folder.
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Say nothing but the last line, and errors.
    #[arg(long, short)]
    quiet: bool,
    /// For tests: where the process ends, and what it does wrong (see `kafka::Trial`).
    #[arg(long, hide = true, default_value = "")]
    trial: String,
}

/// How often the display changes: on a terminal, and as plain lines.
const LIVE_MS: i64 = 200;
const LINE_MS: i64 = 5_000;
const POLL: Duration = Duration::from_millis(20);

pub(super) fn run(args: &RunArgs, environment: &Environment, say: Say) -> Result<(), HostError> {
    let trial = match args.trial.as_str() {
        "" => Trial::default(),
        text => text.parse().map_err(|reason| HostError::job("--trial", reason))?,
    };
    let options = Options {
        trial,
        cache: Some(environment.cache.join("compiled")),
        bootstrap: args.bootstrap.clone(),
        instance: args.instance.clone(),
        environment: environment.variable.clone(),
        ..Options::new(&args.data.data)
    };
    let checked = runtime::check(&args.job, &options)?;
    let signals = Signals::listen()?;
    if !args.quiet {
        promises(&checked.job).iter().for_each(|line| eprintln!("{line}"));
    }
    let running = runtime::start(checked, &options)?;
    let began_ms = options.clock.now_ms();
    let mut display = Display::new(args.quiet || say.json);
    while !running.is_over() {
        if signals.stop() {
            running.stop();
        }
        display.show(&running, options.clock.now_ms());
        std::thread::sleep(POLL);
    }
    display.lines(&running);
    display.done();
    let stopped = signals.stop();
    let summary = running.wait()?;
    let seconds = (options.clock.now_ms() - began_ms) as f64 / 1_000.0;
    say.answer(&serde_json::json!({ "ended": if stopped { "stopped" } else { "finished" }, "seconds": seconds, "summary": summary }))?;
    if !say.json {
        eprintln!("{}", last_line(&summary, stopped, seconds));
    }
    Ok(())
}

fn last_line(summary: &Snapshot, stopped: bool, seconds: f64) -> String {
    let how = if stopped { "stopped" } else { "finished" };
    if summary.records_in == 0 && summary.records_out == 0 {
        return format!("{how}: nothing new since the last run");
    }
    let mut line = format!("{how}: {} records in, {} out in {seconds:.1} s", summary.records_in, summary.records_out);
    for (count, what) in
        [(summary.rejected, "rejected"), (summary.poisoned, "poisoned"), (summary.dead_letters, "dead letters"), (summary.restarts, "restarts")]
    {
        if count > 0 {
            line += &format!(", {count} {what}");
        }
    }
    line
}

/// What a user must know of ends that are not exactly-once.
fn promises(job: &Job) -> Vec<String> {
    let mut lines = Vec::new();
    for input in job.inputs.iter().filter(|input| matches!(input.source, SourceKind::Stdin { .. })) {
        lines.push(format!("note: input `{}` is standard input: what is read before a crash is not read again", input.name));
    }
    for output in job.outputs.iter().filter(|output| matches!(output.sink, SinkKind::Stdout { .. })) {
        lines.push(format!("note: output `{}` is standard output: at least once, after a crash lines may appear again", output.name));
    }
    lines
}

/// SIGINT and SIGTERM ask for a stop at the next checkpoint; a second one ends the process at once (nothing committed is lost by that).
struct Signals {
    received: Arc<AtomicUsize>,
}

impl Signals {
    fn listen() -> Result<Signals, HostError> {
        let received = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let count = received.clone();
            // The order matters: the first signal finds `again` unset and sets it, the second ends the process.
            signal_hook::flag::register_conditional_shutdown(signal, 130, again.clone())
                .and_then(|_| signal_hook::flag::register(signal, again.clone()))
                .and_then(|_| signal_hook::flag::register_usize(signal, count, 1))
                .map_err(|error| HostError::external("listening for signals", error))?;
        }
        Ok(Signals { received })
    }

    fn stop(&self) -> bool {
        self.received.load(Ordering::Relaxed) > 0
    }
}

/// Live numbers on a terminal, a line now and then elsewhere.
struct Display {
    bar: Option<ProgressBar>,
    quiet: bool,
    shown_ms: i64,
    last: Option<(i64, u64)>,
}

impl Display {
    fn new(quiet: bool) -> Self {
        let live = !quiet && std::io::stderr().is_terminal();
        let bar = live.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Display { bar, quiet, shown_ms: RealClock.now_ms(), last: None }
    }

    fn show(&mut self, running: &Running, now_ms: i64) {
        self.lines(running);
        let every_ms = if self.bar.is_some() { LIVE_MS } else { LINE_MS };
        if self.quiet || now_ms - self.shown_ms < every_ms {
            return;
        }
        self.shown_ms = now_ms;
        let snapshot = running.snapshot();
        let rate = self.last.map_or(0.0, |(ms, records)| (snapshot.records_in.saturating_sub(records)) as f64 * 1_000.0 / (now_ms - ms).max(1) as f64);
        self.last = Some((now_ms, snapshot.records_in));
        let text = numbers(&snapshot, rate, now_ms);
        match &self.bar {
            Some(bar) => {
                bar.set_message(text);
                bar.tick();
            }
            None => eprintln!("{text}"),
        }
    }

    fn lines(&self, running: &Running) {
        for line in running.take_lines() {
            match &self.bar {
                Some(bar) => bar.println(line),
                None => eprintln!("{line}"),
            }
        }
    }

    fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn numbers(snapshot: &Snapshot, rate: f64, now_ms: i64) -> String {
    if let Some(why) = &snapshot.paused {
        return format!("paused: {why}");
    }
    if let Some((done, all)) = snapshot.restoring {
        return format!("restoring state: {done} of {all} changelog records");
    }
    let watermark = match snapshot.watermark {
        None | Some(i64::MIN) => "-".to_owned(),
        Some(i64::MAX) => "end".to_owned(),
        Some(ms) => format_ms(ms),
    };
    let age = snapshot.checkpoint_at_ms.map_or(0, |ms| (now_ms - ms).max(0));
    let refused = snapshot.rejected + snapshot.poisoned;
    format!(
        "{} in · {rate:.0}/s · {} out · lag {} · watermark {watermark} · checkpoint {age} ms ago · {refused} rejected",
        snapshot.records_in, snapshot.records_out, snapshot.lag
    )
}
