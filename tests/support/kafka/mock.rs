//! librdkafka's mock cluster: answers with errors of choice, in this process.
//!
//! What it is good for: "what does our code do when request X is answered with error Y", for every X and Y, in milliseconds. It keeps topics, groups
//! (classic), transactions in name only: it does not isolate uncommitted records, and knows no ACLs, TLS or CreateTopics. Whether output is exact is a
//! question for the [`Broker`](super::Broker).
//!
//! ```
//! use millstream_tests::kafka::{Api, Mock};
//! use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
//!
//! let mock = Mock::start(1);
//! mock.topic("out", 1);
//! mock.fail(Api::EndTxn, &[RD_KAFKA_RESP_ERR_NOT_COORDINATOR]);
//! let config = mock.client();
//! ```
//!
//! - Errors are a stack per API: each request takes the first; when there are none left, requests succeed. `clear` empties it.
//! - librdkafka retries retriable errors by itself until the call's timeout: push as many as outlast it to see them surface.
//! - `_TRANSPORT` as an error closes the connection instead of answering.
//! - `delayed` answers late; a delay beyond `socket.timeout.ms` is a request that times out though it may have had its effect.
//! - A client of the test's own may be had with `test.mock.num.brokers`, but then nobody else reaches that cluster: use this one.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

/// A mock cluster, ended by its drop: end its clients first.
pub struct Mock(MockCluster<'static, DefaultProducerContext>);

impl Mock {
    pub fn start(brokers: i32) -> Mock {
        Mock(MockCluster::new(brokers).expect("a mock cluster"))
    }

    pub fn bootstrap(&self) -> String {
        self.0.bootstrap_servers()
    }

    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap()).set("reconnect.backoff.max.ms", "100");
        config
    }

    pub fn topic(&self, name: &str, partitions: i32) {
        self.0.create_topic(name, partitions, 1).expect("a topic");
    }

    /// The next requests of this kind are answered with these errors, in this order.
    pub fn fail(&self, api: RDKafkaApiKey, errors: &[RDKafkaRespErr]) {
        self.0.request_errors(api, errors);
    }

    /// No more errors for this kind.
    pub fn clear(&self, api: RDKafkaApiKey) {
        self.0.clear_request_errors(api);
    }

    /// All answers of a broker (the first is 1) come so much later; zero ends it.
    pub fn delayed(&self, broker: i32, by: Duration) {
        self.0.broker_round_trip_time(broker, by).expect("a broker of the cluster");
    }

    /// Closes a broker's connections and refuses new ones, until `up`.
    pub fn down(&self, broker: i32) {
        self.0.broker_down(broker).expect("a broker of the cluster");
    }

    pub fn up(&self, broker: i32) {
        self.0.broker_up(broker).expect("a broker of the cluster");
    }

    /// Moves the coordinator of a transactional id.
    pub fn move_transaction(&self, id: &str, broker: i32) {
        self.0.coordinator(MockCoordinator::Transaction(id.to_owned()), broker).expect("a broker of the cluster");
    }

    /// Moves the coordinator of a group.
    pub fn move_group(&self, group: &str, broker: i32) {
        self.0.coordinator(MockCoordinator::Group(group.to_owned()), broker).expect("a broker of the cluster");
    }
}
