//! Files that are whole or not there, and their names.

use std::io::Write;
use std::path::Path;

use crate::RenderError;

/// Writes under a temporary name in the same folder, then renames: nobody ever sees half a file.
///
/// # Errors
/// [`RenderError::Write`] with the path and the system's reason; the temporary file is gone then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RenderError> {
    let failed = |source| RenderError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".netfold-");
    #[cfg(unix)]
    // Temporary files are private by default; a result is as readable as the user's mask says.
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// `281-tabby-cat`: the index, then what of the label is safe in a file name everywhere.
///
/// The index keeps two classes of one name apart (a crane is a bird and a machine). Only ASCII letters, digits and single
/// hyphens follow it, at most 60 characters.
pub fn file_stem(index: usize, label: Option<&str>) -> String {
    const LONGEST: usize = 60;
    let mut stem = index.to_string();
    let digits = stem.len();
    for c in label.unwrap_or_default().chars() {
        let safe = if c.is_ascii_alphanumeric() { c } else { '-' };
        if stem.len() >= digits + LONGEST {
            break;
        }
        if stem.len() == digits {
            stem.push('-');
        }
        if safe != '-' || !stem.ends_with('-') {
            stem.push(safe.to_ascii_lowercase());
        }
    }
    stem.truncate(stem.trim_end_matches('-').len());
    stem
}
