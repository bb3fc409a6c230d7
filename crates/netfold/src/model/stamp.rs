//! Name and hash of a file.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A file and what identifies it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileStamp {
    /// Its name, without folders.
    pub file: String,
    /// SHA-256 of its content.
    pub sha256: String,
}

impl FileStamp {
    /// The stamp of a file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
        loop {
            let block = reader.fill_buf()?;
            if block.is_empty() {
                break;
            }
            hasher.update(block);
            let read = block.len();
            reader.consume(read);
        }
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { file, sha256: hex(hasher) })
    }

    /// The stamp of bytes that are in no file, under a name that says what they are.
    pub(crate) fn of_bytes<'b>(name: &str, blocks: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let mut hasher = Sha256::new();
        blocks.into_iter().for_each(|block| hasher.update(block));
        Self { file: name.to_owned(), sha256: hex(hasher) }
    }
}

fn hex(hasher: Sha256) -> String {
    let mut text = String::new();
    for byte in hasher.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
