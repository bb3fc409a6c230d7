//! Table 1 of the founding paper: both outputs of both models for five test images of each aircraft.

use std::fmt::Write;

use netfold::Precision;
use serde_json::{Value, json};

use crate::dataset::Picture;
use crate::error::Result;
use crate::geometry::Aircraft;
use crate::one_layer::{OUTPUTS, OneLayer, Original};

/// The images of each aircraft that are shown.
pub const IMAGES: usize = 5;

/// The first five pictures of each aircraft, or as many as there are.
pub fn chosen(pictures: &[Picture]) -> Vec<Picture> {
    let of = |aircraft| pictures.iter().filter(move |picture| picture.label.class == aircraft).take(IMAGES);
    Aircraft::ALL.into_iter().flat_map(of).cloned().collect()
}

/// The table in one precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// `f32` or `f64`.
    pub precision: &'static str,
    /// The largest difference that counts as equal.
    pub tolerance: f64,
    /// Aircraft and file name of each image.
    pub images: Vec<(Aircraft, String)>,
    /// Both models at each image.
    pub models: Vec<OneLayer>,
}

impl Table {
    /// Both models at each picture; equal within 1e-4 in single and 1e-10 in double precision.
    pub fn new<T: Precision>(original: &Original, pictures: &[Picture]) -> Result<Self> {
        let tolerance = if T::NAME == "f32" { 1e-4 } else { 1e-10 };
        let images = pictures.iter().map(|picture| (picture.label.class, picture.label.file.clone())).collect();
        let models = pictures.iter().map(|picture| original.reconstruct::<T>(picture)).collect::<Result<_>>()?;
        Ok(Self { precision: T::NAME, tolerance, images, models })
    }

    /// The largest |f(x) − (W x + b)| of all images and outputs.
    pub fn difference(&self) -> f64 {
        let differences = self.models.iter().map(OneLayer::difference);
        differences.fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst })
    }

    /// Whether every number of the original is the reconstructed one at two decimals, and no difference is larger than
    /// the tolerance.
    pub fn equal(&self) -> bool {
        let rows = self.rows();
        rows[..OUTPUTS].iter().zip(&rows[OUTPUTS..]).all(|(a, b)| a.2 == b.2) && self.difference() <= self.tolerance
    }

    /// (model, output, cells): the four rows, two decimals.
    pub fn rows(&self) -> Vec<(&'static str, usize, Vec<String>)> {
        let row = |name, values: fn(&OneLayer) -> &[f64; OUTPUTS]| {
            (0..OUTPUTS).map(move |output| {
                let cells = self.models.iter().map(|model| two_decimals(values(model)[output])).collect();
                (name, output + 1, cells)
            })
        };
        row("original", |model| &model.original).chain(row("reconstructed", |model| &model.reconstructed)).collect()
    }

    /// The line under the table.
    pub fn verdict(&self) -> String {
        let word = if self.equal() { "equal" } else { "NOT EQUAL" };
        let (largest, precision, tolerance) = (self.difference(), self.precision, self.tolerance);
        format!(
            "largest absolute difference: {largest:e} ({precision}; {word} within {tolerance:e} and at two decimals)"
        )
    }

    /// Columns that line up.
    pub fn text(&self) -> String {
        let mut text = format!("{:<25}", "");
        for aircraft in Aircraft::ALL {
            let count = self.images.iter().filter(|(other, _)| *other == aircraft).count();
            if count > 0 {
                let _ = write!(text, "{:<width$}", format!("  {aircraft}"), width = 8 * count);
            }
        }
        text = format!("{}\n{:<25}", text.trim_end(), "image");
        for number in self.numbers() {
            let _ = write!(text, "{number:>8}");
        }
        for (model, output, cells) in self.rows() {
            let _ = write!(text, "\n{:<25}", format!("{model:<14} output {output}"));
            for cell in cells {
                let _ = write!(text, "{cell:>8}");
            }
        }
        format!("{text}\n{}\n", self.verdict())
    }

    /// A table as GitHub shows it.
    pub fn markdown(&self) -> String {
        let numbers = self.numbers();
        let heads = self.images.iter().zip(&numbers).map(|((aircraft, _), number)| format!("{aircraft}, {number}"));
        let mut text = format!("| model | output | {} |\n", heads.collect::<Vec<_>>().join(" | "));
        let _ = writeln!(text, "| --- | --- |{}", " ---: |".repeat(numbers.len()));
        for (model, output, cells) in self.rows() {
            let _ = writeln!(text, "| {model} | {output} | {} |", cells.join(" | "));
        }
        format!("{text}\n{}\n", self.verdict())
    }

    /// All numbers in full.
    pub fn json(&self) -> Value {
        let images = self.images.iter().zip(&self.models).map(|((aircraft, file), model)| {
            json!({ "file": file, "class": aircraft, "original": model.original, "reconstructed": model.reconstructed })
        });
        json!({
            "precision": self.precision,
            "images": images.collect::<Vec<_>>(),
            "largest_difference": self.difference(),
            "tolerance": self.tolerance,
            "equal": self.equal(),
        })
    }

    /// Number of each image among those of its aircraft, from 1.
    fn numbers(&self) -> Vec<usize> {
        let before =
            |index: usize| self.images[..index].iter().filter(move |(other, _)| *other == self.images[index].0);
        (0..self.images.len()).map(|index| before(index).count() + 1).collect()
    }
}

/// The number as the paper prints it; what rounds to zero has no sign.
pub fn two_decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(original: [f64; 2], reconstructed: [f64; 2]) -> Table {
        let model = OneLayer { original, reconstructed, input: vec![], weights: [vec![], vec![]], bias: [0.0; 2] };
        let images = vec![(Aircraft::An26, "an-26-0.png".to_owned())];
        Table { precision: "f32", tolerance: 1e-4, images, models: vec![model] }
    }

    #[test]
    fn equal_means_equal_digits_and_a_small_difference() {
        assert!(table([1.0, -2.0], [1.00001, -2.0]).equal());
        assert!(!table([1.0, -2.0], [1.001, -2.0]).equal(), "more than the tolerance");
        assert!(!table([1.00499, 0.0], [1.00501, 0.0]).equal(), "other digits");
        assert!(!table([1.0, f64::NAN], [1.0, f64::NAN]).equal());
    }

    #[test]
    fn the_layout_is_the_papers() {
        let table = table([1.5, -2.0], [1.5, -0.001]);
        assert_eq!(
            table.text(),
            "                           An-26\n\
             image                           1\n\
             original       output 1      1.50\n\
             original       output 2     -2.00\n\
             reconstructed  output 1      1.50\n\
             reconstructed  output 2      0.00\n\
             largest absolute difference: 1.999e0 (f32; NOT EQUAL within 1e-4 and at two decimals)\n"
        );
        assert!(
            table
                .markdown()
                .starts_with("| model | output | An-26, 1 |\n| --- | --- | ---: |\n| original | 1 | 1.50 |")
        );
        assert_eq!(table.json()["images"][0]["class"], "An-26");
    }
}
