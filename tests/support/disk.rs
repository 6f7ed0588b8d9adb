//! A small file system of a test's own, to be filled.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Unmounted when dropped.
pub struct SmallDisk {
    path: PathBuf,
    /// The folder it is mounted on, where that is a scratch one.
    _place: Option<tempfile::TempDir>,
}

impl SmallDisk {
    /// In a scratch folder. `None` (with the reason printed) where this user may not mount one.
    pub fn of_mib(size: usize) -> Option<SmallDisk> {
        let place = tempfile::tempdir().expect("a scratch folder");
        let mut disk = SmallDisk::at(place.path(), size)?;
        disk._place = Some(place);
        Some(disk)
    }

    /// The same on a folder, which is made if need be. Dropped before that is removed.
    pub fn at(path: &Path, size: usize) -> Option<SmallDisk> {
        std::fs::create_dir_all(path).expect("a folder");
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}m"), "tmpfs"]).arg(path).output();
        let reason = match output {
            Ok(output) if output.status.success() => return Some(SmallDisk { path: path.to_owned(), _place: None }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        println!("skipped: a small disk cannot be mounted here: {}", reason.trim());
        None
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room that is left, with a file that can be removed.
    pub fn fill(&self) -> PathBuf {
        let ballast = self.path.join("ballast");
        let mut file = File::create(&ballast).expect("a file");
        while file.write_all(&[1; 4096]).is_ok() {}
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _left = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
