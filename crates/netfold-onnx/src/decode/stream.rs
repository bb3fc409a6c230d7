//! A file, read as it is decoded.

use bytes::{Buf, Bytes};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Bytes that are read at once, unless a field has more.
const BLOCK: u64 = 1 << 16;

/// A regular file as a [`Buf`]: each long field is read into bytes of its own, so that the weights of a network are
/// never all there twice.
///
/// A `Buf` cannot fail. Where reading does, zeros take the place of what is missing; see [`Stream::finish`].
pub(super) struct Stream {
    file: File,
    /// Bytes of the file that were not handed on yet, those in `block` too.
    left: u64,
    block: Vec<u8>,
    at: usize,
    failed: Option<io::Error>,
}

impl Stream {
    /// Opens a file; `None` for a pipe or a device, which has no length.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        // Looked at before it is opened: opening a pipe waits for somebody to write.
        if !path.metadata()?.is_file() {
            return Ok(None);
        }
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        let mut stream = Self { file, left, block: Vec::new(), at: 0, failed: None };
        stream.fill();
        Ok(Some(stream))
    }

    /// What went wrong while the file was read.
    pub(super) fn finish(self) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    /// Reads the next block.
    fn fill(&mut self) {
        self.block = self.read(self.left.min(BLOCK) as usize);
        self.at = 0;
    }

    /// The next bytes of the file, zeros where there are none.
    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        let got = (&mut self.file).take(len as u64).read_to_end(&mut bytes);
        if let Err(error) = got {
            self.failed.get_or_insert(error);
        } else if bytes.len() < len {
            self.failed.get_or_insert(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.resize(len, 0);
        bytes
    }
}

impl Buf for Stream {
    fn remaining(&self) -> usize {
        self.left as usize
    }

    fn chunk(&self) -> &[u8] {
        &self.block[self.at..]
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining(), "no further than the end");
        while count > 0 {
            let step = count.min(self.block.len() - self.at);
            (self.at, self.left, count) = (self.at + step, self.left - step as u64, count - step);
            if self.at == self.block.len() {
                self.fill();
            }
        }
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        assert!(len <= self.remaining(), "no further than the end");
        let here = len.min(self.block.len() - self.at);
        if here == len {
            let bytes = Bytes::copy_from_slice(&self.chunk()[..len]);
            self.advance(len);
            return bytes;
        }
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(self.chunk());
        self.left -= len as u64;
        bytes.extend(self.read(len - here));
        self.fill();
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_steps_give_the_file() {
        let whole: Vec<u8> = (0..300_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &whole).unwrap();
        for steps in [vec![1, 7, 70_000, 3], vec![65_536, 65_536], vec![0, 200_000, 65_535, 2], vec![300_000]] {
            let mut stream = Stream::open(file.path()).unwrap().unwrap();
            let mut got = Vec::new();
            for (index, step) in steps.iter().cycle().enumerate().take(400) {
                let step = (*step).min(stream.remaining());
                if index % 3 == 2 {
                    let from = got.len();
                    stream.advance(step);
                    got.extend_from_slice(&whole[from..from + step]);
                } else {
                    got.extend(stream.copy_to_bytes(step));
                }
                assert!(stream.remaining() == 0 || !stream.chunk().is_empty());
                assert!(whole[got.len()..].starts_with(stream.chunk()));
            }
            got.extend(stream.copy_to_bytes(stream.remaining()));
            assert!(got == whole, "{steps:?}");
            stream.finish().unwrap();
        }
    }

    #[test]
    fn a_file_that_shrinks_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 200_000]).unwrap();
        let mut stream = Stream::open(file.path()).unwrap().unwrap();
        file.as_file().set_len(100_000).unwrap();
        assert_eq!(stream.copy_to_bytes(200_000).len(), 200_000);
        assert_eq!(stream.finish().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
