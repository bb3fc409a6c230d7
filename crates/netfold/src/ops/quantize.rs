//! `QuantizeLinear`, `DequantizeLinear`.

use netfold_linear::{Broadcast, Diagonal, Real};
use netfold_onnx::DType;

use super::facts::{BFLOAT16, BYTES, FLOAT, FLOAT16, Facts, INT32, SHORTS};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, only, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let class = if name == "QuantizeLinear" { Class::Quantize } else { Class::Dequantize };
    let facts = Facts::since(10, class).int("axis", 13..).int("block_size", 21..);
    let scale = FLOAT.with(FLOAT16 | BFLOAT16, 19);
    match name {
        "QuantizeLinear" => facts
            .int("saturate", 19..)
            .int("output_dtype", 21..)
            .int("precision", 23..)
            .input("x", (FLOAT | INT32).with(FLOAT16 | BFLOAT16, 19), ..)
            .input("y_scale", scale.with(INT32, 19), ..)
            .own_type("y_scale", 23..)
            .input("y_zero_point", BYTES.with(SHORTS, 21), ..)
            .optional("y_zero_point", ..),
        _ => facts
            .int("output_dtype", 23..)
            .input("x", (INT32 | BYTES).with(SHORTS, 21), ..)
            .input("x_scale", scale, ..)
            .input("x_zero_point", (INT32 | BYTES).with(SHORTS, 21), ..)
            .optional("x_zero_point", ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    if attributes.int_or("block_size", 0)? != 0 {
        return Err(OpError::new("attribute `block_size`: quantisation by blocks is not supported"));
    }
    let axis = attributes.int_or("axis", 1)?;
    if name == "DequantizeLinear" {
        return Ok(Box::new(Dequantize { axis }));
    }
    let wanted = attributes.int_or("output_dtype", 0)?;
    let dtype = match (attributes.known(2).dtype, wanted) {
        (Some(dtype), 0) => Some(dtype),
        (_, 0) => None,
        (_, code) => i32::try_from(code).ok().and_then(DType::from_code),
    };
    let range = match dtype {
        // Without a zero point it is this one.
        None | Some(DType::U8) => [0, 255],
        Some(DType::I8) => [-128, 127],
        Some(DType::U16) => [0, 65535],
        Some(DType::I16) => [-32768, 32767],
        Some(other) => return Err(OpError::new(format!("quantisation to {} is not supported", other.name()))),
    };
    Ok(Box::new(Quantize { axis, range: range.map(f64::from), sure: dtype.is_some() }))
}

/// Scale and zero point of each element: one number for all, or one for each index of an axis.
fn parameters<T: Real>(x: &Inputs<'_, T>, axis: i64) -> Result<[Tensor<f64>; 2], OpError> {
    let (shape, scale) = (x.shape(0)?, x.real(1)?);
    let spread = |numbers: Vec<f64>| -> Result<Tensor<f64>, OpError> {
        let len = shape.iter().product();
        if let [number] = *numbers.as_slice() {
            return Ok(Tensor::new(shape, vec![number; len]));
        }
        let axis = size::axis(axis, shape.len())?;
        if numbers.len() != shape[axis] {
            return Err(OpError::new(format!("{} scales or zero points for {shape:?}", numbers.len())));
        }
        let inner: usize = shape[axis + 1..].iter().product();
        Ok(Tensor::new(shape, (0..len).map(|e| numbers[e / inner % numbers.len()]).collect()))
    };
    let zero = match x.get(2) {
        Some(zero) if zero.shape().len() > 1 || zero.shape().iter().product::<usize>() != scale.len() => {
            return Err(OpError::new(format!("zero points {:?} for scales {:?}", zero.shape(), scale.shape())));
        }
        Some(zero) => numbers(zero)?.data().to_vec(),
        None => vec![0.0],
    };
    if scale.shape().len() > 1 {
        return Err(OpError::new(format!("scales {:?}: one, or a list along an axis", scale.shape())));
    }
    if let Some(bad) = scale.data().iter().find(|scale| !scale.is_finite() || scale.is_zero()) {
        return Err(OpError::new(format!("a scale is {bad}")));
    }
    Ok([spread(scale.data().iter().map(|scale| scale.wide()).collect())?, spread(zero)?])
}

/// Numbers in the shape of input 0, by way of its elements, scales, zero points and steps in double precision.
fn numbers_of(x: &Outlines<'_>) -> Result<Extent, OpError> {
    let tables = 4.0 * x.count(0) * size_of::<f64>() as f64;
    Ok(Extent::new(Holds::Reals, x.shape(0)?.to_vec()).scratch(tables))
}

/// Numbers of either kind.
fn numbers<T: Real>(value: &Value<T>) -> Result<Tensor<f64>, OpError> {
    match value {
        Value::Real(x) => Ok(x.map(|x| x.wide())),
        Value::Int(x) => Ok(x.map(|&x| x as f64)),
        Value::Bool(_) => Err(OpError::new("numbers are expected, not truth values")),
    }
}

/// y = clip(round(x / s) + z), the even integer on a tie, clipped to the zero point's type.
///
/// y can depend on the network's input, and is held as numbers that happen to be integers.
///
/// Frozen, exact at this input: a function in steps, flat almost everywhere. `gate` and `half`: the secant through
/// x = 0, slope (y − z) / x, offset z; `tangent`: slope 0, offset y, so that nothing before it reaches W.
///
/// Source: ONNX `QuantizeLinear`.
#[derive(Clone, Debug)]
struct Quantize {
    axis: i64,
    range: [f64; 2],
    /// Whether the zero point's type is known.
    sure: bool,
}

impl Operator for Quantize {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        numbers_of(x)
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "scale", "zero point"])
    }
}

