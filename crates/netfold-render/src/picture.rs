//! Pictures with a legend: what `weights-<class>.png` and its siblings hold.

use std::path::Path;

use image::imageops::{FilterType, resize};
use image::{GrayImage, Luma, Rgb, RgbImage};

use crate::RenderError;
use crate::canvas::{Align, Canvas, Ink, enlarged, fitted, wrapped};
use crate::colour::{dimmed, diverging, veiled};
use crate::number::significant;
use crate::plane::Plane;
use crate::plot::Plot;
use crate::png;
use crate::report::InputView;
use crate::scale::Scale;
use crate::sheet::Kind;
use crate::tile::{LONGEST, heat_tile};

pub(crate) const PAPER: Rgb<u8> = Rgb([255; 3]);
pub(crate) const TEXT: Rgb<u8> = Rgb([28, 32, 40]);
pub(crate) const QUIET: Rgb<u8> = Rgb([95, 102, 114]);
pub(crate) const HAIRLINE: Rgb<u8> = Rgb([208, 212, 219]);

/// The words around a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// The first line: the class, such as `tabby cat (281)`.
    pub title: String,
    /// The second line: what is shown, such as `weights, summed over 3 channels`.
    pub subtitle: String,
    /// What the numbers of the legend are measured in, such as `logit per model unit`.
    pub unit: String,
}

/// A finished picture: title, coloured cells, colour bar with −limit, 0 and +limit, unit, share of clipped pixels.
///
/// Small inputs are enlarged by a whole factor to about 500 pixels, every value a crisp cell; large ones are shown as
/// means of blocks, and the picture says so. The scale is the caller's, so that several pictures can share one; for a
/// large plane, make it over [`Plane::shrunk`] to [`LONGEST`], which is what will be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub(crate) image: RgbImage,
}

impl Picture {
    /// The longer side that small inputs are enlarged to, at most.
    pub const SIDE: usize = 512;
    /// Width and height of what shows a signal or a list.
    pub const STRIP: (u32, u32) = (960, 280);

    /// Weights or contributions: every value by its colour; a signal as a line over its colours, a list as bars.
    pub fn heat(plane: &Plane, scale: &Scale, caption: &Caption) -> Self {
        let plane = &shown(plane);
        let body = match plane.kind() {
            Kind::Picture => enlarged(&heat_tile(plane, scale), factor(plane)),
            kind => {
                let plot = Plot { kind, heights: plane.values(), colours: Some((plane, scale)) };
                plot.draw(Self::STRIP.0, Self::STRIP.1)
            }
        };
        Self::framed(&body, plane, scale, caption, diverging)
    }

    /// The input in grey under the contributions, which are the more opaque the larger they are.
    ///
    /// Of a signal or a list, the input gives the heights and the contributions give the colours.
    pub fn overlay(input: &InputView, plane: &Plane, scale: &Scale, caption: &Caption) -> Self {
        let plane = &shown(plane);
        if plane.kind() != Kind::Picture {
            let plot = Plot { kind: plane.kind(), heights: &input.heights(), colours: Some((plane, scale)) };
            let body = plot.draw(Self::STRIP.0, Self::STRIP.1);
            return Self::framed(&body, plane, scale, caption, diverging);
        }
        let factor = factor(plane);
        let (width, height) = (plane.width() as u32, plane.height() as u32);
        let ground = fitted_ground(input.ground(), width, height, factor);
        let body = RgbImage::from_fn(width * factor, height * factor, |x, y| {
            let value = plane.values()[((y / factor) * width + x / factor) as usize];
            veiled(ground.get_pixel(x, y).0[0], scale.place(value))
        });
        Self::framed(&body, plane, scale, caption, |t| veiled(dimmed(128), t))
    }

    /// The pixels.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The picture as the bytes of a PNG file.
    ///
    /// # Errors
    /// [`RenderError::Encode`]
    pub fn png(&self) -> Result<Vec<u8>, RenderError> {
        png::rgb(&self.image)
    }

