//! Pictures.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use netfold_linear::Real;

use super::InputError;
use crate::value::Tensor;

/// A decoded picture: 8 bits a value, row by row, the channels of a pixel together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (gray) or 3 (red, green, blue).
    pub channels: usize,
    /// The values, `pixels[(row · width + column) · channels + channel]`.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// The most pixels that a picture may have: a square of 10,000.
    pub const MAX_PIXELS: usize = 100_000_000;

    /// The most bytes that a decoder may ask for: the largest picture with four channels of 16 bits, and some room.
    const MAX_BYTES: u64 = 1 << 30;

    /// Reads a PNG, JPEG, WebP, TIFF, BMP or GIF file (of several frames the first one), known by its content.
    ///
    /// The picture is turned as its Exif orientation says. Gray stays one channel. Palettes are expanded. Transparency
    /// is dropped, the colour beneath it stays, which is what Pillow's `convert("RGB")` does. 16-bit values become the
    /// nearest of 8 bits (v / 257).
    ///
    /// # Errors
    /// If the file cannot be read, is no such picture, is damaged, or has more than [`Self::MAX_PIXELS`].
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let failed = |source| InputError::Read { path: path.to_owned(), source };
        let undecoded = |source| match source {
            ImageError::IoError(source) if source.raw_os_error().is_some() => failed(source),
            source => InputError::Decode { path: path.to_owned(), source },
        };
        let file = BufReader::new(File::open(path).map_err(failed)?);
        let mut reader = ImageReader::new(file).with_guessed_format().map_err(failed)?;
        if reader.format().is_none() {
            return Err(InputError::NotPicture { path: path.to_owned() });
        }
        if reader.format() == Some(ImageFormat::Jpeg) && is_cut_jpeg(&std::fs::read(path).map_err(failed)?) {
            let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before the picture does");
            return Err(undecoded(ImageError::IoError(cut)));
        }
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(Self::MAX_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(undecoded)?;
        let (width, height) = decoder.dimensions();
        check_size(width as usize, height as usize, || format!("`{}`", path.display()))?;
        // Metadata that cannot be read says nothing about how to turn the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(undecoded)?;
        image.apply_orientation(orientation);
        Ok(Self::from_image(image))
    }

    fn from_image(image: DynamicImage) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        if image.color().has_color() {
            Self { width, height, channels: 3, pixels: image.into_rgb8().into_raw() }
        } else {
            Self { width, height, channels: 1, pixels: image.into_luma8().into_raw() }
        }
    }

    /// Height, width, channels.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// The values as reals from 0 to 255, shape height × width × channels.
    ///
    /// # Panics
    /// If `pixels` does not hold as many values as the sizes say.
    pub fn tensor<T: Real>(&self) -> Tensor<T> {
        Tensor::new(&self.shape(), self.pixels.iter().map(|&value| T::of(f64::from(value))).collect())
    }
}

/// Whether the end marker is missing behind the last scan: the decoder fills what is not there with gray and says nothing.
fn is_cut_jpeg(bytes: &[u8]) -> bool {
    // Inside a scan 0xff is never followed by either of these.
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) < last([0xff, 0xda])
}

/// Refuses more than [`Picture::MAX_PIXELS`].
pub(super) fn check_size(width: usize, height: usize, what: impl Fn() -> String) -> Result<(), InputError> {
    match width.checked_mul(height) {
        Some(pixels) if pixels <= Picture::MAX_PIXELS => Ok(()),
        _ => Err(InputError::TooLarge { what: what(), width, height }),
    }
}
