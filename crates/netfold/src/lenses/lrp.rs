//! Layer-wise relevance propagation: the rules, and zennit's composites.

use super::subject::{Attribution, Subject, row};
use super::transport::{STABILISER, Transport, carried};
use crate::affine::Validity;
use crate::circuit::Stage;
use crate::error::Error;
use crate::ops::{Class, Precision};

/// Which rule carries relevance through which layer.
struct Plan {
    /// The first convolution or dense layer, if it has a rule of its own.
    first: Option<Transport>,
    convolution: Transport,
    dense: Transport,
    /// Sums, means and other affine layers.
    other: Transport,
    batch_norm: Transport,
}

impl Plan {
    fn uniform(rule: Transport, other: Transport) -> Self {
        Self { first: None, convolution: rule, dense: rule, other, batch_norm: other }
    }

    fn composite(first: Option<Transport>, convolution: Transport, epsilon: Transport) -> Self {
        let other = Transport::Epsilon(STABILISER);
        Self { first, convolution, dense: epsilon, other, batch_norm: Transport::Pass }
    }

    fn of<T: Precision>(lens: &str, subject: &Subject<'_, T>) -> Result<Self, Error> {
        let settings = subject.settings;
        let (epsilon, gamma) = (Transport::Epsilon(settings.epsilon), Transport::Gamma(settings.gamma));
        let numbers = || subject.trace.real(subject.trace.input).map(|x| x.data().iter().map(|x| x.wide()));
        let bounds = match settings.bounds {
            Some(bounds) => bounds,
            None => [numbers()?.fold(f64::MAX, f64::min), numbers()?.fold(f64::MIN, f64::max)],
        };
        let (first, other) = (Some(Transport::Box(bounds)), Transport::Epsilon(STABILISER));
        Ok(match lens {
            "lrp-0" => Self::uniform(Transport::Epsilon(0.0), Transport::Epsilon(0.0)),
            "lrp-gamma" => Self::uniform(gamma, other),
            "lrp-alpha-beta" => Self::uniform(Transport::AlphaBeta(2.0), other),
            "lrp-z-box" => Self { first, ..Self::uniform(epsilon, other) },
            "epsilon-plus" => Self::composite(None, Transport::AlphaBeta(1.0), epsilon),
            "epsilon-gamma-box" => Self::composite(first, gamma, epsilon),
            "epsilon-alpha2-beta1" => Self::composite(None, Transport::AlphaBeta(2.0), epsilon),
            _ => Self::uniform(epsilon, other),
        })
    }

    /// The rule of a stage: by its operator, and by how it depends on what it reads.
    fn at<T: Precision>(&self, stage: &Stage<T>, is_first: bool) -> Transport {
        let everywhere = stage.affine.validity == Validity::Everywhere;
        match stage.class() {
            class if is_first && is_layer(class) => self.first.unwrap_or_else(|| self.of_layer(class, everywhere)),
            class if is_layer(class) => self.of_layer(class, everywhere),
            Class::BatchNorm => self.batch_norm,
            // What moves elements moves their relevance; what picks one gives it all.
            Class::Copy
            | Class::Cast
            | Class::Reshape
            | Class::Squeeze
            | Class::Transpose
            | Class::Blocks
            | Class::Slice
            | Class::Split
            | Class::Gather
            | Class::Index
            | Class::Concat
            | Class::Repeat
            | Class::Pad
            | Class::MaxPool
            | Class::Select
            | Class::Extreme => Transport::Adjoint,
            class if class.is_pointwise() && !everywhere => Transport::Pass,
            _ => self.other,
        }
    }

    /// The rule of a layer with weights.
    fn of_layer(&self, class: Class, everywhere: bool) -> Transport {
        match class {
            Class::Dense if everywhere => self.dense,
            Class::Dense => self.other,
            _ => self.convolution,
        }
    }
}

/// Whether an operator is a layer with weights: a convolution or a matrix product.
fn is_layer(class: Class) -> bool {
    class.is_convolution() || class == Class::Dense
}

/// R over the input, beginning with the logit: each stage's map replaced by the one that carries relevance.
///
/// What a bias takes is lost to it, and is the residual.
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let plan = Plan::of(lens, subject)?;
    let circuit = subject.trace.freeze(&subject.settings.rules)?;
    let weighted = |class: Class| if lens == "epsilon-gamma-box" { class.is_convolution() } else { is_layer(class) };
    let first = circuit.stages().iter().position(|stage| weighted(stage.class()));
    if plan.first.is_some() && first.is_none() {
        return Err(Error::Lens { lens, why: "no node is a layer with weights that a box could bound".into() });
    }
    let mut index = 0;
    let relevance = circuit.map_stages(|stage| {
        index += 1;
        carried(lens, subject, &circuit, stage, plan.at(stage, Some(index - 1) == first))
    })?;
    let logit = subject.logit()?;
    let values = row(&relevance, subject.class).iter().map(|share| share * logit).collect();
    Ok(Attribution::contributions(values, 0.0))
}
