//! What the explorer was started with, and what it has opened.

use std::path::PathBuf;

use netfold::model::FileStamp;
use netfold::{Budget, Options, Setup};

/// How models are opened and folded.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is asked of each model.
    pub options: Options,
    /// Names of the classes; used where there are as many as logits.
    pub labels: Vec<String>,
    /// How much memory models and what is computed with them may take together.
    pub budget: Budget,
}

/// A file that was given on the command line or uploaded.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it lies; never told by a page.
    pub path: PathBuf,
    /// Name and hash.
    pub stamp: FileStamp,
}

/// A model that was read.
pub struct Opened {
    /// The network, and what is asked of it.
    pub setup: Setup,
    /// Name and hash of its file.
    pub stamp: FileStamp,
    /// Seconds that reading took.
    pub load: f64,
}

/// What a page looks at.
#[derive(Clone, Debug)]
pub struct At {
    /// The hash of the model's file.
    pub model: String,
    /// The input.
    pub input: Source,
}
