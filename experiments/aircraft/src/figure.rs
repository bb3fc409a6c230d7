//! The experiment in one picture: what the network sees, the weights that it is there, and what each pixel gives.

use netfold_render::Scale;

use crate::dataset::Picture;
use crate::drawing::{Align, Drawing, Ink, QUIET, TEXT};
use crate::error::Result;
use crate::geometry::Aircraft;
use crate::one_layer::{OUTPUTS, OneLayer};
use crate::table::{Table, two_decimals};
use crate::tiles;

const TITLE: Ink = Ink { size: 19.0, colour: TEXT };
const HEAD: Ink = Ink { size: 15.5, colour: TEXT };
const NUMBER: Ink = Ink { size: 14.5, colour: TEXT };
const NOTE: Ink = Ink { size: 13.0, colour: QUIET };

const MARGIN: u32 = 22;
/// A tile's side: with 64 pixels, three device pixels each.
const TILE: u32 = 96;
const GAP: u32 = 6;
/// Between the aircraft.
const WIDE_GAP: u32 = 26;
/// Length of a legend's bar.
const BAR: u32 = 150;
/// From a row's baseline to its tiles.
const UNDER_HEAD: u32 = 9;
/// From the tiles to the next row's baseline.
const UNDER_TILES: u32 = 28;

/// Draws ten images with everything that belongs to them; `tables` are the same images in several precisions, of which
/// the last one is drawn.
pub fn draw(pictures: &[Picture], tables: &[Table]) -> Result<Drawing> {
    let models = tables.last().map_or(&[][..], |table| table.models.as_slice());
    let columns = columns(pictures);
    let width = columns.last().map_or(0, |x| x + TILE) + MARGIN;
    let mut page = Page { drawing: Drawing::new(width, 700), columns, y: 36 };

    for aircraft in Aircraft::ALL {
        if let Some(first) = pictures.iter().position(|picture| picture.label.class == aircraft) {
            page.drawing.text(page.columns[first], page.y, Align::Left, TITLE, aircraft.name());
        }
    }
    page.y += 27;
    page.head("Radar image");
    tiles::radar_bar(&mut page.drawing, [width - MARGIN, page.y], BAR);
    page.tiles(pictures.iter().map(tiles::radar));

    let plane = |values: &[f64], picture: &Picture| tiles::plane(values, picture.label.size);
    let pairs = || pictures.iter().zip(models);
    let row = |output: usize| pairs().map(|(picture, model)| plane(&model.weights[output], picture)).collect();
    let weights: Vec<Vec<_>> = (0..OUTPUTS).map(row).collect::<Result<_>>()?;
    let scale = Scale::over(weights.iter().flatten());
    for (planes, aircraft) in weights.iter().zip(Aircraft::ALL) {
        page.head(&format!("W: the weights of the output {aircraft}"));
        tiles::scale_bar(&mut page.drawing, [width - MARGIN, page.y], BAR, &scale);
        page.tiles(planes.iter().map(|plane| tiles::heat(plane, &scale)));
    }
    let clipped = beyond("weights", &scale);

    let own = |picture: &Picture, model: &OneLayer| model.contributions(picture.label.label);
    let given: Vec<_> = pairs().map(|(picture, model)| plane(&own(picture, model), picture)).collect::<Result<_>>()?;
    let scale = Scale::over(&given);
    page.head("Weight times pixel: what each pixel gives to the output of the aircraft that is shown");
    tiles::scale_bar(&mut page.drawing, [width - MARGIN, page.y], BAR, &scale);
    page.tiles(given.iter().map(|plane| tiles::heat(plane, &scale)));
    let clipped = format!("{clipped} and {}", beyond("contributions", &scale));

    page.numbers("f(x): the outputs An-26 and Yak-42 of the network", models.iter().map(|model| model.original));
    page.numbers(
        "W x + b: the outputs An-26 and Yak-42 of the one-layer model",
        models.iter().map(|model| model.reconstructed),
    );
    let differences = tables.iter().map(|table| format!("{:.1e} ({})", table.difference(), table.precision));
    let largest = format!("Largest difference of f(x) and W x + b: {}.", differences.collect::<Vec<_>>().join(", "));
    let colours = format!("Red speaks for the output, blue against it. Colours end where {clipped} lie beyond.");
    page.y += 2;
    for line in [largest, colours] {
        page.drawing.text(MARGIN, page.y, Align::Left, NOTE, line);
        page.y += 19;
    }
    page.drawing.height = page.y - 19 + MARGIN - 4;
    Ok(page.drawing)
}

/// How many values have the strongest colour although they are larger.
fn beyond(what: &str, scale: &Scale) -> String {
    let share = 100.0 * scale.clipped as f64 / scale.total.max(1) as f64;
    format!("{share:.1} % of the {what} (up to {:.2})", scale.largest)
}

/// The drawing and how far it is.
struct Page {
    drawing: Drawing,
    columns: Vec<u32>,
    /// The next baseline.
    y: u32,
}

impl Page {
    fn head(&mut self, text: &str) {
        self.drawing.text(MARGIN, self.y, Align::Left, HEAD, text);
    }

    fn tiles(&mut self, tiles: impl Iterator<Item = image::RgbImage>) {
        let top = self.y + UNDER_HEAD;
        for (&x, tile) in self.columns.iter().zip(tiles) {
            self.drawing.rect([x - 1, top - 1, TILE + 2, TILE + 2], image::Rgb([196, 200, 208]));
            self.drawing.tile([x, top, TILE, TILE], tile);
        }
        self.y = top + TILE + UNDER_TILES;
    }

    fn numbers(&mut self, head: &str, values: impl Iterator<Item = [f64; OUTPUTS]>) {
        self.head(head);
        self.y += 21;
        for (&x, outputs) in self.columns.iter().zip(values) {
            for (value, right) in outputs.into_iter().zip([x + TILE / 2 - 4, x + TILE - 6]) {
                let text = two_decimals(value).replace('-', "−");
                self.drawing.text(right, self.y, Align::Right, NUMBER, text);
            }
        }
        self.y += 27;
    }
}

/// Left edges: a wider gap where the aircraft changes.
fn columns(pictures: &[Picture]) -> Vec<u32> {
    let mut x = MARGIN;
    let mut before = None;
    let mut left = Vec::new();
    for picture in pictures {
        if let Some(before) = before {
            x += TILE + if before == picture.label.class { GAP } else { WIDE_GAP };
        }
        left.push(x);
        before = Some(picture.label.class);
    }
    left
}
