//! Sets of labelled images: simulated, written as PNG files with a `labels.csv`, and read back.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use image::{ExtendedColorType, ImageFormat, ImageReader};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::NewFolder;
use crate::geometry::Aircraft;
use crate::radar::Processor;
use crate::view::{Size, View, image_seed};

/// The power range that a picture shows: black is this many decibels under its peak.
pub const SHOWN_DECIBELS: f64 = 40.0;

/// The table's file name.
pub const LABELS: &str = "labels.csv";

/// One row of `labels.csv`: enough to make the image again, bit by bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// File name of the picture, in the same folder.
    pub file: String,
    /// Index of the network's output.
    pub label: usize,
    /// Name of the aircraft.
    pub class: Aircraft,
    /// Pixels along a side.
    pub size: usize,
    /// See [`View`].
    pub azimuth_deg: f64,
    /// See [`View`].
    pub elevation_deg: f64,
    /// See [`View`].
    pub roll_deg: f64,
    /// See [`View`].
    pub snr_db: f64,
    /// See [`View`].
    pub defocus_rad: f64,
    /// See [`View`].
    pub shift_range_m: f64,
    /// See [`View`].
    pub shift_cross_range_m: f64,
    /// See [`View`].
    pub seed: u64,
}

impl Label {
    fn new(file: String, aircraft: Aircraft, size: Size, view: &View) -> Self {
        Self {
            file,
            label: aircraft.label(),
            class: aircraft,
            size: size.side(),
            azimuth_deg: view.azimuth,
            elevation_deg: view.elevation,
            roll_deg: view.roll,
            snr_db: view.snr,
            defocus_rad: view.defocus,
            shift_range_m: view.shift[0],
            shift_cross_range_m: view.shift[1],
            seed: view.seed,
        }
    }

    /// The look that the row describes.
    pub fn view(&self) -> View {
        View {
            azimuth: self.azimuth_deg,
            elevation: self.elevation_deg,
            roll: self.roll_deg,
            snr: self.snr_db,
            defocus: self.defocus_rad,
            shift: [self.shift_range_m, self.shift_cross_range_m],
            seed: self.seed,
        }
    }
}

/// A labelled picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What is known about it.
    pub label: Label,
    /// Grey levels, row by row.
    pub grey: Vec<u8>,
}

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Order {
    /// Images of each aircraft.
    pub count: usize,
    /// Seed of the whole set.
    pub seed: u64,
    /// Signal-to-noise ratios to draw from, decibels.
    pub snr: RangeInclusive<f64>,
    /// Size of the pictures.
    pub size: Size,
}

/// Makes the pictures, on the threads of the current pool; the result does not depend on them.
pub fn simulate(order: &Order, progress: &ProgressBar) -> Vec<Picture> {
    let processor = Processor::new();
    let digits = order.count.saturating_sub(1).max(1).ilog10() as usize + 1;
    progress.set_length(2 * order.count as u64);
    let jobs: Vec<(Aircraft, usize)> =
        Aircraft::ALL.into_iter().flat_map(|aircraft| (0..order.count).map(move |index| (aircraft, index))).collect();
    jobs.into_par_iter()
        .map(|(aircraft, index)| {
            let seed = image_seed(order.seed, (2 * index + aircraft.label()) as u64);
            let view = View::draw(seed, &order.snr);
            let grey = view.image(aircraft, order.size, &processor).grey(SHOWN_DECIBELS);
            progress.inc(1);
            let file = format!("{}-{index:0digits$}.png", aircraft.slug());
            Picture { label: Label::new(file, aircraft, order.size, &view), grey }
        })
        .collect()
}

/// Writes the pictures and their table, and gives the folder its name.
pub fn write(pictures: &[Picture], folder: NewFolder) -> Result<()> {
    let failed = |cause: String| Error::output(folder.target(), cause);
    pictures.par_iter().try_for_each(|Picture { label, grey }| {
        let side = label.size as u32;
        let path = folder.path().join(&label.file);
        image::save_buffer_with_format(path, grey, side, side, ExtendedColorType::L8, ImageFormat::Png)
            .map_err(|cause| failed(cause.to_string()))
    })?;
    let mut table = csv::Writer::from_path(folder.path().join(LABELS)).map_err(|cause| failed(cause.to_string()))?;
    for picture in pictures {
        table.serialize(&picture.label).map_err(|cause| failed(cause.to_string()))?;
    }
    table.flush().map_err(|cause| failed(cause.to_string()))?;
    drop(table);
    folder.finish()
}

