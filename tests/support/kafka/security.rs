//! The other doors of a broker started with `security()`, and whether a client gets through.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};

use super::broker::Broker;

/// Where a client may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// TLS; the client is anonymous, and so a super user.
    Tls,
    /// TLS with client certificates; the client is whom its common name says.
    ClientCertificates,
    /// SASL in the clear.
    Sasl,
    SaslTls,
    /// TLS with a certificate of the right authority for another host.
    Elsewhere,
}

impl Broker {
    pub fn bootstrap_of(&self, door: Door) -> String {
        self.bootstrap_at(match door {
            Door::Tls => 4,
            Door::ClientCertificates => 5,
            Door::Sasl => 6,
            Door::SaslTls => 7,
            Door::Elsewhere => 8,
        })
    }

    /// `ca.crt`, `wrong-ca.crt`; `client` and `wrong-client` with `.crt` and `.key`.
    pub fn certificate(&self, file: &str) -> PathBuf {
        self.folder().join("tls").join(file)
    }

    /// A client for a door that trusts the authority in `ca` (`ca.crt` is the right one).
    pub fn client_at(&self, door: Door, ca: &str) -> ClientConfig {
        let mut config = self.client();
        let protocol = match door {
            Door::Tls | Door::ClientCertificates | Door::Elsewhere => "ssl",
            Door::Sasl => "sasl_plaintext",
            Door::SaslTls => "sasl_ssl",
        };
        config.set("bootstrap.servers", self.bootstrap_of(door)).set("security.protocol", protocol);
        if door != Door::Sasl {
            config.set("ssl.ca.location", self.certificate(ca).display().to_string());
        }
        config
    }

    /// The same with a client certificate: `client`, or `wrong-client` of the wrong authority.
    pub fn client_with_certificate(&self, ca: &str, client: &str) -> ClientConfig {
        let mut config = self.client_at(Door::ClientCertificates, ca);
        config.set("ssl.certificate.location", self.certificate(&format!("{client}.crt")).display().to_string());
        config.set("ssl.key.location", self.certificate(&format!("{client}.key")).display().to_string());
        config
    }

    /// The same with a user. `mechanism`: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; users `admin` and `app` with `admin-secret` and `app-secret`.
    pub fn client_as(&self, door: Door, mechanism: &str, user: &str, password: &str) -> ClientConfig {
        let mut config = self.client_at(door, "ca.crt");
        config.set("sasl.mechanism", mechanism).set("sasl.username", user).set("sasl.password", password);
        config
    }
}

/// Whether a client gets an answer from the broker within the bound; if not, what librdkafka said of it.
pub fn reach(config: &ClientConfig, bound: Duration) -> Result<(), String> {
    let consumer: BaseConsumer<Errors> = config.create_with_context(Errors::default()).map_err(|error| error.to_string())?;
    let client: &Client<Errors> = consumer.client();
    let began = Instant::now();
    while began.elapsed() < bound {
        if client.fetch_metadata(None, Duration::from_millis(500)).is_ok() {
            return Ok(());
        }
        // Errors come with the events of a consumer, which only a poll takes.
        let _ = consumer.poll(Duration::ZERO);
    }
    let errors = consumer.context().0.lock().expect("no panic while noting");
    Err(if errors.is_empty() { "no answer, and no error".to_owned() } else { errors.join("\n") })
}

#[derive(Default)]
struct Errors(Mutex<Vec<String>>);

impl ClientContext for Errors {
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.lock().expect("no panic while noting").push(format!("{error}: {reason}"));
    }

    /// Librdkafka's log repeats the errors on the test's output.
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
}

impl ConsumerContext for Errors {}
