//! Pictures without words: one pixel a value.

use image::imageops::{FilterType, resize};
use image::{GrayImage, Luma, Rgb, RgbImage, RgbaImage};

use crate::colour::{dimmed, diverging, veil};
use crate::plane::Plane;
use crate::report::InputView;
use crate::scale::Scale;
use crate::sheet::Sheet;

/// A picture's longer side never exceeds this many pixels; larger planes are shown as means of blocks.
pub const LONGEST: usize = 1024;

/// Every value by its colour.
pub fn heat_tile(plane: &Plane, scale: &Scale) -> RgbImage {
    from_values(plane, |v| diverging(scale.place(v)), RgbImage::new)
}

/// Every value by its colour and opacity, to lie over the grey input.
pub fn veil_tile(plane: &Plane, scale: &Scale) -> RgbaImage {
    from_values(plane, |v| veil(scale.place(v)), RgbaImage::new)
}

fn from_values<P: image::Pixel<Subpixel = u8>>(
    plane: &Plane,
    colour: impl Fn(f64) -> P,
    blank: impl Fn(u32, u32) -> image::ImageBuffer<P, Vec<u8>>,
) -> image::ImageBuffer<P, Vec<u8>> {
    let mut tile = blank(plane.width as u32, plane.height as u32);
    for (pixel, &value) in tile.pixels_mut().zip(&plane.values) {
        *pixel = colour(value);
    }
    tile
}

impl Sheet {
    /// (v − min) / (max − min), as a grey or RGB picture
    ///
    /// A tensor that the model takes, as people see it. Three channels are red, green and blue; any other number is
    /// shown as the mean over the channels. A constant sheet is mid-grey, and so is a value that is not a number.
    pub fn normalised(&self) -> RgbImage {
        let shown: Vec<f64> = match self.channels() {
            1 | 3 => self.values().to_vec(),
            n => self.values().chunks_exact(n).map(|pixel| pixel.iter().sum::<f64>() / n as f64).collect(),
        };
        let finite = || shown.iter().copied().filter(|v| v.is_finite());
        let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        self.rgb_image(&shown, |v| (v - low) / (high - low))
    }

    /// ½ + ½ t(v) in each of red, green and blue
    ///
    /// A row of W as a picture in colours: mid-grey is zero. `None` where the sheet has not three channels.
    pub fn rgb(&self, scale: &Scale) -> Option<RgbImage> {
        (self.channels() == 3).then(|| self.rgb_image(self.values(), |v| 0.5 + 0.5 * scale.place(v)))
    }

    fn rgb_image(&self, values: &[f64], share: impl Fn(f64) -> f64) -> RgbImage {
        let byte = |v: f64| {
            let share = share(v);
            if share.is_finite() { (share.clamp(0.0, 1.0) * 255.0).round() as u8 } else { 128 }
        };
        let pixels = self.height() * self.width();
        let mut image = RgbImage::new(self.width() as u32, self.height() as u32);
        for (pixel, values) in image.pixels_mut().zip(values.chunks_exact((values.len() / pixels).max(1))) {
            *pixel = match *values {
                [r, g, b] => Rgb([byte(r), byte(g), byte(b)]),
                _ => Rgb([byte(values.first().copied().unwrap_or(0.0)); 3]),
            };
        }
        image
    }
}

impl InputView {
    /// The input as a picture; its longer side never exceeds [`LONGEST`] pixels.
    pub fn picture(&self) -> RgbImage {
        let picture = match self {
            Self::Picture(picture) => picture.clone(),
            Self::Tensor(sheet) => sheet.normalised(),
        };
        let longest = picture.width().max(picture.height());
        if picture.width().min(picture.height()) == 0 {
            return RgbImage::from_pixel(1, 1, Rgb([128; 3]));
        }
        if longest <= LONGEST as u32 {
            return picture;
        }
        let side = |n: u32| (u64::from(n) * LONGEST as u64 / u64::from(longest)).max(1) as u32;
        resize(&picture, side(picture.width()), side(picture.height()), FilterType::Triangle)
    }

    /// The input in dimmed grey, the ground of an overlay.
    pub fn ground(&self) -> GrayImage {
        let mut grey = image::DynamicImage::ImageRgb8(self.picture()).into_luma8();
        for Luma([luma]) in grey.pixels_mut() {
            *luma = dimmed(*luma);
        }
        grey
    }
}
