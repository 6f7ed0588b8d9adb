//! What Kafka tests stand on: a real broker, records into it, a reader that knows nothing of the host, and faults on the way.
//!
//! - [`Broker`]: `Broker::shared()` for most tests, `Broker::start()` or `Broker::with()` for those that harm it; its nodes, topics, groups. One
//!   process with brokers at a time, and in it one broker beside the shared one: each is a JVM of 200 MiB and more.
//! - [`Outgoing`], [`Transactional`]: records to write, with every field, and transactions that are committed, aborted or left open.
//! - [`Record`], [`Reader`]: what a `read_committed` reader sees up to the high watermark at the time of the call.
//! - `Broker::rows()`: what a job wrote, as golden cases compare it.
//! - [`OnKafka`]: the contract suite's transport.
//! - [`Proxy`]: holds back, loses, delays and throttles what goes between clients and broker, request by request.
//! - [`Job`], [`Host`]: jobs of a few shapes, run by the real binary as child processes, and the recount of what they wrote.
//! - [`Mock`]: librdkafka's own mock cluster, which answers a request with any error one wishes, and needs no JVM.
//!
//! All of it panics with what failed, as tests do, and waits within bounds. Broker and proxies end with their owner, also by panic or kill.

mod admin;
mod broker;
mod host;
mod job;
mod mock;
mod nodes;
mod offsets;
mod produce;
mod proxy;
mod reader;
mod rows;
mod security;
mod transport;
mod wait;

pub use broker::{Broker, Start};
pub use host::Host;
pub use job::{ByKey, Difference, Job, Of, PARTITIONS, Shape, by_key, line, lines, long, number, numbered, scaled};
pub use mock::Mock;
pub use produce::{Feeding, Outgoing, Transactional};
pub use proxy::{Direction, Fate, Proxy};
pub use rdkafka::types::RDKafkaApiKey as Api;
pub use reader::{Isolation, Reader, Record};
pub use security::{Door, reach};
pub use transport::OnKafka;
pub use wait::{TIMEOUT, until};
