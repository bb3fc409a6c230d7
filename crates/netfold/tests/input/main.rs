//! Pictures, arrays, layouts and preprocessing.

// Numbers that are only moved or converted are the same to the last bit.
#![allow(clippy::float_cmp)]

mod arrays;
#[path = "../common/mod.rs"]
mod common;
mod elements;
mod layouts;
mod pictures;
mod pixels;
mod presets;
mod zoo;

use std::path::PathBuf;

use netfold_onnx::Dim;

/// Axes: a number, or `None` for a symbolic one.
fn dims<const N: usize>(sizes: [Option<usize>; N]) -> Vec<Dim> {
    let dim = |(axis, size): (usize, Option<usize>)| size.map_or(Dim::Symbol(format!("s{axis}")), Dim::Known);
    sizes.into_iter().enumerate().map(dim).collect()
}

/// A folder that goes away, and a file in it with this content.
fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// The message and all its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
