//! Faults of the disk and of whoever runs the machine, against the embedded log: flipped bytes, cut files, a newer format, two processes on one folder, kill -9.
//! Whatever happens: what was committed is there, or its loss is told by name. Never wrong bytes, never silence, never a panic.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream::error::HostError;
use millstream::log::Log;
use millstream_tests::disk::SmallDisk;
use millstream_tests::folder::{Content, Random, checkpoint, copy, create, files, read};

/// A folder that was opened `times` times, so that it has tables, a manifest and a write-ahead log with the last checkpoints.
fn folder(times: usize, seed: u64) -> (tempfile::TempDir, Content) {
    let folder = tempfile::tempdir().unwrap();
    let mut content = Content::default();
    let mut random = Random(seed);
    for _ in 0..times {
        let log = Log::open(folder.path()).unwrap();
        create(&log).unwrap();
        for _ in 0..6 {
            content = checkpoint(&log, &content, &mut random, 60).unwrap();
        }
    }
    (folder, content)
}

/// What became of a damaged folder.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Refused or missed, in these words.
    Told(String),
    Harmless,
}

/// Opens and reads a damaged folder; panics when it is wrong in silence.
fn outcome(path: &Path, expected: &Content, case: &str) -> Outcome {
    let told = |error: HostError| match error {
        HostError::Storage { what, reason, .. } => Outcome::Told(format!("{what}: {reason}")),
        other => panic!("{case}: damage is told as damage, not as something that passes: {other:?}"),
    };
    let found = match Log::open(path).and_then(|log| read(&log)) {
        Ok(found) => found,
        Err(error) => return told(error),
    };
    assert!(found == *expected, "{case}: read without an error, but not what was committed");
    // Sound to read: then also sound to write, and to open once more.
    let written = Log::open(path).and_then(|log| checkpoint(&log, expected, &mut Random(1), 10));
    let more = match written {
        Ok(more) => more,
        Err(error) => return told(error),
    };
    match Log::open(path).and_then(|log| read(&log)) {
        Ok(found) => assert!(found == more, "{case}: what was written after the damage is not what is read"),
        Err(error) => return told(error),
    }
    Outcome::Harmless
}

/// By what a file is, with numbers left out.
fn kind(path: &Path) -> &'static str {
    let name = path.file_name().unwrap().to_string_lossy();
    let kinds = [
        (".sst", "table"),
        (".blob", "blocks"),
        (".log", "write-ahead log"),
        ("MANIFEST", "manifest"),
        ("CURRENT", "current"),
        ("OPTIONS", "options"),
        ("IDENTITY", "identity"),
    ];
    kinds.iter().find(|(part, _)| name.contains(part)).map_or("our own", |(_, kind)| kind)
}

#[test]
fn a_flipped_byte_anywhere_is_told_or_harmless() {
    const FLIPS_PER_FILE: usize = 12;
    let (whole, content) = folder(3, 1);
    let mut random = Random(2);
    let mut tally: std::collections::BTreeMap<&str, (usize, usize)> = Default::default();
    for file in files(whole.path()) {
        let bytes = std::fs::read(&file).unwrap();
        let flips = if bytes.is_empty() { 0 } else { FLIPS_PER_FILE * if ["write-ahead log", "manifest"].contains(&kind(&file)) { 8 } else { 1 } };
        for _ in 0..flips {
            let damaged = tempfile::tempdir().unwrap();
            copy(whole.path(), damaged.path());
            let (at, flip) = (random.below(bytes.len()), 1 + random.below(255) as u8);
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            let name = file.strip_prefix(whole.path()).unwrap();
            std::fs::write(damaged.path().join(name), &bytes).unwrap();
            let case = format!("{} of {} bytes, byte {at} ^ {flip:#04x}", name.display(), bytes.len());
            let (told, harmless) = tally.entry(kind(&file)).or_default();
            match outcome(damaged.path(), &content, &case) {
                Outcome::Told(text) => {
                    assert!(text.len() > 20, "{case}: says too little: {text:?}");
                    *told += 1;
                }
                Outcome::Harmless => *harmless += 1,
            }
        }
    }
    println!("file: (told, harmless) {tally:?}");
    assert!(tally.values().map(|(told, harmless)| told + harmless).sum::<usize>() >= 100, "{tally:?}");
    for kind in ["table", "blocks", "write-ahead log", "manifest", "current"] {
        assert!(tally.get(kind).is_some_and(|(told, _)| *told > 0), "no damage of a {kind} was ever told: {tally:?}");
    }
    // Each byte of a write-ahead log belongs to a committed record or to padding at the end of its 32 KiB blocks.
    let (told, harmless) = tally["write-ahead log"];
    assert!(harmless * 50 <= told, "{tally:?}");
}

