//! What several tests share: real trained networks, where the folder beside the checkout is there, and random ones.
#![allow(dead_code, missing_docs)]

pub mod random;

use std::path::{Path, PathBuf};

use netfold::Tensor;
use netfold::input::read_npy;
use netfold_linear::Real;

/// One sample of a network: its name, the tensor that the model takes, and what onnxruntime gives.
pub struct Sample {
    pub name: String,
    pub input: PathBuf,
    pub expected: PathBuf,
}

/// The folder of real networks, `NETFOLD_ZOO` or `../shared/zoo` from the checkout; `None`, with a visible line, where
/// it is not there.
pub fn zoo() -> Option<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = checkout.join(std::env::var_os("NETFOLD_ZOO").unwrap_or_else(|| "../shared/zoo".into()));
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no real networks at {}", folder.display());
    None
}

/// Every network of the zoo, sorted.
pub fn networks(zoo: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(zoo)
        .expect("the zoo is readable")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("model.onnx").is_file())
        .collect();
    found.sort();
    found
}

/// The samples of one network: arrays with an expected output (its first, where there are several).
pub fn samples(network: &Path) -> Vec<Sample> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(network).expect("the network's folder is readable") {
        let input = entry.expect("an entry").path();
        let name = input.file_name().unwrap().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".npy").filter(|stem| !stem.contains(".expected_output")) else { continue };
        let expected = ["expected_output", "expected_output0"].map(|kind| network.join(format!("{stem}.{kind}.npy")));
        if let Some(expected) = expected.into_iter().find(|path| path.is_file()) {
            found.push(Sample { name: stem.to_owned(), input, expected });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// An array of a file.
pub fn array<T: Real>(path: &Path) -> Tensor<T> {
    read_npy(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
