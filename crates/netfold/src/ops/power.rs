//! `Pow`.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Diagonal, Real};

use super::facts::{BFLOAT16, FLOATS, Facts, INDICES, NUMBERS};
use super::pointwise::{Curve, finite, line};
use super::{At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, broadcast, only, size};
use crate::affine::{Affine, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(1, Class::Power).broadcast().input("X", FLOATS.with(INDICES, 12).with(BFLOAT16, 13), ..).input(
        "Y",
        FLOATS.with(NUMBERS, 12).with(BFLOAT16, 15),
        ..,
    )
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    if attributes.old_axis()?.is_some() {
        return Err(OpError::new("attribute `axis` of old operator sets is not supported"));
    }
    Ok(Box::new(Pow))
}

/// y = zᵖ, z and p broadcast; y is of z's kind.
///
/// Frozen: as every smooth function of z (see `pointwise.rs`); p is a constant. `gate` of a negative power, which has no
/// value at 0, is `tangent`.
///
/// Source: ONNX `Pow`.
#[derive(Clone, Debug)]
struct Pow;

impl Operator for Pow {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let shapes = [x.shape(0)?, x.shape(1)?];
        let shape = broadcast::common(shapes)?;
        let exponents = x.count(1) * size_of::<f64>() as f64;
        let (tables, lines) =
            (broadcast::tables(shapes, &shape, size_of::<f64>()), x.reals(2.0 * size::amount(&shape)));
        Ok(Extent::new(x.input(0)?.holds, shape).scratch(tables + exponents).frozen(lines))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["base", "exponent"])
    }
}

/// The exponents as numbers.
fn exponents<T: Real>(x: &Inputs<'_, T>) -> Result<Tensor<f64>, OpError> {
    match x.value(1)? {
        Value::Real(p) => Ok(p.map(|p| p.wide())),
        Value::Int(p) => Ok(p.map(|&p| p as f64)),
        Value::Bool(_) => Err(OpError::new("the exponent should be a number")),
    }
}

fn int_power(z: i64, p: i64) -> Result<i64, OpError> {
    let power = match u32::try_from(p) {
        Ok(p) => z.checked_pow(p),
        // 1 / zᵖ, cut to an integer.
        Err(_) => Some(match z {
            1 => 1,
            -1 => {
                if p % 2 == 0 {
                    1
                } else {
                    -1
                }
            }
            _ => 0,
        }),
    };
    power.ok_or_else(|| OpError::new(format!("{z} to the power of {p} is beyond the integers of 64 bits")))
}

const CURVE: Curve =
    Curve { f: |z, [p, _]| z.powf(p), slope: |z, [p, _]| if p == 0.0 { 0.0 } else { p * z.powf(p - 1.0) } };

impl<T: Real> Op<T> for Pow {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        Ok(vec![match (x.value(0)?, x.value(1)?) {
            (Value::Real(z), _) => Value::Real(broadcast::zip(z, &exponents(x)?, |z, p| Ok(T::of(z.wide().powf(p))))?),
            (Value::Int(z), Value::Int(p)) => Value::Int(broadcast::zip(z, p, int_power)?),
            (Value::Int(z), _) => Value::Int(broadcast::zip(z, &exponents(x)?, |z, p| Ok((z as f64).powf(p) as i64))?),
            (z, _) => return Err(OpError::new(format!("a power of {} values", z.kind()))),
        }])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (z, p) = (at.inputs.real(0)?, exponents(at.inputs)?);
        let shape = broadcast::shape(z.shape(), p.shape())?;
        let lines = broadcast::zip(z, &p, |z, p| Ok(line(&CURVE, [p, 0.0], at.rule, z)))?;
        let mut lines = lines.data().to_vec();
        let sources = broadcast::sources(z.shape(), &shape);
        finite(at, "Pow", &mut lines, |line| sources[line] as usize)?;
        let (slopes, offsets): (Vec<T>, Vec<T>) = lines.into_iter().unzip();
        let scale = Diagonal::new(Broadcast::full(&shape, slopes));
        let affine = Affine::linear(Chain::new(broadcast::map(z.shape(), &shape), Arc::new(scale)));
        Ok(affine.plus(Broadcast::full(&shape, offsets)).valid(Validity::Input))
    }
}
