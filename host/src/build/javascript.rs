//! JavaScript and TypeScript: esbuild makes one file of the operator's modules and the SDK, and componentize-qjs freezes it with the QuickJS engine into a
//! component. TypeScript is checked by its own compiler before: esbuild only drops the types.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Workshop;
use super::language::Language;
use super::sdk::sdk;
use super::toolchain::{Bench, NAME_BYTES, hex, left, missing, put, run, run_as, works};
use super::wrap::WIT;
use crate::error::HostError;

/// The first version of Node.js that all tools run on.
const NODE_MAJOR_MIN: u32 = 18;
const INSTALL_NODE: &str = "apt-get install -y nodejs npm";
/// What only components that declare stores import.
const STATE: &str = "millstream:operator/state@";
/// The language version that the engine knows, for checker and bundler.
const EDITION: &str = "es2024";

/// Builds the component of a JavaScript project. It is one already: nothing is left to wrap.
pub(super) fn build(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let shop = Shop::open(workshop)?;
    shop.component(&shop.bundle()?)
}

/// The same of a TypeScript project whose types are right.
pub(super) fn build_typescript(workshop: &Workshop<'_>) -> Result<Vec<u8>, HostError> {
    let shop = Shop::open(workshop)?;
    shop.check_types()?;
    shop.component(&shop.bundle()?)
}

/// What a build has at hand.
struct Shop<'a> {
    workshop: &'a Workshop<'a>,
    /// The folder with the tools' `node_modules`.
    tools: PathBuf,
    sdk: PathBuf,
    bench: Bench,
    /// The module that exports the operator.
    module: PathBuf,
}

impl<'a> Shop<'a> {
    fn open(workshop: &'a Workshop<'a>) -> Result<Shop<'a>, HostError> {
        check_node(workshop)?;
        let cache = &workshop.request.cache;
        let sdk = sdk(cache, Language::JavaScript)?;
        let tools = tools(workshop, &sdk.join("toolchain"))?;
        let module = workshop.project.sources.first().cloned().unwrap_or_default();
        Ok(Shop { workshop, tools, sdk, bench: Bench::set_up(cache)?, module })
    }

    /// Checks all that the operator's module imports. Libraries of browsers and of Node.js are unknown: what is not there in a component is a type error.
    fn check_types(&self) -> Result<(), HostError> {
        let project = &self.workshop.project.dir;
        let own = project.join("tsconfig.json");
        let mut config = json!({
            "compilerOptions": {
                "noEmit": true, "composite": false, "incremental": false, "skipLibCheck": true, "allowImportingTsExtensions": true,
                "target": EDITION, "lib": [EDITION], "types": [], "module": "esnext", "moduleResolution": "bundler",
                "paths": { "millstream": [self.sdk.join("index.d.ts")] },
            },
            "files": [self.module, self.sdk.join("globals.d.ts")],
            "include": [],
        });
        if own.is_file() {
            config["extends"] = json!(own);
        } else {
            config["compilerOptions"]["strict"] = json!(true);
        }
        let path = self.write("tsconfig.json", &config.to_string())?;
        let mut tsc = self.node("typescript/bin/tsc");
        tsc.current_dir(project).args(["--pretty", "false", "-p"]).arg(path);
        if self.workshop.request.verbose {
            // It reports on standard output.
            tsc.stdout(Stdio::from(std::io::stderr()));
        }
        run_as(self.workshop, "tsc", &mut tsc, || no_node(self.workshop)).map(drop)
    }

    /// The operator, its modules and the SDK in one text, with the map back to their files at its end.
    fn bundle(&self) -> Result<String, HostError> {
        let entry = self.write("entry.js", &entry(&self.sdk, &self.module, &self.workshop.project.name))?;
        let bundle = self.bench.path().join("operator.js");
        let mut esbuild = Command::new(binary(&self.tools.join("node_modules/@esbuild"), "bin/esbuild")?);
        // In the project's folder, so that places in messages are those that its author knows.
        esbuild.current_dir(&self.workshop.project.dir).arg(entry);
        esbuild.args(["--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main", "--conditions=millstream-component"]);
        esbuild.arg(format!("--alias:millstream={}", self.sdk.join("index.js").display())).arg("--external:millstream:*");
        esbuild.arg(format!("--target={EDITION}")).args(["--minify-whitespace", "--legal-comments=none", "--log-level=warning"]);
        esbuild.args(["--sourcemap=external", "--sources-content=false"]).arg(format!("--outfile={}", bundle.display()));
        run_as(self.workshop, "esbuild", &mut esbuild, || no_node(self.workshop))?;
        let text = String::from_utf8_lossy(&left(&bundle)?).into_owned();
        let map = plain_map(&left(&bundle.with_extension("js.map"))?, self.bench.path(), &self.workshop.project.dir)?;
        Ok(format!("{text}\nglobalThis.millstreamSourceMap={map};\n"))
    }

    fn component(&self, bundle: &str) -> Result<Vec<u8>, HostError> {
        let bundle_at = self.write("operator.js", bundle)?;
        // componentize-qjs imports all that its world offers: an operator without stores gets a world without state, so that a job need not grant it.
        let world = if bundle.contains(STATE) { WIT.to_owned() } else { WIT.replacen("  import state;\n", "", 1) };
        let world_at = self.write("operator.wit", &world)?;
        let component = self.bench.path().join("component.wasm");
        let mut componentize = self.node("componentize-qjs/bin/componentize-qjs");
        componentize.arg("--wit").arg(world_at).args(["--world", "job", "--sync", "--stub-wasi", "--js"]).arg(bundle_at).arg("--output").arg(&component);
        run(self.workshop, &mut componentize, || no_node(self.workshop))?;
        left(&component)
    }

    /// A script of one of the tools' packages.
    fn node(&self, script: &str) -> Command {
        let mut node = Command::new("node");
        node.current_dir(self.bench.path()).arg(self.tools.join("node_modules").join(script));
        node
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, HostError> {
        let path = self.bench.path().join(name);
        std::fs::write(&path, text).map_err(|e| HostError::external(format!("writing {}", path.display()), e))?;
        Ok(path)
    }
}

