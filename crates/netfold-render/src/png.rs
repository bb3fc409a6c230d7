//! Pixels to PNG bytes.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbImage, RgbaImage};

use crate::RenderError;

pub(crate) fn rgb(image: &RgbImage) -> Result<Vec<u8>, RenderError> {
    encode(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
}

pub(crate) fn rgba(image: &RgbaImage) -> Result<Vec<u8>, RenderError> {
    encode(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgba8)
}

pub(crate) fn grey(image: &GrayImage) -> Result<Vec<u8>, RenderError> {
    encode(image.as_raw(), image.width(), image.height(), ExtendedColorType::L8)
}

fn encode(raw: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive)
        .write_image(raw, width, height, colour)
        .map_err(|source| RenderError::Encode { width, height, source })?;
    Ok(bytes)
}
