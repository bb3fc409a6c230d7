//! `integrated-gradients`: by midpoints of the segment from the reference.

use super::subject::{Attribution, Subject, row, tangent};
use crate::error::Error;
use crate::ops::Precision;

/// (x − x₀) ∘ 1/n Σ over k of ∂f/∂x at x₀ + (k + ½)/n (x − x₀). The rest is f(x₀); the residual is what n steps miss.
pub(super) fn look<T: Precision>(_: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let (x, x0, steps) = (subject.x()?, subject.reference()?, subject.settings.steps.max(1));
    let mut mean = vec![0.0; x.len()];
    for step in 0..steps {
        let t = (step as f64 + 0.5) / steps as f64;
        let at = x0.paired(x, |x0, x| T::of(x0.wide() + t * (x.wide() - x0.wide())));
        let w = row(&subject.trace.at(&at)?.freeze(&tangent())?, subject.class);
        mean.iter_mut().zip(w).for_each(|(mean, w)| *mean += w / steps as f64);
    }
    let difference = x.data().iter().zip(x0.data()).map(|(x, x0)| x.wide() - x0.wide());
    let values = mean.iter().zip(difference).map(|(w, d)| w * d).collect();
    let rest = subject.trace.at(&x0)?.logits()?.data()[subject.class].wide();
    Ok(Attribution::contributions(values, rest))
}
