//! Where a folder is, or will be.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// A folder that is there, or one that is missing below one that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The nearest folder that is there, its links followed.
    base: PathBuf,
    /// The names below it that are missing.
    missing: Vec<OsString>,
}

impl Place {
    /// The place of a folder; nothing is made.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut missing = Vec::new();
        // An empty path is what is left of a relative one.
        for ancestor in path.ancestors() {
            let ancestor = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
            match fs::metadata(ancestor) {
                Ok(found) if !found.is_dir() => return Err(ErrorKind::NotADirectory.into()),
                Ok(_) => {
                    missing.reverse();
                    return Ok(Self { base: fs::canonicalize(ancestor)?, missing });
                }
                Err(error) if error.kind() != ErrorKind::NotFound || is_link(ancestor) => return Err(error),
                Err(error) => match ancestor.components().next_back() {
                    Some(Component::Normal(name)) => missing.push(name.to_owned()),
                    _ => return Err(error),
                },
            }
        }
        Err(ErrorKind::NotFound.into())
    }

    /// The folder that a file is in, and the file's name there: that of what a link leads to.
    pub fn of_file(path: &Path) -> io::Result<(Self, String)> {
        let path = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => return Err(io::Error::other("it is no regular file")),
            Ok(_) => fs::canonicalize(path)?,
            Err(error) if error.kind() != ErrorKind::NotFound || is_link(path) => return Err(error),
            Err(_) => path.to_owned(),
        };
        let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
        let place = Self::of(path.parent().unwrap_or(Path::new("")))?;
        if !place.is_there() {
            return Err(ErrorKind::NotFound.into());
        }
        Ok((place, name.to_str().ok_or(ErrorKind::InvalidFilename)?.to_owned()))
    }

    /// Whether the folder is there.
    pub fn is_there(&self) -> bool {
        self.missing.is_empty()
    }

    /// The folder.
    pub fn target(&self) -> PathBuf {
        self.base.iter().chain(self.missing.iter().map(OsString::as_os_str)).collect()
    }

    /// The folder that the first missing one is made in, and its name there; of a folder that is there, its own parent
    /// and name. `None` for the root.
    pub fn first(&self) -> Option<(&Path, &OsStr)> {
        match self.missing.first() {
            Some(name) => Some((&self.base, name)),
            None => Some((self.base.parent()?, self.base.file_name()?)),
        }
    }

    /// What is missing below the first missing folder.
    pub fn below(&self) -> PathBuf {
        self.missing.iter().skip(1).collect()
    }
}

/// Whether a path is a link. One that was not found and is a link leads nowhere; one that was not found and is anything
/// else was made by another run in the meantime.
fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
}
