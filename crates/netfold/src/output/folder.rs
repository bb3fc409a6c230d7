//! The output folder: all files of a run appear in it at once, or none does.
//!
//! They are written into a hidden staging folder beside it and moved in when all are whole. One of them, the seal, lists
//! the others with their hashes: by the seal of an earlier run that run's files are known, and go. While files move there
//! is no seal, so that a folder without one is unfinished; what a killed run left there is put back by the next one.
//!
//! ```text
//! .out.netfold-k3x0q9ab/   the staging folder of a run into out/
//!     lock                 held by the run while it lives
//!     new/                 its files
//!     journal              what is moved, once that begins
//!     old/                 what was in the way
//! ```

mod live;
mod place;
mod staging;
mod swap;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::FileStamp;
use live::LIVE;
use place::Place;
use staging::{Moving, Staging};
use swap::Held;

pub use staging::give_up;

/// The files of one run, on their way into a folder.
///
/// Dropped before [`commit`](Self::commit), or killed, it leaves what was there before. Files of other names than these
/// and those of the earlier run stay as they are.
///
/// ```
/// # let parent = tempfile::tempdir().unwrap();
/// # let path = parent.path().join("out");
/// use netfold::output::folder::Folder;
///
/// let mut folder = Folder::begin(&path)?;
/// folder.write("numbers.txt", b"1 2 3")?;
/// folder.seal("certificate.json", &serde_json::json!({ "sum": 6 }))?;
/// assert!(!path.exists());
/// folder.commit()?;
/// assert!(path.join("numbers.txt").exists() && path.join("certificate.json").exists());
/// # Ok::<(), netfold::Error>(())
/// ```
#[derive(Debug)]
pub struct Folder {
    /// The folder as it was named, for messages.
    named: PathBuf,
    place: Place,
    staging: Staging,
    /// The files, the seal last.
    names: Vec<String>,
    seal: Option<String>,
}

/// A file on its way into a folder.
pub type StagedFile = BufWriter<File>;

/// What a seal holds beside its own content.
#[derive(Serialize)]
struct Sealed<'a, S> {
    #[serde(flatten)]
    content: &'a S,
    files: &'a [FileStamp],
}

/// What is read of the seal of an earlier run.
#[derive(Deserialize)]
struct Files {
    files: Vec<FileStamp>,
}

impl Folder {
    /// A folder that is to hold the files of a run; it and its parents are made when they are moved in. What killed runs
    /// left is removed.
    ///
    /// # Errors
    /// If the folder, or the place where it is to be, cannot be written.
    pub fn begin(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let place = Place::of(path).map_err(failed)?;
        let staging = Staging::beside(&place).map_err(failed)?;
        fs::create_dir_all(staging.files(&place)).map_err(failed)?;
        if place.is_there() {
            // Moving is what has to be possible at the end; what a kill interrupted is put back.
            let held = Held::take(place.target()).map_err(failed)?;
            staging.clear(&place, &Moving::PutBack(&held)).map_err(failed)?;
        } else {
            staging.clear(&place, &Moving::Forget).map_err(failed)?;
        }
        Ok(Self { named: path.to_owned(), place, staging, names: Vec::new(), seal: None })
    }

    /// A file of its own, in the place of one of that name, among others that stay.
    ///
    /// # Errors
    /// If it cannot be written, or what has its name is no file.
    pub fn of_file(path: &Path, content: &[u8]) -> Result<Self, Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let (place, name) = Place::of_file(path).map_err(failed)?;
        let staging = Staging::around(&place, &name).map_err(failed)?;
        staging.clear(&place, &Moving::Leave).map_err(failed)?;
        let named = path.parent().map(Path::to_owned).unwrap_or_default();
        let mut folder = Self { named, place, staging, names: Vec::new(), seal: None };
        folder.write(&name, content)?;
        Ok(folder)
    }

    /// Opens a file of this name. It has to be flushed before the folder is sealed or committed.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn file(&mut self, name: &str) -> Result<StagedFile, Error> {
        let live = LIVE.lock();
        let file = File::create(self.staging.files(&self.place).join(name));
        drop(live);
        let file = file.map_err(|source| self.failed(name, source))?;
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
        Ok(BufWriter::with_capacity(1 << 20, file))
    }

    /// A file without a name, for what is read again before the end.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn scratch(&self) -> Result<File, Error> {
        tempfile::tempfile_in(self.staging.path()).map_err(|source| self.failed("", source))
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, name: &str, content: &[u8]) -> Result<(), Error> {
        let mut file = self.file(name)?;
        file.write_all(content).and_then(|()| file.flush()).map_err(|source| self.failed(name, source))
    }

    /// The error that a file of this name cannot be written.
    pub fn failed(&self, name: &str, source: io::Error) -> Error {
        let path = if name.is_empty() { self.named.clone() } else { self.named.join(name) };
        Error::Write { path, source }
    }

    /// Writes the file that is moved in last: an object with the content and the `files` before it, by name and hash. The
    /// files of an earlier run are those that its file of this name lists.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn seal(&mut self, name: &str, content: &impl Serialize) -> Result<(), Error> {
        let folder = self.staging.files(&self.place);
        let stamp = |file: &String| FileStamp::of(&folder.join(file)).map_err(|source| self.failed(file, source));
        let files = self.names.iter().map(stamp).collect::<Result<Vec<_>, _>>()?;
        let text = serde_json::to_vec_pretty(&Sealed { content, files: &files });
        let mut text = text.map_err(|error| self.failed(name, error.into()))?;
        text.push(b'\n');
        self.write(name, &text)?;
        self.seal = Some(name.to_owned());
        Ok(())
    }

    /// Moves all files in.
    ///
    /// # Errors
    /// If that cannot be done; what was there before is there again.
    pub fn commit(self) -> Result<(), Error> {
        let failed = |(name, source): (String, io::Error)| self.failed(&name, source);
        let whole = |source| (String::new(), source);
        if self.staging.becomes(&self.place).map_err(whole).map_err(failed)? {
            return Ok(());
        }
        let target = self.place.target();
        fs::create_dir_all(&target).map_err(whole).map_err(failed)?;
        let held = Held::take(target).map_err(whole).map_err(failed)?;
        let files = self.staging.files(&self.place);
        let Some(seal) = &self.seal else { return held.add(&files, &self.names).map_err(failed) };
        // A run that died while it moved files may have begun later than this one.
        self.staging.clear(&self.place, &Moving::PutBack(&held)).map_err(whole).map_err(failed)?;
        held.replace(self.staging.path(), &files, &self.names, seal).map_err(failed)
    }
}

/// Writes one file: whole under its name, or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    Folder::of_file(path, content)?.commit()
}
