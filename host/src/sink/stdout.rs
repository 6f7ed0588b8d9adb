//! Standard output as an output: at least once, as what was printed cannot be taken back.

use std::io::Write;

use super::{Accepts, Sink, text};
use crate::error::HostError;
use crate::job::FileFormat;
use crate::record::Batch;

/// Prints at each checkpoint; after a crash the records since the last one are printed again.
pub struct StdoutSink {
    format: FileFormat,
    buffer: Vec<u8>,
}

impl StdoutSink {
    pub fn new(format: FileFormat) -> Self {
        StdoutSink { format, buffer: Vec::new() }
    }
}

impl Sink for StdoutSink {
    fn accepts(&self) -> Accepts {
        Accepts::any(1)
    }

    fn restore(&mut self, _mark: Option<&[u8]>) -> Result<(), HostError> {
        Ok(())
    }

    fn send(&mut self, batch: &Batch) -> Result<usize, HostError> {
        text::write(batch, self.format, &mut self.buffer);
        Ok(self.buffer.len())
    }

    fn flush(&mut self) -> Result<Vec<u8>, HostError> {
        let mut stdout = std::io::stdout().lock();
        let printed = stdout.write_all(&self.buffer).and_then(|()| stdout.flush());
        self.buffer.clear();
        match printed {
            Ok(()) => Ok(Vec::new()),
            // Trying again would not bring the reader back.
            Err(error) => Err(HostError::storage("standard output", format!("cannot be written: {error}")).with_help("whoever read it has closed it")),
        }
    }

    fn abort(&mut self) -> Result<(), HostError> {
        self.buffer.clear();
        Ok(())
    }
}
