//! The explorer's folder on disk: readable by its owner alone, gone when the explorer ends.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

/// How the folders of all explorers begin.
const PREFIX: &str = "netfold-explore-";
/// How often the removal of a folder is tried into which a job still writes.
const TRIES: usize = 20;

/// The folder of one run of the explorer, made when something is written for the first time.
///
/// It is locked while the explorer runs. A folder of this user that nobody locks belongs to an explorer that was killed;
/// the next one removes it when it starts.
pub struct Scratch {
    parent: PathBuf,
    held: Mutex<Option<Held>>,
}

struct Held {
    folder: TempDir,
    /// The open folder: its lock goes with it.
    _lock: Option<File>,
}

impl Scratch {
    /// In the system's folder for temporary files.
    pub fn new() -> Self {
        Self::within(std::env::temp_dir())
    }

    /// In another folder.
    pub fn within(parent: PathBuf) -> Self {
        sweep(&parent);
        Self { parent, held: Mutex::default() }
    }

    /// A new folder inside, for one upload or one download.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(&self) -> io::Result<TempDir> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let held = match &mut *held {
            Some(held) => held,
            none => none.insert(Held::new(&self.parent)?),
        };
        private(held.folder.path(), "")
    }

    /// Removes everything.
    ///
    /// # Errors
    /// If something is left; it names the folder.
    pub fn close(&self) -> io::Result<()> {
        let Some(held) = self.held.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let path = held.folder.keep();
        let mut tries = 0;
        loop {
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                // A job that has not seen yet that it is stopped may have written meanwhile.
                Err(_) if tries < TRIES => std::thread::sleep(std::time::Duration::from_millis(10)),
                Err(error) => return Err(io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))),
                Ok(()) => return Ok(()),
            }
            tries += 1;
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Who wants to tell what is left calls `close`.
        let _ = self.close();
    }
}

impl Held {
    /// A new folder, locked. Another explorer that starts may remove it before it is locked; then it is made again.
    fn new(parent: &Path) -> io::Result<Self> {
        loop {
            let folder = private(parent, PREFIX)?;
            // Where folders cannot be opened, as on Windows, or locked, nobody removes those of others either.
            let lock = File::open(folder.path()).ok().filter(|folder| folder.lock().is_ok());
            if folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }
}

/// A new folder that nobody but its owner can look into, whatever the process lets others do.
fn private(parent: &Path, prefix: &str) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let mine = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    #[cfg(unix)]
    builder.permissions(mine.clone());
    let folder = builder.prefix(prefix).tempdir_in(parent)?;
    // A umask may have taken bits away from the owner, too.
    #[cfg(unix)]
    fs::set_permissions(folder.path(), mine)?;
    Ok(folder)
}

/// A new file that nobody but its owner can read.
///
/// # Errors
/// What the system says; that there is such a file.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

/// Removes this user's folders that no living explorer has locked.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
        let path = entry.path();
        if fs::symlink_metadata(&path).is_ok_and(|told| is_mine(&told))
            && let Ok(folder) = File::open(&path)
            && folder.try_lock().is_ok()
        {
            // What cannot be removed is tried again by the next explorer.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Whether it is a folder, not a link to one, and this user's own.
fn is_mine(told: &fs::Metadata) -> bool {
    #[cfg(unix)]
    let mine = std::os::unix::fs::MetadataExt::uid(told) == rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    let mine = true;
    told.is_dir() && mine
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_written_before_it_is_needed_and_nothing_stays() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::within(parent.path().to_owned());
        assert!(names(parent.path()).is_empty());
        let upload = scratch.folder().unwrap();
        fs::write(upload.path().join("cat.png"), "cat").unwrap();
        assert_eq!(names(parent.path()).len(), 1);
        scratch.close().unwrap();
        assert!(names(parent.path()).is_empty());
        // A folder whose explorer is gone is no fault.
        drop(upload);
    }

    #[test]
    fn folders_and_files_are_their_owners() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::within(parent.path().to_owned());
        let upload = scratch.folder().unwrap();
        let file = upload.path().join("cat.png");
        create(&file).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!((mode(upload.path()), mode(upload.path().parent().unwrap())), (0o700, 0o700));
        assert_eq!(create(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn the_next_explorer_removes_what_a_killed_one_left_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        for name in ["netfold-explore-dead", "netfold-other", "kept"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("x.npy"), "x").unwrap();
        }
        std::os::unix::fs::symlink(at("kept"), at("netfold-explore-link")).unwrap();
        fs::write(at("netfold-explore-file"), "x").unwrap();
        let living = Scratch::within(parent.path().to_owned());
        let upload = living.folder().unwrap();
        let mine = upload.path().parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();

        let next = Scratch::within(parent.path().to_owned());
        let mut left = ["kept", "netfold-explore-file", "netfold-explore-link", "netfold-other", &mine];
        left.sort_unstable();
        assert_eq!(names(parent.path()), left);
        assert!(at("kept").join("x.npy").exists() && upload.path().exists());
        drop((next, upload, living));
        assert!(!at(&mine).exists());
    }
}
