//! Staging folders: hidden, locked by the run that writes into them, removed by whoever finds them unlocked.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::live::{LIVE, is_at};
use super::place::Place;
use super::swap::{self, Held};

/// Removes what this process has written but not moved into its place; what is being moved is moved first. From then on
/// each thread that makes, moves or removes an output file waits forever: the process has to end.
pub fn give_up() {
    let live = LIVE.lock();
    live.iter().for_each(|path| remove(path));
    std::mem::forget(live);
}

/// What is between a staging folder's name and the random part.
const MARK: &str = "netfold-";
/// Letters of the random part.
const RANDOM: usize = 8;
/// Names that are longer are not repeated in those of staging folders, which have to fit too.
const LONGEST: usize = 200;

/// What becomes of files that a run was moving when it died.
pub enum Moving<'a> {
    /// They go back to where they were, in this folder.
    PutBack(&'a Held),
    /// Their folder is gone.
    Forget,
    /// Their folder is another one.
    Leave,
}

/// The staging folder of one run.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    /// The beginning of its name, which the staging folders of other runs into the same place share.
    stem: OsString,
    /// `None` where the file system knows no locks.
    lock: Option<File>,
}

impl Staging {
    /// A staging folder beside a folder; inside it where that is another file system, or cannot be written.
    pub fn beside(place: &Place) -> io::Result<Self> {
        let Some((home, name)) = place.first() else { return Self::open(&place.target(), None) };
        if !place.is_there() {
            return Self::open(home, Some(name));
        }
        match Self::open(home, Some(name)) {
            Ok(staging) if staging.reaches(&place.target())? => Ok(staging),
            // The parent may be another's; whether the folder itself can be written is told by the same error.
            Ok(_) | Err(_) => Self::open(&place.target(), None),
        }
    }

    /// A staging folder beside a file of this name.
    pub fn around(folder: &Place, name: &str) -> io::Result<Self> {
        let staging = Self::open(&folder.target(), Some(OsStr::new(name)))?;
        fs::create_dir(staging.path.join("new"))?;
        Ok(staging)
    }

