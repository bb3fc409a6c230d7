//! One look at an aircraft: what differs from image to image, and the returns that follow from it.

use std::f64::consts::TAU;
use std::ops::RangeInclusive;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, StandardNormal};
use rustfft::num_complex::Complex64;

use crate::geometry::{Aircraft, Part, Vec3, dot};
use crate::radar::{Echo, PowerImage, Processor, RANGE_CELL, Return, SAMPLES};

/// Elevation and roll lie within this many degrees of level.
const TILT: f64 = 5.0;
/// The residual phase at the ends of the aspect interval lies within this many radians.
const DEFOCUS: f64 = 1.5;
/// Amplitude that is left in the shadow of the fuselage.
const SHADOW: f64 = 0.1;

/// The streams of one image's random numbers: each purpose has its own, so that none depends on how many another took.
#[derive(Clone, Copy)]
enum Stream {
    View,
    Fluctuation,
    Noise,
}

/// Everything that makes one image of a given aircraft.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Degrees from nose-on; 90 is the left side.
    pub azimuth: f64,
    /// Degrees of the radar above the plane of the wings.
    pub elevation: f64,
    /// Degrees that the right wing hangs.
    pub roll: f64,
    /// Mean peak power of a scatterer over the noise power of a cell, decibels.
    pub snr: f64,
    /// Residual quadratic phase at the ends of the aspect interval, radians.
    pub defocus: f64,
    /// Where the aircraft's origin lies from the middle of the picture: range and cross-range, metres.
    pub shift: [f64; 2],
    /// Seed of the fluctuation, the phases and the noise.
    pub seed: u64,
}

impl View {
    /// Draws a look; the numbers are rounded to what a table shows, so that the table is the look.
    pub fn draw(seed: u64, snr: &RangeInclusive<f64>) -> Self {
        let mut rng = stream(seed, Stream::View);
        let mut between = |low: f64, high: f64| (1e4 * (low + (high - low) * rng.random::<f64>())).round() / 1e4;
        Self {
            azimuth: between(0.0, 360.0),
            elevation: between(-TILT, TILT),
            roll: between(-TILT, TILT),
            snr: between(*snr.start(), *snr.end()),
            defocus: between(-DEFOCUS, DEFOCUS),
            shift: [between(-RANGE_CELL, RANGE_CELL), between(-RANGE_CELL, RANGE_CELL)],
            seed,
        }
    }

    /// `(u, d)`: the unit directions to the radar and of growing cross-range, in body axes.
    ///
    /// Cross-range grows so that the picture, with the radar above it, is the aircraft seen from above.
    pub fn axes(&self) -> (Vec3, Vec3) {
        let (azimuth, elevation) = (self.azimuth.to_radians(), self.elevation.to_radians());
        let (sin, cos) = self.roll.to_radians().sin_cos();
        let body = |v: Vec3| [v[0], cos * v[1] + sin * v[2], cos * v[2] - sin * v[1]];
        let radar = [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()];
        (body(radar), body([azimuth.sin(), -azimuth.cos(), 0.0]))
    }

    /// The returns of all scatterers, each with its part, and the noise power of a cell.
    ///
    /// Range `−p · u`, cross-range `p · d`; amplitude `ā √E exp(jφ)` with the scatterer's mean amplitude `ā` at this
    /// aspect (a tenth of it in the fuselage's shadow), `E` exponential of mean one (so `√E` is Rayleigh) and `φ`
    /// uniform. The noise power is `mean(ā²) G / SNR`.
    pub fn look_at(&self, aircraft: Aircraft, processor: &Processor) -> (Vec<(Part, Return)>, f64) {
        let model = aircraft.model();
        let (radar, across) = self.axes();
        let mut rng = stream(self.seed, Stream::Fluctuation);
        let mut mean_power = 0.0;
        let returns: Vec<_> = model
            .scatterers
            .iter()
            .map(|scatterer| {
                let shadow = if model.body.shadows(scatterer.position, radar) { SHADOW } else { 1.0 };
                let mean = shadow * scatterer.amplitude_towards(radar);
                mean_power += mean * mean / model.scatterers.len() as f64;
                let fluctuation: f64 = Exp1.sample(&mut rng);
                let item = Return {
                    range: self.shift[0] - dot(scatterer.position, radar),
                    cross_range: self.shift[1] + dot(scatterer.position, across),
                    amplitude: Complex64::from_polar(mean * fluctuation.sqrt(), TAU * rng.random::<f64>()),
                };
                (scatterer.part, item)
            })
            .collect();
        (returns, mean_power * processor.gain() / 10f64.powf(self.snr / 10.0))
    }

    /// The image of `aircraft` in this look, `size` pixels a side: 128 (the radar's cells) or 64 (four looks).
    pub fn image(&self, aircraft: Aircraft, size: Size, processor: &Processor) -> PowerImage {
        let (returns, noise_power) = self.look_at(aircraft, processor);
        let returns: Vec<Return> = returns.into_iter().map(|(_, item)| item).collect();
        let mut echo = Echo::of(&returns, self.defocus);
        let mut rng = stream(self.seed, Stream::Noise);
        let scale = (noise_power / 2.0).sqrt();
        for sample in &mut echo.samples {
            let [re, im]: [f64; 2] = std::array::from_fn(|_| StandardNormal.sample(&mut rng));
            *sample += scale * Complex64::new(re, im);
        }
        size.present(processor.image(&echo))
    }

