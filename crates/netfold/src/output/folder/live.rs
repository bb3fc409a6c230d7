//! What the runs of this process and of others see of each other: who moves files, and which file has a name.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The staging folders of this process.
pub static LIVE: Live = Live(Mutex::new(Vec::new()));

/// Staging folders, under a lock: whoever makes or moves a file in one of them holds it meanwhile.
#[derive(Debug)]
pub struct Live(Mutex<Vec<PathBuf>>);

impl Live {
    /// Waits until nobody else makes or moves files.
    pub fn lock(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        // A thread that panicked left a list that is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells a folder from any other that is there.
#[cfg(unix)]
pub fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
pub fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|_| (0, 0))
}

/// Whether an open file still has its name: a lock on one that was removed says nothing.
pub fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(file), Ok(named)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    same_file(&file, &named)
}

#[cfg(unix)]
fn same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}
