//! `Constant`, `ConstantOfShape`, `Range`, `EyeLike`: values that come from no input.

use netfold_linear::Real;
use netfold_onnx::{DType, TensorDef};

use super::facts::{BFLOAT16, BOOL, DOUBLE, FLOAT, FLOAT16, Facts, INDICES, INT16, INT64, NUMBERS};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, only, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    match name {
        "Constant" => Facts::since(1, Class::Constant)
            .makes_shapes()
            .attribute("value", "tensor", ..)
            .required("value", ..11)
            .attribute("sparse_value", "sparse_tensor", 11..)
            .float("value_float", 12..)
            .floats("value_floats", 12..)
            .int("value_int", 12..)
            .ints("value_ints", 12..)
            .string("value_string", 12..)
            .attribute("value_strings", "strings", 12..),
        "ConstantOfShape" => {
            Facts::since(9, Class::Constant).makes_shapes().attribute("value", "tensor", ..).input("input", INT64, ..)
        }
        "EyeLike" => Facts::since(9, Class::Constant).int("dtype", ..).int("k", ..).input(
            "input",
            (NUMBERS | BOOL).with(BFLOAT16, 22),
            ..,
        ),
        _ => {
            let types = (FLOAT | DOUBLE | INT16 | INDICES).with(FLOAT16 | BFLOAT16, 27);
            let facts = Facts::since(11, Class::Constant).int("stash_type", 27..).input("start", types.clone(), ..);
            facts.input("limit", types.clone(), ..).input("delta", types, ..)
        }
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(match name {
        "Constant" => Constant::Given(given(attributes)?),
        "ConstantOfShape" => {
            let value = attributes.tensor("value")?.cloned();
            if let Some(value) = value.as_ref().filter(|value| value.data.len() != 1) {
                return Err(OpError::new(format!("`value` has {} elements, not one", value.data.len())));
            }
            Constant::Filled(value)
        }
        "EyeLike" => {
            let dtype = attributes.int("dtype")?.map(|code| i32::try_from(code).ok().and_then(DType::from_code));
            let dtype = dtype.map(|dtype| dtype.ok_or_else(|| OpError::new("attribute `dtype` is not known")));
            Constant::Eye { k: attributes.int_or("k", 0)?, dtype: dtype.transpose()? }
        }
        _ => Constant::Range,
    }))
}

/// The value of a `Constant`, in whichever attribute it stands.
fn given(attributes: &Attributes<'_>) -> Result<TensorDef, OpError> {
    let make = |tensor: Result<TensorDef, netfold_onnx::TensorProblem>| tensor.map_err(|e| OpError::new(e.to_string()));
    if let Some(tensor) = attributes.tensor("value")? {
        return Ok(tensor.clone());
    }
    if let Some(value) = attributes.value("value_float")? {
        return make(TensorDef::new([], vec![value]));
    }
    if let Some(values) = attributes.floats("value_floats")? {
        return make(TensorDef::new([values.len()], values.to_vec()));
    }
    if let Some(value) = attributes.int("value_int")? {
        return make(TensorDef::new([], vec![value]));
    }
    if let Some(values) = attributes.ints("value_ints")? {
        return make(TensorDef::new([values.len()], values.to_vec()));
    }
    Err(OpError::new("it holds no dense tensor of numbers"))
}

/// y = a tensor of the file (`Constant`); one number in the shape that input 0 holds (`ConstantOfShape`; 0 where no
/// number is given); start, start + delta, … on this side of limit (`Range`); 1 where j = i + k in a matrix of input 0's
/// shape, else 0 (`EyeLike`).
///
/// Source: ONNX `Constant`, `ConstantOfShape`, `Range`, `EyeLike`.
#[derive(Clone, Debug)]
enum Constant {
    Given(TensorDef),
    Filled(Option<TensorDef>),
    Range,
    Eye { k: i64, dtype: Option<DType> },
}

impl Operator for Constant {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        Ok(match self {
            Self::Given(tensor) => Extent::new(holds(tensor.data.dtype()), tensor.shape.clone()),
            Self::Filled(number) => {
                let holds = number.as_ref().map_or(Holds::Reals, |number| holds(number.data.dtype()));
                Extent::new(holds, size::shape(x.ints(0)?)?)
            }
            Self::Eye { dtype, .. } => {
                let from = x.input(0)?;
                Extent::new(dtype.map_or(from.holds, holds), from.shape.to_vec())
                    .scratch(x.count(0) * (size_of::<i64>() + size_of::<f64>() + 1) as f64)
            }
            Self::Range => {
                let (kind, span, delta) = match x.input(0)?.holds {
                    Holds::Ints => {
                        let [start, limit, delta] = [0, 1, 2].map(|i| x.ints(i).and_then(one_of));
                        (Holds::Ints, (i128::from(limit?) - i128::from(start?)) as f64, delta? as f64)
                    }
                    _ => {
                        let [start, limit, delta] = [0, 1, 2].map(|i| x.numbers(i).and_then(|all| one_of(&all)));
                        let (start, limit, delta) = (start?, limit?, delta?);
                        // In the precision that it is computed in.
                        let single = x.width == size_of::<f32>();
                        let span = if single { f64::from(limit as f32 - start as f32) } else { limit - start };
                        (Holds::Reals, span, delta)
                    }
                };
                Extent::new(kind, vec![steps(span, delta)?])
            }
        })
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        // Of a matrix only the shape is read.
        let may: &[usize] = if let Self::Eye { .. } = self { &[0] } else { &[] };
        match only(may, varies, &["start", "limit", "delta"]) {
            Dependence::Varies => Dependence::Constant,
            other => other,
        }
    }
}

