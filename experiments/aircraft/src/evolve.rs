//! How the weights come to be: the same images' W after each epoch, and how many images the network names rightly.

use std::path::{Path, PathBuf};

use image::RgbImage;
use netfold_render::{Plane, Scale};

use crate::dataset::Picture;
use crate::drawing::{Align, Drawing, Ink, QUIET, TEXT};
use crate::error::{Error, Result};
use crate::geometry::Aircraft;
use crate::one_layer::{OUTPUTS, Original};
use crate::tiles;

const TITLE: Ink = Ink { size: 17.0, colour: TEXT };
const HEAD: Ink = Ink { size: 15.0, colour: TEXT };
const QUIET_HEAD: Ink = Ink { size: 15.0, colour: QUIET };

const MARGIN: u32 = 20;
const TILE: u32 = 192;
const GAP: u32 = 10;
/// Milliseconds that a frame is shown; the last one stays longer.
const DELAY: u16 = 900;
const LAST_DELAY: u16 = 3000;

/// The network after some epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// 0 is the untrained network.
    pub epoch: usize,
    /// Its file.
    pub path: PathBuf,
}

/// The files `epoch-NNN.onnx` of a folder, in order.
pub fn checkpoints(folder: &Path) -> Result<Vec<Checkpoint>> {
    if !folder.is_dir() {
        return Err(Error::input(folder, "no such folder"));
    }
    let entries = folder.read_dir().map_err(|cause| Error::input(folder, cause))?;
    let mut found: Vec<Checkpoint> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let number = path.file_name()?.to_str()?.strip_prefix("epoch-")?.strip_suffix(".onnx")?;
            Some(Checkpoint { epoch: number.parse().ok()?, path })
        })
        .collect();
    if found.is_empty() {
        return Err(Error::input(folder, "no file epoch-NNN.onnx; `train --checkpoints N` makes them"));
    }
    found.sort_by_key(|checkpoint| checkpoint.epoch);
    Ok(found)
}

/// The pictures of these file names, or the first of each aircraft where none is named.
pub fn chosen(pictures: &[Picture], names: &[String], folder: &Path) -> Result<Vec<Picture>> {
    let find = |wanted: &dyn Fn(&Picture) -> bool| pictures.iter().find(|picture| wanted(picture)).cloned();
    if names.is_empty() {
        let first = |aircraft| find(&|picture| picture.label.class == aircraft);
        return Ok(Aircraft::ALL.into_iter().filter_map(first).collect());
    }
    let named = |name: &String| {
        find(&|picture| picture.label.file == *name).ok_or_else(|| Error::input(folder, format!("no image {name}")))
    };
    names.iter().map(named).collect()
}

/// What one frame shows.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The epoch.
    pub epoch: usize,
    /// The share of held-out pictures that the network names rightly.
    pub accuracy: f64,
    /// For each picture, W of both outputs.
    pub weights: Vec<[Plane; OUTPUTS]>,
    /// For each picture, both outputs.
    pub logits: Vec<[f64; OUTPUTS]>,
}

impl Frame {
    /// The network after `epoch` at the pictures, measured on the held-out ones.
    pub fn new(epoch: usize, original: &Original, pictures: &[Picture], held_out: &[Picture]) -> Result<Self> {
        let mut frame = Self { epoch, accuracy: original.accuracy(held_out)?, weights: vec![], logits: vec![] };
        for picture in pictures {
            let model = original.reconstruct::<f64>(picture)?;
            let [first, second] = &model.weights;
            let side = picture.label.size;
            frame.weights.push([tiles::plane(first, side)?, tiles::plane(second, side)?]);
            frame.logits.push(model.reconstructed);
        }
        Ok(frame)
    }
}

/// Every frame, with how long it is shown. Each has its own colour scale: weights before training are hundreds of times
/// smaller than after it.
pub fn draw(pictures: &[Picture], frames: &[Frame], held_out: usize) -> Vec<(RgbImage, u16)> {
    let last = frames.len().saturating_sub(1);
    let delay = |index: usize| if index == last { LAST_DELAY } else { DELAY };
    (0..frames.len()).map(|index| (frame(pictures, frames, index, held_out).raster(), delay(index))).collect()
}

fn frame(pictures: &[Picture], frames: &[Frame], index: usize, held_out: usize) -> Drawing {
    let shown = &frames[index];
    let scale = Scale::over(shown.weights.iter().flatten());
    let left = |column: u32| MARGIN + column * (TILE + GAP);
    let width = left(2) + TILE + MARGIN;
    let mut drawing = Drawing::new(width, 0);
    let mut y = MARGIN + 14;
    drawing.text(left(0), y, Align::Left, HEAD, "Radar image");
    for (column, aircraft) in (1..).zip(Aircraft::ALL) {
        drawing.text(left(column), y, Align::Left, HEAD, format!("Weights of {aircraft}"));
    }
    y += 10;
    for (picture, (weights, logits)) in pictures.iter().zip(shown.weights.iter().zip(&shown.logits)) {
        let mut tile = |column: u32, tile: RgbImage, caption: String| {
            let x = left(column);
            drawing.rect([x - 1, y - 1, TILE + 2, TILE + 2], image::Rgb([196, 200, 208]));
            drawing.tile([x, y, TILE, TILE], tile);
            drawing.text(x, y + TILE + 19, Align::Left, QUIET_HEAD, caption);
        };
        tile(0, tiles::radar(picture), picture.label.class.to_string());
        for ((column, plane), logit) in (1..).zip(weights).zip(logits) {
            tile(column, tiles::heat(plane, &scale), format!("output {logit:+.2}").replace('-', "−"));
        }
        y += TILE + 34;
    }
    y += 12;
    let when = if shown.epoch == 0 { "Before training".to_owned() } else { format!("After epoch {}", shown.epoch) };
    drawing.text(left(0), y, Align::Left, TITLE, when);
    let accuracy = format!("{:.1} % of {held_out} held-out images named rightly", 100.0 * shown.accuracy);
    drawing.text(left(1), y, Align::Left, TITLE, accuracy);
    y += 12;
    curve(&mut drawing, frames, index, [left(1), y, width - MARGIN - left(1), 40]);
    tiles::scale_bar(&mut drawing, [left(0) + TILE, y + 24], 70, &scale);
    drawing.height = y + 40 + MARGIN;
    drawing
}

/// Accuracy from 50 % (the floor) to 100 % as a bar for each frame, those still to come pale.
fn curve(drawing: &mut Drawing, frames: &[Frame], index: usize, [x, y, width, height]: [u32; 4]) {
    let step = width / frames.len().max(1) as u32;
    for (number, frame) in frames.iter().enumerate() {
        let tall = (f64::from(height) * (2.0 * frame.accuracy - 1.0).clamp(0.02, 1.0)).round() as u32;
        let colour = if number <= index { QUIET } else { image::Rgb([222, 225, 230]) };
        drawing.rect([x + number as u32 * step, y + height - tall, step.saturating_sub(4).max(1), tall], colour);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_come_in_the_order_of_their_epochs() {
        let home = tempfile::tempdir().expect("temporary folder");
        for name in ["epoch-010.onnx", "epoch-002.onnx", "aircraft.onnx", "epoch-x.onnx"] {
            std::fs::write(home.path().join(name), "").expect("write");
        }
        let epochs: Vec<usize> = checkpoints(home.path()).expect("found").iter().map(|c| c.epoch).collect();
        assert_eq!(epochs, [2, 10]);
    }
}