    /// Writes the PNG file, whole or not at all.
    ///
    /// # Errors
    /// [`RenderError::Write`] with the path, [`RenderError::Encode`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), RenderError> {
        Ok(netfold::output::folder::write(path.as_ref(), &self.png()?)?)
    }

    /// Title above, legend below.
    fn framed(
        body: &RgbImage,
        plane: &Plane,
        scale: &Scale,
        caption: &Caption,
        colour: impl Fn(f64) -> Rgb<u8>,
    ) -> Self {
        let across = body.width().max(448);
        // Words grow with the picture, so that a large one can be read when it is shown small.
        let unit = (across as f32 / 720.0).clamp(1.0, 2.0);
        let px = |n: f32| (n * unit).round() as u32;
        let title = Ink { size: 21.0 * unit, colour: TEXT };
        let plain = Ink { size: 14.0 * unit, colour: TEXT };
        let quiet = Ink { size: 13.0 * unit, colour: QUIET };
        let margin = px(26.0);
        let subtitle = match plane.block() {
            1 => caption.subtitle.clone(),
            k => format!("{}; each cell is the mean of {k} × {k} pixels", caption.subtitle),
        };
        let above = wrapped(&subtitle, quiet.size, across);
        let below = wrapped(&scale.statement(plane.kind()), quiet.size, across);
        let line = px(19.0);
        let top = margin + px(30.0) + above.len() as u32 * line + px(12.0);
        let bar = top + body.height() + px(20.0);
        let words = bar + px(14.0) + px(7.0);
        let height = words + 2 * px(21.0) + px(3.0) + below.len() as u32 * line + margin;
        let mut canvas = Canvas::new(across + 2 * margin, height, PAPER);

        canvas.text(margin, margin, Align::Left, title, &fitted(&caption.title, title.size, across));
        for (i, text) in above.iter().enumerate() {
            canvas.text(margin, margin + px(30.0) + i as u32 * line, Align::Left, quiet, text);
        }
        let left = margin + (across - body.width()) / 2;
        canvas.rect(left - 1, top - 1, body.width() + 2, body.height() + 2, HAIRLINE);
        canvas.paste(body, left, top);

        canvas.rect(margin - 1, bar - 1, across + 2, px(14.0) + 2, HAIRLINE);
        for x in 0..across {
            let t = 2.0 * f64::from(x) / f64::from(across - 1) - 1.0;
            canvas.rect(margin + x, bar, 1, px(14.0), colour(t));
        }
        let limit = significant(scale.limit, 3);
        let (middle, right) = (margin + across / 2, margin + across);
        canvas.text(margin, words, Align::Left, plain, &format!("−{limit}"));
        canvas.text(middle, words, Align::Centre, plain, "0");
        canvas.text(right, words, Align::Right, plain, &format!("+{limit}"));
        let second = words + px(20.0);
        canvas.text(margin, second, Align::Left, quiet, "against");
        canvas.text(middle, second, Align::Centre, quiet, &fitted(&caption.unit, quiet.size, across * 7 / 10));
        canvas.text(right, second, Align::Right, quiet, "for");
        for (i, text) in below.iter().enumerate() {
            canvas.text(margin, second + px(24.0) + i as u32 * line, Align::Left, quiet, text);
        }
        Self { image: canvas.image }
    }
}

/// Pictures are shrunk to what can be looked at; signals keep their samples, the plot reduces them.
fn shown(plane: &Plane) -> Plane {
    if plane.kind() == Kind::Picture { plane.clone().shrunk(LONGEST) } else { plane.clone() }
}

fn factor(plane: &Plane) -> u32 {
    (Picture::SIDE / plane.width().max(plane.height())).max(1) as u32
}

/// An input of the plane's size becomes cells; any other one keeps its detail.
fn fitted_ground(ground: GrayImage, width: u32, height: u32, factor: u32) -> GrayImage {
    let size = (width * factor, height * factor);
    if ground.dimensions() == size {
        ground
    } else if ground.dimensions() == (width, height) {
        GrayImage::from_fn(size.0, size.1, |x, y| Luma(ground.get_pixel(x / factor, y / factor).0))
    } else {
        resize(&ground, size.0, size.1, FilterType::Triangle)
    }
}
