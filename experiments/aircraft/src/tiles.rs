//! Images, weights and contributions as tiles, and the bars that say what their colours mean.

use image::{Rgb, RgbImage};
use netfold_render::{Layout, Order, Plane, Scale, Sheet, View, diverging};

use crate::dataset::{Picture, SHOWN_DECIBELS};
use crate::drawing::{Align, Drawing, Ink, QUIET, TEXT, text_width};
use crate::error::{Error, Result};

/// Colours on either side of zero: fewer than the eye can tell apart, so that a PNG needs one byte a pixel.
const STEPS: f64 = 60.0;
/// Grey levels, for the same reason.
const GREYS: f64 = 63.0;
/// Height of a legend's bar.
const BAR: u32 = 10;

/// Numbers of a square image, arranged as the image is.
pub fn plane(values: &[f64], side: usize) -> Result<Plane> {
    let layout = Layout::Picture { height: side, width: side, channels: 1, order: Order::ChannelsFirst };
    let sheet = Sheet::arrange(values, layout).map_err(|cause| Error::Failed(cause.to_string()))?;
    Ok(sheet.plane(View::Sum))
}

/// Every value by its colour: red for the output, blue against it, near-white zero.
pub fn heat(plane: &Plane, scale: &Scale) -> RgbImage {
    let colour = |value: f64| stepped(scale.place(value));
    RgbImage::from_fn(plane.width() as u32, plane.height() as u32, |x, y| {
        colour(plane.values()[y as usize * plane.width() + x as usize])
    })
}

/// The radar image as it is.
pub fn radar(picture: &Picture) -> RgbImage {
    let side = picture.label.size as u32;
    RgbImage::from_fn(side, side, |x, y| grey(f64::from(picture.grey[(y * side + x) as usize]) / 255.0))
}

/// A bar from −limit to +limit, `long` units; its numbers' right end stands at `at`, on the baseline.
pub fn scale_bar(drawing: &mut Drawing, at: [u32; 2], long: u32, scale: &Scale) {
    let limit = format!("{:.*}", decimals(scale.limit), scale.limit);
    let ends = [format!("−{limit}"), format!("+{limit}")];
    bar(drawing, at, long, &ends, |t| stepped(2.0 * t - 1.0));
}

/// The bar of the radar image: decibels under the brightest pixel.
pub fn radar_bar(drawing: &mut Drawing, at: [u32; 2], long: u32) {
    bar(drawing, at, long, &[format!("−{SHOWN_DECIBELS}"), "0 dB".to_owned()], grey);
}

fn bar(drawing: &mut Drawing, [right, y]: [u32; 2], long: u32, ends: &[String; 2], colour: impl Fn(f64) -> Rgb<u8>) {
    let ink = Ink { size: 13.0, colour: TEXT };
    let after = text_width(&ends[1], ink.size).ceil() as u32;
    let left = right.saturating_sub(after + 7 + long);
    drawing.rect([left - 1, y - BAR - 1, long + 2, BAR + 2], QUIET);
    drawing.ramp([left, y - BAR, long, BAR], colour);
    drawing.text(left - 7, y, Align::Right, ink, &*ends[0]);
    drawing.text(left + long + 7, y, Align::Left, ink, &*ends[1]);
}

/// Decimals that give a number two significant digits.
fn decimals(value: f64) -> usize {
    if value > 0.0 { (1.0 - value.log10().floor()).clamp(0.0, 9.0) as usize } else { 0 }
}

fn stepped(t: f64) -> Rgb<u8> {
    diverging((STEPS * t).round() / STEPS)
}

fn grey(share: f64) -> Rgb<u8> {
    Rgb([(255.0 * (GREYS * share).round() / GREYS).round() as u8; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_few_and_zero_is_neutral() {
        let values: Vec<f64> = (0..4096).map(|i| f64::from(i) / 2048.0 - 1.0).collect();
        let plane = plane(&values, 64).expect("a square");
        let tile = heat(&plane, &Scale::over([&plane]));
        let mut colours: Vec<_> = tile.pixels().map(|pixel| pixel.0).collect();
        assert_eq!(tile.get_pixel(0, 32), &diverging(0.0));
        colours.sort_unstable();
        colours.dedup();
        assert!(colours.len() <= 121, "{}", colours.len());
    }

    #[test]
    fn legends_have_two_digits() {
        assert_eq!([0.25, 2.5, 25.0, 0.025, 0.0].map(decimals), [2, 1, 0, 3, 0]);
    }
}
