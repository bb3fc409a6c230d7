//! `Shape`, `Size`: what is known of a tensor without its elements.

use netfold_linear::Real;

use super::facts::{ALL, BFLOAT16, Facts};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(name: &str) -> Facts {
    let class = if name == "Shape" { Class::Shape } else { Class::Size };
    let facts = Facts::since(1, class).input("data", ALL.with(BFLOAT16, 13), ..);
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
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (shape, elements) = self.of(x.shape(0)?);
        let mut made = Extent::new(Holds::Ints, shape);
        made.outputs[0].ints = Some(elements);
        Ok(made)
    }

    fn dependence(&self, _: &[bool]) -> Dependence {
        Dependence::Constant
    }
}

impl Shape {
    /// y: its shape and its elements.
    fn of(&self, shape: &[usize]) -> (Vec<usize>, Vec<i64>) {
        let rank = shape.len() as i64;
        let cut = |i: i64| (if i < 0 { i.saturating_add(rank) } else { i }).clamp(0, rank) as usize;
        match self {
            Self::Sizes { start, end } => {
                let (start, end) = (cut(*start), cut(end.unwrap_or(rank)));
                let part: Vec<i64> =
                    shape.get(start..end).unwrap_or_default().iter().map(|&size| size as i64).collect();
                (vec![part.len()], part)
            }
            Self::Count => (Vec::new(), vec![shape.iter().map(|&size| size as i64).product()]),
        }
    }
}

impl<T: Real> Op<T> for Shape {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let (shape, elements) = self.of(x.shape(0)?);
        Ok(vec![Value::Int(Tensor::new(&shape, elements))])
    }

    fn freeze(&self, _: &At<'_, T>) -> Result<Affine<T>, OpError> {
        Err(OpError::new("a shape does not depend on the network's input"))
    }
}
