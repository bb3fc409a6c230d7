//! Upper bounds of the rows of all inner units at once, by forward passes.

use std::f64::consts::TAU;

use netfold_linear::{Probes, Real, Support};
use rayon::prelude::*;

use super::ray::Ends;
use super::{Kind, Region, Set};
use crate::ops::Precision;

/// Probes that travel together.
const WIDTH: usize = 16;
/// How many times.
const ROUNDS: usize = 4;
/// The chance that any one of all bounds by probes is too small.
pub const RISK: f64 = 1e-9;
/// Added to bounds for what sums of many terms lose by rounding.
const ROUNDING: f64 = 1.01;

/// Upper bounds for every switch of every set.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// `proven[set][index]` ≥ ‖g‖ in each of the three norms.
    pub proven: Vec<Vec<f32>>,
    /// `likely[set][index]` ≥ ‖g‖ in l2, with a chance of at least 1 − [`RISK`] for all of them together.
    pub likely: Vec<Vec<f32>>,
}

impl<T: Precision> Region<T> {
    /// Bounds of ‖g‖ for all switches.
    ///
    /// Proven: |g| ≤ |Aₗ| … |A₁| 1 entry by entry, one forward pass of the constant 1 through the magnitudes of all
    /// maps, gives Σ|g| ≥ every norm. It is exact behind the first layer and grows too large with depth.
    ///
    /// Likely: for v of independent standard normal numbers ⟨g, v⟩ / ‖g‖₂ is standard normal, so that the sum S of k
    /// such squares is ‖g‖₂² times χ² of k degrees, and P(χ² ≤ k s) ≤ (s e^(1 − s))^(k / 2) (Chernoff). With s such that
    /// this is the risk divided by the number of switches, ‖g‖₂ ≤ √(S / (k s)) for all. The same for all depths.
    pub(super) fn bounds(&self) -> Bounds {
        let mut proven: Vec<Vec<f32>> = self.sets.iter().map(|set| vec![f32::INFINITY; set.len()]).collect();
        let ones = vec![T::one(); self.circuit.input_shape().iter().product()];
        let magnitudes = Self { circuit: self.circuit.abs_bound(), sets: self.sets.clone() };
        magnitudes.tangents(Probes::tensor(self.circuit.input_shape(), ones), |index, set, tangents| {
            set.each(&mut proven[index], tangents, |bound, a, b| {
                let [a, b] = [a, b].map(|sum| sum.map_or(0.0, |sum| sum[0].wide()));
                // NaN is 0 · ∞ of an overflow: no bound.
                *bound = if (a + b).is_nan() { f32::INFINITY } else { up(ROUNDING * (a + b)) };
            });
        });
        let mut likely: Vec<Vec<f32>> = self.sets.iter().map(|set| vec![0.0; set.len()]).collect();
        for round in 0..ROUNDS {
            let v = gaussians::<T>(self.circuit.input_shape(), round);
            self.tangents(v, |index, set, tangents| {
                set.add(&mut likely[index], tangents);
            });
        }
        let probes = (WIDTH * ROUNDS) as f64;
        let s = chernoff(RISK / self.switches().max(1) as f64, probes);
        let scale = |sum: &mut f32| *sum = up((f64::from(*sum) * ROUNDING / (probes * s)).sqrt());
        likely.par_iter_mut().for_each(|set| set.iter_mut().for_each(scale));
        Bounds { proven, likely }
    }
}

/// The next single-precision number that is not smaller.
fn up(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) < value { near.next_up() } else { near }
}

/// The s < 1 for which (s e^(1 − s))^(k / 2) is `risk`, from below.
fn chernoff(risk: f64, k: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..100 {
        let s = 0.5 * (low + high);
        let log = 0.5 * k * (s.ln() + 1.0 - s);
        if log < risk.ln() { low = s } else { high = s }
    }
    low
}

/// Independent standard normal numbers, by Box and Muller: the same in every run and for any number of threads.
fn gaussians<T: Real>(shape: &[usize], round: usize) -> Probes<T> {
    let mut rng = fastrand::Rng::with_seed(round as u64 + 1);
    let len = shape.iter().product::<usize>() * WIDTH;
    let mut values = Vec::with_capacity(len + 1);
    while values.len() < len {
        // 1 − u is never 0.
        let (radius, angle) = ((-2.0 * (1.0 - rng.f64()).ln()).sqrt(), TAU * rng.f64());
        values.extend([T::of(radius * angle.cos()), T::of(radius * angle.sin())]);
    }
    values.truncate(len);
    Probes::new(Support::full(shape), WIDTH, values)
}

/// The probes at an element, or none of a constant.
type At<'a, T> = Option<&'a [T]>;

impl<T: Real> Set<T> {
    /// Adds Σ ⟨g, v⟩² over the probes v.
    fn add(&self, sums: &mut [f32], tangents: Ends<'_, T>) {
        let square = |h: f64| h * h;
        self.each(sums, tangents, |sum, a, b| {
            let add: f64 = match (a, b) {
                (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| square(a.wide() - b.wide())).sum(),
                (Some(a), None) | (None, Some(a)) => a.iter().map(|a| square(a.wide())).sum(),
                (None, None) => 0.0,
            };
            *sum += add as f32;
        });
    }

    /// f on each number of `to` and what has reached the ends of its switch.
    fn each(&self, to: &mut [f32], [a, b]: Ends<'_, T>, f: impl Fn(&mut f32, At<'_, T>, At<'_, T>) + Sync) {
        to.par_iter_mut().with_min_len(1 << 12).enumerate().for_each(|(index, to)| match &self.kind {
            Kind::Slack { .. } => f(to, a.and_then(|a| a.at(index)), None),
            Kind::Order { pairs, .. } => {
                let [ahead, behind] = pairs[index].map(|element| element as usize);
                f(to, a.and_then(|a| a.at(ahead)), b.and_then(|b| b.at(behind)));
            }
        });
    }
}
