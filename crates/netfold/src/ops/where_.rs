//! `Where`: one of two values by element.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Mask, Real, SharedMap, Support};

use super::facts::{ALL, BFLOAT16, BOOL, Facts};
use super::{At, Attributes, Class, Dependence, Extent, Inputs, Op, Operator, Outlines, Record, broadcast, only, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    let types = ALL.with(BFLOAT16, 16);
    Facts::since(9, Class::Select).input("condition", BOOL, ..).input("X", types.clone(), ..).input("Y", types, ..)
}

#[expect(clippy::unnecessary_wraps, reason = "the table asks for it")]
pub(super) fn build(_: &str, _: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Where))
}

/// y = a where the condition holds, b elsewhere, all three broadcast.
///
/// Frozen: the condition is a constant, each branch passes where it was chosen.
///
/// Source: ONNX `Where`.
#[derive(Clone, Debug)]
struct Where;

impl Operator for Where {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let shapes = [x.shape(0)?, x.shape(1)?, x.shape(2)?];
        let shape = broadcast::common(shapes)?;
        let made = size::amount(&shape);
        let scratch = broadcast::tables(shapes, &shape, x.width) + made;
        // What constants give, and which elements come from where.
        let kept = x.reals(made) + made / 4.0 + broadcast::repeated(x, 1..3, &shape);
        Ok(Extent::new(x.input(1)?.holds, shape).scratch(scratch).kept(kept))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        only(&[1, 2], varies, &["condition"])
    }
}

/// The condition, broadcast to the shape of y.
fn condition<T: Real>(x: &Inputs<'_, T>) -> Result<Tensor<bool>, OpError> {
    let shape = broadcast::common([x.shape(0)?, x.shape(1)?, x.shape(2)?])?;
    match x.value(0)? {
        Value::Bool(condition) => Ok(broadcast::tensor(condition, &shape)),
        other => Err(OpError::new(format!("the condition should be bool, it is {}", other.kind()))),
    }
}

impl<T: Real> Op<T> for Where {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        fn choose<E: Copy>(condition: &Tensor<bool>, a: &Tensor<E>, b: &Tensor<E>) -> Tensor<E> {
            let shape = condition.shape();
            let (a, b) = (broadcast::tensor(a, shape), broadcast::tensor(b, shape));
            let pairs = a.data().iter().zip(b.data());
            let data = condition.data().iter().zip(pairs).map(|(&c, (&a, &b))| if c { a } else { b }).collect();
            Tensor::new(shape, data)
        }
        let condition = condition(x)?;
        Ok(vec![match (x.value(1)?, x.value(2)?) {
            (Value::Real(a), Value::Real(b)) => Value::Real(choose(&condition, a, b)),
            (Value::Int(a), Value::Int(b)) => Value::Int(choose(&condition, a, b)),
            (Value::Bool(a), Value::Bool(b)) => Value::Bool(choose(&condition, a, b)),
            (a, b) => return Err(OpError::new(format!("{} and {} values to choose from", a.kind(), b.kind()))),
        }])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::both(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let condition = condition(at.inputs)?;
        chosen(at, 1, condition.shape(), |element| if condition.data()[element] { 1 } else { 2 })
    }
}

/// `y[e] = xᵢ[e]` with i = winner(e), for inputs from `first` on, broadcast to `shape`: a varying input passes where it
/// won, and where a constant won its value is the offset.
pub(super) fn chosen<T: Real>(
    at: &At<'_, T>,
    first: usize,
    shape: &[usize],
    winner: impl Fn(usize) -> usize,
) -> Result<Affine<T>, OpError> {
    let len: usize = shape.iter().product();
    let mut terms: Vec<Option<SharedMap<T>>> = vec![None; first];
    let mut offset = vec![T::zero(); len];
    for i in first..at.inputs.len() {
        if at.varies.get(i) == Some(&true) {
            let spread = broadcast::map(at.inputs.shape(i)?, shape);
            let mask = Mask::new(Support::from_fn(shape, |element| winner(element) == i));
            terms.push(Some(if at.inputs.shape(i)? == shape {
                Arc::new(mask)
            } else {
                Arc::new(Chain::new(spread, Arc::new(mask)))
            }));
        } else {
            terms.push(None);
            let constant = broadcast::tensor(at.inputs.real(i)?, shape);
            for (element, value) in offset.iter_mut().enumerate().filter(|&(element, _)| winner(element) == i) {
                *value = constant.data()[element];
            }
        }
    }
    let affine = Affine::sum(shape, terms);
    Ok(if offset.iter().all(T::is_zero) { affine } else { affine.plus(Broadcast::full(shape, offset)) })
}
