//! One broker (or three), run by `tests/kafka/broker`: started in a folder of its own on free ports, and ended with its owner.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;

use super::wait::{TIMEOUT, until};
use crate::components::cache;

/// How long a test waits for its turn: others may run a whole suite of brokers.
const TURN: Duration = Duration::from_secs(1800);
/// Below the ports that systems hand out by themselves.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// A node's ports, as the script lays them out.
const PORTS_PER_NODE: u16 = 10;

static SHARED: OnceLock<Broker> = OnceLock::new();
/// Whether a test has the one broker beside the shared one.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A running Kafka. Dropped, it is killed and its data removed; should the process die first, a watch does it. What a failed test leaves is copied into the folder
/// that MILLSTREAM_KEEP names, if it does.
pub struct Broker {
    folder: PathBuf,
    port: u16,
    nodes: u16,
    names: AtomicUsize,
    /// Ends the broker when the pipe to it closes, which the system does however this process ends.
    watch: Child,
    _turn: Option<Turn>,
}

/// The right to one broker beside the shared one.
struct Turn;

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

/// How a broker is to be started.
#[derive(Default)]
pub struct Start {
    three: bool,
    security: bool,
    settings: Vec<String>,
}

impl Start {
    /// Three nodes, replication 3, two in sync at least.
    pub fn three_nodes(mut self) -> Start {
        self.three = true;
        self
    }

    /// With the other [`Door`](super::Door)s, and an authorizer.
    pub fn security(mut self) -> Start {
        self.security = true;
        self
    }

    /// A line of `server.properties`.
    pub fn set(mut self, key: &str, value: &str) -> Start {
        self.settings.push(format!("{key}={value}"));
        self
    }

    pub fn start(self) -> Broker {
        until("a turn: another test of this process has a broker of its own", TURN, || (!TAKEN.swap(true, Ordering::AcqRel)).then_some(()));
        self.open(Some(Turn))
    }

    fn open(&self, turn: Option<Turn>) -> Broker {
        only_process();
        let nodes = if self.three { 3 } else { 1 };
        let folder = tempfile::Builder::new().prefix("millstream-kafka-").tempdir().expect("a scratch folder").keep();
        let mut broker = Broker { watch: watch(&folder), folder, port: 0, nodes, names: AtomicUsize::new(0), _turn: turn };
        let mut failed = String::new();
        // Somebody may take a port between our look and Kafka's.
        for _ in 0..3 {
            broker.port = free_ports(nodes * PORTS_PER_NODE);
            let (port, nodes) = (broker.port.to_string(), nodes.to_string());
            let mut args = vec!["--port", &port, "--nodes", &nodes];
            if self.security {
                args.push("--security");
            }
            for setting in &self.settings {
                args.extend(["--set", setting]);
            }
            match broker.script("start", &args) {
                Ok(_) => return broker,
                Err(why) => failed = why,
            }
            let _ = broker.script("stop", &["--wipe"]);
        }
        panic!("no broker: {failed}");
    }
}

