//! A contact sheet: many small pictures with a name and a line each.

use image::{Rgb, RgbImage};

use crate::canvas::{Align, Canvas, Ink, enlarged, fitted};
use crate::picture::{Caption, HAIRLINE, PAPER, Picture, QUIET, TEXT};
use crate::plane::Plane;
use crate::plot::Plot;
use crate::scale::Scale;
use crate::sheet::Kind;
use crate::tile::heat_tile;

/// One picture of a contact sheet. Each has a scale of its own.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What is shown.
    pub plane: Plane,
    /// Its name, in the first line.
    pub name: String,
    /// A few words more, in the second line.
    pub note: String,
}

/// Side of a cell's picture, about.
const SIDE: usize = 200;
const GAP: u32 = 22;
const MARGIN: u32 = 26;

impl Picture {
    /// All cells side by side, as many in a row as make the sheet about as wide as high, under one caption.
    pub fn contact(cells: &[Cell], caption: &Caption) -> Self {
        let columns = (cells.len() as f64).sqrt().ceil().max(2.0) as u32;
        let bodies: Vec<RgbImage> = cells.iter().map(|cell| body(&cell.plane)).collect();
        let extent = |of: fn(&RgbImage) -> u32| bodies.iter().map(of).max().unwrap_or(0).max(SIDE as u32);
        let (wide, high) = (extent(RgbImage::width), extent(RgbImage::height));
        let (title, plain, quiet) = (ink(21.0, TEXT), ink(14.0, TEXT), ink(12.0, QUIET));
        let (head, words) = (72, 44);
        let rows = (cells.len() as u32).div_ceil(columns);
        let width = 2 * MARGIN + columns * wide + (columns - 1) * GAP;
        let mut canvas = Canvas::new(width, MARGIN + head + rows * (high + words + GAP), PAPER);
        canvas.text(MARGIN, MARGIN, Align::Left, title, &fitted(&caption.title, title.size, width - 2 * MARGIN));
        canvas.text(
            MARGIN,
            MARGIN + 30,
            Align::Left,
            quiet,
            &fitted(&caption.subtitle, quiet.size, width - 2 * MARGIN),
        );
        for (index, (cell, body)) in cells.iter().zip(&bodies).enumerate() {
            let (column, row) = (index as u32 % columns, index as u32 / columns);
            let (x, y) = (MARGIN + column * (wide + GAP), MARGIN + head + row * (high + words + GAP));
            canvas.rect(x, y, body.width() + 2, body.height() + 2, HAIRLINE);
            canvas.paste(body, x + 1, y + 1);
            let below = y + body.height() + 6;
            canvas.text(x, below, Align::Left, plain, &fitted(&cell.name, plain.size, wide));
            canvas.text(x, below + 19, Align::Left, quiet, &fitted(&cell.note, quiet.size, wide));
        }
        Self { image: canvas.image }
    }
}

fn ink(size: f32, colour: Rgb<u8>) -> Ink {
    Ink { size, colour }
}

fn body(plane: &Plane) -> RgbImage {
    if plane.kind() != Kind::Picture {
        let scale = Scale::over([plane]);
        let plot = Plot { kind: plane.kind(), heights: plane.values(), colours: Some((plane, &scale)) };
        return plot.draw(SIDE as u32, SIDE as u32 / 2);
    }
    let plane = plane.clone().shrunk(SIDE * 3 / 2);
    let factor = (SIDE / plane.width().max(plane.height())).max(1);
    enlarged(&heat_tile(&plane, &Scale::over([&plane])), factor as u32)
}
