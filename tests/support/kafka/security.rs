//! The other doors of a broker started with `security()`, and whether a client gets through.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use super::broker::Broker;

const SLICE: Duration = Duration::from_millis(200);

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
    // A producer's errors come with their reasons; a consumer's would come as codes.
    let producer: BaseProducer<Errors> = config.create_with_context(Errors::default()).map_err(|error| error.to_string())?;
    let began = Instant::now();
    while began.elapsed() < bound && !producer.context().refused.load(Ordering::Relaxed) {
        if producer.client().fetch_metadata(None, SLICE).is_ok() {
            return Ok(());
        }
        // Only a poll takes errors; one without a duration takes one event at most.
        producer.poll(SLICE);
    }
    let said = producer.context().said.lock().expect("no panic while noting");
    Err(if said.is_empty() { "no answer, and no error".to_owned() } else { said.join("\n") })
}

#[derive(Default)]
struct Errors {
    said: Mutex<Vec<String>>,
    /// One side did not accept the other: trying again is no use.
    refused: AtomicBool,
}

impl ClientContext for Errors {
    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(RDKafkaErrorCode::SSL | RDKafkaErrorCode::Authentication) = error.rdkafka_error_code() {
            self.refused.store(true, Ordering::Relaxed);
        }
        let (said, mut all) = (format!("{error}: {reason}"), self.said.lock().expect("no panic while noting"));
        // Each comes twice.
        if !all.contains(&said) {
            all.push(said);
        }
    }

    /// Librdkafka's log repeats the errors on the test's output.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
}

impl ProducerContext for Errors {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
