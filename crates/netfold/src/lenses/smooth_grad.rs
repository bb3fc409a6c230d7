//! `smoothgrad`: the gradient averaged over noisy inputs.

use super::subject::{Attribution, Subject, row, tangent};
use crate::error::Error;
use crate::ops::Precision;

/// mean over n samples of ∂f/∂x at x + σ ε, ε normal by Box and Muller out of a seeded generator, two uniform numbers for
/// each element in order. The same bits for the same seed.
pub(super) fn look<T: Precision>(_: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let (x, settings) = (subject.x()?, subject.settings);
    let wide = || x.data().iter().map(|x| x.wide());
    let range = wide().fold(f64::MIN, f64::max) - wide().fold(f64::MAX, f64::min);
    let sigma = settings.noise * range;
    let (mut noise, samples) = (fastrand::Rng::with_seed(settings.seed), settings.samples.max(1));
    let mut normal = || {
        let (u, v) = (1.0 - noise.f64(), noise.f64());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let mut mean = vec![0.0; x.len()];
    for _ in 0..samples {
        let noisy = x.map(|x| T::of(x.wide() + sigma * normal()));
        let w = row(&subject.trace.at(&noisy)?.freeze(&tangent())?, subject.class);
        mean.iter_mut().zip(w).for_each(|(mean, w)| *mean += w / samples as f64);
    }
    Ok(Attribution::weights(mean, x))
}
