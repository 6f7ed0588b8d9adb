//! What Java and Kotlin have in common: a JDK of the machine's, and a compiler that Maven fetches once into the cache folder, pinned and checked.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::Workshop;
use super::toolchain::{Bench, hex, left, missing, put, run};
use crate::error::HostError;

/// The first version of the JDK that both compilers run on.
const JDK_MIN: u32 = 17;
/// Copies what a `pom.xml` names into a folder.
const MAVEN_GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// A compiler out of Maven's registry.
pub(super) struct Kit {
    pub name: &'static str,
    pub version: &'static str,
    /// What to fetch.
    pub pom: &'static str,
    /// What must have come of it, a line each: SHA-256, two spaces, file name.
    pub lock: &'static str,
    /// The program that calls the compiler: the class's name and its source.
    pub caller: (&'static str, &'static str),
}

/// A kit that is there.
pub(super) struct Tools {
    folder: PathBuf,
    java: PathBuf,
    caller: &'static str,
}

pub(super) const KOTLIN: Kit = Kit {
    name: "kotlin",
    version: "2.4.10",
    pom: include_str!("kotlin-pom.xml"),
    lock: include_str!("kotlin.lock"),
    caller: ("KotlinBuild", include_str!("KotlinBuild.java")),
};

pub(super) const TEAVM: Kit = Kit {
    name: "teavm",
    version: "0.15.0",
    pom: include_str!("java-pom.xml"),
    lock: include_str!("java.lock"),
    caller: ("JavaBuild", include_str!("JavaBuild.java")),
};

impl Kit {
    /// The kit in the cache folder; fetches it where it is not there yet.
    pub(super) fn tools(&self, workshop: &Workshop<'_>) -> Result<Tools, HostError> {
        let (java, javac) = jdk(workshop)?;
        // Another version of this file, or of the kit, has another folder.
        let mut hash = Sha256::new();
        [self.pom, self.lock, self.caller.1].iter().for_each(|part| hash.update(part));
        let digest = hex(&hash.finalize()[..4]);
        let folder = workshop.request.cache.join("jvm").join(format!("{}-{}-{digest}", self.name, self.version));
        if !folder.is_dir() {
            self.fetch(workshop, &javac, &folder)?;
        }
        Ok(Tools { folder, java, caller: self.caller.0 })
    }

    fn fetch(&self, workshop: &Workshop<'_>, javac: &Path, folder: &Path) -> Result<(), HostError> {
        let bench = Bench::set_up(&workshop.request.cache)?;
        let draft = bench.path().join("kit");
        let disk = |e| HostError::external(format!("writing into {}", bench.path().display()), e);
        std::fs::write(bench.path().join("pom.xml"), self.pom).map_err(disk)?;
        let no_maven = || missing(workshop, &format!("Maven, which fetches {} {}", self.name, self.version), &install());
        let mut maven = Command::new("mvn");
        maven.current_dir(bench.path()).args(["--batch-mode", "--quiet", "-Dstyle.color=never", "--strict-checksums", MAVEN_GOAL]);
        maven.arg(format!("-DoutputDirectory={}", draft.display()));
        run(workshop, &mut maven, no_maven)?;
        self.check(&draft)?;
        let (class, source) = self.caller;
        let source_path = bench.path().join(format!("{class}.java"));
        std::fs::write(&source_path, source).map_err(disk)?;
        let mut compile = Command::new(javac);
        compile.arg("-cp").arg(format!("{}/*", draft.display())).arg("-d").arg(&draft).arg(&source_path);
        run(workshop, &mut compile, || no_jdk(workshop, None))?;
        let moved = std::fs::create_dir_all(folder.parent().unwrap_or(folder)).and_then(|()| put(&draft, folder));
        moved.map_err(|e| HostError::external(format!("moving {} to its place", self.name), e))
    }

