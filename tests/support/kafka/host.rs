//! The real binary as a child process: started, signalled and killed by its own id, and what it said kept.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::wait::until;
use crate::binary::millstream;

/// How long a host that was asked to end may take, before a test is lost.
const END: Duration = Duration::from_secs(60);

/// A running host. Dropped, it is killed.
pub struct Host {
    child: Child,
    pub began: Instant,
    said: Arc<Mutex<Vec<String>>>,
    listener: Option<JoinHandle<()>>,
}

impl Host {
    /// `millstream run` with these arguments besides.
    pub fn start(job: &Path, data: &Path, args: &[&str]) -> Host {
        let mut command = Command::new(millstream());
        command.arg("run").arg(job).arg("--data").arg(data).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let (stderr, heard) = (child.stderr.take().expect("a pipe"), said.clone());
        let listen = move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        };
        Host { child, began: Instant::now(), said, listener: Some(std::thread::spawn(listen)) }
    }

    /// Everything it wrote to standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Whether it runs still.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    #[track_caller]
    pub fn await_said(&mut self, text: &str, bound: Duration) {
        let began = Instant::now();
        while !self.said().contains(text) {
            assert!(self.lives() && began.elapsed() < bound, "the host did not say {text:?} within {bound:?}, but: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGSTOP and the like, by name without SIG.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success(), "SIG{name} to {}", self.child.id());
    }

    /// kill -9. Returns what it had said.
    #[track_caller]
    pub fn kill(mut self) -> String {
        assert!(self.lives(), "the host ended by itself: {}", self.said());
        self.child.kill().expect("a kill");
        self.end().1
    }

    /// SIGTERM. Returns how long it took to end, which it must have done well.
    #[track_caller]
    pub fn stop(mut self) -> (Duration, String) {
        assert!(self.lives(), "the host ended by itself: {}", self.said());
        let began = Instant::now();
        self.signal("TERM");
        let status = self.await_end(END);
        let took = began.elapsed();
        let said = self.end().1;
        assert!(status.success(), "{status}: {said}");
        (took, said)
    }

    /// Waits for its end, whatever that is.
    #[track_caller]
    pub fn ended(mut self, bound: Duration) -> (ExitStatus, String) {
        self.await_end(bound);
        self.end()
    }

    #[track_caller]
    fn await_end(&mut self, bound: Duration) -> ExitStatus {
        let said = self.said.clone();
        let said = move || said.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(began.elapsed() < bound, "the host did not end within {bound:?}: {}", said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("its end");
        if let Some(listener) = self.listener.take() {
            until("the end of what it says", END, || listener.is_finished().then_some(()));
        }
        (status, self.said())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("a host of the failed test said:\n{}", self.said());
        }
    }
}
