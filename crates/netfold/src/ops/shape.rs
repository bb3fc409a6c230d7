//! `Shape`, `Size`: what is known of a tensor without its elements.

use netfold_linear::Real;

use super::facts::{ALL, BFLOAT16, Facts};
use super::{At, Attributes, Dependence, Inputs, Op, Operator};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let facts = Facts::since(1).input("data", ALL.with(BFLOAT16, 13), ..);
    if name == "Shape" { facts.int("start", 15..).int("end", 15..) } else { facts }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(match name {
        "Shape" => Shape::Sizes { start: attributes.int_or("start", 0)?, end: attributes.int("end")? },
        _ => Shape::Count,
    }))
}

/// y = the sizes of x's axes (`Shape`, from axis `start` to before `end`), or their product (`Size`).
///
/// It does not depend on the elements of x, so it is a constant of the trace.
///
/// Source: ONNX `Shape`, `Size`.
#[derive(Clone, Debug)]
enum Shape {
    Sizes { start: i64, end: Option<i64> },
    Count,
}

impl Operator for Shape {
    fn dependence(&self, _: &[bool]) -> Dependence {
        Dependence::Constant
    }
}

impl<T: Real> Op<T> for Shape {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let shape: Vec<i64> = x.shape(0)?.iter().map(|&size| size as i64).collect();
        let rank = shape.len() as i64;
        let cut = |i: i64| (if i < 0 { i.saturating_add(rank) } else { i }).clamp(0, rank) as usize;
        Ok(vec![Value::Int(match self {
            Self::Sizes { start, end } => {
                let (start, end) = (cut(*start), cut(end.unwrap_or(rank)));
                let part = shape.get(start..end).unwrap_or_default();
                Tensor::new(&[part.len()], part.to_vec())
            }
            Self::Count => Tensor::scalar(shape.iter().product()),
        })])
    }

    fn freeze(&self, _: &At<'_, T>) -> Result<Affine<T>, OpError> {
        Err(OpError::new("a shape does not depend on the network's input"))
    }
}