fn no_node(workshop: &Workshop<'_>) -> HostError {
    missing(workshop, &format!("Node.js {NODE_MAJOR_MIN} or later, with npm"), INSTALL_NODE)
}

fn check_node(workshop: &Workshop<'_>) -> Result<(), HostError> {
    let said = run_as(workshop, "node", Command::new("node").arg("--version"), || no_node(workshop))?;
    let version = String::from_utf8_lossy(&said).trim().to_owned();
    if major(&version).is_some_and(|major| major >= NODE_MAJOR_MIN) {
        return Ok(());
    }
    Err(missing(workshop, &format!("Node.js {NODE_MAJOR_MIN} or later ({version} is too old)"), INSTALL_NODE))
}

/// 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// The folder with the tools, as the lock file has them. What is not there yet npm fetches, once for all projects.
fn tools(workshop: &Workshop<'_>, locked: &Path) -> Result<PathBuf, HostError> {
    let lock = left(&locked.join("package-lock.json"))?;
    let place = workshop.request.cache.join("npm");
    let tools = place.join(hex(&Sha256::digest(&lock)[..NAME_BYTES]));
    if tools.is_dir() {
        return Ok(tools);
    }
    if !works(Command::new("npm").arg("--version")) {
        return Err(missing(workshop, "npm, which comes with Node.js", INSTALL_NODE));
    }
    let draft = place.join(format!("draft-{}", std::process::id()));
    let disk = |e| HostError::external(format!("making the folder {}", draft.display()), e);
    std::fs::create_dir_all(&draft).map_err(disk)?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(locked.join(name), draft.join(name)).map_err(disk)?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&draft).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    run_as(workshop, "npm", &mut npm, || no_node(workshop))?;
    put(&draft, &tools).map_err(|e| HostError::external(format!("moving the tools to {}", tools.display()), e))?;
    Ok(tools)
}

/// The program of a package that comes as one package per platform: the only one that npm found fit.
fn binary(packages: &Path, program: &str) -> Result<PathBuf, HostError> {
    let failed = |e| HostError::external(format!("reading the folder {}", packages.display()), e);
    let mut entries = std::fs::read_dir(packages).map_err(failed)?;
    let package = entries.next().ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?.map_err(failed)?;
    Ok(package.path().join(program))
}