    fn open(home: &Path, name: Option<&OsStr>) -> io::Result<Self> {
        let mut private = DirBuilder::new();
        // The files lie in a folder within, whose permissions are those that a result has.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
        let stem = stem(name);
        loop {
            let path = home.join(named(&stem));
            let mut live = LIVE.lock();
            match private.create(&path) {
                Ok(()) => live.push(path.clone()),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            drop(live);
            let mut staging = Self { path, stem: stem.clone(), lock: None };
            match hold(&staging.path.join("lock"))? {
                Hold::Held(lock) => staging.lock = Some(lock),
                Hold::Unknown => {}
                // Another run took the folder for one that a dead run left.
                Hold::Taken => continue,
            }
            return Ok(staging);
        }
    }

    /// The staging folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where files lie until they are moved: as many folders down as are missing.
    pub fn files(&self, place: &Place) -> PathBuf {
        self.path.join("new").join(place.below())
    }

    /// Whether files can be moved into a folder: one is, and is removed there.
    fn reaches(&self, folder: &Path) -> io::Result<bool> {
        let probe = self.path.join("probe");
        let moved = folder.join(named(&stem(None)));
        let file = File::create(&probe)?;
        // Held, it is not taken for a dead run's.
        let _ = file.try_lock();
        match fs::rename(&probe, &moved) {
            Ok(()) => fs::remove_file(&moved).map(|()| true),
            Err(error) if error.kind() == ErrorKind::CrossesDevices => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives the files their folder in one step, if nothing of its name is there yet.
    pub fn becomes(&self, place: &Place) -> io::Result<bool> {
        let Some((home, name)) = place.first().filter(|_| !place.is_there()) else { return Ok(false) };
        let path = home.join(name);
        let _live = LIVE.lock();
        if fs::symlink_metadata(&path).is_ok() {
            return Ok(false);
        }
        match fs::rename(self.path.join("new"), &path) {
            Ok(()) => Ok(true),
            // Another run was first.
            Err(_) if fs::symlink_metadata(&path).is_ok() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes what dead runs left beside the place and in it.
    pub fn clear(&self, place: &Place, moving: &Moving<'_>) -> io::Result<()> {
        let own = fs::symlink_metadata(&self.path)?;
        if let Some(home) = self.path.parent() {
            self.clear_in(home, &self.stem, &own, moving);
        }
        if place.is_there() {
            self.clear_in(&place.target(), &stem(None), &own, moving);
            if let Some((home, name)) = place.first() {
                self.clear_in(home, &stem(Some(name)), &own, moving);
            }
        }
        Ok(())
    }

    fn clear_in(&self, home: &Path, stem: &OsStr, own: &Metadata, moving: &Moving<'_>) {
        // A folder that cannot be read holds nothing that could be removed.
        let Ok(entries) = fs::read_dir(home) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            if path == self.path || !belongs(&entry.file_name(), stem) {
                continue;
            }
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if !same_owner(&found, own) || found.is_symlink() {
                continue;
            }
            let lock = if found.is_dir() { path.join("lock") } else { path.clone() };
            // What is held belongs to a run that lives.
            let Ok(Hold::Held(_dead)) = hold(&lock) else { continue };
            match moving {
                _ if !found.is_dir() => drop(fs::remove_file(&path)),
                // What cannot be put back stays.
                Moving::PutBack(held) => drop(held.undo(&path)),
                Moving::Forget => drop(fs::remove_file(path.join(swap::JOURNAL))),
                Moving::Leave => {}
            }
            // Its maker, if it lives and has only just made the folder, finds neither the folder nor a way to make a
            // second lock in it while it is being removed.
            let aside = home.join(named(stem));
            if !swap::is_moving(&path) && fs::rename(&path, &aside).is_ok() {
                remove(&aside);
            }
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let mut live = LIVE.lock();
        live.retain(|path| *path != self.path);
        // An open file cannot be removed everywhere.
        #[cfg(not(unix))]
        drop(self.lock.take());
        remove(&self.path);
    }
}

/// Removes a staging folder, unless it holds files that have to be put back. If that cannot be done, the next run tries
/// again.
fn remove(path: &Path) {
    if swap::is_moving(path) {
        return;
    }
    // What is left half removed is no half of a move.
    let _ = fs::remove_file(path.join(swap::JOURNAL));
    let _ = fs::remove_dir_all(path);
}

/// Whether a lock could be had.
pub enum Hold {
    /// It is held now, until this is dropped.
    Held(File),
    /// Another process holds it, or removed the file.
    Taken,
    /// The file system knows no locks.
    Unknown,
}

/// Tries to hold a file, which is made if it is not there.
fn hold(path: &Path) -> io::Result<Hold> {
    let file = match OpenOptions::new().write(true).create(true).truncate(false).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Hold::Taken),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) if is_at(&file, path) => Ok(Hold::Held(file)),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(Hold::Taken),
        Err(TryLockError::Error(_)) => Ok(Hold::Unknown),
    }
}

/// In a folder that all may write, what lies under such a name can be another's trap.
#[cfg(unix)]
fn same_owner(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

#[cfg(not(unix))]
fn same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// The beginning of a staging folder's name: `.out.netfold-` beside `out`, `.netfold-` inside it.
fn stem(name: Option<&OsStr>) -> OsString {
    let mut stem = OsString::from(".");
    match name {
        Some(name) if name.len() <= LONGEST => stem.push(name),
        Some(name) => {
            let hash = Sha256::digest(name.as_encoded_bytes());
            hash.iter().take(LONGEST / 8).for_each(|byte| stem.push(format!("{byte:02x}")));
        }
        None => {}
    }
    if name.is_some() {
        stem.push(".");
    }
    stem.push(MARK);
    stem
}

/// A new name that begins so.
fn named(stem: &OsStr) -> OsString {
    let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(RANDOM).collect();
    [stem, random.as_ref()].into_iter().collect()
}

fn belongs(name: &OsStr, stem: &OsStr) -> bool {
    let random = name.as_encoded_bytes().strip_prefix(stem.as_encoded_bytes());
    random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::{belongs, named, stem};

    #[test]
    fn a_staging_folder_is_known_by_its_name() {
        let of = |name: &str| stem(Some(name.as_ref()));
        let is = |name: &std::ffi::OsStr, stem: std::ffi::OsString| belongs(name, &stem);
        let long = ["m".repeat(255), "n".repeat(255)];
        for name in ["out", "a.netfold-b", "猫", &long[0]] {
            let path = named(&of(name));
            assert!(is(&path, of(name)) && path.len() < 255);
            assert!(!is(&path, stem(None)) && !is(&path, of("a")) && !is(&path, of(&long[1])));
        }
        assert!(!is(".out.netfold-lock".as_ref(), of("out")) && !is("out".as_ref(), of("out")));
    }
}
