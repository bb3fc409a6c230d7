//! `Clip`, `Abs`, `Neg`, `HardSigmoid`, `ThresholdedRelu`, `Shrink`: functions of one
//! number that are straight lines in pieces.

use std::sync::Arc;

use netfold_linear::{Broadcast, Clamped, Diagonal, Mask, Real, Support};

use super::facts::{BFLOAT16, FLOATS, Facts, NUMBERS, SIGNED};
use super::{
    AfterLogits, At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, Record, Role, only,
};
use crate::affine::{Affine, Border, Constraints, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let class = if name == "Clip" { Class::Clip } else { Class::Pointwise };
    let facts = Facts::since(1, class).ints("consumed_inputs", ..6);
    match name {
        "Clip" => {
            let types = FLOATS.with(NUMBERS, 12).with(BFLOAT16, 13);
            let facts = facts.float("min", ..11).float("max", ..11).input("input", types.clone(), ..);
            facts.input("min", types.clone(), 11..).optional("min", ..).input("max", types, 11..).optional("max", ..)
        }
        "Abs" => {
            facts.carries().behind_logits(AfterLogits::Bends).input("X", FLOATS.with(NUMBERS, 6).with(BFLOAT16, 13), ..)
        }
        "Neg" => {
            facts.carries().behind_logits(AfterLogits::Bends).input("X", FLOATS.with(SIGNED, 6).with(BFLOAT16, 13), ..)
        }
        "HardSigmoid" => {
            facts.gives(Role::Gate).float("alpha", ..).float("beta", ..).input("X", FLOATS.with(BFLOAT16, 22), ..)
        }
        "ThresholdedRelu" => Facts::since(10, class).float("alpha", ..).input("X", FLOATS.with(BFLOAT16, 22), ..),
        _ => Facts::since(9, class).float("bias", ..).float("lambd", ..).input("input", NUMBERS, ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let number = |name, default| attributes.float_or(name, default);
    Ok(Box::new(match name {
        "Clip" => {
            let bound = |name| attributes.float(name).map(|bound| bound.map(f64::from));
            Segments::Clip { min: bound("min")?, max: bound("max")? }
        }
        "Abs" => Segments::Abs,
        "Neg" => Segments::Neg,
        "HardSigmoid" => Segments::HardSigmoid { alpha: number("alpha", 0.2)?, beta: number("beta", 0.5)? },
        "ThresholdedRelu" => Segments::Threshold(number("alpha", 1.0)?),
        _ => Segments::Shrink { lambda: number("lambd", 0.5)?, bias: number("bias", 0.0)? },
    }))
}

/// y = s · z + c with the slope and the offset of the segment that z lies on:
/// - `Clip`: min(max(z, low), high), bounds being attributes before opset 11 and inputs 1 and 2 since;
/// - `Abs`: |z|; `Neg`: −z;
/// - `HardSigmoid`: min(max(α z + β, 0), 1);
/// - `ThresholdedRelu`: z where z > α, else 0;
/// - `Shrink`: z + bias where z < −λ, z − bias where z > λ, else 0.
///
/// Frozen: that segment. At a bound the value is the bound's, with slope 0, as a rectifier is off at 0.
///
/// Source: ONNX `Clip`, `Abs`, `Neg`, `HardSigmoid`, `ThresholdedRelu`, `Shrink`.
#[derive(Clone, Debug)]
enum Segments {
    Clip { min: Option<f64>, max: Option<f64> },
    Abs,
    Neg,
    HardSigmoid { alpha: f64, beta: f64 },
    Threshold(f64),
    Shrink { lambda: f64, bias: f64 },
}

impl Operator for Segments {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let made = Extent::like(x, 0)?;
        Ok(match self {
            // Masks of bits, and what is cut.
            Self::Clip { .. } => made.kept(x.count(0) / 4.0 + x.reals(x.count(0))),
            _ => made.kept(x.reals(2.0 * x.count(0))),
        })
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "lower bound", "upper bound"])
    }
}

