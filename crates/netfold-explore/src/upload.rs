//! Files that pages send, written to disk while they come.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use netfold::input::{InputError, is_npy};
use netfold::model::FileStamp;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};

use crate::api_error::ApiError;
use crate::scratch::{Scratch, create};
use crate::settings::Source;

/// The largest model, in bytes.
pub const MODEL: u64 = 1 << 30;
/// The largest picture or array, in bytes.
pub const INPUT: u64 = 64 << 20;
/// The most pixels of a picture: its reals take twelve bytes a pixel.
pub const PIXELS: u64 = 50_000_000;

/// How long a sender may pause, and what it has before its pace counts.
const PAUSE: Duration = Duration::from_secs(20);
/// The slowest sender, in bytes a second.
const PACE: u64 = 16 << 10;

/// Writes the body into a folder of its own, under the last part of `name`; more than `limit` bytes are refused while
/// they come.
///
/// # Errors
/// 413 with both sizes; 408 for a sender that pauses or is too slow; what the disk says.
pub async fn receive(
    scratch: &Scratch,
    body: Body,
    headers: &HeaderMap,
    (name, limit): (&str, u64),
) -> Result<(Source, TempDir), ApiError> {
    let name = plain(name);
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(told) = told.filter(|&told| told > limit) {
        return Err(too_large(&name, told, limit));
    }
    let folder = scratch.folder()?;
    let path = folder.path().join(&name);
    let mut file = tokio::fs::File::from_std(create(&path)?);
    let (mut stream, mut size, start) = (body.into_data_stream(), 0, Instant::now());
    while let Some(chunk) = timeout(PAUSE, stream.next()).await.map_err(|_| too_slow(&name))? {
        let broken =
            |error| ApiError::new(StatusCode::BAD_REQUEST, format!("the upload of `{name}` broke off: {error}"));
        let chunk = chunk.map_err(broken)?;
        size += chunk.len() as u64;
        if size > limit {
            return Err(too_large(&name, size, limit));
        }
        if start.elapsed() > PAUSE + Duration::from_secs(size / PACE) {
            return Err(too_slow(&name));
        }
        file.write_all(&chunk).await.map_err(|error| not_written(&name, &error))?;
    }
    file.flush().await.map_err(|error| not_written(&name, &error))?;
    let told = path.clone();
    let stamp = tokio::task::spawn_blocking(move || FileStamp::of(&told)).await.map_err(std::io::Error::other)??;
    Ok((Source { path, stamp }, folder))
}

/// A full disk, as a rule.
fn not_written(name: &str, error: &std::io::Error) -> ApiError {
    let message = format!("`{name}` cannot be written to the folder for temporary files: {error}");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
        .hint("TMPDIR chooses another one when the explorer starts")
}

fn too_slow(name: &str) -> ApiError {
    let message =
        format!("`{name}` came too slowly: a pause of {} s, or less than {} KiB a second", PAUSE.as_secs(), PACE >> 10);
    ApiError::new(StatusCode::REQUEST_TIMEOUT, message)
        .hint("give the file to `netfold explore` on its command line, on the machine where it runs")
}

fn too_large(name: &str, size: u64, limit: u64) -> ApiError {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let message = format!("`{name}` has {} MiB or more; at most {} MiB are taken", mib(size), mib(limit));
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
        .hint("`netfold reconstruct` reads files of any size from disk")
}

/// Refuses what is neither an array nor a picture, and a picture with more than [`PIXELS`] before it is decoded.
///
/// # Errors
/// What is wrong with it; 413 with both sizes.
pub fn check(source: &Source) -> Result<(), ApiError> {
    let path = &source.path;
    if is_npy(path)? {
        return Ok(());
    }
    // By its content: a name that ends in .png says nothing.
    let reader = image::ImageReader::new(BufReader::new(File::open(path)?)).with_guessed_format()?;
    if reader.format().is_none() {
        return Err(InputError::NotPicture { path: path.clone() }.into());
    }
    match reader.into_dimensions() {
        Ok((width, height)) if u64::from(width) * u64::from(height) > PIXELS => {
            let name = &source.stamp.file;
            let message = format!("`{name}` has {width} x {height} pixels; the explorer takes at most {PIXELS}");
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
                .hint("make it smaller, or use `netfold reconstruct`, which takes twice as many"))
        }
        // A damaged picture is told by the decoder.
        _ => Ok(()),
    }
}

/// Bytes of a name that are kept; file systems take 255.
const NAME: usize = 200;

/// The last part of a name, of characters that no file system takes for anything else.
fn plain(name: &str) -> String {
    let last = Path::new(name).file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let kept: String =
        last.chars().map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' }).collect();
    let kept = kept[..kept.floor_char_boundary(NAME)].trim_start_matches('.');
    if kept.is_empty() { "upload".into() } else { kept.into() }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_are_names_and_no_paths() {
        for (given, kept) in [
            ("cat.png", "cat.png"),
            ("../../etc/passwd", "passwd"),
            ("a\\b:c\0.onnx", "a_b_c_.onnx"),
            ("..", "upload"),
            (".profile", "profile"),
            ("", "upload"),
        ] {
            assert_eq!(plain(given), kept);
        }
        // Four bytes each.
        assert_eq!(plain(&"𠀀".repeat(100)), "𠀀".repeat(50));
    }
}