#[test]
fn a_file_cut_short_anywhere_is_told_or_harmless() {
    let (whole, content) = folder(2, 3);
    let mut random = Random(4);
    for file in files(whole.path()) {
        let length = std::fs::metadata(&file).unwrap().len();
        for cut in [length / 2, length.saturating_sub(1), random.below(length as usize + 1) as u64, 0] {
            let damaged = tempfile::tempdir().unwrap();
            copy(whole.path(), damaged.path());
            let name = file.strip_prefix(whole.path()).unwrap();
            std::fs::OpenOptions::new().write(true).open(damaged.path().join(name)).unwrap().set_len(cut).unwrap();
            let result = outcome(damaged.path(), &content, &format!("{} cut from {length} to {cut}", name.display()));
            if kind(&file) == "write-ahead log" && cut < length {
                assert!(matches!(&result, Outcome::Told(text) if text.contains("committed")), "{} cut from {length} to {cut}: {result:?}", name.display());
            }
        }
    }
}

#[test]
fn a_write_that_a_crash_cut_short_is_dropped_without_a_word() {
    let (whole, content) = folder(2, 5);
    let log = files(whole.path()).into_iter().rfind(|file| kind(file) == "write-ahead log").unwrap();
    // The beginning of one more record, which nobody was promised: checksum, length 500, type 1, half of its bytes.
    let torn = [&[1, 2, 3, 4, 0xf4, 1, 1][..], &[9; 250]].concat();
    std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(&torn).unwrap();
    assert_eq!(outcome(whole.path(), &content, "torn write"), Outcome::Harmless);
}

#[test]
fn a_lost_end_of_the_log_is_refused_again_and_again_and_nothing_is_touched() {
    let (whole, _) = folder(2, 6);
    let log = files(whole.path()).into_iter().rfind(|file| kind(file) == "write-ahead log").unwrap();
    let length = std::fs::metadata(&log).unwrap().len();
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[..length as usize - 10]).unwrap();
    for _ in 0..2 {
        let Err(HostError::Storage { reason, help: Some(help), .. }) = Log::open(whole.path()).map(drop) else { panic!("opened a log without its end") };
        assert!(reason.contains("was committed") && help.contains("backup"), "{reason}; {help}");
    }
    // Whoever finds the missing bytes has everything again.
    std::fs::write(&log, &bytes).unwrap();
    Log::open(whole.path()).and_then(|log| read(&log)).unwrap();
}

