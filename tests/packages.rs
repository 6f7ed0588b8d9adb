//! The SDKs' packages, made by `scripts/package` and installed as a user of each language does: the language's own tests run on them, its type checker knows them, and
//! `millstream build` does not mind them.

use std::path::{Path, PathBuf};
use std::process::Command;

use millstream_tests::binary::millstream;
use millstream_tests::components::cache;
use millstream_tests::root;
use tempfile::TempDir;

/// Type checker of the Python test.
const MYPY: &str = "mypy==2.4.1";

/// Runs a line of a shell in a folder. Returns what it said.
#[track_caller]
fn shell(folder: &Path, line: &str) -> String {
    let (said, succeeded) = tried(folder, line);
    assert!(succeeded, "{line}\n{said}");
    said
}

fn tried(folder: &Path, line: &str) -> (String, bool) {
    let mut shell = Command::new("bash");
    shell.args(["-euc", line]).current_dir(folder).env("MILLSTREAM_CACHE", cache()).env("MILLSTREAM", millstream());
    // What a user has not: settings of the suite's own cargo.
    shell.env_remove("RUSTFLAGS").env("CARGO_TARGET_DIR", cache().join("target/packages"));
    let output = shell.output().expect("bash");
    (format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)), output.status.success())
}

/// The version of the WIT, which is that of all packages.
fn version() -> String {
    let wit = std::fs::read_to_string(root().join("wit/operator.wit")).expect("the WIT");
    wit.lines().find_map(|line| line.strip_prefix("package millstream:operator@")?.strip_suffix(';')).expect("a version").to_owned()
}

/// A new project in a language, with packages beside it.
struct Project {
    scratch: TempDir,
}

impl Project {
    fn new(language: &str, package: &str) -> Project {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        shell(root(), &format!("scripts/package {}/packages {package}", scratch.path().display()));
        shell(scratch.path(), &format!("\"$MILLSTREAM\" new page-views --lang {language}"));
        Project { scratch }
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("page-views")
    }

    #[track_caller]
    fn shell(&self, line: &str) -> String {
        shell(&self.folder(), line)
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder().join(file), text).expect("room on disk");
    }

    /// Replaces a text of a file.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.folder().join(file)).expect("a file of the template");
        assert!(text.contains(from), "{file} has no {from:?}");
        self.write(file, &text.replace(from, to));
    }

    /// The package is there with the WIT's version in its name.
    fn package(&self, name: &str) -> String {
        let name = name.replace("VERSION", &version());
        let path = self.scratch.path().join("packages").join(&name);
        assert!(path.is_file(), "no {name}: all packages have the version of the WIT, {}", version());
        path.display().to_string()
    }

    /// The component is made, and its cases pass, whatever is installed.
    fn builds(&self) {
        assert!(self.shell("\"$MILLSTREAM\" test .").contains("case first: passed"));
    }
}

#[test]
fn crate_serves_cargo_test() {
    let project = Project::new("rust", "rust");
    for package in ["millstream-layout-VERSION.crate", "millstream-sdk-VERSION.crate"] {
        project.shell(&format!("tar -C ../packages -xzf {}", project.package(package)));
    }
    let version = version();
    let patch = |name: &str| format!("--config 'patch.crates-io.{name}.path=\"../packages/{name}-{version}\"'");
    let said = project.shell(&format!("cargo test --quiet {} {}", patch("millstream-sdk"), patch("millstream-layout")));
    assert!(said.contains("1 passed"), "{said}");
    project.builds();
}

#[test]
fn go_module_serves_go_test() {
    let project = Project::new("go", "go");
    let package = project.package("millstream-go-VERSION.zip");
    project.shell(&format!("python3 -m zipfile -e {package} ../packages"));
    project.shell(&format!("go mod edit -require=millstream@v{0} -replace=millstream=../packages/millstream@v{0}", version()));
    let said = project.shell("GOPROXY=off GOWORK=off go test ./...");
    assert!(said.starts_with("ok"), "{said}");
    project.builds();
}