/// The module that the bundle starts from. The SDK's side comes first: it brings what the engine lacks.
fn entry(sdk: &Path, module: &Path, name: &str) -> String {
    let quoted = |path: PathBuf| Value::from(path.display().to_string());
    format!(
        "import {{ exportsOf }} from {};\nimport * as module from {};\nexport const operator = exportsOf(module.default, {});\n",
        quoted(sdk.join("component/component.js")),
        quoted(module.to_owned()),
        Value::from(name)
    )
}

/// The source map with what a trace needs, read already, since an interpreter takes its time: the files, and per line of the bundle the places where another
/// line of a file begins, as column, number of the file, and line. Files are named from the project's folder: no path of this machine gets into the component.
fn plain_map(map: &[u8], bench: &Path, project: &Path) -> Result<Value, HostError> {
    let failed = |e| HostError::external("reading the source map that esbuild left", e);
    let map: Value = serde_json::from_slice(map).map_err(failed)?;
    let sources = map["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<String> = sources.iter().map(|source| plain_name(source.as_str().unwrap_or_default(), bench, project)).collect();
    let (mut file, mut line) = (0, 0);
    let mut lines = Vec::new();
    for segments in map["mappings"].as_str().unwrap_or_default().split(';') {
        let (mut column, mut last) = (0, None);
        let mut places = Vec::new();
        for segment in segments.split(',') {
            let [to_column, to_file, to_line] = numbers(segment);
            (column, file, line) = (column + to_column, file + to_file, line + to_line);
            if last != Some((file, line)) && !segment.is_empty() {
                places.extend([column, file, line]);
                last = Some((file, line));
            }
        }
        lines.push(places);
    }
    Ok(json!({ "sources": names, "lines": lines }))
}

/// The first three numbers of a segment: base 64, five bits a digit, the lowest first; the lowest bit of all is the sign.
fn numbers(segment: &str) -> [i64; 3] {
    let mut all = [0; 3];
    let (mut at, mut number, mut shift) = (0, 0, 0);
    for digit in segment.bytes() {
        let bits = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        number |= i64::from(bits & 31) << shift;
        shift = (shift + 5).min(40);
        if bits & 32 != 0 {
            continue;
        }
        if let Some(place) = all.get_mut(at) {
            *place = if number & 1 == 1 { -(number >> 1) } else { number >> 1 };
        }
        (at, number, shift) = (at + 1, 0, 0);
    }
    all
}

/// A file as its author knows it: from the project's folder, or its last name.
fn plain_name(source: &str, bench: &Path, project: &Path) -> String {
    let path = bench.join(source);
    let path = path.canonicalize().unwrap_or(path);
    let name = path.strip_prefix(project).ok().or_else(|| path.file_name().map(Path::new));
    name.unwrap_or(&path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("v20.11.1"), Some(20));
        assert_eq!(major("20"), None);
    }

    #[test]
    fn map_names_no_folder_of_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let (bench, project) = (dir.path().join("bench"), dir.path().join("project"));
        std::fs::create_dir_all(project.join("lib")).unwrap();
        std::fs::create_dir(&bench).unwrap();
        let map = br#"{"version":3,"sources":["../project/lib/a.ts","../project/b.ts","../sdk/c.js","entry.js"],"mappings":";AAAA,CAAC,EACA,ECDA;AFgBA"}"#;
        std::fs::write(project.join("lib/a.ts"), "").unwrap();
        std::fs::write(project.join("b.ts"), "").unwrap();
        let project = project.canonicalize().unwrap();
        let plain = json!({ "sources": ["lib/a.ts", "b.ts", "c.js", "entry.js"], "lines": [[], [0, 0, 0, 3, 0, 1, 5, 1, 0], [0, -1, 16]] });
        assert_eq!(plain_map(map, &bench, &project).unwrap(), plain);
        assert!(plain_map(b"no map", &bench, &project).is_err());
    }

    #[test]
    fn entry_quotes_what_it_names() {
        let text = entry(Path::new("/sdk"), Path::new("/a \"b\"/count.js"), "count");
        assert!(text.contains(r#"from "/a \"b\"/count.js";"#) && text.contains(r#"exportsOf(module.default, "count")"#), "{text}");
    }
}