    /// Which part each pixel of [`View::image`] shows.
    pub fn part_map(&self, aircraft: Aircraft, size: Size, processor: &Processor) -> PartMap {
        let (returns, noise_power) = self.look_at(aircraft, processor);
        let image = |wanted: &dyn Fn(Part) -> bool| {
            let chosen: Vec<Return> = returns.iter().filter(|(part, _)| wanted(*part)).map(|(_, item)| *item).collect();
            size.present(processor.image(&Echo::of(&chosen, self.defocus))).power
        };
        let by_part = Part::ALL.map(|part| image(&|other| other == part));
        let whole = image(&|_| true);
        let strongest = |pixel: usize| {
            let power = |part: &Part| by_part[*part as usize][pixel];
            Part::ALL.into_iter().max_by(|a, b| power(a).total_cmp(&power(b)))
        };
        let parts = (0..whole.len()).map(|pixel| strongest(pixel).filter(|_| whole[pixel] > noise_power)).collect();
        PartMap { side: size.side(), parts }
    }
}

/// How many pixels the radar's 48 m x 48 m are shown with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 64 x 64 pixels of 0.75 m: the mean power of 2 x 2 cells.
    Multilook,
    /// 128 x 128 pixels of 0.375 m: the radar's own cells.
    Native,
}

impl Size {
    /// Pixels along a side.
    pub fn side(self) -> usize {
        match self {
            Self::Multilook => SAMPLES / 2,
            Self::Native => SAMPLES,
        }
    }

    /// The size with `side` pixels along a side.
    pub fn from_side(side: usize) -> Option<Self> {
        [Self::Multilook, Self::Native].into_iter().find(|size| size.side() == side)
    }

    fn present(self, image: PowerImage) -> PowerImage {
        match self {
            Self::Multilook => image.multilook(),
            Self::Native => image,
        }
    }
}

/// The part whose scatterers give a pixel most of its power.
#[derive(Debug, Clone, PartialEq)]
pub struct PartMap {
    /// Pixels along a side.
    pub side: usize,
    /// Row by row; `None` where the aircraft's power, without noise, is not above the noise power.
    pub parts: Vec<Option<Part>>,
}

fn stream(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream as u64);
    rng
}

/// The seed of image `index` of a data set: independent of all others, whoever computes them.
pub fn image_seed(data_set: u64, index: u64) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(data_set);
    rng.set_stream(index + 1);
    // 53 bits pass unharmed through every spreadsheet and JSON reader.
    rng.random::<u64>() >> 11
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(azimuth: f64) -> View {
        View { azimuth, elevation: 0.0, roll: 0.0, snr: 20.0, defocus: 0.0, shift: [0.0; 2], seed: 1 }
    }

    #[test]
    fn the_picture_is_the_aircraft_from_above_with_the_radar_at_the_top() {
        let nose = [10.0, 0.0, 0.0];
        let left = [0.0, 10.0, 0.0];
        let place = |view: &View, point| {
            let (radar, across) = view.axes();
            [-dot(point, radar), dot(point, across)].map(|metres| metres.round() as i32)
        };
        assert_eq!(place(&level(0.0), nose), [-10, 0], "nose-on: the nose is nearest");
        assert_eq!(place(&level(0.0), left), [0, -10], "nose-on: the left wing is on the left");
        assert_eq!(place(&level(90.0), left), [-10, 0], "from the left: the left wing is nearest");
        assert_eq!(place(&level(90.0), nose), [0, 10], "from the left: the nose is on the right");
    }

    #[test]
    fn the_far_side_of_the_fuselage_is_dark() {
        let processor = Processor::new();
        let (returns, _) = level(90.0).look_at(Aircraft::Yak42, &processor);
        let skin = |far: bool| -> f64 {
            let chosen = returns.iter().filter(|(part, item)| *part == Part::Fuselage && (item.range > 0.5) == far);
            chosen.map(|(_, item)| item.amplitude.norm_sqr()).sum()
        };
        assert!(skin(true) < 0.05 * skin(false), "{} {}", skin(true), skin(false));
    }

    #[test]
    fn noise_in_the_image_has_the_power_of_the_snr() {
        let processor = Processor::new();
        let view = level(30.0);
        let (_, noise_power) = view.look_at(Aircraft::An26, &processor);
        let image = view.image(Aircraft::An26, Size::Native, &processor);
        // The first and last rows lie outside the aircraft.
        let outside: Vec<f64> =
            image.power[..6 * SAMPLES].iter().chain(&image.power[122 * SAMPLES..]).copied().collect();
        let mean = outside.iter().sum::<f64>() / outside.len() as f64;
        assert!((mean / noise_power - 1.0).abs() < 0.1, "{mean} {noise_power}");
    }

    #[test]
    fn parts_lie_where_the_model_has_them() {
        let processor = Processor::new();
        let map = level(0.0).part_map(Aircraft::Yak42, Size::Multilook, &processor);
        let mean_row = |part| {
            let rows: Vec<usize> =
                (0..map.parts.len()).filter(|&i| map.parts[i] == Some(part)).map(|i| i / map.side).collect();
            assert!(!rows.is_empty(), "{}", part.name());
            rows.iter().sum::<usize>() as f64 / rows.len() as f64
        };
        let order = [Part::Nose, Part::Wing, Part::Engines, Part::Tailplane].map(mean_row);
        assert!(order.is_sorted(), "nose to tail, away from the radar: {order:?}");
        assert!(map.parts.iter().filter(|part| part.is_none()).count() > map.parts.len() / 2);
    }

    #[test]
    fn a_look_depends_on_its_seed_alone() {
        let snr = 10.0..=25.0;
        assert_eq!(View::draw(7, &snr), View::draw(7, &snr));
        assert_ne!(View::draw(7, &snr), View::draw(8, &snr));
        assert_ne!(image_seed(1, 0), image_seed(1, 1));
        assert_ne!(image_seed(1, 0), image_seed(2, 0));
    }
}
