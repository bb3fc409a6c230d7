//! How the network decides, in numbers: where each logit comes from.
//!
//! ```text
//! logit = Σ over parts (Σ over the part's pixels w x) + Σ over background pixels w x + b
//! ```
//!
//! The simulator knows which part's scatterers give a pixel most of its power; background is where the aircraft's own
//! power, without noise, is not above the noise power.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::dataset::Picture;
use crate::error::{Error, Result};
use crate::geometry::{Aircraft, Part};
use crate::one_layer::{OUTPUTS, OneLayer};
use crate::radar::Processor;
use crate::view::Size;

/// Where a pixel can lie: a part of the aircraft, or the background (the last place).
pub const PLACES: usize = Part::ALL.len() + 1;

/// One output at one image, or the mean over several images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Σ w x over the pixels of each place.
    pub places: [f64; PLACES],
    /// b.
    pub bias: f64,
    /// W x + b, computed apart from the sums.
    pub logit: f64,
    /// Pearson's correlation of w and x over all pixels.
    pub correlation: f64,
    /// The same over the pixels on the aircraft.
    pub correlation_on_aircraft: f64,
}

impl Shares {
    /// Σ w x over all pixels on the aircraft.
    pub fn aircraft(&self) -> f64 {
        self.places[..PLACES - 1].iter().sum()
    }

    /// Aircraft + background + bias: the logit, to rounding.
    pub fn sum(&self) -> f64 {
        self.places.iter().sum::<f64>() + self.bias
    }

    /// The mean of each number.
    fn mean<'a>(of: &(impl Iterator<Item = &'a Self> + Clone)) -> Self {
        let mean = |value: &dyn Fn(&Self) -> f64| of.clone().map(value).sum::<f64>() / of.clone().count().max(1) as f64;
        Self {
            places: std::array::from_fn(|place| mean(&|shares| shares.places[place])),
            bias: mean(&|shares| shares.bias),
            logit: mean(&|shares| shares.logit),
            correlation: mean(&|shares| shares.correlation),
            correlation_on_aircraft: mean(&|shares| shares.correlation_on_aircraft),
        }
    }

    fn json(&self, output: Aircraft) -> Value {
        let place = |place: usize| (place_name(place).to_owned(), json!(self.places[place]));
        json!({
            "output": output,
            "places": (0..PLACES).map(place).collect::<Map<_, _>>(),
            "aircraft": self.aircraft(),
            "bias": self.bias,
            "logit": self.logit,
            "correlation": self.correlation,
            "correlation_on_aircraft": self.correlation_on_aircraft,
        })
    }
}

/// One image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageShares {
    /// File name of the image.
    pub file: String,
    /// The aircraft in it.
    pub class: Aircraft,
    /// Pixels of each place.
    pub pixels: [usize; PLACES],
    /// Each output.
    pub outputs: [Shares; OUTPUTS],
}

impl ImageShares {
    /// The shares of the one-layer model at a picture.
    pub fn new(picture: &Picture, model: &OneLayer, processor: &Processor) -> Result<Self> {
        let label = &picture.label;
        let size = Size::from_side(label.size)
            .ok_or_else(|| Error::Input(format!("{}: no part map for {} pixels", label.file, label.size)))?;
        let map = label.view().part_map(label.class, size, processor);
        let places: Vec<usize> = map.parts.iter().map(|part| part.map_or(PLACES - 1, |part| part as usize)).collect();
        let mut pixels = [0; PLACES];
        places.iter().for_each(|&place| pixels[place] += 1);
        let outputs = std::array::from_fn(|output| {
            let mut sums = [0.0; PLACES];
            places.iter().zip(model.contributions(output)).for_each(|(&place, wx)| sums[place] += wx);
            let pairs = model.weights[output].iter().copied().zip(model.input.iter().copied());
            let on_aircraft = pairs.clone().zip(&places).filter(|(_, place)| **place < PLACES - 1);
            Shares {
                places: sums,
                bias: model.bias[output],
                logit: model.reconstructed[output],
                correlation: correlation(pairs),
                correlation_on_aircraft: correlation(on_aircraft.map(|(pair, _)| pair)),
            }
        });
        Ok(Self { file: label.file.clone(), class: label.class, pixels, outputs })
    }
}

/// cov(a, b) / (σ(a) σ(b)); 0 where one of them is constant.
pub fn correlation(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let count = pairs.clone().count().max(1) as f64;
    let (a, b) = pairs.clone().fold((0.0, 0.0), |(a, b), pair| (a + pair.0 / count, b + pair.1 / count));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let (da, db) = (pair.0 - a, pair.1 - b);
        (aa, bb, ab) = (aa + da * da, bb + db * db, ab + da * db);
    }
    if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// The images of one aircraft at one output: what a column of the report shows.
struct Column {
    class: Aircraft,
    output: Aircraft,
    mean: Shares,
    /// Mean share of the picture's pixels.
    pixels: [f64; PLACES],
}

/// All images, and their means for each aircraft.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Image by image.
    pub images: Vec<ImageShares>,
}

impl Report {
    /// The shares at every picture.
    pub fn new(pictures: &[Picture], models: &[OneLayer]) -> Result<Self> {
        let processor = Processor::new();
        let each = pictures.iter().zip(models).map(|(picture, model)| ImageShares::new(picture, model, &processor));
        Ok(Self { images: each.collect::<Result<_>>()? })
    }