#[test]
fn a_newer_format_is_refused_with_what_to_do() {
    let (whole, _) = folder(1, 7);
    std::fs::write(whole.path().join("format"), "2").unwrap();
    let Err(HostError::Storage { reason, help: Some(help), .. }) = Log::open(whole.path()).map(drop) else { panic!("opened a newer format") };
    assert!(reason.contains("format 2") && help.contains("newer Millstream"), "{reason}; {help}");
    for text in ["", "one", "0", "-1"] {
        std::fs::write(whole.path().join("format"), text).unwrap();
        assert!(matches!(Log::open(whole.path()).map(drop), Err(HostError::Storage { .. })), "{text:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_one_is_refused_for_good() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        assert!(matches!(Log::open(&path).map(drop), Err(HostError::Storage { help: Some(_), .. })), "{}", path.display());
    }
}

#[test]
fn a_second_handle_in_the_same_process_is_refused_until_all_of_the_first_is_gone() {
    let (folder, content) = folder(1, 8);
    let log = Log::open(folder.path()).unwrap();
    let state = log.worker("job").state();
    drop(log);
    // What was opened through it holds the folder, too.
    let error = Log::open(folder.path()).map(drop).unwrap_err().to_string();
    assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
    drop(state);
    assert_eq!(read(&Log::open(folder.path()).unwrap()).unwrap(), content);
}

const HOLD: &str = "MILLSTREAM_TEST_HOLDS";

/// Also the other process of the tests below: with a folder in its environment it opens that, says so, and appends one checkpoint per line it is given.
#[test]
fn a_folder_can_be_opened_again_by_who_closed_it() {
    let Some(path) = std::env::var_os(HOLD) else {
        let (folder, content) = folder(2, 9);
        assert_eq!(read(&Log::open(folder.path()).unwrap()).unwrap(), content);
        return;
    };
    let log = Log::open(Path::new(&path)).unwrap();
    create(&log).unwrap();
    let (mut content, mut random) = (Content::default(), Random(10));
    println!("\nopen");
    for line in std::io::stdin().lock().lines() {
        let before = content.clone();
        content = checkpoint(&log, &before, &mut random, 200).unwrap();
        println!("\ncommitted {}", line.unwrap());
    }
}

/// Another process that has the folder open.
struct Other(Child, Box<dyn Iterator<Item = String>>);

impl Other {
    fn holding(path: &Path) -> Other {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--nocapture", "a_folder_can_be_opened_again_by_who_closed_it"]).env(HOLD, path);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut other = Other(child, Box::new(lines));
        other.wait_for("open");
        other
    }

    fn wait_for(&mut self, line: &str) {
        assert!(self.1.any(|said| said == line), "the other process ended without saying {line:?}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It may be gone already.
        let _gone = (self.0.kill(), self.0.wait());
    }
}

#[test]
fn a_second_process_is_refused_and_told_the_first_ones_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::holding(folder.path());
    let Err(HostError::Storage { reason, help: Some(help), .. }) = Log::open(folder.path()).map(drop) else { panic!("two processes on one folder") };
    assert_eq!(reason, format!("is in use by process {}", other.0.id()));
    assert!(help.contains("--data"), "{help}");
    // Ends like one that was told to, and the folder is free.
    drop(other.0.stdin.take());
    other.0.wait().unwrap();
    Log::open(folder.path()).unwrap();
}

#[test]
fn what_was_committed_before_a_kill_is_there_after_it() {
    const RUNS: u64 = 20;
    for run in 0..RUNS {
        let folder = tempfile::tempdir().unwrap();
        let mut other = Other::holding(folder.path());
        let promised = run as usize % 7;
        let lines: String = (0..promised + 3).map(|n| format!("{n}\n")).collect();
        other.0.stdin.as_mut().unwrap().write_all(lines.as_bytes()).unwrap();
        if promised > 0 {
            other.wait_for(&format!("committed {}", promised - 1));
        }
        other.0.kill().unwrap();
        other.0.wait().unwrap();
        let found = read(&Log::open(folder.path()).unwrap()).unwrap();
        // The same checkpoints again, elsewhere: the folder holds all that were promised, and then all of the next or nothing of it.
        let same = tempfile::tempdir().unwrap();
        let log = Log::open(same.path()).unwrap();
        create(&log).unwrap();
        let (mut content, mut random, mut agrees) = (Content::default(), Random(10), None);
        for n in 0..=promised + 3 {
            let so_far = read(&log).unwrap();
            agrees = agrees.or((so_far == found).then_some(n));
            content = checkpoint(&log, &content, &mut random, 200).unwrap();
        }
        assert!(agrees.is_some_and(|n| n >= promised), "run {run}: {promised} were promised, {agrees:?} are there");
    }
}

/// Commits until the disk is full; returns what is committed then, and the error.
fn fill(log: &Arc<Log>, mut content: Content, random: &mut Random) -> (Content, HostError) {
    loop {
        match checkpoint(log, &content, random, 2_000) {
            Ok(more) => content = more,
            Err(error) => return (content, error),
        }
    }
}

#[test]
fn a_full_disk_loses_nothing_and_the_folder_goes_on_when_there_is_space() {
    for (size, seed) in [(24, 11), (32, 12), (48, 13)] {
        let Some(disk) = SmallDisk::of_mib(size) else { return };
        let ballast = disk.path().join("ballast");
        std::fs::write(&ballast, vec![1; (size / 2) << 20]).unwrap();
        let path = disk.path().join("data");
        let mut random = Random(seed);
        let log = Log::open(&path).unwrap();
        create(&log).unwrap();
        let (content, error) = fill(&log, Content::default(), &mut random);
        let HostError::External { .. } = &error else { panic!("a full disk may pass: {error:?}") };
        let text = error.to_string();
        assert!(text.contains("no space left: free some, and the job goes on by itself") && text.contains("data folder"), "{text}");
        assert!(!content.streams.is_empty(), "something was committed before");
        // Readers go on; writers are sent to open the folder again, even when there is space.
        assert!(read(&log).unwrap() == content, "what is shown is what was committed");
        std::fs::remove_file(&ballast).unwrap();
        let again = checkpoint(&log, &content, &mut random, 10).unwrap_err().to_string();
        assert!(again.contains("opened again"), "{again}");
        drop(log);

        let log = Log::open(&path).unwrap();
        let found = read(&log).unwrap();
        assert!(found == content, "seed {seed}: after opening again there is what was committed, and nothing else");
        let content = checkpoint(&log, &content, &mut random, 1_000).unwrap();
        // And once more, to the brim of the whole disk: opening it in that state may wait, but does not harm.
        let (content, _) = fill(&log, content, &mut random);
        drop(log);
        match Log::open(&path) {
            Ok(log) => assert!(read(&log).unwrap() == content),
            Err(error) => assert!(matches!(error, HostError::External { .. }), "{error:?}"),
        }
        let status = Command::new("mount").args(["-o", &format!("remount,size={}m", size * 3)]).arg(disk.path()).status().unwrap();
        assert!(status.success());
        assert!(read(&Log::open(&path).unwrap()).unwrap() == content);
    }
}

/// Waits until something holds, at most so long.
fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[test]
fn a_job_pauses_on_a_full_disk_and_goes_on_by_itself_without_losing_or_doubling() {
    const RECORDS: u64 = 20_000;
    let Some(disk) = SmallDisk::of_mib(64) else { return };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; 52 << 20]).unwrap();
    let file = disk.path().join("copy.toml");
    let job = format!(
        "name = 'copy'\n[input.numbers]\ngenerator = {{ count = {RECORDS}, value-bytes = '1KiB' }}\n[output.copy]\nstream = 'copy'\npartitions = 1\nfrom = 'numbers'\n"
    );
    std::fs::write(&file, job).unwrap();
    let data = disk.path().join("data");
    let running = millstream::runtime::run(&file, &millstream::runtime::Options::new(&data)).unwrap();
    within(Duration::from_secs(60), "the job pauses", || running.snapshot().paused.is_some());
    let paused = running.snapshot().paused.unwrap();
    assert!(paused.contains("no space left: free some, and the job goes on by itself"), "{paused}");
    std::fs::remove_file(&ballast).unwrap();
    within(Duration::from_secs(30), "the job goes on and ends", || running.is_over());
    assert!(running.wait().unwrap().restarts > 0);

    let log = Log::open(&data).unwrap();
    let mut next = 0;
    while let Some(batch) = log.read("copy", 0, next).unwrap() {
        for view in &batch {
            let value = view.value.unwrap();
            assert!(value.starts_with(format!("{{\"n\":{next},").as_bytes()), "record {next} is {}", String::from_utf8_lossy(value));
            next += 1;
        }
    }
    assert_eq!(next, RECORDS);
}