#[test]
fn wheel_serves_unittest_and_mypy() {
    let project = Project::new("python", "python");
    let wheel = project.package("millstream-VERSION-py3-none-any.whl");
    project.shell(&format!("python3 -m venv ../venv && ../venv/bin/pip install --quiet --disable-pip-version-check {wheel} {MYPY}"));
    project.write(
        "test_counter.py",
        "import unittest\nfrom counter import Counter\nfrom millstream_testing import Harness\n\n\nclass CounterTest(unittest.TestCase):\n    \
         def test_each_key_is_counted_on_its_own(self) -> None:\n        op = Harness(Counter)\n        \
         op.feed((b\"ann\", b\"hello\"), (b\"bob\", b\"hi\"), (b\"ann\", b\"bye\"))\n        self.assertEqual([value for _, _, value in op.outputs], [b\"1\", b\"1\", b\"2\"])\n",
    );
    let said = project.shell("../venv/bin/python -m unittest");
    assert!(said.contains("OK"), "{said}");
    let said = project.shell("../venv/bin/mypy --strict test_counter.py counter.py");
    assert!(said.contains("no issues"), "{said}");
    project.edit("counter.py", "context.emit(key=record.key,", "context.emit(key=record.key, colour=1,");
    let (said, sound) = tried(&project.folder(), "../venv/bin/mypy --strict counter.py");
    assert!(!sound && said.contains("colour"), "{said}");
    project.edit("counter.py", ", colour=1", "");
    std::fs::remove_file(project.folder().join("test_counter.py")).expect("a file");
    project.builds();
}

#[test]
fn npm_package_serves_tests_and_the_type_checker() {
    let project = Project::new("typescript", "npm");
    // Fetches esbuild and the type checker.
    project.builds();
    project.shell(&format!("npm install --no-audit --no-fund --offline --loglevel=error {}", project.package("millstream-VERSION.tgz")));
    let said = project.shell("node --import millstream/register --test counter.test.ts");
    assert!(said.contains("pass 1"), "{said}");
    let check = "node \"$(ls -d \"$MILLSTREAM_CACHE\"/npm/*/node_modules/typescript | head -n 1)/bin/tsc\" -p .";
    project.shell(check);
    project.edit("counter.ts", "context.put(counts, count);", "context.put(counts, \"one\");");
    let (said, sound) = tried(&project.folder(), check);
    assert!(!sound && said.contains("counter.ts"), "{said}");
    project.edit("counter.ts", "\"one\"", "count");
    project.builds();
}

const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>a.user</groupId><artifactId>page-views</artifactId><version>1</version>
  <properties><maven.compiler.release>17</maven.compiler.release><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
  <dependencies><dependency><groupId>millstream</groupId><artifactId>millstream-sdk</artifactId><version>VERSION</version></dependency></dependencies>
  <build>
    <sourceDirectory>.</sourceDirectory><testSourceDirectory>test</testSourceDirectory>
    <plugins>
      <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version><configuration><includes><include>*.java</include></includes></configuration></plugin>
      <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
    </plugins>
  </build>
</project>
"#;

#[test]
fn maven_artifact_serves_a_maven_project() {
    let project = Project::new("java", "java");
    let (jar, pom) = (project.package("millstream-sdk-VERSION.jar"), project.package("millstream-sdk-VERSION.pom"));
    // A store of its own, so that no other build finds this artifact.
    let maven = format!("mvn --batch-mode --quiet -Dstyle.color=never -Dmaven.repo.local={}", cache().join("maven-packages").display());
    project.shell(&format!("rm -rf {}", cache().join("maven-packages/millstream").display()));
    project.shell(&format!("{maven} org.apache.maven.plugins:maven-install-plugin:3.1.3:install-file -Dfile={jar} -DpomFile={pom}"));
    project.write("pom.xml", &POM.replace("VERSION", &version()));
    project.shell(&format!("{maven} test-compile"));
    project.shell(&format!("java -ea -cp target/classes:target/test-classes:{jar} CounterTest"));
    project.builds();
}

