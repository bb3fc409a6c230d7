//! The files of one run in the place of those of another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Files;
use super::live::{LIVE, identity, is_at};
use crate::model::FileStamp;

/// In a staging folder: what is being moved.
pub const JOURNAL: &str = "journal";
/// In the folder itself, while files are moved.
const LOCK: &str = ".netfold-lock";

/// A folder that nobody else moves files into, until this is dropped.
#[derive(Debug)]
pub struct Held {
    target: PathBuf,
    lock: File,
}

/// What a run moves. Each of the new files is in the staging folder or in its place, each of the old ones in its place or
/// in the staging folder: renaming is one step.
#[derive(Serialize, Deserialize)]
struct Journal {
    /// The folder that files are moved into.
    identity: (u64, u64),
    /// Where the new ones are, in the staging folder.
    files: PathBuf,
    /// The new ones, the seal last.
    names: Vec<String>,
}

/// Why not, and of which file.
type Failed = (String, io::Error);

impl Held {
    /// Waits until nobody else moves files into the folder.
    pub fn take(target: PathBuf) -> io::Result<Self> {
        let path = target.join(LOCK);
        loop {
            let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            match lock.lock() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // A file system without locks has no two runs at once either.
                Ok(()) | Err(_) => {}
            }
            if is_at(&lock, &path) {
                return Ok(Self { target, lock });
            }
        }
    }

    /// Moves files in; each takes the place of one of its name.
    pub fn add(&self, files: &Path, names: &[String]) -> Result<(), Failed> {
        let _live = LIVE.lock();
        names.iter().try_for_each(|name| {
            fs::rename(files.join(name), self.target.join(name)).map_err(|error| (name.clone(), error))
        })
    }

    /// Moves files in, the seal last, and those of the earlier run out, its seal first. The journal goes into the staging folder.
    pub fn replace(&self, staging: &Path, files: &Path, names: &[String], seal: &str) -> Result<(), Failed> {
        let mut leaving = vec![seal.to_owned()];
        leaving.extend(names.iter().filter(|name| *name != seal).cloned());
        leaving.extend(self.written_before(seal).into_iter().filter(|name| !names.contains(name)));
        leaving.retain(|name| fs::symlink_metadata(self.target.join(name)).is_ok());
        if let Some(name) = leaving.iter().find(|name| self.target.join(name).is_dir()) {
            return Err((name.clone(), ErrorKind::IsADirectory.into()));
        }
        let whole = |error: io::Error| (String::new(), error);
        let old = staging.join("old");
        fs::create_dir(&old).map_err(whole)?;
        let relative = files.strip_prefix(staging).unwrap_or(files).to_owned();
        let journal =
            Journal { identity: identity(&self.target).map_err(whole)?, files: relative, names: names.to_vec() };
        let text = serde_json::to_vec(&journal).map_err(|error| whole(error.into()))?;
        fs::write(staging.join(JOURNAL), text).map_err(whole)?;
        let _live = LIVE.lock();
        let moved = leaving
            .iter()
            .map(|name| (name, self.target.join(name), old.join(name)))
            .chain(names.iter().map(|name| (name, files.join(name), self.target.join(name))))
            .try_for_each(|(name, from, to)| fs::rename(from, to).map_err(|error| (name.clone(), error)));
        if moved.is_err() {
            // What cannot be put back now stays where it is, and the next run puts it back.
            let _ = self.undo(staging);
        }
        moved
    }

    /// Puts back what a run was moving, if it was not done. Ends early by a kill or an error, it can be done again.
    pub fn undo(&self, staging: &Path) -> io::Result<()> {
        let Some(journal) = Journal::read(staging).filter(|journal| journal.is_begun(staging)) else { return Ok(()) };
        // The folder that the files belong to may be gone, and another one have its name.
        if journal.identity == identity(&self.target)? {
            self.put_back(staging, &journal)?;
        }
        fs::remove_file(staging.join(JOURNAL))
    }

    fn put_back(&self, staging: &Path, journal: &Journal) -> io::Result<()> {
        let (files, old) = (staging.join(&journal.files), staging.join("old"));
        for name in journal.names.iter().filter(|name| is_plain(name)) {
            if fs::symlink_metadata(files.join(name)).is_err() {
                fs::rename(self.target.join(name), files.join(name))?;
            }
        }
        let mut names: Vec<_> = fs::read_dir(&old)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        // The seal comes back last, too.
        names.sort_by_key(|name| journal.names.last().is_some_and(|seal| name == seal.as_str()));
        names.iter().try_for_each(|name| fs::rename(old.join(name), self.target.join(name)))
    }

    /// The files of the earlier run, as its seal lists them, that are as it wrote them.
    fn written_before(&self, seal: &str) -> Vec<String> {
        let path = self.target.join(seal);
        let read = || -> Option<Files> {
            // What has the seal's name can be anything, a pipe too.
            let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            serde_json::from_slice(&is_file.then(|| fs::read(&path).ok()).flatten()?).ok()
        };
        let unchanged = |file: &FileStamp| {
            let path = self.target.join(&file.file);
            let is_file = is_plain(&file.file) && fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            is_file && FileStamp::of(&path).is_ok_and(|now| now.sha256 == file.sha256)
        };
        read().map(|seal| seal.files).unwrap_or_default().into_iter().filter(unchanged).map(|file| file.file).collect()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Removed while it is held: whoever waits for it sees that it has no name any more.
        let path = self.target.join(LOCK);
        if is_at(&self.lock, &path) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Journal {
    fn read(staging: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(staging.join(JOURNAL)).ok()?).ok()
    }

    /// Whether the last file is still to be moved.
    fn is_begun(&self, staging: &Path) -> bool {
        let seal = self.names.last().map(|seal| staging.join(&self.files).join(seal));
        seal.is_some_and(|seal| fs::symlink_metadata(seal).is_ok())
    }
}

/// Whether a run was moving files when it died.
pub fn is_moving(staging: &Path) -> bool {
    Journal::read(staging).is_some_and(|journal| journal.is_begun(staging))
}

/// Whether a name is that of a file in the folder itself.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(plain)), None) if plain == name)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn names_stay_in_the_folder() {
        assert!(is_plain("weights-3.png") && is_plain(".hidden") && is_plain("a b"));
        for name in ["", ".", "..", "/etc/passwd", "a/b", "../a", "a/", "./a", "a/.."] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