/// Slope and offset between two bounds: the line s · z + c cut to low..high.
fn cut<T: Real>(z: T, s: T, c: T, low: T, high: T) -> (T, T) {
    let y = s * z + c;
    if y > low && y < high || y.is_nan() { (s, c) } else { (T::zero(), y.max(low).min(high)) }
}

/// z between two bounds: NaN stays NaN.
fn clip<T: Real>(z: &Tensor<T>, bounds: [T; 2]) -> (Tensor<T>, Affine<T>) {
    let bounds = in_order(bounds);
    let (y, clipped) = Clamped::new(z.shape(), z.data(), bounds);
    (Tensor::shared(z.shape(), Arc::new(y)), clip_frozen(z.shape(), &clipped, bounds))
}

/// The bounds, of which the upper one counts where they cross.
fn in_order<T: Real>([low, high]: [T; 2]) -> [T; 2] {
    [low.min(high), high]
}

/// What a clip is: z passes where it lies between the bounds, and what is cut is at one of them.
fn clip_frozen<T: Real>(shape: &[usize], clipped: &Clamped, [low, high]: [T; 2]) -> Affine<T> {
    let affine = Affine::linear(Mask::new(clipped.passes())).valid(Validity::Region);
    let cut = |counts: bool, at: &dyn Fn() -> Support| counts.then(at).filter(|at| at.count() > 0);
    let below = cut(!low.is_zero() && low < high, &|| clipped.below());
    let above = cut(!high.is_zero(), &|| clipped.above());
    match (below, above) {
        // Where the bounds meet, y is that number everywhere.
        _ if low >= high => affine.plus(Broadcast::uniform(shape, high)),
        (None, None) => affine,
        (Some(below), None) => affine.plus(Broadcast::on(&below, low)),
        (None, Some(above)) => affine.plus(Broadcast::on(&above, high)),
        (Some(below), Some(above)) => {
            let value = |element| match element {
                _ if below.contains(element) => low,
                _ if above.contains(element) => high,
                _ => T::zero(),
            };
            affine.plus(Broadcast::full(shape, (0..shape.iter().product()).map(value).collect()))
        }
    }
}

impl Segments {
    /// Slope and offset at z, with a clip's bounds where it is one.
    fn line<T: Real>(&self, z: T, [low, high]: [T; 2]) -> (T, T) {
        let (zero, one) = (T::zero(), T::one());
        match *self {
            Self::Clip { .. } => cut(z, one, zero, low, high),
            Self::Abs => (
                if z > zero || z.is_nan() {
                    one
                } else if z < zero {
                    -one
                } else {
                    zero
                },
                zero,
            ),
            Self::Neg => (-one, zero),
            Self::HardSigmoid { alpha, beta } => cut(z, T::of(alpha), T::of(beta), zero, one),
            Self::Threshold(alpha) => (if z > T::of(alpha) || z.is_nan() { one } else { zero }, zero),
            Self::Shrink { lambda, bias } => match z.wide() {
                w if w < -lambda => (one, T::of(bias)),
                w if w > lambda => (one, -T::of(bias)),
                w if w.is_nan() => (one, zero),
                _ => (zero, zero),
            },
        }
    }

    /// A clip's bounds: attribute, input, or none.
    fn bounds<T: Real>(&self, x: &Inputs<'_, T>) -> Result<[T; 2], OpError> {
        let Self::Clip { min, max } = self else { return Ok([T::neg_infinity(), T::infinity()]) };
        let bound = |own: &Option<f64>, i: usize, none: T| match (own, x.real_if(i)?) {
            (Some(own), _) => Ok(T::of(*own)),
            (None, Some(bound)) if bound.len() == 1 => Ok(bound.data()[0]),
            (None, Some(bound)) => {
                Err(OpError::new(format!("a bound of shape {:?}; one number is expected", bound.shape())))
            }
            (None, None) => Ok(none),
        };
        Ok([bound(min, 1, T::neg_infinity())?, bound(max, 2, T::infinity())?])
    }

