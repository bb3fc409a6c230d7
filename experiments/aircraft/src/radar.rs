//! The radar: from scatterers to the echo, and from the echo to the range-Doppler image.
//!
//! ```text
//! s(m, n) = Σₖ aₖ exp(−j 2π (uₘ rₖ + vₙ qₖ)),   uₘ = (m − M/2) 2B / (c M),   vₙ = (n − N/2) 2 f₀ Δθ / (c N)
//! ```
//!
//! with the slant range `r` and the cross-range `q` of every scatterer from the middle of the picture, and the phase
//! that the carrier adds at that middle within the complex amplitude `a`. `M` frequency steps over the bandwidth `B`
//! and `N` steps over the aspect interval `Δθ` are a raster on the plane of spatial frequencies
//! `(2 f cos θ / c, 2 f sin θ / c)`: the radar picks frequency and aspect angle of each sample so that the raster is
//! rectangular (polar format), hence no scatterer moves through range cells and both axes separate.
//!
//! The image is `FFT⁻¹(w s)`, unitary; `w` is a Taylor window of mean square one. So energy is kept, white noise of
//! variance σ² stays white noise of variance σ², and a scatterer of amplitude `a` peaks at `a² G` with
//! `G = (Σ w)⁴ / (M N)`.

use std::f64::consts::{PI, TAU};

use rustfft::{Fft, FftPlanner, num_complex::Complex64};
use std::sync::Arc;

/// Metres per second.
pub const SPEED_OF_LIGHT: f64 = 299_792_458.0;
/// `f₀` in hertz.
pub const CARRIER: f64 = 5.52e9;
/// `B` in hertz.
pub const BANDWIDTH: f64 = 400e6;
/// `c / 2B` = 0.3747 m.
pub const RANGE_CELL: f64 = SPEED_OF_LIGHT / (2.0 * BANDWIDTH);
/// `Δθ = B / f₀` = 4.15 degrees, in radians: the aspect interval whose cross-range cell `c / (2 f₀ Δθ)` is the range
/// cell.
pub const ASPECT_INTERVAL: f64 = BANDWIDTH / CARRIER;
/// `M = N`: frequency steps, and aspect steps. The picture spans `M c / 2B` = 48.0 m both ways.
pub const SAMPLES: usize = 128;

/// Highest side lobe of the window, in decibels under its main lobe.
const SIDE_LOBE: f64 = 35.0;
/// How many side lobes the window holds at that level (Taylor's n̄).
const LEVEL_LOBES: usize = 5;

/// A scatterer as it returns the wave at one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Return {
    /// Slant range from the middle of the picture, metres; larger is farther from the radar.
    pub range: f64,
    /// Cross-range from the middle of the picture, metres.
    pub cross_range: f64,
    /// Amplitude and phase.
    pub amplitude: Complex64,
}

/// `w(n) = 1 + 2 Σ Fₘ cos(2π m (n − N/2) / N)`, scaled to mean square one.
///
/// `Fₘ = (−1)^(m+1) / 2 · Πᵢ (1 − m² / (σ² (A² + (i − ½)²))) / Πᵢ≠ₘ (1 − m² / i²)` with
/// `A = acosh(10^(SLL/20)) / π` and `σ² = n̄² / (A² + (n̄ − ½)²)` (Taylor 1955).
pub fn taylor_window(samples: usize) -> Vec<f64> {
    let a2 = (10f64.powf(SIDE_LOBE / 20.0).acosh() / PI).powi(2);
    let nbar = LEVEL_LOBES as f64;
    let sigma2 = nbar * nbar / (a2 + (nbar - 0.5).powi(2));
    let coefficients: Vec<f64> = (1..LEVEL_LOBES)
        .map(|m| {
            let m2 = (m * m) as f64;
            let mut f = if m % 2 == 1 { 0.5 } else { -0.5 };
            for i in 1..LEVEL_LOBES {
                f *= 1.0 - m2 / (sigma2 * (a2 + (i as f64 - 0.5).powi(2)));
                if i != m {
                    f /= 1.0 - m2 / (i * i) as f64;
                }
            }
            f
        })
        .collect();
    let mut window: Vec<f64> = (0..samples)
        .map(|n| {
            let t = (n as f64 - samples as f64 / 2.0) / samples as f64;
            1.0 + 2.0 * coefficients.iter().zip(1..).map(|(f, m)| f * (TAU * f64::from(m) * t).cos()).sum::<f64>()
        })
        .collect();
    let mean_square = window.iter().map(|w| w * w).sum::<f64>() / samples as f64;
    for weight in &mut window {
        *weight /= mean_square.sqrt();
    }
    window
}

/// The stepped-frequency echo, `M` rows of `N` aspect steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Echo {
    /// Row `m`, column `n` at index `m N + n`.
    pub samples: Vec<Complex64>,
}

impl Echo {
    /// No echo at all.
    pub fn silence() -> Self {
        Self { samples: vec![Complex64::ZERO; SAMPLES * SAMPLES] }
    }