/// Reads a folder that [`write()`] wrote: at least one picture of each aircraft, all of one size.
pub fn read(folder: &Path) -> Result<Vec<Picture>> {
    if !folder.is_dir() {
        return Err(Error::input(folder, "no such folder"));
    }
    let path = folder.join(LABELS);
    let mut table = csv::Reader::from_path(&path).map_err(|cause| Error::input(&path, cause))?;
    let labels: Vec<Label> =
        table.deserialize().collect::<std::result::Result<_, _>>().map_err(|cause| Error::input(&path, cause))?;
    for aircraft in Aircraft::ALL {
        if !labels.iter().any(|label| label.class == aircraft) {
            return Err(Error::input(&path, format!("no image of {aircraft}")));
        }
    }
    if let Some(label) = labels.iter().find(|label| label.label != label.class.label()) {
        return Err(Error::input(&path, format!("{}: label {} is not {}", label.file, label.label, label.class)));
    }
    let sizes: BTreeSet<usize> = labels.iter().map(|label| label.size).collect();
    if sizes.len() > 1 {
        return Err(Error::input(&path, format!("images of different sizes: {sizes:?}")));
    }
    labels.into_par_iter().map(|label| read_picture(folder, label)).collect()
}

fn read_picture(folder: &Path, label: Label) -> Result<Picture> {
    let path = folder.join(&label.file);
    let bad = |cause: String| Error::input(&path, cause);
    let picture = ImageReader::open(&path).map_err(|cause| bad(cause.to_string()))?;
    let grey = picture.decode().map_err(|cause| bad(cause.to_string()))?.into_luma8();
    let side = label.size as u32;
    if grey.dimensions() != (side, side) {
        return Err(bad(format!("{} x {} pixels, {LABELS} says {side} x {side}", grey.width(), grey.height())));
    }
    Ok(Picture { label, grey: grey.into_raw() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(size: Size) -> Order {
        Order { count: 3, seed: 11, snr: 10.0..=25.0, size }
    }

    fn on_threads(threads: usize, order: &Order) -> Vec<Picture> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| simulate(order, &ProgressBar::hidden()))
    }

    fn write_new(pictures: &[Picture], target: &Path) {
        write(pictures, NewFolder::begin(target).expect("new folder")).expect("write");
    }

    #[test]
    fn pictures_do_not_depend_on_the_number_of_threads() {
        for size in [Size::Multilook, Size::Native] {
            let one = on_threads(1, &order(size));
            assert_eq!(one, on_threads(4, &order(size)));
            assert_ne!(one[0].grey, on_threads(1, &Order { seed: 12, ..order(size) })[0].grey);
            assert!(one.iter().all(|picture| picture.grey.len() == size.side().pow(2)));
        }
    }

    #[test]
    fn same_seed_same_bytes_and_the_table_makes_each_image_again() {
        let home = tempfile::tempdir().expect("temporary folder");
        let folders = ["a", "b"].map(|name| home.path().join(name));
        for folder in &folders {
            write_new(&on_threads(2, &order(Size::Multilook)), folder);
        }
        let [a, b] = folders.each_ref().map(|folder| {
            let mut files: Vec<_> =
                std::fs::read_dir(folder).expect("list").map(|e| e.expect("entry").path()).collect();
            files.sort();
            files.iter().map(|file| std::fs::read(file).expect("read")).collect::<Vec<_>>()
        });
        assert_eq!(a.len(), 7, "six pictures and the table");
        assert_eq!(a, b);

        let processor = Processor::new();
        for picture in read(&folders[0]).expect("read back") {
            let image = picture.label.view().image(picture.label.class, Size::Multilook, &processor);
            assert_eq!(image.grey(SHOWN_DECIBELS), picture.grey, "{}", picture.label.file);
        }
    }

    #[test]
    fn a_folder_that_is_no_data_set_is_an_input_error() {
        let home = tempfile::tempdir().expect("temporary folder");
        let message = |folder: &Path| {
            let error = read(folder).expect_err("must fail");
            assert_eq!(error.exit_code(), 2);
            let text = error.to_string();
            assert_eq!(text.lines().count(), 1, "{text}");
            text
        };
        assert!(message(&home.path().join("absent")).contains("no such folder"));
        assert!(message(home.path()).contains(LABELS));

        let set = home.path().join("set");
        write_new(&on_threads(1, &order(Size::Multilook)), &set);
        std::fs::write(set.join("an-26-1.png"), "not a picture").expect("spoil");
        assert!(message(&set).contains("an-26-1.png"));
    }
}
