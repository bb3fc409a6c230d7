//! Names of files.

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
