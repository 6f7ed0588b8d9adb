//! A file as an output, exact after a crash: each checkpoint keeps the file's length, and a restart cuts the file back to it.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Accepts, Sink, text};
use crate::error::HostError;
use crate::files::write_whole;
use crate::job::FileFormat;
use crate::record::Batch;

/// Bytes that wait in memory before they are written (not synced).
const BUFFER_BYTES: usize = 1 << 20;

const MOVE: &str = "move it away, or write another file";

/// Writes one file. Between a flush and its commit a reader may see lines that a crash takes back.
///
/// Beside the file lies `.NAME.millstream`, which says which job, on which data folder, the file belongs to. A run that no checkpoint has kept begins the file
/// again only if it is its own; a file without it, or of another job, is somebody's work and is not touched.
pub struct FileSink {
    path: PathBuf,
    format: FileFormat,
    owner: String,
    file: Option<File>,
    buffer: Vec<u8>,
    /// Of the file as of the last flush.
    length: u64,
    written: u64,
}

impl FileSink {
    /// `owner`: the job and its data folder, as one line for people to read.
    pub fn new(path: PathBuf, format: FileFormat, owner: &str) -> Self {
        FileSink { path, format, owner: owner.to_owned(), file: None, buffer: Vec::new(), length: 0, written: 0 }
    }

    fn failed(&self, doing: &str, error: std::io::Error) -> HostError {
        let why = if error.kind() == std::io::ErrorKind::StorageFull { "no space left: free some, and the job goes on by itself; " } else { "" };
        HostError::external(format!("{doing} the output file {}", self.path.display()), anyhow::anyhow!("{why}{error}"))
    }

    fn owner_file(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}.millstream"))
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn write_out(&mut self) -> Result<(), HostError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let result = file.write_all(&self.buffer);
        result.map_err(|error| self.failed("writing", error))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn open(&mut self, length: u64) -> Result<(), HostError> {
        std::fs::create_dir_all(self.folder()).map_err(|error| self.failed("making the folder of", error))?;
        // A crash must not leave our own file with half a name beside it.
        if std::fs::read_to_string(self.owner_file()).ok().as_ref() != Some(&self.owner) {
            write_whole(&self.owner_file(), self.owner.as_bytes()).map_err(|error| self.failed("marking as ours", error))?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.path).map_err(|error| self.failed("opening", error))?;
        let opened = file.set_len(length).and_then(|()| (&file).seek(SeekFrom::Start(length))).and_then(|_| file.sync_all());
        // A file is there for good only when its folder says so.
        opened.and_then(|()| File::open(self.folder())?.sync_all()).map_err(|error| self.failed("opening", error))?;
        self.file = Some(file);
        self.length = length;
        self.written = length;
        self.buffer.clear();
        Ok(())
    }
}

