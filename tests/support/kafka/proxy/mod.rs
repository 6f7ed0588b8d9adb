//! A proxy on loopback between clients and a broker, which knows one request from another and does harm on demand.
//!
//! Each node has a listener whose advertised address is the proxy's, so every connection that began at the proxy stays there. Plain text only.
//!
//! The delayed EndTxn (a request that the network kept, and delivers into the next transaction of the same producer):
//!
//! ```text
//! let proxy = Proxy::start(&broker);             // clients use proxy.bootstrap()
//! proxy.hold(Api::EndTxn, 1);                    // the next one; a retry passes
//! …commit; the client gives up on the connection after socket.timeout.ms, and retries or reports…
//! assert_eq!(proxy.waiting(Api::EndTxn), 1);
//! …the next transaction begins, its records are sent…
//! proxy.release(Api::EndTxn);                    // now the old request reaches the broker
//! ```
//!
//! A held request holds up those behind it on its connection, as the network would. The client may close the connection meanwhile: what it had sent
//! arrives all the same.

mod connection;
mod rules;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::types::RDKafkaApiKey as Api;

use super::broker::Broker;
use super::wait::until;
use connection::Connection;
use rules::Shared;
pub use rules::{Direction, Fate};

/// Another test may have the proxy of a shared broker.
const TURN: Duration = Duration::from_secs(600);

/// A running proxy of all nodes of a broker; one per broker at a time. Dropped, it closes what goes through it.
pub struct Proxy {
    shared: Arc<Shared>,
    ports: Vec<u16>,
    acceptors: Vec<JoinHandle<()>>,
}

impl Proxy {
    pub fn start(broker: &Broker) -> Proxy {
        let shared = Arc::new(Shared::default());
        let mut proxy = Proxy { shared: shared.clone(), ports: Vec::new(), acceptors: Vec::new() };
        for (port, node) in broker.proxied() {
            let listener = until("the proxy's port: another test has it", TURN, || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
            let shared = shared.clone();
            proxy.ports.push(port);
            proxy.acceptors.push(std::thread::spawn(move || accept(&shared, &listener, node)));
        }
        proxy
    }

    pub fn bootstrap(&self) -> String {
        self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    /// What becomes of the next `count` requests of a kind. Rules for the same kind apply one after the other.
    pub fn next(&self, api: Api, fate: Fate, count: usize) {
        self.shared.rule(api, fate, count);
    }

    /// Keeps the next `count` requests of a kind until `release`.
    pub fn hold(&self, api: Api, count: usize) {
        self.next(api, Fate::Hold(None), count);
    }

    /// Keeps the next `count` requests of a kind for so long each.
    pub fn hold_for(&self, api: Api, count: usize, time: Duration) {
        self.next(api, Fate::Hold(Some(time)), count);
    }

    /// Lets go what is held of a kind, and drops the rules for it.
    pub fn release(&self, api: Api) {
        self.shared.release(api);
    }

    /// How many requests of a kind came from clients.
    pub fn seen(&self, api: Api) -> usize {
        self.shared.count(api).seen
    }

    /// How many requests of a kind were held, ever.
    pub fn held(&self, api: Api) -> usize {
        self.shared.count(api).held
    }

    /// How many requests of a kind are held now.
    pub fn waiting(&self, api: Api) -> usize {
        self.shared.count(api).waiting
    }

    /// How many requests of a kind went on to the broker.
    pub fn passed(&self, api: Api) -> usize {
        self.shared.count(api).passed
    }

    /// Waits until so many requests of a kind are held.
    #[track_caller]
    pub fn await_waiting(&self, api: Api, count: usize, bound: Duration) {
        until(&format!("{count} held {api:?}"), bound, || (self.waiting(api) >= count).then_some(()));
    }

    /// Closes all connections on the clients' side. Requests that are held still reach the broker when released.
    pub fn drop_connections(&self) {
        self.shared.connections(Connection::leave);
    }

    /// Closes new connections at once, or no longer.
    pub fn refuse(&self, refuse: bool) {
        self.shared.set(|state| state.refusing = refuse);
    }

    /// Stops all bytes of a direction, as a partitioned network does; they arrive when it is mended.
    pub fn cut(&self, direction: Direction) {
        self.shared.set(|state| state.cut[direction as usize] = true);
    }

    pub fn mend(&self) {
        self.shared.set(|state| state.cut = [false; 2]);
    }

    /// Each request and each answer arrives so much later.
    pub fn delay(&self, by: Duration) {
        self.shared.set(|state| state.delay = by);
    }

    /// Bytes a second of all connections and both directions together; `None` ends it.
    pub fn throttle(&self, bytes_per_second: Option<u64>) {
        self.shared.set(|state| state.bytes_per_second = bytes_per_second);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.set(|state| state.closed = true);
        self.shared.connections(Connection::close);
        for (port, acceptor) in self.ports.iter().zip(self.acceptors.drain(..)) {
            // Wakes it from `accept`.
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, *port));
            let _ = acceptor.join();
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener, node: u16) {
    while let Ok((client, _)) = listener.accept() {
        if shared.closed() {
            return;
        }
        // A broker that is down: the client sees its connection closed.
        if !shared.refusing()
            && let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, node))
        {
            Connection::start(shared, client, server);
        }
    }
}
