//! `LRN`.

use netfold_linear::{Broadcast, Diagonal, Real, Sparse};
use rayon::prelude::*;

use super::facts::{BFLOAT16, FLOATS, Facts};

use super::{At, Attributes, Class, Dependence, Extent, Op, Operator, Outlines, only, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(1, Class::LocalNorm)
        .float("alpha", ..)
        .float("beta", ..)
        .float("bias", ..)
        .int("size", ..)
        .required("size", ..)
        .input("X", FLOATS.with(BFLOAT16, 13), ..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let size = attributes.int_or("size", 0)?;
    let size = usize::try_from(size).ok().filter(|&size| size > 0);
    Ok(Box::new(Lrn {
        size: size.ok_or_else(|| OpError::new("attribute `size` is missing or no positive number"))?,
        alpha: attributes.float_or("alpha", 1e-4)?,
        beta: attributes.float_or("beta", 0.75)?,
        bias: attributes.float_or("bias", 1.0)?,
    }))
}

/// `y[c] = x[c] · q[c]^(−β)` with `q[c] = k + α/n · Σ x[c']²`, over the n channels c' around c at the same place.
///
/// Frozen, exact at this input: `gate` and `half` hold q; `tangent` is the Jacobian
/// `diag(q^(−β)) − 2αβ/n · x[c] q[c]^(−β−1) x[c']`.
///
/// Source: ONNX `LRN`.
#[derive(Clone, Debug)]
struct Lrn {
    size: usize,
    alpha: f64,
    beta: f64,
    bias: f64,
}

impl Operator for Lrn {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let count = x.count(0);
        let around = self.size.min(x.shape(0)?.get(1).copied().unwrap_or(1)) as f64;
        let tables = x.reals(count) + count * size_of::<f64>() as f64;
        Ok(Extent::like(x, 0)?.scratch(tables).frozen(size::sparse(count * around, x.width)).mul_adds(count * around))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input"])
    }
}

impl<T: Real> Op<T> for Lrn {
    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = at.inputs.real(0)?;
        let &[_, channels, ref places @ ..] = x.shape() else {
            return Err(OpError::new(format!("{:?} has no batch and channel axes", x.shape())));
        };
        let (before, places) = ((self.size - 1) / 2, places.iter().product::<usize>());
        let behind = self.size - 1 - before;
        // The elements around `e`, in the order of their channels.
        let around = |e: usize| {
            let c = e / places % channels;
            let (first, last) = (c.saturating_sub(before), c.saturating_add(behind).min(channels - 1));
            (first..=last).map(move |other| e - c * places + other * places)
        };
        let share = self.alpha / self.size as f64;
        let value = |e: usize| x.data()[e].wide();
        let sizes: Vec<f64> = (0..x.len())
            .into_par_iter()
            .map(|e| self.bias + share * around(e).map(|other| value(other).powi(2)).sum::<f64>())
            .collect();
        let factors = sizes.iter().map(|q| T::of(q.powf(-self.beta))).collect();
        let slope = |e: usize| 2.0 * share * self.beta * value(e) * sizes[e].powf(-self.beta - 1.0);
        if at.rule != Rule::Tangent {
            return Ok(Affine::linear(Diagonal::new(Broadcast::full(x.shape(), factors))).valid(Validity::Input));
        }
        size::count(&[x.len(), self.size.min(channels)])?;
        let row = |e: usize| {
            let (slope, own) = (slope(e), sizes[e].powf(-self.beta));
            around(e).map(move |other| (other, T::of(if other == e { own } else { 0.0 } - slope * value(other))))
        };
        let rest = |e: usize| T::of(slope(e) * (sizes[e] - self.bias) / share);
        let offset = if share == 0.0 { vec![T::zero(); x.len()] } else { (0..x.len()).map(rest).collect() };
        let affine = Affine::linear(Sparse::new(x.shape(), x.shape(), row));
        Ok(affine.plus(Broadcast::full(x.shape(), offset)).valid(Validity::Input))
    }
}