    fn columns(&self) -> Vec<Column> {
        let pairs = Aircraft::ALL.into_iter().flat_map(|class| Aircraft::ALL.map(|output| (class, output)));
        let column = |(class, output): (Aircraft, Aircraft)| {
            let images = self.images.iter().filter(|image| image.class == class);
            let all: usize = images.clone().flat_map(|image| image.pixels).sum();
            let pixels = |place| images.clone().map(|image: &ImageShares| image.pixels[place]).sum::<usize>();
            Column {
                class,
                output,
                mean: Shares::mean(&images.clone().map(|image| &image.outputs[output.label()])),
                pixels: std::array::from_fn(|place| pixels(place) as f64 / all.max(1) as f64),
            }
        };
        pairs.map(column).collect()
    }

    /// Means over the images of each aircraft, as a table: heads, then rows of cells.
    fn table(&self) -> Vec<Vec<String>> {
        let columns = self.columns();
        let row = |name: &str, cell: &dyn Fn(&Column) -> String| {
            std::iter::once(name.to_owned()).chain(columns.iter().map(cell)).collect::<Vec<_>>()
        };
        let amount = |value: f64, column: &Column| format!("{value:+.2} ({:+.0} %)", 100.0 * value / column.mean.logit);
        let mut rows = vec![
            row("images of", &|column| column.class.to_string()),
            row("output", &|column| column.output.to_string()),
        ];
        for place in 0..PLACES {
            if place == PLACES - 1 {
                rows.push(row("all of the aircraft", &|column| amount(column.mean.aircraft(), column)));
            }
            rows.push(row(place_name(place), &|column| {
                if column.pixels[place] == 0.0 { "none".to_owned() } else { amount(column.mean.places[place], column) }
            }));
        }
        rows.push(row("bias", &|column| amount(column.mean.bias, column)));
        rows.push(row("logit", &|column| format!("{:+.2}", column.mean.logit)));
        rows.push(row("correlation of w and x", &|column| format!("{:+.2}", column.mean.correlation)));
        let on_aircraft = |column: &Column| format!("{:+.2}", column.mean.correlation_on_aircraft);
        rows.push(row("the same on the aircraft", &on_aircraft));
        rows
    }

    /// Which share of the picture each place covers: heads, then rows of cells.
    fn areas(&self) -> Vec<Vec<String>> {
        let columns: Vec<Column> =
            self.columns().into_iter().filter(|column| column.output == Aircraft::ALL[0]).collect();
        let row = |name: &str, cell: &dyn Fn(&Column) -> String| {
            std::iter::once(name.to_owned()).chain(columns.iter().map(cell)).collect::<Vec<_>>()
        };
        let mut rows = vec![row("share of the pixels", &|column| column.class.to_string())];
        for place in 0..PLACES {
            rows.push(row(place_name(place), &|column| format!("{:.1} %", 100.0 * column.pixels[place])));
        }
        rows
    }

    /// Columns that line up.
    pub fn text(&self) -> String {
        let lines = |rows: Vec<Vec<String>>| -> String {
            let line = |row: Vec<String>| {
                let cells: Vec<String> = row[1..].iter().map(|cell| format!("{cell:>18}")).collect();
                format!("{:<25}{}\n", row[0], cells.concat())
            };
            rows.into_iter().map(line).collect()
        };
        format!("{}\n{}", lines(self.table()), lines(self.areas()))
    }

    /// Tables as GitHub shows them.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for rows in [self.table(), self.areas()] {
            for (index, row) in rows.iter().enumerate() {
                let _ = writeln!(text, "| {} |", row.join(" | "));
                if index == 0 {
                    let _ = writeln!(text, "| --- |{}", " ---: |".repeat(row.len() - 1));
                }
            }
            text.push('\n');
        }
        text.trim_end().to_owned() + "\n"
    }

    /// All numbers in full: the means, then image by image.
    pub fn json(&self) -> Value {
        let means = self.columns().into_iter().map(|column| {
            let mut mean = column.mean.json(column.output);
            mean["class"] = json!(column.class);
            mean
        });
        let images = self.images.iter().map(|image| {
            let outputs = image.outputs.iter().zip(Aircraft::ALL).map(|(shares, output)| shares.json(output));
            let pixels = (0..PLACES).map(|place| (place_name(place).to_owned(), json!(image.pixels[place])));
            json!({
                "file": image.file,
                "class": image.class,
                "pixels": pixels.collect::<Map<_, _>>(),
                "outputs": outputs.collect::<Vec<_>>(),
            })
        });
        json!({ "means": means.collect::<Vec<_>>(), "images": images.collect::<Vec<_>>() })
    }
}

fn place_name(place: usize) -> &'static str {
    Part::ALL.get(place).map_or("background", |part| part.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_is_pearsons() {
        let of = |pairs: &[(f64, f64)]| correlation(pairs.iter().copied());
        assert!((of(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]) - 1.0).abs() < 1e-12);
        assert!((of(&[(1.0, 1.0), (2.0, 0.0), (3.0, 1.0)])).abs() < 1e-12);
        assert!(of(&[(1.0, 1.0), (1.0, 5.0)]).abs() < 1e-12 && of(&[]).abs() < 1e-12);
    }
}
