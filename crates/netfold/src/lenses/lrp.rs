//! Layer-wise relevance propagation: the rules, and zennit's composites.

use super::subject::{Attribution, Subject, is_pointwise, kind, row};
use super::transport::{STABILISER, Transport, carried};
use crate::affine::Validity;
use crate::circuit::Stage;
use crate::error::Error;
use crate::ops::Precision;

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
        match kind(&stage.op) {
            "conv" | "conv_transpose" | "gemm" | "matmul" if is_first && self.first.is_some() => {
                self.first.unwrap_or(self.other)
            }
            "conv" | "conv_transpose" => self.convolution,
            "gemm" | "matmul" if stage.affine.validity == Validity::Everywhere => self.dense,
            "batch_norm" => self.batch_norm,
            // What moves elements moves their relevance; what picks one gives it all.
            "copy" | "reshape" | "transpose" | "slice" | "concat" | "expand" | "gather" | "pad" | "pool"
                if stage.op != "AveragePool" =>
            {
                Transport::Adjoint
            }
            "extreme" | "branch" => Transport::Adjoint,
            _ if matches!(stage.op.as_str(), "GlobalMaxPool" | "ReduceMax" | "ReduceMin") => Transport::Adjoint,
            _ if is_pointwise(&stage.op) && stage.affine.validity != Validity::Everywhere => Transport::Pass,
            _ => self.other,
        }
    }
}

/// R over the input, beginning with the logit: each stage's map replaced by the one that carries relevance.
///
/// What a bias takes is lost to it, and is the residual.
pub(super) fn look<T: Precision>(lens: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let plan = Plan::of(lens, subject)?;
    let circuit = subject.trace.freeze(&subject.settings.rules)?;
    let weighted = |op: &str| match lens {
        "epsilon-gamma-box" => matches!(kind(op), "conv" | "conv_transpose"),
        _ => matches!(kind(op), "conv" | "conv_transpose" | "gemm" | "matmul"),
    };
    let first = circuit.stages().iter().position(|stage| weighted(&stage.op));
    if plan.first.is_some() && first.is_none() {
        return Err(Error::Lens { lens, why: "no node is a layer with weights that a box could bound".into() });
    }
    let mut index = 0;
    let relevance = circuit.remade(|stage| {
        index += 1;
        carried(lens, subject, &circuit, stage, plan.at(stage, Some(index - 1) == first))
    })?;
    let logit = subject.logit()?;
    let values = row(&relevance, subject.class).iter().map(|share| share * logit).collect();
    Ok(Attribution::contributions(values, 0.0))
}
