//! Folders and files that appear whole or not at all: written under a temporary name beside, then renamed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::error::{Error, Result};

/// A folder under construction.
pub struct NewFolder {
    temporary: TempDir,
    target: PathBuf,
}

impl NewFolder {
    /// Begins the folder `target`, which must not exist yet, or be empty.
    pub fn begin(target: &Path) -> Result<Self> {
        let taken = match fs::read_dir(target) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => target.exists(),
        };
        if taken {
            return Err(Error::input(target, "exists already; name another folder or remove it"));
        }
        let parent = parent_of(target)?;
        let temporary = tempfile::Builder::new()
            .prefix(".aircraft-")
            .tempdir_in(parent)
            .map_err(|cause| Error::output(target, cause))?;
        Ok(Self { temporary, target: target.to_owned() })
    }

    /// Where to write meanwhile.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// What it will be called.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the folder its name.
    pub fn finish(self) -> Result<()> {
        let failed = |cause| Error::output(&self.target, cause);
        share(self.temporary.path()).map_err(failed)?;
        // An empty folder at the target gives way.
        fs::rename(self.temporary.path(), &self.target).map_err(failed)?;
        // It has moved: nothing is left to clean up.
        let _ = self.temporary.keep();
        Ok(())
    }
}

/// Writes one file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |cause: std::io::Error| Error::output(path, cause);
    let mut file = NamedTempFile::new_in(parent_of(path)?).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    share(file.path()).map_err(failed)?;
    file.persist(path).map_err(|cause| failed(cause.error))?;
    Ok(())
}

fn parent_of(path: &Path) -> Result<PathBuf> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(|cause| Error::output(path, cause))?;
    Ok(parent)
}

/// Temporary files are for their owner's eyes only; what they become is an ordinary file.
#[cfg(unix)]
fn share(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn share(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_only_when_it_is_finished() {
        let home = tempfile::tempdir().expect("temporary folder");
        let target = home.path().join("deep/set");
        let folder = NewFolder::begin(&target).expect("begin");
        fs::write(folder.path().join("a"), "1").expect("write");
        assert!(!target.exists());
        folder.finish().expect("finish");
        assert_eq!(fs::read(target.join("a")).expect("read"), b"1");
        assert_eq!(fs::read_dir(home.path().join("deep")).expect("list").count(), 1, "nothing else is left");
        assert_eq!(NewFolder::begin(&target).err().expect("taken").exit_code(), 2);
    }

    #[test]
    fn nothing_is_left_of_a_folder_given_up() {
        let home = tempfile::tempdir().expect("temporary folder");
        drop(NewFolder::begin(&home.path().join("set")).expect("begin"));
        assert_eq!(fs::read_dir(home.path()).expect("list").count(), 0);
    }
}
