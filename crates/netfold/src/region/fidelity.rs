//! What the one-layer model is worth beyond its region.

use serde::Serialize;

use super::line::Line;
use crate::circuit::{Circuit, Push};
use crate::error::Error;
use crate::ops::Precision;
use crate::reconstruction::argmax;
use crate::value::Tensor;

/// The network against the one-layer model at x + t d.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fidelity {
    /// Where.
    pub t: f64,
    /// max over logits of |f(x + t d) − (W (x + t d) + b)|.
    pub difference: f64,
    /// The same divided by max|f(x)|.
    pub relative: f64,
    /// The winning class of the network there; of one logit 0 where the logit is positive, 1 (its opposite) where it is not.
    pub class: usize,
    /// The winning class of the one-layer model, likewise.
    pub predicted: usize,
}

/// The fidelity curve along a line: one forward pass for each t. W d is pushed once; logits are f(x) = W x + b.
///
/// Works for any network, piecewise linear or not.
///
/// # Errors
/// If the network cannot be computed at one of the points.
pub fn fidelity<T: Precision>(
    line: &Line<'_, T>,
    circuit: &Circuit<T>,
    logits: &Tensor<T>,
    grid: &[f64],
) -> Result<Vec<Fidelity>, Error> {
    let slopes = circuit.push(line.d.probe(), Push::Linear).into_values();
    let scale = logits.data().iter().fold(0.0, |m: f64, f| m.max(f.wide().abs()));
    let one = |&t: &f64| {
        let there = line.model.trace(line.point(t), line.output, line.non_finite)?;
        let f = there.logits()?;
        let affine: Vec<T> =
            logits.data().iter().zip(&slopes).map(|(f, slope)| T::of(f.wide() + t * slope.wide())).collect();
        let differences = f.data().iter().zip(&affine).map(|(f, y)| (f.wide() - y.wide()).abs());
        let difference = differences.fold(0.0, |worst: f64, d| if d.is_nan() || d > worst { d } else { worst });
        let relative = if scale > 0.0 { difference / scale } else { difference };
        Ok(Fidelity { t, difference, relative, class: winner(f.data()), predicted: winner(&affine) })
    };
    grid.iter().map(one).collect()
}

fn winner<T: Precision>(logits: &[T]) -> usize {
    match logits {
        [logit] => usize::from(*logit <= T::zero()),
        _ => argmax(logits),
    }
}