    /// The sum of the echoes of all scatterers, by the formula at the head of this module.
    ///
    /// `defocus` is the residual phase `ψ` of imperfect motion compensation: aspect step `n` is turned by
    /// `exp(j ψ (2n/N − 1)²)`.
    pub fn of(returns: &[Return], defocus: f64) -> Self {
        let mut echo = Self::silence();
        let steps = |place: f64| phasors(place / (SAMPLES as f64 * RANGE_CELL));
        for item in returns {
            let along_frequency = steps(item.range);
            let along_aspect = steps(item.cross_range);
            for (row, frequency) in echo.samples.chunks_exact_mut(SAMPLES).zip(&along_frequency) {
                let start = item.amplitude * frequency;
                for (sample, aspect) in row.iter_mut().zip(&along_aspect) {
                    *sample += start * aspect;
                }
            }
        }
        let residual: Vec<Complex64> =
            (0..SAMPLES).map(|n| Complex64::cis(defocus * (2.0 * n as f64 / SAMPLES as f64 - 1.0).powi(2))).collect();
        for row in echo.samples.chunks_exact_mut(SAMPLES) {
            row.iter_mut().zip(&residual).for_each(|(sample, turn)| *sample *= turn);
        }
        echo
    }

    /// `Σ |s|²`
    pub fn energy(&self) -> f64 {
        self.samples.iter().map(Complex64::norm_sqr).sum()
    }
}

/// `exp(−j 2π (i − M/2) cycles)` for every step `i`.
fn phasors(cycles: f64) -> Vec<Complex64> {
    (0..SAMPLES).map(|i| Complex64::cis(-TAU * (i as f64 - SAMPLES as f64 / 2.0) * cycles)).collect()
}

/// A square picture of power, range downwards (the radar is above), cross-range to the right.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerImage {
    /// Pixels along a side.
    pub side: usize,
    /// Row by row.
    pub power: Vec<f64>,
}

impl PowerImage {
    /// The picture of half the side: each pixel is the mean power of 2 x 2 (four looks).
    ///
    /// The mean, and hence the energy density and the noise level, stays; speckle and noise get smoother.
    #[must_use]
    pub fn multilook(&self) -> Self {
        let side = self.side / 2;
        let at = |row: usize, column: usize| self.power[row * self.side + column];
        let power = (0..side * side)
            .map(|i| (2 * (i / side), 2 * (i % side)))
            .map(|(r, c)| (at(r, c) + at(r, c + 1) + at(r + 1, c) + at(r + 1, c + 1)) / 4.0)
            .collect();
        Self { side, power }
    }

    /// `clamp(1 + 10 log₁₀(P / max P) / D, 0, 1)` with the shown range of `D` decibels, as grey levels 0..255.
    pub fn grey(&self, decibels: f64) -> Vec<u8> {
        let peak = self.power.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let level = |power: f64| 1.0 + 10.0 * (power / peak).max(f64::MIN_POSITIVE).log10() / decibels;
        self.power.iter().map(|&power| (255.0 * level(power).clamp(0.0, 1.0)).round() as u8).collect()
    }
}

/// Window and transforms, prepared once and shared by all threads.
pub struct Processor {
    window: Vec<f64>,
    transform: Arc<dyn Fft<f64>>,
}

impl Default for Processor {
    fn default() -> Self {
        Self::new()
    }
}

impl Processor {
    /// Plans the transform.
    pub fn new() -> Self {
        Self { window: taylor_window(SAMPLES), transform: FftPlanner::new().plan_fft_inverse(SAMPLES) }
    }

    /// `G = (Σ w)⁴ / (M N)`: the power in the image over the squared amplitude of a scatterer in the middle of a cell.
    pub fn gain(&self) -> f64 {
        self.window.iter().sum::<f64>().powi(4) / (SAMPLES * SAMPLES) as f64
    }

    /// The windowed echo.
    pub fn weigh(&self, echo: &Echo) -> Echo {
        let mut weighed = echo.clone();
        for (row, frequency) in weighed.samples.chunks_exact_mut(SAMPLES).zip(&self.window) {
            row.iter_mut().zip(&self.window).for_each(|(sample, aspect)| *sample *= frequency * aspect);
        }
        weighed
    }

    /// The range-Doppler image of `M` x `N` cells: `r = 0`, `q = 0` is cell (M/2, N/2).
    pub fn image(&self, echo: &Echo) -> PowerImage {
        let mut cells = self.weigh(echo).samples;
        for _ in 0..2 {
            self.transform.process(&mut cells);
            transpose(&mut cells);
        }
        let scale = 1.0 / (SAMPLES * SAMPLES) as f64;
        let half = SAMPLES / 2;
        let power = (0..SAMPLES * SAMPLES)
            .map(|i| ((i / SAMPLES + half) % SAMPLES, (i % SAMPLES + half) % SAMPLES))
            .map(|(row, column)| scale * cells[row * SAMPLES + column].norm_sqr())
            .collect();
        PowerImage { side: SAMPLES, power }
    }
}