impl Sink for FileSink {
    fn accepts(&self) -> Accepts {
        Accepts::any(1)
    }

    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), HostError> {
        let have = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        let named = || format!("the output file {}", self.path.display());
        let Some(mark) = mark else {
            return match std::fs::read_to_string(self.owner_file()) {
                Ok(owner) if owner == self.owner => self.open(0),
                _ if have == 0 => self.open(0),
                Ok(owner) => Err(HostError::storage(named(), format!("is there already, and belongs to {owner}")).with_help(MOVE)),
                Err(_) => Err(HostError::storage(named(), "is there already, and is not this job's").with_help(MOVE)),
            };
        };
        let length = mark.try_into().map(u64::from_le_bytes).map_err(|_| HostError::storage(named(), "its mark in the checkpoint cannot be read"))?;
        if have < length {
            return Err(HostError::storage(named(), format!("has {have} bytes, but {length} were committed"))
                .with_help("it was cut or removed: put it back, or run the job under another name or --data"));
        }
        self.open(length)
    }

    fn send(&mut self, batch: &Batch) -> Result<usize, HostError> {
        text::write(batch, self.format, &mut self.buffer);
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_out()?;
        }
        Ok((self.written - self.length) as usize + self.buffer.len())
    }

    fn flush(&mut self) -> Result<Vec<u8>, HostError> {
        if !self.buffer.is_empty() || self.written > self.length {
            self.write_out()?;
            if let Some(file) = &self.file {
                file.sync_data().map_err(|error| self.failed("syncing", error))?;
            }
            self.length = self.written;
        }
        Ok(self.length.to_le_bytes().to_vec())
    }

    fn abort(&mut self) -> Result<(), HostError> {
        self.open(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BatchBuilder, Fields};

    fn lines(texts: &[&str]) -> Batch {
        let mut rows = BatchBuilder::default();
        texts.iter().for_each(|text| rows.push(None, Some(text.as_bytes()), Default::default(), Fields::default()));
        rows.into_batch()
    }

    fn sink(path: &Path) -> FileSink {
        FileSink::new(path.to_owned(), FileFormat::Lines, "job a")
    }

    #[test]
    fn a_restart_takes_back_what_no_checkpoint_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut first = sink(&path);
        first.restore(None).unwrap();
        first.send(&lines(&["a"])).unwrap();
        let mark = first.flush().unwrap();
        first.send(&lines(&["b"])).unwrap();
        first.flush().unwrap();
        drop(first);
        let mut second = sink(&path);
        second.restore(Some(&mark)).unwrap();
        second.send(&lines(&["c"])).unwrap();
        second.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nc\n");
        second.restore(None).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_strangers_file_and_a_shortened_one_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "mine").unwrap();
        assert!(sink(&path).restore(None).unwrap_err().to_string().contains("not this job's"));
        assert!(sink(&path).restore(Some(&9u64.to_le_bytes())).unwrap_err().to_string().contains("9 were committed"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        std::fs::write(sink(&path).owner_file(), "job b in /elsewhere").unwrap();
        assert!(sink(&path).restore(None).unwrap_err().to_string().contains("belongs to job b in /elsewhere"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        std::fs::write(sink(&path).owner_file(), "job a").unwrap();
        sink(&path).restore(None).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_mark_that_is_no_mark_and_a_folder_that_is_a_file_are_named_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        assert!(sink(&path).restore(Some(b"abc")).unwrap_err().to_string().contains("cannot be read"));
        std::fs::write(&path, "").unwrap();
        assert!(sink(&path.join("deeper")).restore(None).unwrap_err().to_string().contains("making the folder of the output file"));
    }

    #[test]
    fn what_is_aborted_leaves_no_trace_even_when_it_was_written_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub").join("out");
        let mut sink = sink(&path);
        sink.restore(None).unwrap();
        sink.send(&lines(&["a"])).unwrap();
        sink.flush().unwrap();
        let large = "x".repeat(BUFFER_BYTES);
        assert_eq!(sink.send(&lines(&[&large])).unwrap(), BUFFER_BYTES + 1);
        assert!(std::fs::metadata(&path).unwrap().len() > BUFFER_BYTES as u64, "written, not only buffered");
        sink.abort().unwrap();
        sink.send(&lines(&["b"])).unwrap();
        assert_eq!(sink.flush().unwrap(), 4u64.to_le_bytes());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
    }

    #[test]
    fn jsonl_keeps_all_of_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut sink = FileSink::new(path.clone(), FileFormat::Jsonl, "job a");
        sink.restore(None).unwrap();
        let mut rows = BatchBuilder::default();
        let mut headers = crate::record::HeadersBuilder::default();
        headers.push(b"h", Some(b"\xff"));
        rows.push(Some(b"k"), None, headers.headers(), Fields { timestamp: 5, ..Fields::default() });
        sink.send(&rows.into_batch()).unwrap();
        sink.flush().unwrap();
        let expected = "{\"timestamp\":5,\"key\":\"k\",\"value\":null,\"headers\":[{\"name\":\"h\",\"value_base64\":\"/w==\"}]}\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    }
}
