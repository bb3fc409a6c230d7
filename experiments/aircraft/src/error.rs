//! What can go wrong, in one line, and the exit code that says whose fault it is.

use std::path::Path;

/// A message of one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The words or the files that were given cannot be used: exit code 2.
    #[error("{0}")]
    Input(String),
    /// The work could not be done: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// The one-layer model is not the network: exit code 3.
    #[error("{0}")]
    NotEqual(String),
}

impl Error {
    /// 2 for wrong usage or input, 3 for models that are not equal, 1 for all else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Failed(_) => 1,
            Self::NotEqual(_) => 3,
        }
    }

    /// What was given at `path` cannot be used.
    pub fn input(path: &Path, cause: impl std::fmt::Display) -> Self {
        Self::Input(format!("{}: {cause}", path.display()))
    }

    /// The result could not be written to `path`.
    pub fn output(path: &Path, cause: impl std::fmt::Display) -> Self {
        Self::Failed(format!("cannot write {}: {cause}", path.display()))
    }
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;
