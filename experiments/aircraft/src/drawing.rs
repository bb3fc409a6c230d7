//! A drawing: words, rectangles and tiles on white paper, as SVG and as PNG from one list.

use std::fmt::Write;
use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{Rgb, RgbImage};

use crate::error::Result;
use crate::palette;

/// Device pixels of the PNG for one unit of the drawing: sharp on dense screens.
pub const DENSITY: u32 = 2;
/// Paper.
pub const PAPER: Rgb<u8> = Rgb([255; 3]);
/// Words that are read first.
pub const TEXT: Rgb<u8> = Rgb([24, 28, 36]);
/// Words that are read later.
pub const QUIET: Rgb<u8> = Rgb([92, 98, 110]);
/// Steps of opacity of a letter's edge, so that a PNG needs few colours.
const EDGE_STEPS: f32 = 12.0;

/// Ubuntu Light, from the `epaint_default_fonts` crate.
static FONT: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).expect("the crate's font is a font"));

/// Which point of a line of text is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Its left end.
    Left,
    /// Its middle.
    Centre,
    /// Its right end.
    Right,
}

/// Size and colour of a line of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// Height of the font, in units.
    pub size: f32,
    /// Its colour.
    pub colour: Rgb<u8>,
}

/// What is drawn, in units: corner, width, height.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Rect([u32; 4], Rgb<u8>),
    /// A picture stretched over a rectangle, its pixels kept sharp.
    Tile([u32; 4], RgbImage),
    /// Text whose baseline stands at (x, y).
    Text(u32, u32, Align, Ink, String),
}

/// A sheet of paper and what is drawn on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Units across.
    pub width: u32,
    /// Units down.
    pub height: u32,
    items: Vec<Item>,
}

impl Drawing {
    /// Empty paper.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, items: Vec::new() }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, area: [u32; 4], colour: Rgb<u8>) {
        self.items.push(Item::Rect(area, colour));
    }

    /// A picture stretched over `area`, every pixel a crisp cell.
    pub fn tile(&mut self, area: [u32; 4], picture: RgbImage) {
        self.items.push(Item::Tile(area, picture));
    }

    /// A line of text whose baseline stands at (x, y).
    pub fn text(&mut self, x: u32, y: u32, align: Align, ink: Ink, text: impl Into<String>) {
        self.items.push(Item::Text(x, y, align, ink, text.into()));
    }

    /// A ramp of colours from left to right: `colour(t)` for t in 0 ..= 1.
    pub fn ramp(&mut self, area: [u32; 4], colour: impl Fn(f64) -> Rgb<u8>) {
        let steps = area[2];
        let picture = RgbImage::from_fn(steps, 1, |x, _| colour(f64::from(x) / f64::from(steps.max(2) - 1)));
        self.tile(area, picture);
    }

    /// The drawing with real text, and its tiles as embedded PNG.
    pub fn svg(&self) -> Result<String> {
        let (w, h) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"Ubuntu, Helvetica, Arial, sans-serif\" font-weight=\"300\">\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"{}\"/>\n",
            hex(PAPER)
        );
        for item in &self.items {
            let _ = match item {
                Item::Rect([x, y, w, h], colour) => {
                    writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{}\"/>", hex(*colour))
                }
                Item::Tile([x, y, w, h], picture) => {
                    let png = STANDARD.encode(palette::png(picture)?);
                    writeln!(
                        svg,
                        "<image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" \
                         style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{png}\"/>"
                    )
                }
                Item::Text(x, y, align, ink, text) => {
                    let anchor = match align {
                        Align::Left => "start",
                        Align::Centre => "middle",
                        Align::Right => "end",
                    };
                    writeln!(
                        svg,
                        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                        ink.size,
                        hex(ink.colour),
                        text.replace('&', "&amp;").replace('<', "&lt;")
                    )
                }
            };
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }

    /// The drawing in pixels, [`DENSITY`] a unit.
    pub fn raster(&self) -> RgbImage {
        let mut paper = RgbImage::from_pixel(self.width * DENSITY, self.height * DENSITY, PAPER);
        for item in &self.items {
            match item {
                Item::Rect(area, colour) => fill(&mut paper, *area, |_, _| *colour),
                Item::Tile(area, picture) => fill(&mut paper, *area, |u, v| {
                    *picture
                        .get_pixel(u * picture.width() / area[2] / DENSITY, v * picture.height() / area[3] / DENSITY)
                }),
                Item::Text(x, y, align, ink, text) => write_text(&mut paper, [*x, *y], *align, *ink, text),
            }
        }
        paper
    }

    /// The drawing as a PNG file.
    pub fn png(&self) -> Result<Vec<u8>> {
        palette::png(&self.raster())
    }
}

