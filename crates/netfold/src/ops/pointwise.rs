//! Smooth functions of one number: one row of a table each.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};
use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Diagonal, Mask, Real, Support};
use rayon::prelude::*;

use super::facts::{BFLOAT16, FLOAT, FLOATS, Facts, NUMBERS, Types};
use super::{AfterLogits, At, Attributes, Class, Extent, Inputs, Op, Operator, Outlines, Role};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

/// Elements that one task of a parallel loop computes.
const TASK: usize = 1 << 12;

/// A function and its derivative, both in double precision, with up to two parameters.
#[derive(Debug)]
pub(super) struct Curve {
    pub f: fn(f64, [f64; 2]) -> f64,
    pub slope: fn(f64, [f64; 2]) -> f64,
}

/// An operator: its name, its parameters (attribute and value where it is absent), its curve.
#[derive(Debug)]
struct Smooth {
    name: &'static str,
    parameters: &'static [(&'static str, f32)],
    curve: Curve,
}

macro_rules! curves {
    ($($name:literal [$($parameter:literal = $default:expr),*] $f:expr, $slope:expr;)+) => {
        &[$(Smooth { name: $name, parameters: &[$(($parameter, $default)),*], curve: Curve { f: $f, slope: $slope } }),+]
    };
}

const ALPHA: f32 = 1.673_263_2;
const GAMMA: f32 = 1.050_701;

// name [parameters] f(z), f'(z).
const TABLE: &[Smooth] = curves! {
    "Sigmoid" [] |z, _| sigmoid(z), |z, _| sigmoid(z) * sigmoid(-z);
    "Tanh" [] |z, _| z.tanh(), |z, _| z.cosh().powi(-2);
    "Softplus" [] |z, _| softplus(z), |z, _| sigmoid(z);
    "Softsign" [] |z, _| z / (1.0 + z.abs()), |z, _| (1.0 + z.abs()).powi(-2);
    "Elu" ["alpha" = 1.0] |z, [a, _]| elu(z, a, 1.0), |z, [a, _]| if z > 0.0 { 1.0 } else { a * z.exp() };
    "Selu" ["alpha" = ALPHA, "gamma" = GAMMA]
        |z, [a, g]| g * elu(z, a, 1.0), |z, [a, g]| if z > 0.0 { g } else { g * a * z.exp() };
    "Celu" ["alpha" = 1.0] |z, [a, _]| elu(z, a, a), |z, [a, _]| if z > 0.0 { 1.0 } else { (z / a).exp() };
    "Mish" [] |z, _| z * softplus(z).tanh(),
        |z, _| softplus(z).tanh() + z * sigmoid(z) * softplus(z).cosh().powi(-2);
    "Swish" ["alpha" = 1.0] |z, [a, _]| z * sigmoid(a * z),
        |z, [a, _]| sigmoid(a * z) * (1.0 + a * z * sigmoid(-a * z));
    "HardSwish" [] |z, _| z * (z / 6.0 + 0.5).clamp(0.0, 1.0),
        |z, _| if z <= -3.0 { 0.0 } else if z >= 3.0 { 1.0 } else { z / 3.0 + 0.5 };
    "Gelu" [] |z, _| z * normal(z), |z, _| normal(z) + z * (-0.5 * z * z).exp() * 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    "Gelu tanh" [] |z, _| 0.5 * z * (1.0 + gelu_inner(z).tanh()),
        |z, _| 0.5 * (1.0 + gelu_inner(z).tanh())
            + 0.5 * z * gelu_inner(z).cosh().powi(-2) * (2.0 / PI).sqrt() * (1.0 + 3.0 * 0.044_715 * z * z);
    "Erf" [] |z, _| erf(z), |z, _| FRAC_2_SQRT_PI * (-z * z).exp();
    "Exp" [] |z, _| z.exp(), |z, _| z.exp();
    "Log" [] |z, _| z.ln(), |z, _| 1.0 / z;
    "Sqrt" [] |z, _| z.sqrt(), |z, _| 0.5 / z.sqrt();
    "Reciprocal" [] |z, _| 1.0 / z, |z, _| -1.0 / (z * z);
    "Sin" [] |z, _| z.sin(), |z, _| z.cos();
    "Cos" [] |z, _| z.cos(), |z, _| -z.sin();
};

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// z above 0, a · (exp(z / b) − 1) below.
fn elu(z: f64, a: f64, b: f64) -> f64 {
    if z > 0.0 { z } else { a * (z / b).exp_m1() }
}

