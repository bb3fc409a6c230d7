//! A sheet of paper: rectangles, cells and words.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use image::{Rgb, RgbImage};

use crate::colour::blend;

/// Hack, from the `epaint_default_fonts` crate: a binary that draws text anywhere must carry its font, and this one
/// comes as a dependency under the MIT and Bitstream Vera licences. Only the font that is named is linked in.
static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(epaint_default_fonts::HACK_REGULAR).ok());

/// Which point of a line of text is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

/// Size and colour of a line of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    pub(crate) size: f32,
    pub(crate) colour: Rgb<u8>,
}

/// Everything outside is silently cut off.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    pub(crate) image: RgbImage,
}

impl Canvas {
    /// Empty paper.
    pub(crate) fn new(width: u32, height: u32, paper: Rgb<u8>) -> Self {
        Self { image: RgbImage::from_pixel(width, height, paper) }
    }

    /// A filled rectangle with its corner at (x, y).
    pub(crate) fn rect(&mut self, x: u32, y: u32, width: u32, height: u32, colour: Rgb<u8>) {
        for row in y..y.saturating_add(height).min(self.image.height()) {
            for column in x..x.saturating_add(width).min(self.image.width()) {
                self.image.put_pixel(column, row, colour);
            }
        }
    }

    /// A picture with its corner at (x, y).
    pub(crate) fn paste(&mut self, picture: &RgbImage, x: u32, y: u32) {
        image::imageops::replace(&mut self.image, picture, i64::from(x), i64::from(y));
    }

    /// One line of text whose upper edge is at y.
    pub(crate) fn text(&mut self, x: u32, y: u32, align: Align, ink: Ink, text: &str) {
        let Some(font) = FONT.as_ref() else { return };
        let scaled = font.as_scaled(PxScale::from(ink.size));
        let mut pen = x as f32
            - match align {
                Align::Left => 0.0,
                Align::Centre => text_width(text, ink.size) / 2.0,
                Align::Right => text_width(text, ink.size),
            };
        let baseline = y as f32 + scaled.ascent();
        for c in text.chars() {
            let id = scaled.glyph_id(c);
            let glyph = id.with_scale_and_position(PxScale::from(ink.size), ab_glyph::point(pen, baseline));
            pen += scaled.h_advance(id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, coverage| {
                let (px, py) = (corner.x + dx as f32, corner.y + dy as f32);
                if px >= 0.0
                    && py >= 0.0
                    && let Some(pixel) = self.image.get_pixel_mut_checked(px as u32, py as u32)
                {
                    *pixel = blend(*pixel, ink.colour, f64::from(coverage.clamp(0.0, 1.0)));
                }
            });
        }
    }
}

/// Width of a line of text in pixels.
pub(crate) fn text_width(text: &str, size: f32) -> f32 {
    FONT.as_ref().map_or(0.0, |font| {
        let scaled = font.as_scaled(PxScale::from(size));
        text.chars().map(|c| scaled.h_advance(scaled.glyph_id(c))).sum()
    })
}

/// The text cut to a width, with an ellipsis where something is missing. Control characters become spaces.
pub(crate) fn fitted(text: &str, size: f32, width: u32) -> String {
    let fits = |text: &str| text_width(text, size) <= width as f32;
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1000).collect();
    if fits(&text) {
        return text;
    }
    while text.pop().is_some() {
        let cut = format!("{}…", text.trim_end());
        if fits(&cut) {
            return cut;
        }
    }
    text
}

/// The text broken at spaces into lines that fit a width.
pub(crate) fn wrapped(text: &str, size: f32, width: u32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(" ", size) + text_width(word, size) <= width as f32 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fitted(word, size, width)),
        }
    }
    lines
}

/// Every pixel as a cell of factor x factor pixels.
pub(crate) fn enlarged(picture: &RgbImage, factor: u32) -> RgbImage {
    if factor <= 1 {
        return picture.clone();
    }
    RgbImage::from_fn(picture.width() * factor, picture.height() * factor, |x, y| {
        *picture.get_pixel(x / factor, y / factor)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_there_and_has_the_signs_that_numbers_need() {
        let font = FONT.as_ref().expect("Hack is a font");
        for c in "0123456789+−.,e%…∘Σ×→←".chars() {
            assert_ne!(font.glyph_id(c).0, 0, "no glyph for {c}");
        }
    }

    #[test]
    fn long_text_is_cut_or_broken_to_the_width() {
        let cut = fitted(&"x".repeat(5000), 13.0, 200);
        assert!(cut.ends_with('…') && text_width(&cut, 13.0) <= 200.0);
        assert_eq!(fitted("anything", 13.0, 1), "");
        assert_eq!(fitted("two\nlines", 13.0, 400), "two lines");
        let lines = wrapped("clipped at the 99.5 % quantile: 0.5 % of pixels lie beyond", 13.0, 150);
        assert!(lines.len() > 2 && lines.iter().all(|line| text_width(line, 13.0) <= 150.0));
    }

    #[test]
    fn text_beyond_the_edge_is_cut_off() {
        let mut canvas = Canvas::new(20, 10, Rgb([255; 3]));
        let ink = Ink { size: 30.0, colour: Rgb([0; 3]) };
        canvas.text(0, 0, Align::Right, ink, "outside");
        canvas.text(18, 5, Align::Left, ink, "outside");
        canvas.rect(15, 5, u32::MAX, u32::MAX, Rgb([1, 2, 3]));
        assert_eq!(canvas.image.get_pixel(19, 9), &Rgb([1, 2, 3]));
    }
}
