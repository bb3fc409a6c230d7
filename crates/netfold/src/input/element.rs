//! The element type of a model's input: which numbers it can hold.

use half::{bf16, f16};
use netfold_linear::Real;
use netfold_onnx::DType;

use super::InputError;
use crate::value::{Tensor, Value};

/// The smallest and the largest number of an integer type; `None` for other types.
pub(crate) fn range(dtype: DType) -> Option<[i64; 2]> {
    Some(match dtype {
        DType::I8 => [i64::from(i8::MIN), i64::from(i8::MAX)],
        DType::I16 => [i64::from(i16::MIN), i64::from(i16::MAX)],
        DType::I32 => [i64::from(i32::MIN), i64::from(i32::MAX)],
        DType::I64 => [i64::MIN, i64::MAX],
        DType::U8 => [0, i64::from(u8::MAX)],
        DType::U16 => [0, i64::from(u16::MAX)],
        DType::U32 => [0, i64::from(u32::MAX)],
        // Larger ones do not fit what graphs compute with.
        DType::U64 => [0, i64::MAX],
        DType::F32 | DType::F64 | DType::F16 | DType::BF16 | DType::Bool | DType::String => return None,
    })
}

/// The nearest number of a float type of 16 bits; the number itself for any other type.
///
/// A `float` is not rounded to: in double precision the whole computation is in double precision.
pub(super) fn rounded<T: Real>(value: T, dtype: Option<DType>) -> T {
    match dtype {
        Some(DType::F16) => T::of(f16::from_f64(value.wide()).to_f64()),
        Some(DType::BF16) => T::of(bf16::from_f64(value.wide()).to_f64()),
        _ => value,
    }
}

/// The values in the element type of an input: integers and truth values where it takes such, else numbers. Numbers are
/// rounded to the 16 bits of `float16` and `bfloat16`, as they are on the way into any runtime.
///
/// # Errors
/// If an integer type is given what is not a whole number in its range, or a bool what is neither 0 nor 1.
pub(super) fn settle<T: Real>(value: Value<T>, input: &str, dtype: Option<DType>) -> Result<Value<T>, InputError> {
    let Some(dtype) = dtype else { return Ok(value) };
    if dtype == DType::String {
        return Err(InputError::Strings { input: input.to_owned() });
    }
    let wrong = |shape: &[usize], at: usize, value: String, why: String| {
        Err(InputError::Element { input: input.to_owned(), dtype, position: position(shape, at), value, why })
    };
    if dtype == DType::Bool {
        const NEITHER: &str = "neither 0 nor 1";
        return match &value {
            Value::Bool(_) => Ok(value),
            Value::Int(tensor) => match tensor.data().iter().position(|value| !matches!(value, 0 | 1)) {
                Some(at) => wrong(tensor.shape(), at, tensor.data()[at].to_string(), NEITHER.into()),
                None => Ok(Value::Bool(tensor.map(|&value| value == 1))),
            },
            Value::Real(tensor) => {
                let odd = |value: &T| *value != T::zero() && *value != T::one();
                match tensor.data().iter().position(odd) {
                    Some(at) => wrong(tensor.shape(), at, tensor.data()[at].to_string(), NEITHER.into()),
                    None => Ok(Value::Bool(tensor.map(|&value| value == T::one()))),
                }
            }
        };
    }
    let Some([low, high]) = range(dtype) else { return Ok(Value::Real(real(&value, Some(dtype)))) };
    let outside = format!("outside {low} to {high}");
    match value {
        Value::Bool(tensor) => Ok(Value::Int(tensor.map(|&value| i64::from(value)))),
        Value::Int(tensor) => match tensor.data().iter().position(|value| !(low..=high).contains(value)) {
            Some(at) => wrong(tensor.shape(), at, tensor.data()[at].to_string(), outside),
            None => Ok(Value::Int(tensor)),
        },
        Value::Real(tensor) => {
            let whole = |value: &T| value.wide().fract() == 0.0;
            // Both bounds are powers of two or one less: what rounds to 2⁶³ lies outside.
            let inside = |value: &T| value.wide() >= low as f64 && value.wide() < (high as f64 + 1.0);
            let odd = tensor.data().iter().position(|value| !whole(value) || !inside(value));
            match odd {
                Some(at) if whole(&tensor.data()[at]) => {
                    wrong(tensor.shape(), at, tensor.data()[at].to_string(), outside)
                }
                Some(at) => wrong(tensor.shape(), at, tensor.data()[at].to_string(), "no whole number".into()),
                None => Ok(Value::Int(tensor.map(|value| value.wide() as i64))),
            }
        }
    }
}

/// The values as numbers, rounded to the 16 bits of a float type that has no more.
pub(super) fn real<T: Real>(value: &Value<T>, dtype: Option<DType>) -> Tensor<T> {
    match value {
        Value::Real(tensor) if matches!(dtype, Some(DType::F16 | DType::BF16)) => {
            tensor.map(|&value| rounded(value, dtype))
        }
        Value::Real(tensor) => tensor.clone(),
        Value::Int(tensor) => tensor.map(|&value| rounded(T::of(value as f64), dtype)),
        Value::Bool(tensor) => tensor.map(|&value| T::of(f64::from(u8::from(value)))),
    }
}

/// As [`real`], where integers have to stay what they are.
///
/// # Errors
/// If one is not a number of this precision.
pub(super) fn exact<T: Real>(value: &Value<T>, input: &str) -> Result<Tensor<T>, InputError> {
    if let Value::Int(tensor) = value {
        let kept = |value: &i64| T::of(*value as f64).wide() as i64 == *value && value.unsigned_abs() <= 1 << 53;
        if let Some(at) = tensor.data().iter().position(|value| !kept(value)) {
            let position = position(tensor.shape(), at);
            return Err(InputError::Inexact { input: input.to_owned(), position, value: tensor.data()[at] });
        }
    }
    Ok(real(value, None))
}

/// The indices of an element.
pub(super) fn position(shape: &[usize], element: usize) -> Vec<usize> {
    let mut rest = element;
    let mut position: Vec<usize> = shape.iter().rev().map(|&size| (rest % size, rest /= size).0).collect();
    position.reverse();
    position
}