/// The share of a normal distribution below z.
fn normal(z: f64) -> f64 {
    0.5 + 0.5 * erf(z * FRAC_1_SQRT_2)
}

fn gelu_inner(z: f64) -> f64 {
    (2.0 / PI).sqrt() * (z + 0.044_715 * z * z * z)
}

/// erf(z) = 2/√π · exp(−z²) · Σ over n of 2ⁿ z²ⁿ⁺¹ / (1 · 3 · … · (2n + 1)): all terms have one sign.
fn erf(z: f64) -> f64 {
    if z.abs() > 6.0 {
        return z.signum();
    }
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        odd += 2.0;
        term *= 2.0 * z * z / odd;
        sum += term;
    }
    FRAC_2_SQRT_PI * (-z * z).exp() * sum
}

pub(super) fn facts(name: &str) -> Facts {
    let (since, types) = match name {
        "Sigmoid" | "Tanh" | "Exp" | "Log" | "Sqrt" | "Reciprocal" => (1, FLOATS.with(BFLOAT16, 13)),
        "Erf" => (9, Types::from(NUMBERS).then(FLOATS | BFLOAT16, 13)),
        "Celu" => (12, FLOAT.with(FLOATS | BFLOAT16, 28)),
        "Gelu" => (20, (FLOATS | BFLOAT16).into()),
        "Swish" => (24, (FLOATS | BFLOAT16).into()),
        "Sin" | "Cos" => (7, FLOATS.with(BFLOAT16, 22)),
        "HardSwish" => (14, FLOATS.with(BFLOAT16, 22)),
        "Mish" => (18, FLOATS.with(BFLOAT16, 22)),
        _ => (1, FLOATS.with(BFLOAT16, 22)),
    };
    let parameters = TABLE.iter().filter(|smooth| smooth.name == name).flat_map(|smooth| smooth.parameters);
    let facts = Facts::since(since, Class::Pointwise).input("X", types, ..);
    let facts = parameters.fold(facts, |facts, (name, _)| facts.float(name, ..));
    let facts = match name {
        "Sigmoid" => facts.gives(Role::Gate).behind_logits(AfterLogits::Squashes),
        "Tanh" | "Erf" => facts.gives(Role::Gate),
        "Exp" => facts.gives(Role::Gate).behind_logits(AfterLogits::Bends),
        "Sqrt" | "Reciprocal" => facts.gives(Role::Statistic).behind_logits(AfterLogits::Bends),
        "Log" => facts.behind_logits(AfterLogits::Bends),
        _ => facts,
    };
    match name {
        "Gelu" => facts.string("approximate", ..),
        // They never wrote in the place of what they read.
        "Softplus" | "Softsign" => facts,
        _ => facts.ints("consumed_inputs", ..6),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let row = match (name, attributes.string("approximate")?.unwrap_or("none")) {
        ("Gelu", "tanh") => "Gelu tanh",
        (_, "none") => name,
        (_, other) => return Err(OpError::new(format!("approximation `{other}` is not known"))),
    };
    let smooth = TABLE.iter().find(|smooth| smooth.name == row).ok_or_else(|| OpError::new("no such function"))?;
    let mut parameters = [0.0; 2];
    for (value, &(name, default)) in parameters.iter_mut().zip(smooth.parameters) {
        *value = attributes.float_or(name, default)?;
    }
    Ok(Box::new(OneArgument { smooth, parameters }))
}

/// y = f(z) by element.
///
/// Frozen, exact at the traced z:
/// - `gate` and `half`: the secant through f(0), slope (f(z) − f(0)) / z, at z = 0 its limit f'(0); offset f(0).
///   A function that has no value at 0 (`Log`, `Reciprocal`) is frozen by its tangent instead;
/// - `tangent`: slope f'(z), offset f(z) − f'(z) z.
///
/// Where there is no finite slope (a root at 0) and z stays as it is around the network's input, as what comes from
/// units that are all off does, the slope is 0; elsewhere that is an error. At an infinite z, a mask's, the slope is 0 and
/// the offset f(z).
///
/// Source: ONNX operators of the names in the table.
#[derive(Clone, Copy, Debug)]
struct OneArgument {
    smooth: &'static Smooth,
    parameters: [f64; 2],
}

impl Operator for OneArgument {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        Extent::like(x, 0)
    }
}