impl Quantize {
    /// y and the zero points.
    fn steps<T: Real>(&self, x: &Inputs<'_, T>) -> Result<[Tensor<f64>; 2], OpError> {
        if x.get(2).is_some() && !self.sure {
            return Err(OpError::new("the type of its zero point is not known: it is no constant of the file"));
        }
        let (values, [scale, zero]) = (numbers(x.value(0)?)?, parameters(x, self.axis)?);
        let [low, high] = self.range;
        let elements = values.data().iter().zip(scale.data()).zip(zero.data());
        // In the precision asked for: a quotient near a tie rounds as it does there.
        let y = elements.map(|((&x, &s), &z)| {
            let steps = (T::of(x) / T::of(s)).wide().round_ties_even();
            (steps + z).clamp(low, high)
        });
        Ok([Tensor::new(values.shape(), y.collect()), zero])
    }
}

impl<T: Real> Op<T> for Quantize {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        Ok(vec![Value::Real(self.steps(x)?[0].map(|&y| T::of(y)))])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (x, [y, zero]) = (at.inputs.real(0)?, self.steps(at.inputs)?);
        if at.rule == Rule::Tangent {
            return Ok(Affine::constant(&y.map(|&y| T::of(y))).valid(Validity::Input));
        }
        let secant = |((&x, &y), &zero): ((&T, &f64), &f64)| {
            let slope = if y - zero == 0.0 { 0.0 } else { (y - zero) / x.wide() };
            // A zero point outside the range: nothing goes through x = 0.
            if slope.is_finite() { (T::of(slope), T::of(zero)) } else { (T::zero(), T::of(y)) }
        };
        let lines = x.data().iter().zip(y.data()).zip(zero.data()).map(secant);
        let (slopes, offsets): (Vec<T>, Vec<T>) = lines.unzip();
        let affine = Affine::linear(Diagonal::new(Broadcast::full(x.shape(), slopes)));
        Ok(affine.plus(Broadcast::full(x.shape(), offsets)).valid(Validity::Input))
    }
}

/// y = s · (x − z).
///
/// Source: ONNX `DequantizeLinear`.
#[derive(Clone, Debug)]
struct Dequantize {
    axis: i64,
}

impl Operator for Dequantize {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        numbers_of(x)
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "scale", "zero point"])
    }
}

impl<T: Real> Op<T> for Dequantize {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let (values, [scale, zero]) = (numbers(x.value(0)?)?, parameters(x, self.axis)?);
        let elements = values.data().iter().zip(scale.data()).zip(zero.data());
        let y = elements.map(|((x, s), z)| T::of((x - z) * s)).collect();
        Ok(vec![Value::Real(Tensor::new(values.shape(), y))])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (shape, [scale, zero]) = (at.inputs.shape(0)?, parameters(at.inputs, self.axis)?);
        let offset: Vec<T> = scale.data().iter().zip(zero.data()).map(|(s, z)| T::of(-s * z)).collect();
        let slopes = scale.data().iter().map(|&s| T::of(s)).collect();
        let affine = Affine::linear(Diagonal::new(Broadcast::full(shape, slopes)));
        Ok(if offset.iter().all(T::is_zero) { affine } else { affine.plus(Broadcast::full(shape, offset)) })
    }
}
