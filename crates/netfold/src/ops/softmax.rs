//! `Softmax`, `LogSoftmax`.

use netfold_linear::{Field, RankOne, Real};

use super::facts::{BFLOAT16, FLOATS, Facts};
use super::{At, Attributes, Inputs, Op, Operator, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(1).int("axis", ..).input("input", FLOATS.with(BFLOAT16, 13), ..)
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
///   y = (1 + s z) / S with the secant s = (exp(z₀) − 1) / z₀; of the logarithm y = z − ln S.
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

impl Operator for Softmax {}

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
        let size = lines[0].max(1);
        let full = |values: Vec<T>| Field::full(shape, values);
        let ones = || vec![T::one(); x.len()];
        let mean = vec![T::of(1.0 / size as f64); x.len()];
        let map = if at.rule == Rule::Tangent {
            let p = by_line(x, lines, |line| Self { log: false, ..self.clone() }.line(line));
            let d = if self.log { ones() } else { p.clone() };
            RankOne::new(full(d.clone()), d, p, lines)
        } else if self.log {
            RankOne::new(Field::uniform(shape, T::one()), ones(), mean, lines)
        } else {
            let slopes = by_line(x, lines, |line| {
                let (z, largest, sum) = centred(line);
                let slopes = z.iter().map(|&z| secant_of_exp(z) * (-largest).exp() / sum);
                line.iter_mut().zip(slopes).for_each(|(x, slope)| *x = T::of(slope));
            });
            RankOne::new(full(slopes.clone()), slopes, mean, lines)
        };
        let made = Affine::linear(map.clone()).apply(&[Some(x)]);
        let y = by_line(x, lines, |line| self.line(line));
        // By the numbers that the map gives: x may be so large that rounding would be seen in the sum of the two.
        let offset = y.iter().zip(made.data()).map(|(&y, &made)| y - made).collect();
        Ok(Affine::linear(map).plus(full(offset)).valid(Validity::Input))
    }
}

/// A line without its mean: its elements, the largest z of them, and Σ exp(z − largest).
fn centred<T: Real>(line: &[T]) -> (Vec<f64>, f64, f64) {
    let mean = line.iter().map(|x| x.wide()).sum::<f64>() / line.len().max(1) as f64;
    let z: Vec<f64> = line.iter().map(|x| x.wide() - mean).collect();
    let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum = z.iter().map(|z| (z - largest).exp()).sum();
    (z, largest, sum)
}

/// (exp(z) − 1) / z
fn secant_of_exp(z: f64) -> f64 {
    if z == 0.0 { 1.0 } else { z.exp_m1() / z }
}
