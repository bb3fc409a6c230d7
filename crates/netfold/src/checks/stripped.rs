//! The model without biases, on which several lenses are one.

use std::sync::Arc;

use super::Outcome;
use crate::affine::Validity;
use crate::circuit::Rules;
use crate::error::Error;
use crate::lenses::{Lens, Settings, Subject};
use crate::ops::Precision;
use crate::trace::{NonFinite, Replaced, Trace, Tracing};
use crate::value::{Tensor, Value};

/// Lenses that are w ∘ x where f is homogeneous: f(t x) = t f(x) for t > 0.
const ONE: [&str; 5] = ["gradient-x-input", "contributions", "lrp-0", "deeplift", "integrated-gradients"];

/// max over LRP-0, DeepLIFT and integrated gradients from zero, and the one-layer model's contributions, of the largest
/// difference from gradient x input, relative to its largest value, on the model without biases.
///
/// Without biases a piecewise-linear network is homogeneous, and the five are one map that adds up to the logit. No
/// meaning where something else keeps an offset (a sigmoid, a bound that is reached).
///
/// Source: Ancona et al., arXiv 1711.06104; Kindermans et al., arXiv 1611.07270. Cost: six pulls.
///
/// # Errors
/// What tracing and freezing return.
pub fn without_biases<T: Precision>(trace: &Trace<'_, T>, class: usize) -> Result<Outcome, Error> {
    let outcome = |worst, place| Outcome {
        check: "one map without biases",
        worst,
        limit: if T::NAME == "f32" { 1e-3 } else { 1e-9 },
        place,
    };
    let stripped = Arc::new(zeros(trace)?);
    let bare = trace.model.trace_with(
        &trace.feed,
        trace.output,
        Tracing { non_finite: NonFinite::Allow, replaced: stripped, ..Tracing::default() },
    )?;
    let circuit = bare.freeze(&Rules::default())?;
    let offset = |stage: &&crate::circuit::Stage<T>| {
        stage.affine.validity == Validity::Input
            || stage.affine.offset.as_ref().is_some_and(|c| c.nonzero().count() > 0)
    };
    if let Some(stage) = circuit.stages().iter().find(offset) {
        return Ok(outcome(None, format!("`{}` ({}) is not homogeneous", stage.node, stage.op)));
    }
    let settings = Settings { steps: 1, ..Settings::default() };
    let subject = Subject { trace: &bare, class, settings: &settings };
    let first = Lens::find(ONE[0])?.look(&subject)?;
    let scale = first.values.iter().fold(f64::MIN_POSITIVE, |largest, v| largest.max(v.abs()));
    let logit = subject.logit()?;
    let (mut worst, mut place) =
        ((logit - first.sum).abs() / logit.abs().max(scale), "the sum, against the logit".to_owned());
    for name in &ONE[1..] {
        let other = match Lens::find(name)?.look(&subject) {
            Err(Error::Lens { why, .. }) => return Ok(outcome(None, why)),
            other => other?,
        };
        let difference = other.values.iter().zip(&first.values).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / scale;
        if difference > worst {
            (worst, place) = (difference, (*name).to_owned());
        }
    }
    Ok(outcome(Some(worst), place))
}

/// Zero for every tensor that is a bias: what an affine node adds to what it makes of its inputs.
fn zeros<T: Precision>(trace: &Trace<'_, T>) -> Result<Replaced<T>, Error> {
    let mut zeros = Replaced::new();
    for node in trace.nodes.iter().map(|&index| &trace.model.nodes[index]) {
        let varies = |i: usize| node.inputs.get(i).copied().flatten().is_some_and(|id| trace.varies(id));
        // Of a sum with a constant the constant is the bias, whichever of the two it is.
        let is_bias = |i: usize| varies(usize::from(i == 0)) && !varies(i);
        let biases = node.facts().bias_inputs().iter().filter(|&&i| is_bias(i));
        for id in biases.filter_map(|&i| node.inputs.get(i).copied().flatten()) {
            if let Some(Value::Real(bias)) = trace.value(id) {
                zeros.insert(id, Value::Real(Tensor::new(bias.shape(), vec![T::zero(); bias.len()])));
            }
        }
    }
    Ok(zeros)
}