impl Broker {
    /// The one broker of this test binary, started on first use. Do not harm it: others read from it.
    pub fn shared() -> &'static Broker {
        SHARED.get_or_init(|| Start::default().open(None))
    }

    /// One node of the test's own.
    pub fn start() -> Broker {
        Broker::with().start()
    }

    pub fn with() -> Start {
        Start::default()
    }

    /// All nodes, plain.
    pub fn bootstrap(&self) -> String {
        self.bootstrap_at(0)
    }

    /// The addresses of one of the ports of each node.
    pub(super) fn bootstrap_at(&self, offset: u16) -> String {
        let address = |node| format!("127.0.0.1:{}", self.port + node * PORTS_PER_NODE + offset);
        (0..self.nodes).map(address).collect::<Vec<_>>().join(",")
    }

    /// By node: where the proxy must listen, and where it finds the node.
    pub(super) fn proxied(&self) -> Vec<(u16, u16)> {
        (0..self.nodes).map(|node| self.port + node * PORTS_PER_NODE).map(|base| (base + 3, base + 2)).collect()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A client that reaches the broker; what more it needs is the test's to say.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        // A broker that was killed is back soon: do not wait long before looking.
        config.set("bootstrap.servers", self.bootstrap()).set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "500");
        config
    }

    /// A name that no other test of this process gets.
    pub fn name(&self, of: &str) -> String {
        format!("{of}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// kill -9, all nodes.
    pub fn kill(&self) {
        self.must("kill", &[]);
    }

    /// kill -9 one node; the first is 1.
    pub fn kill_node(&self, node: u16) {
        self.must("kill", &["--node", &node.to_string()]);
    }

    /// Starts what is down, after stopping what runs in order. Returns when all answer.
    pub fn restart(&self) {
        self.must("restart", &[]);
    }

    pub fn restart_node(&self, node: u16) {
        self.must("restart", &["--node", &node.to_string()]);
    }

    /// An orderly stop; the data stays for `restart`.
    pub fn stop(&self) {
        self.must("stop", &[]);
    }

    /// SIGSTOP, all nodes.
    pub fn freeze(&self) {
        self.must("freeze", &[]);
    }

    /// SIGCONT, all nodes.
    pub fn thaw(&self) {
        self.must("thaw", &[]);
    }

    /// A command line class of Kafka, such as `TopicCommand`; `@B` is the bootstrap. Returns what it printed.
    pub fn tool(&self, args: &[&str]) -> String {
        self.must("tool", args)
    }

    /// What a node wrote to its log.
    pub fn log(&self, node: u16) -> String {
        std::fs::read_to_string(self.folder.join(format!("node-{node}/log"))).unwrap_or_default()
    }

    /// Copies what the brokers have on disk. Says what fails: the test has failed already.
    fn keep(&self, target: &Path) {
        let stopped = self.script("stop", &[]);
        let copied = Command::new("cp").arg("-a").arg(&self.folder).arg(target).status();
        println!("kept {} in {}: {stopped:?}, {copied:?}", self.folder.display(), target.display());
    }

    fn must(&self, command: &str, args: &[&str]) -> String {
        self.script(command, args).unwrap_or_else(|why| panic!("{command} {args:?}: {why}"))
    }

    fn script(&self, command: &str, args: &[&str]) -> Result<String, String> {
        let output = script(command, &self.folder).args(args).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let (true, Some(keep)) = (std::thread::panicking(), std::env::var_os("MILLSTREAM_KEEP")) {
            self.keep(Path::new(&keep));
        }
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

fn script(command: &str, folder: &Path) -> Command {
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/broker"));
    script.arg(command).arg("--dir").arg(folder).env("MILLSTREAM_CACHE", cache());
    script
}

/// In a process group of its own, so that it outlives a Ctrl-C in the terminal.
fn watch(folder: &Path) -> Child {
    let mut watch = script("watch", folder);
    watch.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    watch.spawn().expect("bash")
}

/// Waits until no other process with this cache runs brokers, and keeps others waiting until this one ends.
fn only_process() {
    static LOCK: OnceLock<File> = OnceLock::new();
    LOCK.get_or_init(|| {
        std::fs::create_dir_all(cache()).expect("a cache folder");
        let file = File::create(cache().join("kafka.lock")).expect("a lock file");
        until("a turn: another process runs Kafka tests", TURN, || file.try_lock().ok());
        file
    });
}

/// The first of so many free ports in a row.
fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let blocks = usize::from((PORTS.end - PORTS.start) / count);
    until("free ports", TIMEOUT, || {
        let block = (std::process::id() as usize * 7 + NEXT.fetch_add(1, Ordering::Relaxed)) % blocks;
        let first = PORTS.start + block as u16 * count;
        (first..first + count).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()).then_some(first)
    })
}