#[test]
fn c_and_cpp_sources_serve_pkg_config() {
    let c = Project::new("c", "c");
    c.shell(&format!("tar -C .. -xzf {}", c.package("millstream-c-VERSION.tar.gz")));
    let found = format!("PKG_CONFIG_PATH=../millstream-c-{}", version());
    let told = c.shell(&format!("{found} pkg-config --modversion millstream"));
    assert_eq!(told.trim(), version());
    c.shell(&format!("export {found}; cc -std=c17 $(pkg-config --cflags millstream) tests/counter_test.c $(pkg-config --variable=sources millstream) -o tests/run && tests/run"));
    c.builds();

    let cpp = Project::new("cpp", "c");
    cpp.shell(&format!("tar -C .. -xzf {}", cpp.package("millstream-c-VERSION.tar.gz")));
    cpp.shell(&format!(
        "export {found}; for file in $(pkg-config --variable=sources millstream); do cc -std=c17 -c $file -o tests/$(basename $file).o; done
         c++ -std=c++20 $(pkg-config --cflags millstream-cpp) tests/counter_test.cpp tests/*.o -o tests/run && tests/run"
    ));
    cpp.builds();
}

const BUILD_ZIG: &str = r#"const std = @import("std");

pub fn build(b: *std.Build) void {
    const tests = b.addTest(.{ .root_module = b.createModule(.{
        .root_source_file = b.path("counter.zig"),
        .target = b.standardTargetOptions(.{}),
        .imports = &.{.{ .name = "millstream", .module = b.dependency("millstream", .{}).module("millstream") }},
    }) });
    b.step("test", "Run the tests").dependOn(&b.addRunArtifact(tests).step);
}
"#;
/// The number is made of the name, and what makes it so is zig's own affair.
const BUILD_ZON: &str = r#".{ .name = .pv, .fingerprint = 0xd780bf00626e2e80, .version = "1.0.0", .paths = .{""} }"#;

#[test]
fn zig_package_serves_zig_build_and_zig_fetch() {
    let project = Project::new("zig", "zig");
    let package = project.package("millstream-zig-VERSION.tar.gz");
    let zig =
        "export ZIG_GLOBAL_CACHE_DIR=\"$MILLSTREAM_CACHE/zig\" ZIG_LOCAL_CACHE_DIR=../zig; zig() { \"$MILLSTREAM_CACHE/venv/bin/python3\" -m ziglang \"$@\"; }";
    // The template's own script asks `millstream` where the SDK lies.
    let said = project.shell(&format!("{zig}; PATH=$(dirname \"$MILLSTREAM\"):$PATH zig build test --summary all"));
    assert!(said.contains("1/1 tests passed"), "{said}");
    project.write("build.zig", BUILD_ZIG);
    project.write("build.zig.zon", BUILD_ZON);
    project.shell(&format!("{zig}; zig fetch --save {package}"));
    let zon = std::fs::read_to_string(project.folder().join("build.zig.zon")).expect("a file of the project");
    assert!(zon.contains(&format!("\"millstream-{}-", version())), "the package has the version of the WIT: {zon}");
    let said = project.shell(&format!("{zig}; zig build test --summary all"));
    assert!(said.contains("1/1 tests passed"), "{said}");
    project.builds();
}

/// The table of `guests/README.md`, which says which SDK works with which host.
#[test]
fn table_of_versions_names_the_wit() {
    let page = std::fs::read_to_string(root().join("guests/README.md")).expect("the page");
    let version = version();
    let row = page.lines().find(|line| line.starts_with(&format!("| {version} |")));
    assert!(row.is_some_and(|row| row.contains(&format!("`millstream:operator@{version}`"))), "guests/README.md has no row for {version}");
}
