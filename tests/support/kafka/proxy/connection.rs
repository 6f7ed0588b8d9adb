//! One connection through the proxy: frames of requests one way, frames of answers the other, each with a thread that reads and one that writes.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rules::{Direction, Fate, Shared};

/// Kafka's own bound for a request.
const FRAME_BYTES_MAX: usize = 104_857_600;
/// Frames read but not yet written, per direction.
const FRAMES_QUEUED_MAX: usize = 16;
/// How long answers are awaited for a client that is gone: the broker is to have served its last request.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

pub struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Requests without an answer, by correlation id.
    unanswered: Mutex<HashMap<i32, Fate>>,
}

/// A frame without its length, and when it came.
type Frame = (Instant, Vec<u8>);

impl Connection {
    pub fn start(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let connection = Arc::new(Connection { client, server, unanswered: Mutex::default() });
        shared.enter(&connection);
        let (send_request, requests) = sync_channel(FRAMES_QUEUED_MAX);
        let (send_answer, answers) = sync_channel(FRAMES_QUEUED_MAX);
        let thread = |work: Box<dyn FnOnce(&Connection) + Send>| {
            let connection = connection.clone();
            std::thread::spawn(move || work(&connection));
        };
        let (up, down) = (shared.clone(), shared.clone());
        thread(Box::new(move |connection| read(&connection.client, &send_request)));
        thread(Box::new(move |connection| read(&connection.server, &send_answer)));
        thread(Box::new(move |connection| connection.pass_requests(&up, requests)));
        thread(Box::new(move |connection| connection.pass_answers(&down, answers)));
    }

    /// Ends the client's side. What it had sent goes on to the broker.
    pub fn leave(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
    }

    pub fn close(&self) {
        self.leave();
        let _ = self.server.shutdown(Shutdown::Both);
    }

    fn pass_requests(&self, shared: &Shared, requests: Receiver<Frame>) {
        for (came, frame) in requests {
            let (Some(api), Some(correlation)) = (int16(&frame, 0), int32(&frame, 4)) else { break };
            match shared.judge(api) {
                // What follows a lost request cannot arrive either.
                None | Some(Fate::LoseRequest) => break,
                Some(fate) => self.unanswered().insert(correlation, fate),
            };
            if !shared.travel(Direction::ToBroker, came, frame.len()) || write(&self.server, &frame).is_err() {
                break;
            }
        }
        self.leave();
        let gone = Instant::now();
        while !self.unanswered().is_empty() && gone.elapsed() < LAST_ANSWERS && !shared.closed() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.close();
    }

    fn pass_answers(&self, shared: &Shared, answers: Receiver<Frame>) {
        for (came, frame) in answers {
            let asked = int32(&frame, 0).and_then(|correlation| self.unanswered().remove(&correlation));
            if asked == Some(Fate::LoseAnswer) {
                self.leave();
            }
            // A client that is gone wants no answers; they are taken all the same, for the broker to go on.
            if !shared.travel(Direction::ToClient, came, frame.len()) {
                break;
            }
            let _ = write(&self.client, &frame);
        }
        self.close();
    }

    fn unanswered(&self) -> MutexGuard<'_, HashMap<i32, Fate>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the stream ends, or nobody takes the frames any more.
fn read(mut stream: &TcpStream, frames: &SyncSender<Frame>) {
    let mut next = || -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut frame = vec![0; length];
        stream.read_exact(&mut frame)?;
        Ok(frame)
    };
    while let Ok(frame) = next() {
        if frames.send((Instant::now(), frame)).is_err() {
            return;
        }
    }
}

fn write(mut stream: &TcpStream, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(|_| ErrorKind::InvalidData)?;
    stream.write_all(&[&length.to_be_bytes(), frame].concat())
}

fn int16(frame: &[u8], at: usize) -> Option<i16> {
    Some(i16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?))
}

fn int32(frame: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?))
}
