//! Pictures.

use std::io;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use netfold_linear::Real;

use super::{Content, InputError};
use crate::value::Tensor;

/// A decoded picture, row by row, the channels of a pixel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (gray) or 3 (red, green, blue).
    pub channels: usize,
    /// The values, `pixels[(row · width + column) · channels + channel]`.
    pub pixels: Pixels,
}

/// The values of a picture as its file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// 8 bits a value, 0 to 255.
    Bytes(Vec<u8>),
    /// 16 bits a value, 0 to 65535.
    Words(Vec<u16>),
}

impl Pixels {
    /// The largest value that the file could hold: 255 or 65535.
    pub fn largest(&self) -> f64 {
        match self {
            Self::Bytes(_) => f64::from(u8::MAX),
            Self::Words(_) => f64::from(u16::MAX),
        }
    }

    /// All values as reals, from 0 to [`largest`](Self::largest).
    pub fn reals<T: Real>(&self) -> Vec<T> {
        match self {
            Self::Bytes(values) => values.iter().map(|&value| T::of(f64::from(value))).collect(),
            Self::Words(values) => values.iter().map(|&value| T::of(f64::from(value))).collect(),
        }
    }

    /// One value as it is shown: of 16 bits the nearest of 8 (v / 257).
    pub fn byte(&self, index: usize) -> u8 {
        match self {
            Self::Bytes(values) => values[index],
            Self::Words(values) => ((u32::from(values[index]) + 128) / 257) as u8,
        }
    }
}

impl Picture {
    /// The most pixels that a picture may have: a square of 10,000.
    pub const MAX_PIXELS: usize = 100_000_000;

    /// The most bytes that a decoder may ask for: the largest picture with four channels of 16 bits, and some room.
    const MAX_BYTES: u64 = 1 << 30;

    /// A picture of so many pixels is decoded whatever the size of its file.
    const SMALL: usize = 10_000_000;

    /// The most pixels that a byte of a larger picture's file may stand for. Deflate makes at most 1,032 bytes of one,
    /// which are 8,256 pixels of one bit.
    const DENSEST: u64 = 10_000;

    /// Reads a PNG, JPEG, WebP, TIFF, BMP or GIF file (of several frames the first one), known by its content.
    ///
    /// The picture is turned as its Exif orientation says. Gray stays one channel. Palettes are expanded. Transparency
    /// is dropped, the colour beneath it stays, which is what Pillow's `convert("RGB")` does. 16-bit values stay as they
    /// are.
    ///
    /// # Errors
    /// If the file cannot be read, is no such picture, is cut or damaged, holds values that are not of 8 or 16 bits, has
    /// more than [`Self::MAX_PIXELS`], or claims more of them than a file of its size holds.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        Self::decode(Content::File(path))
    }

    /// As [`read`](Self::read), from a file or from bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn decode(content: Content<'_>) -> Result<Self, InputError> {
        let path = content.name();
        let failed = |source| InputError::Read { path: path.to_owned(), source };
        let undecoded = |source| match source {
            ImageError::IoError(source) if source.raw_os_error().is_some() => failed(source),
            source => InputError::Decode { path: path.to_owned(), source },
        };
        let mut reader = ImageReader::new(content.reader().map_err(failed)?).with_guessed_format().map_err(failed)?;
        if reader.format().is_none() {
            return Err(InputError::NotPicture { path: path.to_owned() });
        }
        let whole = || content.whole().map_err(failed);
        let is_cut = match reader.format() {
            Some(ImageFormat::Jpeg) => is_cut_jpeg(&whole()?),
            Some(ImageFormat::WebP) => is_cut_webp(&whole()?),
            _ => false,
        };
        if is_cut {
            let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before the picture does");
            return Err(undecoded(ImageError::IoError(cut)));
        }
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(Self::MAX_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(undecoded)?;
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        check_size(width, height, || format!("`{}`", path.display()))?;
        let bytes = content.len().map_err(failed)?;
        if width * height > Self::SMALL && (width * height) as u64 / bytes.max(1) > Self::DENSEST {
            return Err(InputError::Hollow { path: path.to_owned(), width, height, bytes });
        }
        // Metadata that cannot be read says nothing about how to turn the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(undecoded)?;
        image.apply_orientation(orientation);
        let (width, height) = (image.width() as usize, image.height() as usize);
        let (channels, pixels) = match image {
            DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => {
                (1, Pixels::Bytes(image.into_luma8().into_raw()))
            }
            DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => {
                (3, Pixels::Bytes(image.into_rgb8().into_raw()))
            }
            DynamicImage::ImageLuma16(_) | DynamicImage::ImageLumaA16(_) => {
                (1, Pixels::Words(image.into_luma16().into_raw()))
            }
            DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_) => {
                (3, Pixels::Words(image.into_rgb16().into_raw()))
            }
            other => {
                let got = format!("{:?}", other.color());
                return Err(InputError::PixelType { path: path.to_owned(), got });
            }
        };
        Ok(Self { width, height, channels, pixels })
    }

    /// Height, width, channels.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// The values as reals, shape height × width × channels.
    ///
    /// # Panics
    /// If `pixels` does not hold as many values as the sizes say.
    pub fn tensor<T: Real>(&self) -> Tensor<T> {
        Tensor::new(&self.shape(), self.pixels.reals())
    }
}

/// Whether the end marker is missing behind the last scan: the decoder fills what is not there with gray and says nothing.
fn is_cut_jpeg(bytes: &[u8]) -> bool {
    // Inside a scan 0xff is never followed by either of these.
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) < last([0xff, 0xda])
}

/// Whether a WebP file ends before the chunks that it announces, or a chunk before the picture that is in it: the decoder
/// takes zeros for what is not there and says nothing.
fn is_cut_webp(bytes: &[u8]) -> bool {
    let size = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(|size| u32::from_le_bytes(size) as usize);
    let Some(end) = size(4).map(|riff| riff.saturating_add(8)).filter(|&end| end <= bytes.len()) else { return true };
    let mut at = 12;
    while at + 8 <= end {
        let Some(length) = size(at + 4).filter(|&length| length <= end - at - 8) else { return true };
        let body = &bytes[at + 8..at + 8 + length];
        if &bytes[at..at + 4] == b"VP8 " && is_cut_vp8(body) {
            return true;
        }
        at += 8 + length + length % 2;
    }
    false
}

/// Whether the first partition of a lossy frame is longer than the frame.
///
/// Source: RFC 6386, 9.1.
fn is_cut_vp8(frame: &[u8]) -> bool {
    const HEADER: usize = 10;
    let tag = frame.iter().take(3).rev().fold(0, |tag, &byte| tag << 8 | usize::from(byte));
    frame.len() < HEADER + (tag >> 5)
}

/// Refuses more than [`Picture::MAX_PIXELS`].
pub(super) fn check_size(width: usize, height: usize, what: impl Fn() -> String) -> Result<(), InputError> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= Picture::MAX_PIXELS => Ok(()),
        _ => Err(InputError::TooLarge { what: what(), width, height, most: Picture::MAX_PIXELS }),
    }
}
