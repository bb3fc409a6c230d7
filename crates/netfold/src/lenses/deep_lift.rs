//! `deeplift`: the Rescale rule.

use netfold_linear::{Broadcast, Diagonal, Sparse};

use super::in_the_way;
use super::subject::{Attribution, Subject, row};
use crate::affine::{Affine, Validity};
use crate::circuit::Stage;
use crate::error::Error;
use crate::ops::{Precision, Windows};
use crate::trace::Trace;
use crate::value::Tensor;

/// Differences of a unit below this have no secant; the slope at x counts.
const SMALL: f64 = 1e-10;

/// Multipliers m, Σ m (x − x₀) = f(x) − f(x₀): affine layers as they are, a function of one number with slope Δy / Δz, a
/// max pool as [`shares`] says. The rest is f(x₀).
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let (x, x0, circuit) = (subject.x()?, subject.reference()?, subject.jacobian()?);
    let reference = subject.trace.at(&x0)?;
    let rescaled = circuit.map_stages(|stage| {
        if stage.affine.validity == Validity::Everywhere {
            return Ok(stage.clone());
        }
        let (&[source], [Some(map)]) = (stage.sources.as_slice(), stage.affine.terms.as_slice()) else {
            return Err(in_the_way(
                lens,
                &stage.node,
                &stage.op,
                "joins several inputs that vary; Rescale has no rule for it",
            ));
        };
        let sides = |trace: &Trace<'_, T>| -> Result<(Tensor<T>, Tensor<T>), Error> {
            Ok((subject.read(trace, &circuit, source)?.clone(), subject.value(trace, stage)?.clone()))
        };
        let (at, base) = (sides(subject.trace)?, sides(&reference)?);
        if stage.class().is_pointwise() {
            // One number of the adjoint at a time: the tangent's slope is what the map makes of one.
            let slopes =
                map.apply_transpose(at.1.map(|_| T::one()).probe(), &netfold_linear::Support::full(map.domain()));
            let slope = |e: usize| {
                let (dz, dy) =
                    (at.0.data()[e].wide() - base.0.data()[e].wide(), at.1.data()[e].wide() - base.1.data()[e].wide());
                if dz.abs() < SMALL { slopes.values()[e] } else { T::of(dy / dz) }
            };
            let field = Broadcast::full(at.0.shape(), (0..at.0.len()).map(slope).collect());
            return Ok(Stage { affine: Affine::linear(Diagonal::new(field)), ..stage.clone() });
        }
        let windows = subject.node(stage)?.operator.as_ref().ok().and_then(|op| op.windows(at.0.shape()));
        let Some(windows) = windows else {
            return Err(in_the_way(
                lens,
                &stage.node,
                &stage.op,
                "is neither affine nor a function of one number nor a MaxPool",
            ));
        };
        let row = |i: usize| shares(&windows, i, [&at.0, &at.1], [&base.0, &base.1]);
        let affine = Affine::linear(Sparse::new(at.0.shape(), at.1.shape(), row));
        Ok(Stage { affine, ..stage.clone() })
    })?;
    let multipliers = row(&rescaled, subject.class);
    let difference = x.data().iter().zip(x0.data()).map(|(x, x0)| x.wide() - x0.wide());
    let values = multipliers.iter().zip(difference).map(|(m, d)| m * d).collect();
    Ok(Attribution::contributions(values, reference.logits()?.data()[subject.class].wide()))
}

/// Of Δy of a max pool, max(y, y₀) − y₀ goes to the winner at x and y − max(y, y₀) to the winner at x₀, each over its own
/// Δx, as Captum shares it. An element that wins in several windows gets the sum; where several are the largest at x₀,
/// that is the winner at x if it is one of them.
fn shares<T: Precision>(
    windows: &Windows,
    i: usize,
    [x, y]: [&Tensor<T>; 2],
    [x0, y0]: [&Tensor<T>; 2],
) -> Vec<(usize, T)> {
    let largest = |x: &Tensor<T>| {
        let places = windows.of(i);
        places.reduce(|best, e| if x.data()[e] > x.data()[best] { e } else { best })
    };
    let (here, there) = (y.data()[i].wide(), y0.data()[i].wide());
    let (most, winner) = (here.max(there), largest(x));
    let before = winner.filter(|&e| x0.data()[e] == y0.data()[i]).or_else(|| largest(x0));
    // Without a difference of its own, the winner at x has the pool's slope at x.
    [(winner, most - there, 1.0), (before, here - most, 0.0)]
        .into_iter()
        .filter_map(|(winner, share, slope)| {
            let winner = winner?;
            let difference = x.data()[winner].wide() - x0.data()[winner].wide();
            Some((winner, T::of(if difference.abs() < SMALL { slope } else { share / difference })))
        })
        .collect()
}
