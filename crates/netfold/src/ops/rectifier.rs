//! `Relu`, `LeakyRelu`, `PRelu`.

use std::sync::Arc;

use netfold_linear::{Broadcast, Clamped, Diagonal, Mask, Real};

use super::facts::{BFLOAT16, FLOATS, Facts, SIGNED, WIDE};
use super::{
    AfterLogits, At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, Record, broadcast, only,
};
use crate::affine::{Affine, Border, Constraints, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let class = if name == "Relu" { Class::Relu } else { Class::Pointwise };
    let facts = Facts::since(1, class).ints("consumed_inputs", ..6);
    match name {
        "Relu" => facts.input("X", FLOATS.with(BFLOAT16, 13).with(SIGNED, 14), ..),
        "LeakyRelu" => {
            facts.behind_logits(AfterLogits::Bends).float("alpha", ..).input("X", FLOATS.with(BFLOAT16, 16), ..)
        }
        _ => {
            let types = FLOATS.with(WIDE, 9).with(BFLOAT16, 16);
            facts.input("X", types.clone(), ..).input("slope", types, ..)
        }
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(match name {
        "Relu" => Rectifier::Zero,
        "LeakyRelu" => Rectifier::Uniform(attributes.float_or("alpha", 0.01)?),
        _ => Rectifier::Given { by_channel: attributes.opset < 7 },
    }))
}

/// y = z where z > 0, else s · z: s is 0 (`Relu`), a number (`LeakyRelu`), or input 1 broadcast to z (`PRelu`; before
/// opset 7 one number for each channel).
///
/// Frozen: the branch of the traced z. At z = 0 a unit is off.
///
/// Source: ONNX `Relu`, `LeakyRelu`, `PRelu`.
#[derive(Clone, Debug)]
enum Rectifier {
    Zero,
    Uniform(f64),
    Given { by_channel: bool },
}

impl Operator for Rectifier {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let made = Extent::like(x, 0)?;
        Ok(match self {
            // A mask of bits.
            Self::Zero => made.kept(x.count(0) / 8.0),
            Self::Uniform(_) => made.kept(x.reals(x.count(0))),
            Self::Given { .. } => {
                made.kept(x.reals(x.count(0))).scratch(x.reals(x.count(0)) + x.count(0) * 2.0 * size_of::<u32>() as f64)
            }
        })
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "slope"])
    }
}

impl Rectifier {
    /// The slope below zero, one for each element or one for all.
    fn slope<T: Real>(&self, x: &Inputs<'_, T>) -> Result<Option<Tensor<T>>, OpError> {
        Ok(match self {
            Self::Zero => None,
            Self::Uniform(slope) => Some(Tensor::scalar(T::of(*slope))),
            Self::Given { by_channel } => {
                let (z, mut slope) = (x.shape(0)?, x.real(1)?.clone());
                if *by_channel && slope.shape().len() == 1 && z.len() > 1 {
                    slope = slope.reshaped(&[slope.shape(), &vec![1; z.len() - 2]].concat());
                }
                if broadcast::shape(slope.shape(), z)? != z {
                    return Err(OpError::new(format!("slopes {:?} do not fit {z:?}", slope.shape())));
                }
                Some(broadcast::tensor(&slope, z))
            }
        })
    }
}

/// max(z, 0), and the mask of what is above 0. NaN stays NaN.
fn rectified<T: Real>(z: &Tensor<T>) -> (Tensor<T>, Affine<T>) {
    let (y, clipped) = Clamped::new(z.shape(), z.data(), bounds());
    (Tensor::shared(z.shape(), Arc::new(y)), masked(&clipped))
}

/// Nothing below zero; no number lies above NaN.
fn bounds<T: Real>() -> [T; 2] {
    [T::zero(), T::nan()]
}

fn masked<T: Real>(clipped: &Clamped) -> Affine<T> {
    Affine::linear(Mask::new(clipped.passes())).valid(Validity::Region)
}

fn at<T: Real>(slope: &Tensor<T>, element: usize) -> T {
    slope.data()[if slope.len() == 1 { 0 } else { element }]
}

impl<T: Real> Op<T> for Rectifier {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let z = x.real(0)?;
        if let Self::Zero = self {
            return Ok(vec![Value::Real(rectified(z).0)]);
        }
        let slope = self.slope(x)?;
        let y = |(element, &z): (usize, &T)| match &slope {
            _ if z > T::zero() => z,
            // NaN stays NaN.
            _ if z.is_nan() => z,
            None => T::zero(),
            Some(slope) => at(slope, element) * z,
        };
        Ok(vec![Value::Real(Tensor::new(z.shape(), z.data().iter().enumerate().map(y).collect()))])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        match self {
            Self::Zero => {
                let (y, affine) = rectified(x.real(0)?);
                Ok(Some(Record::new(y, affine)))
            }
            _ => Record::both(self, x, varies),
        }
    }

    fn overwrite(&self, z: &mut Tensor<T>, _: &Inputs<'_, T>) -> Result<Option<Affine<T>>, OpError> {
        let shape = z.shape().to_vec();
        let over = |z: &mut [T]| masked(&Clamped::overwrite(&shape, z, bounds()));
        Ok(z.data_mut().filter(|_| matches!(self, Self::Zero)).map(over))
    }

    fn freeze(&self, point: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let z = point.inputs.real(0)?;
        let affine = match self.slope(point.inputs)? {
            None => {
                let (y, affine) = rectified(z);
                y.recycle();
                affine
            }
            Some(slope) => {
                let factor = |(e, &z): (usize, &T)| if z > T::zero() { T::one() } else { at(&slope, e) };
                let factors = z.data().iter().enumerate().map(factor).collect();
                Affine::linear(Diagonal::new(Broadcast::full(z.shape(), factors)))
            }
        };
        Ok(affine.valid(Validity::Region))
    }

    fn constraints(&self, point: &At<'_, T>) -> Result<Vec<Constraints<T>>, OpError> {
        Ok(vec![Constraints::pieces(0, point.inputs.real(0)?, [T::zero(), T::infinity()], Border::Outer)])
    }
}
