//! Records as lines of text.

use crate::job::FileFormat;
use crate::record::{Batch, jsonl};

/// Appends the records of a batch. Lines and CSV hold values only; a null value is an empty line there.
pub(super) fn write(batch: &Batch, format: FileFormat, into: &mut Vec<u8>) {
    for view in batch {
        match format {
            FileFormat::Lines | FileFormat::Csv => into.extend_from_slice(view.value.unwrap_or_default()),
            FileFormat::Jsonl => jsonl::write_line(view, false, into),
        }
        into.push(b'\n');
    }
}
