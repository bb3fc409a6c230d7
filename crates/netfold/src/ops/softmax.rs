//! `Softmax`, `LogSoftmax`.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Mask, RankOne, Real, Support};

use super::facts::{BFLOAT16, FLOATS, Facts};
use super::{At, Attributes, Class, Extent, Inputs, Op, Operator, Outlines, Role, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let facts = Facts::since(1, Class::Softmax);
    // The logarithm of a probability opens and closes nothing.
    let facts = if name == "LogSoftmax" { facts.gives(Role::Signal) } else { facts };
    facts.int("axis", ..).input("input", FLOATS.with(BFLOAT16, 13), ..)
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let rest = attributes.opset < 13;
    let axis = attributes.int_or("axis", if rest { 1 } else { -1 })?;
    Ok(Box::new(Softmax { log: name == "LogSoftmax", axis, rest }))
}

/// `y[i] = exp(x[i]) / Σ exp(x[j])` along one axis, or its logarithm; before opset 13 over all axes from the one given on,
/// taken together.
///
/// Frozen, exact at the traced x₀ with p = softmax(x₀), z = x − mean(x) and z₀ = x₀ − mean(x₀):
/// - `tangent`: the Jacobian diag(p) − p pᵀ; of the logarithm 1 − 1 pᵀ; the offset is what is missing;
/// - `gate` and `half`: the mean is subtracted linearly and the sum S = Σ exp(z₀) held, as in a normalisation:
///   y = (1 + s z) / S with the secant s = (exp(z₀) − 1) / z₀; of the logarithm y = z − ln S. Elements whose share of the
///   sum is 0 in double precision, as those that a mask puts out of reach are, count neither in the mean nor in the sum.
///
/// As the last node it is left off by default. Where it weighs values (attention) the product holds it as a gate.
///
/// Source: ONNX `Softmax`, `LogSoftmax`.
#[derive(Clone, Debug)]
struct Softmax {
    log: bool,
    axis: i64,
    /// Whether the axes behind the given one are part of the sum.
    rest: bool,
}

impl Operator for Softmax {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        // A rank-one map and what it makes.
        Ok(Extent::like(x, 0)?.frozen(x.reals(4.0 * x.count(0))))
    }
}

impl Softmax {
    /// In place: the numbers of one sum.
    fn line<T: Real>(&self, line: &mut [T]) {
        let largest = line.iter().fold(T::neg_infinity(), |a, &b| a.max(b));
        let sum: T = line.iter().map(|&x| (x - largest).exp()).sum();
        for x in line {
            *x = if self.log { *x - largest - sum.ln() } else { (*x - largest).exp() / sum };
        }
    }
}

impl Softmax {
    /// Elements of a sum, and how far apart they are.
    fn lines(&self, shape: &[usize]) -> Result<[usize; 2], OpError> {
        let rank = shape.len();
        let axis = if self.rest && self.axis == rank as i64 { rank } else { size::axis(self.axis, rank)? };
        Ok(if self.rest {
            [shape[axis..].iter().product(), 1]
        } else {
            [shape[axis], shape[axis + 1..].iter().product()]
        })
    }
}

/// Every line of x through `f`.
fn by_line<T: Real>(x: &Tensor<T>, [size, inner]: [usize; 2], f: impl Fn(&mut [T])) -> Vec<T> {
    let mut y = x.data().to_vec();
    let mut line = vec![T::zero(); size];
    for first in (0..y.len()).filter(|i| (i / inner).is_multiple_of(size)) {
        line.iter_mut().enumerate().for_each(|(i, value)| *value = y[first + i * inner]);
        f(&mut line);
        line.iter().enumerate().for_each(|(i, &value)| y[first + i * inner] = value);
    }
    y
}

