//! Doors of a Kafka cluster: TLS, client certificates, SASL; who may not enter is told why, secrets are never shown, and the documented permissions are enough.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_tests::binary::millstream;
use millstream_tests::kafka::{Broker, Door};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(90);
const RECORDS: usize = 500;

/// A job that writes `RECORDS` records, in a folder of its own, with properties in the job file.
struct Job {
    folder: TempDir,
    name: String,
}

impl Job {
    fn new(name: &str, bootstrap: &str, properties: &[(&str, String)]) -> Job {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let properties: String = properties.iter().map(|(name, value)| format!("\"{name}\" = {value}\n")).collect();
        let text = format!(
            "name = \"{name}\"\n[input.in]\ngenerator = {{ count = {RECORDS}, keys = 10 }}\n[output.out]\nstream = \"{name}-out\"\nfrom = \"in\"\npartitions = 1\n\
             [kafka]\nbootstrap = \"{bootstrap}\"\n[kafka.properties]\n{properties}"
        );
        std::fs::write(folder.path().join("job.toml"), text).expect("room on disk");
        Job { folder, name: name.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("job.toml")
    }

    fn command(&self, command: &str) -> Command {
        let mut millstream = Command::new(millstream());
        millstream.arg(command).arg(self.path()).arg("--data").arg(self.folder.path().join("data"));
        millstream.env("APP_SECRET", "app-secret").env("ADMIN_SECRET", "admin-secret").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        millstream
    }

    /// Runs to the end, or until the bound. Returns whether it finished, and all it said.
    fn run(&self, command: &str, bound: Duration) -> (bool, String) {
        let child = self.command(command).spawn().expect("the binary starts");
        ended(child, bound)
    }
}

fn ended(mut child: Child, bound: Duration) -> (bool, String) {
    let began = Instant::now();
    let finished = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status.success(),
            None if began.elapsed() > bound => {
                child.kill().expect("a kill");
                break false;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let output = child.wait_with_output().expect("its end");
    (finished, format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

fn text(value: impl AsRef<Path>) -> String {
    format!("{:?}", value.as_ref().display().to_string())
}

/// No file below the folder, but the job file, holds one of the secrets.
fn no_secret_in(folder: &Path, said: &str) {
    for secret in ["app-secret", "admin-secret"] {
        assert!(!said.contains(secret), "a secret was printed: {said}");
        let found = Command::new("grep").args(["-rl", secret]).arg(folder).output().expect("grep");
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "a secret lies in the data folder");
    }
}

fn sasl(broker: &Broker, mechanism: &str, user: &str, tls: bool) -> Vec<(&'static str, String)> {
    let protocol = if tls { "SASL_SSL" } else { "SASL_PLAINTEXT" };
    let secret = if user == "admin" { "{ env = \"ADMIN_SECRET\" }" } else { "{ env = \"APP_SECRET\" }" };
    let mut properties = vec![
        ("security.protocol", format!("{protocol:?}")),
        ("sasl.mechanism", format!("{mechanism:?}")),
        ("sasl.username", format!("{user:?}")),
        ("sasl.password", secret.to_owned()),
    ];
    if tls {
        properties.push(("ssl.ca.location", text(broker.certificate("ca.crt"))));
    }
    properties
}

fn tls(broker: &Broker, ca: &str) -> Vec<(&'static str, String)> {
    vec![("security.protocol", "\"SSL\"".to_owned()), ("ssl.ca.location", text(broker.certificate(ca)))]
}

fn acl(broker: &Broker, args: &[&str]) {
    let change = [&["AclCommand", "--bootstrap-server", "@B", "--force"], args, &["--allow-principal", "User:app"]].concat();
    broker.tool(&change);
}

#[test]
fn each_door_opens_for_whom_it_should_and_tells_others_why_not() {
    let broker = Broker::with().security().start();
    let with_certificate = |client: &str| {
        let mut properties = tls(&broker, "ca.crt");
        properties.push(("ssl.certificate.location", text(broker.certificate(&format!("{client}.crt")))));
        properties.push(("ssl.key.location", text(broker.certificate(&format!("{client}.key")))));
        properties
    };
    // The certificate's name is the client's; unlike the others it is no super user.
    let everything = ["--operation", "All", "--topic", "mtls", "--group", "mtls", "--transactional-id", "mtls", "--resource-pattern-type", "prefixed"];
    acl(&broker, &[&["--add"], &everything[..]].concat());
    let doors = [
        ("tls", Door::Tls, tls(&broker, "ca.crt")),
        ("mtls", Door::ClientCertificates, with_certificate("client")),
        ("plain", Door::Sasl, sasl(&broker, "PLAIN", "admin", false)),
        ("scram-256", Door::SaslTls, sasl(&broker, "SCRAM-SHA-256", "admin", true)),
        ("scram-512", Door::SaslTls, sasl(&broker, "SCRAM-SHA-512", "admin", true)),
    ];
    for (name, door, properties) in doors {
        let job = Job::new(name, &broker.bootstrap_of(door), &properties);
        let (finished, said) = job.run("run", TIMEOUT);
        assert!(finished, "{name}: {said}");
        assert_eq!(broker.read_committed(&format!("{name}-out")).len(), RECORDS, "{name}");
        no_secret_in(&job.folder.path().join("data"), &said);
    }
    let mut wrong_password = sasl(&broker, "SCRAM-SHA-512", "admin", true);
    wrong_password[3].1 = "\"not-the-password\"".to_owned();
    let refusals = [
        ("wrong-ca", Door::Tls, tls(&broker, "wrong-ca.crt"), "certificate"),
        ("wrong-host", Door::Elsewhere, tls(&broker, "ca.crt"), "certificate"),
        ("no-certificate", Door::ClientCertificates, tls(&broker, "ca.crt"), "certificate"),
        ("wrong-certificate", Door::ClientCertificates, with_certificate("wrong-client"), "certificate"),
        ("wrong-password", Door::SaslTls, wrong_password, "uthentication"),
    ];
    std::thread::scope(|scope| {
        for (name, door, properties, why) in refusals {
            let broker = &broker;
            scope.spawn(move || {
                let job = Job::new(name, &broker.bootstrap_of(door), &properties);
                let (sound, said) = job.run("check", TIMEOUT);
                assert!(!sound && said.contains(why), "{name}: {said}");
                assert!(!said.contains("not-the-password"), "{name}: {said}");
                // It waits, as a broker may be wrong for a while, and says why.
                let (finished, said) = job.run("run", Duration::from_secs(14));
                assert!(!finished && said.contains("paused") && said.contains(why), "{name}: {said}");
                assert!(!broker.topics().iter().any(|topic| topic.starts_with(&job.name)), "{name} got through in some way");
            });
        }
    });
}

#[test]
fn the_documented_permissions_are_enough_and_one_less_is_named() {
    let broker = Broker::with().security().start();
    let bootstrap = broker.bootstrap_of(Door::Sasl);
    let job = |name: &str| Job::new(name, &bootstrap, &sasl(&broker, "SCRAM-SHA-512", "app", false));
    let grant = |name: &str, but: &str| {
        let (prefix, output) = (format!("{name}."), format!("{name}-out"));
        let all: [(&str, Vec<&str>); 4] = [
            ("output", vec!["--topic", &output, "--operation", "Write", "--operation", "Describe", "--operation", "DescribeConfigs", "--operation", "Create"]),
            (
                "internal",
                vec![
                    "--topic",
                    &prefix,
                    "--resource-pattern-type",
                    "prefixed",
                    "--operation",
                    "Read",
                    "--operation",
                    "Write",
                    "--operation",
                    "Create",
                    "--operation",
                    "Describe",
                    "--operation",
                    "DescribeConfigs",
                    "--operation",
                    "Delete",
                ],
            ),
            ("group", vec!["--group", name, "--operation", "Read", "--operation", "Describe"]),
            ("transaction", vec!["--transactional-id", &prefix, "--resource-pattern-type", "prefixed", "--operation", "Write", "--operation", "Describe"]),
        ];
        for (what, args) in all.iter().filter(|(what, _)| *what != but) {
            println!("granting {what}");
            acl(&broker, &[&["--add"], args.as_slice()].concat());
        }
    };
    grant("enough", "");
    let enough = job("enough");
    let (finished, said) = enough.run("run", TIMEOUT);
    assert!(finished, "{said}");
    assert_eq!(broker.read_committed("enough-out").len(), RECORDS);
    no_secret_in(&enough.folder.path().join("data"), &said);
    let lacking = [("output", "less-output-out"), ("internal", "less-internal."), ("group", "group `less-group`"), ("transaction", "transaction")];
    lacking.iter().for_each(|(but, _)| grant(&format!("less-{but}"), but));
    std::thread::scope(|scope| {
        for (but, named) in lacking {
            let job = job(&format!("less-{but}"));
            scope.spawn(move || {
                let (finished, said) = job.run("run", Duration::from_secs(40));
                assert!(!finished && said.contains(named) && said.contains("permit"), "without {but}: {said}");
            });
        }
    });
}
