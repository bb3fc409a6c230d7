//! `Softmax`, `LogSoftmax`.

use netfold_linear::Real;

use super::{At, Attributes, Dependence, Inputs, Op, Operator, size};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let rest = attributes.opset < 13;
    let axis = attributes.int_or("axis", if rest { 1 } else { -1 })?;
    Ok(Box::new(Softmax { log: name == "LogSoftmax", axis, rest }))
}

/// `y[i] = exp(x[i]) / Σ exp(x[j])` along one axis, or its logarithm; before opset 13 over all axes from the one given on,
/// taken together.
///
/// As the last node it is left off and the logits are reconstructed; elsewhere it is not supported.
///
/// Source: ONNX `Softmax`, `LogSoftmax`.
#[derive(Clone, Debug)]
struct Softmax {
    log: bool,
    axis: i64,
    /// Whether the axes behind the given one are part of the sum.
    rest: bool,
}

impl Operator for Softmax {
    fn dependence(&self, varies: &[bool]) -> Dependence {
        if varies.contains(&true) {
            let text = "it depends on the network's input and is not the last node, where it would be left off";
            return Dependence::Unsupported(text.into());
        }
        Dependence::Constant
    }
}

impl Softmax {
    /// In place: the numbers of one sum.
    fn line<T: Real>(&self, line: &mut [T]) {
        let largest = line.iter().fold(T::neg_infinity(), |a, &b| a.max(b));
        let sum: T = line.iter().map(|&x| (x - largest).exp()).sum();
        for x in line {
            *x = if self.log { *x - largest - sum.ln() } else { (*x - largest).exp() / sum };
        }
    }
}

impl<T: Real> Op<T> for Softmax {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let x = x.real(0)?;
        let rank = x.shape().len();
        let axis = if self.rest && self.axis == rank as i64 { rank } else { size::axis(self.axis, rank)? };
        let inner: usize = if self.rest { 1 } else { x.shape()[axis + 1..].iter().product() };
        let size: usize = if self.rest { x.shape()[axis..].iter().product() } else { x.shape()[axis] };
        let mut y = x.data().to_vec();
        let mut line = vec![T::zero(); size];
        for first in (0..y.len()).filter(|i| (i / inner).is_multiple_of(size)) {
            line.iter_mut().enumerate().for_each(|(i, value)| *value = y[first + i * inner]);
            self.line(&mut line);
            line.iter().enumerate().for_each(|(i, &value)| y[first + i * inner] = value);
        }
        Ok(vec![Value::Real(Tensor::new(x.shape(), y))])
    }

    fn freeze(&self, _: &At<'_, T>) -> Result<Affine<T>, OpError> {
        Err(OpError::new("a softmax that is not the last node cannot be frozen"))
    }
}