impl<T: Real> Op<T> for Softmax {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let x = x.real(0)?;
        let lines = self.lines(x.shape())?;
        Ok(vec![Value::Real(Tensor::new(x.shape(), by_line(x, lines, |line| self.line(line))))])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let x = at.inputs.real(0)?;
        let (shape, lines) = (x.shape(), self.lines(x.shape())?);
        let full = |values: Vec<T>| Broadcast::full(shape, values);
        let ones = || vec![T::one(); x.len()];
        let map = if at.rule == Rule::Tangent {
            let p = by_line(x, lines, |line| {
                Self { log: false, ..self.clone() }.line(line);
                // No line of masks alone has a slope.
                line.iter_mut().filter(|p| p.is_nan()).for_each(|p| *p = T::zero());
            });
            let d = if self.log { ones() } else { p.clone() };
            RankOne::new(full(d.clone()), d, p, lines)
        } else {
            let mean = by_line(x, lines, |line| {
                let inside = inside(line);
                let share = T::of(1.0 / inside.iter().filter(|&&inside| inside).count().max(1) as f64);
                line.iter_mut().zip(inside).for_each(|(x, inside)| *x = if inside { share } else { T::zero() });
            });
            if self.log {
                RankOne::new(Broadcast::uniform(shape, T::one()), ones(), mean, lines)
            } else {
                let slopes = by_line(x, lines, slopes);
                RankOne::new(full(slopes.clone()), slopes, mean, lines)
            }
        };
        // What a mask has put out of reach is not read: 0 times an infinity is 0 here.
        let far = |x: T| !x.is_finite() || x.wide().abs() >= FAR;
        let affine = if x.data().iter().any(|&x| far(x)) {
            let reached = by_line(x, lines, |line| {
                let inside = inside(line);
                line.iter_mut().zip(inside).for_each(|(x, inside)| *x = if inside { T::one() } else { T::zero() });
            });
            let mask = Mask::new(Support::positive(shape, &reached));
            Affine::linear(Chain::new(Arc::new(mask), Arc::new(map)))
        } else {
            Affine::linear(map)
        };
        let made = affine.apply(&[Some(x)]);
        let y = by_line(x, lines, |line| self.line(line));
        // By the numbers that the map gives: x may be so large that rounding would be seen in the sum of the two.
        let offset = y.iter().zip(made.data()).map(|(&y, &made)| y - made).collect();
        Ok(affine.plus(full(offset)).valid(Validity::Input))
    }
}

/// Numbers of this size are masks: no score that a network computes is.
const FAR: f64 = 1e30;

/// Which elements of a line have a share of the sum in double precision. What a mask has put at −∞, −10³⁸ or −10⁴ has none.
fn inside<T: Real>(line: &[T]) -> Vec<bool> {
    let largest = line.iter().map(|x| x.wide()).fold(f64::NEG_INFINITY, f64::max);
    line.iter().map(|x| (x.wide() - largest).exp() > 0.0).collect()
}

/// The secants' slopes of a line, in its place: of the elements that have a share of the sum, without their mean; 0 of
/// the others.
fn slopes<T: Real>(line: &mut [T]) {
    let inside = inside(line);
    let of_sum = || line.iter().zip(&inside).filter(|(_, inside)| **inside).map(|(x, _)| x.wide());
    let mean = of_sum().sum::<f64>() / of_sum().count().max(1) as f64;
    let largest = of_sum().map(|x| x - mean).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = of_sum().map(|x| (x - mean - largest).exp()).sum();
    // ((exp(z) − 1) / z) / Σ exp(z), both sides of the fraction by exp(largest).
    let slope = |z: f64| {
        if largest > LARGE && z != 0.0 {
            ((z - largest).exp() - (-largest).exp()) / z / sum
        } else {
            secant_of_exp(z) * (-largest).exp() / sum
        }
    };
    line.iter_mut().zip(&inside).for_each(|(x, &inside)| {
        *x = if inside { T::of(slope(x.wide() - mean)) } else { T::zero() };
    });
}

/// From here on exp(z) is near the end of double precision.
const LARGE: f64 = 700.0;

/// (exp(z) − 1) / z
fn secant_of_exp(z: f64) -> f64 {
    if z == 0.0 { 1.0 } else { z.exp_m1() / z }
}