    /// Whether exactly the locked files came.
    fn check(&self, folder: &Path) -> Result<(), HostError> {
        let entries = std::fs::read_dir(folder).map_err(|e| HostError::external(format!("reading {}", folder.display()), e))?;
        let mut found = BTreeSet::new();
        for entry in entries {
            let path = entry.map_err(|e| HostError::external(format!("reading {}", folder.display()), e))?.path();
            let digest = hex(&Sha256::digest(left(&path)?));
            found.insert(format!("{digest}  {}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
        let locked: BTreeSet<String> = self.lock.lines().map(str::to_owned).collect();
        match locked.symmetric_difference(&found).next() {
            None => Ok(()),
            Some(line) => Err(HostError::job(self.name, format!("Maven fetched other files than expected: {line}"))
                .with_help("look at the mirrors in Maven's settings, and empty its local repository")),
        }
    }
}

impl Tools {
    /// A command that calls the compiler. Its classes are compiled once, quickly: it does not run long enough to gain from more.
    pub(super) fn compiler(&self) -> Command {
        let mut java = Command::new(&self.java);
        java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"]);
        java.arg(self.class_path()).arg(self.caller);
        java
    }

    /// One of the kit's files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// All jars of the kit, and what calls the compiler.
    pub(super) fn class_path(&self) -> OsString {
        let mut path = self.folder.clone().into_os_string();
        path.push(if cfg!(windows) { ";" } else { ":" });
        path.push(self.folder.join("*"));
        path
    }
}

/// `java` and `javac` of a JDK that is new enough: that of `JAVA_HOME`, else the one on the path.
pub(super) fn jdk(workshop: &Workshop<'_>) -> Result<(PathBuf, PathBuf), HostError> {
    let homes = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin"));
    let mut old = None;
    for folder in homes.into_iter().chain([PathBuf::new()]) {
        let javac = folder.join("javac");
        let Ok(said) = Command::new(&javac).arg("-version").output() else { continue };
        let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        match version(&text) {
            Some(version) if version >= JDK_MIN => return Ok((folder.join("java"), javac)),
            Some(version) => old = Some(version),
            None => {}
        }
    }
    Err(no_jdk(workshop, old))
}

/// The error for a JDK that is not there, or too old.
pub(super) fn no_jdk(workshop: &Workshop<'_>, old: Option<u32>) -> HostError {
    let what = old.map_or_else(|| format!("a JDK, {JDK_MIN} or later"), |old| format!("a JDK, {JDK_MIN} or later (this one is {old})"));
    missing(workshop, &what, &install())
}

/// The major version in `javac 17.0.15`, `javac 25-ea`, `javac 1.8.0_402`.
fn version(text: &str) -> Option<u32> {
    let number = text.split_once("javac ")?.1;
    let mut parts = number.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok());
    match parts.next()? {
        1 => parts.next(),
        major => Some(major),
    }
}

/// The command that installs JDK and Maven on this kind of machine.
fn install() -> String {
    if cfg!(target_os = "macos") { "brew install openjdk@17 maven".into() } else { "sudo apt-get install -y openjdk-17-jdk-headless maven".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_compilers_say_them() {
        assert_eq!(version("javac 17.0.15\n"), Some(17));
        assert_eq!(version("javac 25-ea"), Some(25));
        assert_eq!(version("Picked up _JAVA_OPTIONS: -Xmx1g\njavac 1.8.0_402"), Some(8));
        assert_eq!(version("error"), None);
    }

    #[test]
    fn files_that_are_not_the_locked_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let kit = Kit { lock: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.jar\n", ..KOTLIN };
        assert!(kit.check(folder.path()).is_err());
        std::fs::write(folder.path().join("a.jar"), "abc").unwrap();
        kit.check(folder.path()).unwrap();
        std::fs::write(folder.path().join("b.jar"), "").unwrap();
        assert!(kit.check(folder.path()).unwrap_err().to_string().contains("b.jar"));
        std::fs::remove_file(folder.path().join("b.jar")).unwrap();
        std::fs::write(folder.path().join("a.jar"), "abd").unwrap();
        assert!(kit.check(folder.path()).is_err());
    }
}
