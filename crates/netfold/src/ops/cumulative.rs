//! `CumSum`.

use std::sync::Arc;

use netfold_linear::{MatMul, Real, Side};

use super::facts::{BFLOAT16, DOUBLE, FLOAT, FLOAT16, Facts, INDICES, WIDE};
use super::{At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, only, size};
use crate::affine::{Affine, Rule};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    Facts::since(11, Class::Accumulate)
        .int("exclusive", ..)
        .int("reverse", ..)
        .input("x", (FLOAT | DOUBLE | WIDE).with(FLOAT16 | BFLOAT16, 14), ..)
        .input("axis", INDICES, ..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let flag = |name| attributes.int_or(name, 0).map(|flag| flag != 0);
    Ok(Box::new(CumSum { exclusive: flag("exclusive")?, reverse: flag("reverse")? }))
}

/// `y[i] = Σ over j ≤ i of x[j]` along one axis; over j < i (`exclusive`), from the end (`reverse`).
///
/// Source: ONNX `CumSum`.
#[derive(Clone, Debug)]
struct CumSum {
    exclusive: bool,
    reverse: bool,
}

impl Operator for CumSum {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let (made, [outer, places, _]) = (Extent::like(x, 0)?, Self::axis(x)?);
        if x.input(0)?.holds != Holds::Reals {
            return Ok(made);
        }
        let (matrix, products) = (size::amount(&[places, places]), x.count(0) * places as f64);
        let tables = x.reals(matrix) + (outer * size_of::<[usize; 2]>()) as f64;
        Ok(made.scratch(tables).frozen(tables).mul_adds(products))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[0], varies, &["input", "axis"])
    }
}

impl CumSum {
    /// The axis: how many lines before it, its places, how many behind it.
    fn axis(x: &Outlines<'_>) -> Result<[usize; 3], OpError> {
        let (shape, axis) = (x.shape(0)?, x.ints(1)?);
        let &[axis] = axis else { return Err(OpError::new("one axis is expected")) };
        let axis = size::axis(axis, shape.len())?;
        Ok([shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product()])
    }
}

impl<T: Real> Op<T> for CumSum {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let Value::Int(given) = x.value(0)? else {
            let at = At { inputs: x, outputs: &[], varies: &[true], output: 0, rule: Rule::Gate, still: None };
            return Ok(vec![Value::Real(self.freeze(&at)?.apply(&[Some(x.real(0)?)]))]);
        };
        let [_, places, inner] = Self::axis(&x.outlines())?;
        let mut y = given.data().to_vec();
        for line in (0..y.len()).filter(|i| (i / inner).is_multiple_of(places)) {
            let mut sum = 0_i64;
            for place in 0..places {
                let element = line + inner * if self.reverse { places - 1 - place } else { place };
                let next = sum.checked_add(y[element]);
                let next = next.ok_or_else(|| OpError::new("the sum is beyond the integers of 64 bits"))?;
                y[element] = if self.exclusive { sum } else { next };
                sum = next;
            }
        }
        Ok(vec![Value::Int(Tensor::new(given.shape(), y))])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (shape, [outer, places, inner]) = (at.inputs.shape(0)?, Self::axis(&at.inputs.outlines())?);
        size::count(&[places, places])?;
        let counts = |i: usize, j: usize| {
            let (i, j) = if self.reverse { (j, i) } else { (i, j) };
            j < i || i == j && !self.exclusive
        };
        let entry = |e: usize| if counts(e / places, e % places) { T::one() } else { T::zero() };
        let matrix = Arc::new((0..places * places).map(entry).collect());
        let pairs = (0..outer).map(|line| (0, line)).collect();
        Ok(Affine::linear(MatMul::new(Side::Lhs, matrix, [places, places, inner], shape, shape, pairs)))
    }
}
