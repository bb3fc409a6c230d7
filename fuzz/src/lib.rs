//! What the fuzz targets share.

use std::path::PathBuf;

/// A file with this content, for a reader that takes a path: one for each process and target.
///
/// # Panics
/// If the folder for temporary files cannot be written.
pub fn file_of(target: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("netfold-fuzz-{target}-{}", std::process::id()));
    std::fs::write(&path, content).expect("temporary files can be written");
    path
}