fn value<T: Real>(tensor: &TensorDef) -> Result<Value<T>, OpError> {
    Value::from_onnx(tensor).ok_or_else(|| OpError::new("it holds text"))
}

/// What a tensor of the file holds.
fn holds(dtype: DType) -> Holds {
    match dtype {
        DType::F32 | DType::F64 | DType::F16 | DType::BF16 => Holds::Reals,
        DType::Bool => Holds::Truths,
        _ => Holds::Ints,
    }
}

/// The one element of a tensor.
fn one<E: Clone>(tensor: &Tensor<E>) -> Result<E, OpError> {
    one_of(tensor.data())
}

/// The one of these elements.
fn one_of<E: Clone>(elements: &[E]) -> Result<E, OpError> {
    match elements {
        [value] => Ok(value.clone()),
        other => Err(OpError::new(format!("{} elements where one number is expected", other.len()))),
    }
}

/// How many steps of `delta` lie between start and limit.
fn steps(span: f64, delta: f64) -> Result<usize, OpError> {
    let steps = (span / delta).ceil();
    if steps.is_nan() || delta == 0.0 {
        return Err(OpError::new("a range needs numbers and a step that is not zero"));
    }
    size::count(&[steps.max(0.0) as usize])
}

impl<T: Real> Op<T> for Constant {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        Ok(vec![match self {
            Self::Given(tensor) => value(tensor)?,
            Self::Filled(number) => {
                let shape = size::shape(x.ints(0)?.data())?;
                let len = shape.iter().product();
                match number.as_ref().map(value).transpose()? {
                    None => Value::Real(Tensor::new(&shape, vec![T::zero(); len])),
                    Some(Value::Real(value)) => Value::Real(Tensor::new(&shape, vec![one(&value)?; len])),
                    Some(Value::Int(value)) => Value::Int(Tensor::new(&shape, vec![one(&value)?; len])),
                    Some(Value::Bool(value)) => Value::Bool(Tensor::new(&shape, vec![one(&value)?; len])),
                }
            }
            Self::Eye { k, dtype } => {
                let (from, shape) = (x.value(0)?, x.shape(0)?);
                let &[_, columns] = shape else { return Err(OpError::new(format!("{shape:?} should be a matrix"))) };
                let one = |e: usize| (e % columns.max(1)) as i64 - (e / columns.max(1)) as i64 == *k;
                let flags = Tensor::new(shape, (0..shape.iter().product()).map(one).collect::<Vec<bool>>());
                let real = Value::Real(flags.map(|&one| if one { T::one() } else { T::zero() }));
                let whole = Value::Int(flags.map(|&one| i64::from(one)));
                match (dtype, from) {
                    (Some(DType::Bool), _) | (None, Value::Bool(_)) => Value::Bool(flags),
                    (Some(DType::F32 | DType::F64 | DType::F16 | DType::BF16), _) | (None, Value::Real(_)) => real,
                    (Some(DType::String), _) => return Err(OpError::new("attribute `dtype` is text")),
                    _ => whole,
                }
            }
            Self::Range => match (x.value(0)?, x.value(1)?, x.value(2)?) {
                (Value::Int(start), Value::Int(limit), Value::Int(delta)) => {
                    let (start, limit, delta) = (one(start)?, one(limit)?, one(delta)?);
                    let span = i128::from(limit) - i128::from(start);
                    let steps = steps(span as f64, delta as f64)?;
                    // Within the span: no step leaves the integers.
                    let at = |i: usize| (i128::from(start) + i as i128 * i128::from(delta)) as i64;
                    Value::Int(Tensor::new(&[steps], (0..steps).map(at).collect()))
                }
                (Value::Real(start), Value::Real(limit), Value::Real(delta)) => {
                    let (start, limit, delta) = (one(start)?, one(limit)?, one(delta)?);
                    let steps = steps((limit - start).wide(), delta.wide())?;
                    let at = |i: usize| start + T::of(i as f64) * delta;
                    Value::Real(Tensor::new(&[steps], (0..steps).map(at).collect()))
                }
                _ => return Err(OpError::new("start, limit and delta should be of one kind, integers or floats")),
            },
        }])
    }

    fn freeze(&self, _: &At<'_, T>) -> Result<Affine<T>, OpError> {
        Err(OpError::new("a constant does not depend on the network's input"))
    }
}