fn transpose(square: &mut [Complex64]) {
    for row in 0..SAMPLES {
        for column in 0..row {
            square.swap(row * SAMPLES + column, column * SAMPLES + row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scatterer(range: f64, cross_range: f64) -> Return {
        Return { range, cross_range, amplitude: Complex64::ONE }
    }

    fn brightest(image: &PowerImage) -> (usize, usize, f64) {
        let (index, power) = image.power.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("pixels");
        (index / image.side, index % image.side, *power)
    }

    #[test]
    fn cells_are_those_of_the_bandwidth_and_the_aspect_interval() {
        assert!((RANGE_CELL - 0.375).abs() < 0.001);
        assert!((ASPECT_INTERVAL.to_degrees() - 4.15).abs() < 0.005);
        let cross_range_cell = SPEED_OF_LIGHT / (2.0 * CARRIER * ASPECT_INTERVAL);
        assert!((cross_range_cell - RANGE_CELL).abs() < 1e-12);
    }

    #[test]
    fn a_single_scatterer_lands_in_its_cell_with_the_gain_of_theory() {
        let processor = Processor::new();
        for (row, column) in [(0, 0), (0, 40), (17, -23), (-63, 63), (-50, 1)] {
            let returns = [scatterer(f64::from(row) * RANGE_CELL, f64::from(column) * RANGE_CELL)];
            let (r, c, power) = brightest(&processor.image(&Echo::of(&returns, 0.0)));
            assert_eq!((r as i32, c as i32), (64 + row, 64 + column));
            assert!((power / processor.gain() - 1.0).abs() < 1e-9, "{power} {}", processor.gain());
        }
    }

    /// Power in the middle cell as the whole target slides by `offset` cells along one axis: the image of the target
    /// on a raster as fine as one likes, mean over all relative phases of the pair.
    fn pair_response(processor: &Processor, apart: f64, offset: f64, along_range: bool) -> f64 {
        let phases = 8;
        let sum: f64 = (0..phases)
            .map(|phase| {
                let pair = [-apart / 2.0, apart / 2.0].map(|place| (place + offset) * RANGE_CELL);
                let mut returns =
                    pair.map(|place| if along_range { scatterer(place, 0.0) } else { scatterer(0.0, place) });
                returns[1].amplitude = Complex64::cis(TAU * f64::from(phase) / f64::from(phases));
                processor.image(&Echo::of(&returns, 0.0)).power[64 * SAMPLES + 64]
            })
            .sum();
        sum / f64::from(phases)
    }

    /// Rayleigh's criterion: the dip between the two is at least as deep as that of two diffraction patterns whose
    /// peaks lie on each other's first zero, 73.5 %.
    #[test]
    fn two_scatterers_one_and_a_half_cells_apart_are_resolved() {
        let processor = Processor::new();
        for along_range in [true, false] {
            let peak = pair_response(&processor, 1.5, 0.75, along_range);
            let between = pair_response(&processor, 1.5, 0.0, along_range);
            assert!(between < 0.735 * peak, "{between} between peaks of {peak}");
            let closer = pair_response(&processor, 1.0, 0.0, along_range);
            assert!(closer > pair_response(&processor, 1.0, 0.5, along_range), "one cell apart is one blob");
        }
    }

    #[test]
    fn energy_is_kept_through_window_and_transform() {
        let processor = Processor::new();
        let echo = Echo::of(&[scatterer(3.3, -7.1), scatterer(-11.0, 0.4), scatterer(0.1, 20.0)], 1.3);
        let weighed = processor.weigh(&echo).energy();
        let image = processor.image(&echo);
        let total: f64 = image.power.iter().sum();
        assert!((total / weighed - 1.0).abs() < 1e-12, "{total} {weighed}");
        let quarter: f64 = image.multilook().power.iter().sum();
        assert!((4.0 * quarter / total - 1.0).abs() < 1e-12);
        let mean_square = processor.window.iter().map(|w| w * w).sum::<f64>() / SAMPLES as f64;
        assert!((mean_square - 1.0).abs() < 1e-12);
    }

    #[test]
    fn side_lobes_stay_under_the_windows_level() {
        let processor = Processor::new();
        // Half a cell off, every further cell lies near the top of a side lobe.
        let image = processor.image(&Echo::of(&[scatterer(0.5 * RANGE_CELL, 0.0)], 0.0));
        let column: Vec<f64> = (0..SAMPLES).map(|row| image.power[row * SAMPLES + 64]).collect();
        let highest = column.iter().enumerate().filter(|(row, _)| row.abs_diff(64) > 3).map(|(_, p)| *p);
        let level = 10.0 * (highest.fold(0.0, f64::max) / processor.gain()).log10();
        assert!(level < -SIDE_LOBE + 0.5, "{level} dB");
    }

    #[test]
    fn grey_levels_are_decibels_under_the_peak() {
        let image = PowerImage { side: 2, power: vec![1.0, 0.01, 1e-4, 0.0] };
        assert_eq!(image.grey(40.0), [255, 128, 0, 0]);
    }
}