/// Width of a line of text, in units.
pub fn text_width(text: &str, size: f32) -> f32 {
    let font = FONT.as_scaled(PxScale::from(size));
    text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum()
}

/// Every device pixel of the area, by its place within it.
fn fill(paper: &mut RgbImage, area: [u32; 4], colour: impl Fn(u32, u32) -> Rgb<u8>) {
    let [left, top, width, height] = area.map(|units| units * DENSITY);
    for v in 0..height.min(paper.height().saturating_sub(top)) {
        for u in 0..width.min(paper.width().saturating_sub(left)) {
            paper.put_pixel(left + u, top + v, colour(u, v));
        }
    }
}

fn write_text(paper: &mut RgbImage, [x, y]: [u32; 2], align: Align, ink: Ink, text: &str) {
    let scale = PxScale::from(ink.size * DENSITY as f32);
    let font = FONT.as_scaled(scale);
    let shift = match align {
        Align::Left => 0.0,
        Align::Centre => 0.5,
        Align::Right => 1.0,
    };
    let mut pen = (x * DENSITY) as f32 - shift * text_width(text, scale.y);
    for c in text.chars() {
        let id = font.glyph_id(c);
        let glyph = id.with_scale_and_position(scale, point(pen, (y * DENSITY) as f32));
        pen += font.h_advance(id);
        let Some(outline) = FONT.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|dx, dy, coverage| {
            let (px, py) = (corner.x + dx as f32, corner.y + dy as f32);
            let step = (coverage.clamp(0.0, 1.0) * EDGE_STEPS).round() / EDGE_STEPS;
            if step > 0.0
                && px >= 0.0
                && py >= 0.0
                && let Some(pixel) = paper.get_pixel_mut_checked(px as u32, py as u32)
            {
                let mix = |under: u8, top: u8| (f32::from(top) * step + f32::from(under) * (1.0 - step)).round() as u8;
                *pixel = Rgb(std::array::from_fn(|i| mix(pixel.0[i], ink.colour.0[i])));
            }
        });
    }
}

fn hex(Rgb([r, g, b]): Rgb<u8>) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_every_sign_that_is_drawn() {
        for c in "AZaz09+−·×.,:;()/%…–".chars() {
            assert_ne!(FONT.glyph_id(c).0, 0, "no glyph for {c}");
        }
    }

    #[test]
    fn svg_and_png_show_the_same_things() {
        let mut drawing = Drawing::new(40, 20);
        drawing.rect([0, 0, 4, 4], TEXT);
        drawing.tile([10, 0, 2, 2], RgbImage::from_fn(2, 2, |x, y| Rgb([x as u8, y as u8, 9])));
        drawing.text(20, 18, Align::Centre, Ink { size: 12.0, colour: TEXT }, "a < b");
        let svg = drawing.svg().expect("svg");
        assert!(svg.contains("<rect x=\"0\"") && svg.contains("data:image/png") && svg.contains("a &lt; b"));
        let raster = drawing.raster();
        assert_eq!(raster.dimensions(), (80, 40));
        assert_eq!((raster.get_pixel(7, 7), raster.get_pixel(8, 8)), (&TEXT, &PAPER));
        assert_eq!((raster.get_pixel(21, 1).0, raster.get_pixel(22, 2).0), ([0, 0, 9], [1, 1, 9]));
        assert!(raster.enumerate_pixels().any(|(_, y, &p)| y > 10 && p == TEXT), "there are letters");
    }
}