/// (f(z) − f(0)) / z without loss of digits: near 0 as the mean of f' between 0 and z, by Gauss and Legendre's rule.
fn secant(curve: &Curve, parameters: [f64; 2], z: f64) -> f64 {
    /// Places in 0..1 and weights of the rule with five points, exact to order 10 in z.
    const RULE: [(f64, f64); 5] = [
        (0.5, 0.284_444_444_444_444_44),
        (0.230_765_344_947_158_45, 0.239_314_335_249_683_23),
        (0.769_234_655_052_841_5, 0.239_314_335_249_683_23),
        (0.046_910_077_030_668, 0.118_463_442_528_094_54),
        (0.953_089_922_969_332, 0.118_463_442_528_094_54),
    ];
    let at_zero = (curve.f)(0.0, parameters);
    if z == 0.0 {
        (curve.slope)(0.0, parameters)
    } else if at_zero == 0.0 || z.abs() > 0.25 {
        ((curve.f)(z, parameters) - at_zero) / z
    } else {
        RULE.iter().map(|&(t, weight)| weight * (curve.slope)(t * z, parameters)).sum()
    }
}

/// Slope and offset of a curve frozen at z; the slope is NaN where there is no finite one: a root at 0.
///
/// At an infinite z the slope is 0, and the offset is the value.
pub(super) fn line<T: Real>(curve: &Curve, parameters: [f64; 2], rule: Rule, z: T) -> (T, T) {
    let (z, at_zero) = (z.wide(), (curve.f)(0.0, parameters));
    let value = || T::of((curve.f)(z, parameters));
    if z.is_infinite() {
        return (T::zero(), value());
    }
    let tangent = rule == Rule::Tangent || !at_zero.is_finite();
    let slope = T::of(if tangent { (curve.slope)(z, parameters) } else { secant(curve, parameters, z) });
    if !slope.is_finite() {
        return (T::nan(), value());
    }
    // Of the slope and the value as they are stored: their rounding is not left to the sum.
    let offset = if tangent { value().wide() - slope.wide() * z } else { at_zero };
    (slope, T::of(offset))
}

/// Lines without a slope at elements of input 0 that stay as they are get the slope 0, their offset being the value;
/// `source` tells which element a line is of.
///
/// # Errors
/// If there are others; names the first one.
pub(super) fn finite<T: Real>(
    at: &At<'_, T>,
    name: &str,
    lines: &mut [(T, T)],
    source: impl Fn(usize) -> usize,
) -> Result<(), OpError> {
    let z = at.inputs.real(0)?;
    let bad = lines.iter().enumerate().filter(|(_, line)| line.0.is_nan()).map(|(line, _)| source(line));
    at.still_at(name, bad.filter(|&element| z.data()[element].is_finite()))?;
    lines.iter_mut().filter(|line| line.0.is_nan()).for_each(|line| line.0 = T::zero());
    Ok(())
}

impl<T: Real> Op<T> for OneArgument {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let f = |z: &T| T::of((self.smooth.curve.f)(z.wide(), self.parameters));
        let z = x.real(0)?;
        Ok(vec![Value::Real(Tensor::new(z.shape(), z.data().par_iter().with_min_len(TASK).map(f).collect()))])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let z = at.inputs.real(0)?;
        let Smooth { name, curve, .. } = self.smooth;
        let line = |&z: &T| line(curve, self.parameters, at.rule, z);
        let mut lines: Vec<(T, T)> = z.data().par_iter().with_min_len(TASK).map(line).collect();
        finite(at, name, &mut lines, |line| line)?;
        let (slopes, offsets): (Vec<T>, Vec<T>) = lines.into_iter().unzip();
        let diagonal = Diagonal::new(Broadcast::full(z.shape(), slopes));
        let affine = if z.non_finite().is_some() {
            // An infinity is not read: 0 times it is 0 here.
            let finite = Mask::new(Support::of_values(z.shape(), z.data(), |z: T| z.is_finite()));
            Affine::linear(Chain::new(Arc::new(finite), Arc::new(diagonal)))
        } else {
            Affine::linear(diagonal)
        };
        let affine = affine.valid(Validity::Input);
        let zero = offsets.iter().all(T::is_zero);
        Ok(if zero { affine } else { affine.plus(Broadcast::full(z.shape(), offsets)) })
    }
}
