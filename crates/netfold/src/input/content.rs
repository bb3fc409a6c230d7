//! Where the bytes of a picture or an array are.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Seek};
use std::path::Path;

/// A file, or bytes in memory.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// The file at this path.
    File(&'a Path),
    /// What a file would hold.
    Bytes(&'a [u8]),
}

/// What decoders read from.
pub(super) trait Reader: BufRead + Seek {}

impl<R: BufRead + Seek> Reader for R {}

impl<'a> Content<'a> {
    /// What messages name: the path, or `bytes`.
    pub(super) fn name(self) -> &'a Path {
        match self {
            Self::File(path) => path,
            Self::Bytes(_) => Path::new("bytes"),
        }
    }

    pub(super) fn reader(self) -> io::Result<Box<dyn Reader + 'a>> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::new(File::open(path)?)),
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
        })
    }

    pub(super) fn len(self) -> io::Result<u64> {
        match self {
            Self::File(path) => Ok(std::fs::metadata(path)?.len()),
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
        }
    }

    pub(super) fn whole(self) -> io::Result<Cow<'a, [u8]>> {
        match self {
            Self::File(path) => std::fs::read(path).map(Cow::Owned),
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }
}