    fn ints<T: Real>(&self, z: &Tensor<i64>, x: &Inputs<'_, T>) -> Result<Tensor<i64>, OpError> {
        let bound =
            |i: usize, none: i64| Ok(x.ints_if(i)?.and_then(|bound| bound.data().first().copied()).unwrap_or(none));
        Ok(match self {
            Self::Clip { .. } => {
                let (low, high) = (bound(1, i64::MIN)?, bound(2, i64::MAX)?);
                z.map(|&z| z.max(low).min(high))
            }
            Self::Abs => z.map(|z| z.saturating_abs()),
            Self::Neg => z.map(|z| z.saturating_neg()),
            _ => return Err(OpError::unsupported("integers are not supported")),
        })
    }
}

impl<T: Real> Op<T> for Segments {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        if let Value::Int(z) = x.value(0)? {
            return Ok(vec![Value::Int(self.ints(z, x)?)]);
        }
        let bounds = self.bounds(x)?;
        if let Self::Clip { .. } = self {
            return Ok(vec![Value::Real(clip(x.real(0)?, bounds).0)]);
        }
        let y = |&z: &T| {
            let (slope, offset) = self.line(z, bounds);
            // An infinite z on a flat segment: 0 · ∞ is no number, the offset is.
            if slope.is_zero() { offset } else { slope * z + offset }
        };
        Ok(vec![Value::Real(x.real(0)?.map(y))])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        match (self, x.value(0)?) {
            (Self::Clip { .. }, Value::Real(z)) => {
                let (y, affine) = clip(z, self.bounds(x)?);
                Ok(Some(Record::new(y, affine)))
            }
            _ => Record::both(self, x, varies),
        }
    }

    fn overwrite(&self, z: &mut Tensor<T>, x: &Inputs<'_, T>) -> Result<Option<Affine<T>>, OpError> {
        let (shape, bounds) = (z.shape().to_vec(), in_order(self.bounds(x)?));
        let over = |z: &mut [T]| clip_frozen(&shape, &Clamped::overwrite(&shape, z, bounds), bounds);
        Ok(z.data_mut().filter(|_| matches!(self, Self::Clip { .. })).map(over))
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (z, bounds) = (at.inputs.real(0)?, self.bounds(at.inputs)?);
        if let Self::Neg = self {
            return Ok(Affine::linear(Diagonal::new(Broadcast::uniform(z.shape(), -T::one()))));
        }
        if let Self::Clip { .. } = self {
            let (y, affine) = clip(z, bounds);
            y.recycle();
            return Ok(affine);
        }
        let (slopes, offsets): (Vec<T>, Vec<T>) = z.data().iter().map(|&z| self.line(z, bounds)).unzip();
        let flat = offsets.iter().all(T::is_zero);
        let affine = Affine::linear(Diagonal::new(Broadcast::full(z.shape(), slopes))).valid(Validity::Region);
        Ok(if flat { affine } else { affine.plus(Broadcast::full(z.shape(), offsets)) })
    }

    fn constraints(&self, at: &At<'_, T>) -> Result<Vec<Constraints<T>>, OpError> {
        let (borders, border) = match *self {
            Self::Clip { .. } => (self.bounds(at.inputs)?, Border::Outer),
            Self::Abs => ([T::zero(); 2], Border::Inner),
            // α z + β meets 0 and 1; with α = 0 it never does.
            Self::Neg | Self::HardSigmoid { alpha: 0.0, .. } => ([T::neg_infinity(), T::infinity()], Border::Outer),
            Self::HardSigmoid { alpha, beta } => {
                let (zero, one) = (-beta / alpha, (1.0 - beta) / alpha);
                ([T::of(zero.min(one)), T::of(zero.max(one))], Border::Outer)
            }
            Self::Threshold(alpha) => ([T::of(alpha), T::infinity()], Border::Outer),
            Self::Shrink { lambda, .. } => ([T::of(-lambda), T::of(lambda)], Border::Inner),
        };
        Ok(vec![Constraints::pieces(0, at.inputs.real(0)?, borders, border)])
    }
}
