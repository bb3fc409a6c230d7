//! PNG files with one byte a pixel: still pictures and animations.

use std::collections::BTreeMap;

use image::RgbImage;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

use crate::error::{Error, Result};

/// A picture; with a palette where 256 colours are enough.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    encode(std::slice::from_ref(picture), &[])
}

/// Pictures of one size, each shown for so many milliseconds, over and over.
pub fn animation(frames: &[(RgbImage, u16)]) -> Result<Vec<u8>> {
    let (pictures, delays): (Vec<RgbImage>, Vec<u16>) = frames.iter().cloned().unzip();
    encode(&pictures, &delays)
}

fn encode(frames: &[RgbImage], delays: &[u16]) -> Result<Vec<u8>> {
    write(frames, delays).map_err(|cause| Error::Failed(format!("cannot encode a PNG: {cause}")))
}

fn write(frames: &[RgbImage], delays: &[u16]) -> std::result::Result<Vec<u8>, EncodingError> {
    let (width, height) = frames.first().map_or((0, 0), RgbImage::dimensions);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    let places = places(frames);
    if let Some(places) = &places {
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(places.keys().flatten().copied().collect::<Vec<u8>>());
        encoder.set_filter(Filter::NoFilter);
    } else {
        encoder.set_color(ColorType::Rgb);
        encoder.set_filter(Filter::Adaptive);
    }
    if !delays.is_empty() {
        encoder.set_animated(frames.len() as u32, 0)?;
    }
    let mut writer = encoder.write_header()?;
    for (index, frame) in frames.iter().enumerate() {
        if let Some(&delay) = delays.get(index) {
            writer.set_frame_delay(delay, 1000)?;
        }
        match &places {
            Some(places) => {
                let pixels: Vec<u8> = frame.pixels().filter_map(|pixel| places.get(&pixel.0).copied()).collect();
                writer.write_image_data(&pixels)?;
            }
            None => writer.write_image_data(frame.as_raw())?,
        }
    }
    writer.finish()?;
    Ok(bytes)
}

/// The palette's place of every colour; `None` where there are more than 256.
fn places(frames: &[RgbImage]) -> Option<BTreeMap<[u8; 3], u8>> {
    let mut places = BTreeMap::new();
    for pixel in frames.iter().flat_map(|frame| frame.pixels()) {
        places.insert(pixel.0, 0);
        if places.len() > 256 {
            return None;
        }
    }
    places.values_mut().zip(0..=255).for_each(|(place, number)| *place = number);
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn colours_come_back_with_and_without_a_palette() {
        let few = RgbImage::from_fn(20, 10, |x, y| Rgb([x as u8, y as u8, 7]));
        let many = RgbImage::from_fn(40, 40, |x, y| Rgb([x as u8, y as u8, 7]));
        for picture in [few, many] {
            let bytes = png(&picture).expect("encode");
            assert_eq!(image::load_from_memory(&bytes).expect("decode").into_rgb8(), picture);
        }
    }

    #[test]
    fn an_animation_has_all_its_frames() {
        let frames: Vec<_> =
            (0..3).map(|i| (RgbImage::from_pixel(4, 4, Rgb([i, 0, 0])), 100 * (1 + u16::from(i)))).collect();
        let bytes = animation(&frames).expect("encode");
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("decode");
        assert_eq!(reader.info().animation_control.expect("animated").num_frames, 3);
        let mut buffer = vec![0; reader.output_buffer_size().expect("size")];
        for (frame, delay) in frames {
            reader.next_frame(&mut buffer).expect("frame");
            assert_eq!(reader.info().frame_control.expect("control").delay_num, delay);
            let palette = reader.info().palette.clone().expect("palette");
            assert_eq!(palette[3 * buffer[0] as usize], frame.get_pixel(0, 0).0[0]);
        }
    }
}
