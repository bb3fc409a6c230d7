//! Add, Sub, Mul, Div, Sum.

use std::sync::Arc;

use netfold_linear::{Chain, Diagonal, Field, Real, SharedMap};

use super::{At, Attributes, Dependence, Inputs, Op, Operator, broadcast};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn build(name: &str, _: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(match name {
        "Add" | "Sum" => Arithmetic::Add,
        "Sub" => Arithmetic::Sub,
        "Mul" => Arithmetic::Mul,
        _ => Arithmetic::Div,
    }))
}

/// y = a ∘ b for broadcast a and b, with ∘ one of + − × ÷; `Sum` adds any number of inputs.
///
/// Frozen: sums are linear in each input; a product or quotient is linear in the factor that varies.
///
/// Source: ONNX `Add`, `Sub`, `Mul`, `Div`, `Sum`.
#[derive(Clone, Copy, Debug)]
enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

impl Operator for Arithmetic {
    fn dependence(&self, varies: &[bool]) -> Dependence {
        match (self, varies) {
            (Self::Mul, [true, true]) => Dependence::Unsupported("both factors depend on the network's input".into()),
            (Self::Div, [_, true]) => Dependence::Unsupported("its divisor depends on the network's input".into()),
            _ if varies.contains(&true) => Dependence::Varies,
            _ => Dependence::Constant,
        }
    }
}

impl Arithmetic {
    fn real<T: Real>(self, a: T, b: T) -> T {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
        }
    }

    fn int(self, a: i64, b: i64) -> Result<i64, OpError> {
        let result = match self {
            Self::Add => a.checked_add(b),
            Self::Sub => a.checked_sub(b),
            Self::Mul => a.checked_mul(b),
            Self::Div => a.checked_div(b),
        };
        result.ok_or_else(|| OpError::new(format!("integer overflow or division by zero with {a} and {b}")))
    }

    fn pair<T: Real>(self, a: &Value<T>, b: &Value<T>) -> Result<Value<T>, OpError> {
        let shape = broadcast::shape(a.shape(), b.shape())?;
        match (a, b) {
            (Value::Real(a), Value::Real(b)) => {
                let (a, b) = (broadcast::tensor(a, &shape), broadcast::tensor(b, &shape));
                let data = a.data().iter().zip(b.data()).map(|(&a, &b)| self.real(a, b)).collect();
                Ok(Value::Real(Tensor::new(&shape, data)))
            }
            (Value::Int(a), Value::Int(b)) => {
                let (a, b) = (broadcast::tensor(a, &shape), broadcast::tensor(b, &shape));
                let data = a.data().iter().zip(b.data()).map(|(&a, &b)| self.int(a, b)).collect::<Result<_, _>>()?;
                Ok(Value::Int(Tensor::new(&shape, data)))
            }
            (a, b) => Err(OpError::new(format!("cannot combine {} with {} values", a.kind(), b.kind()))),
        }
    }
}

impl<T: Real> Op<T> for Arithmetic {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let mut result = x.value(0)?.clone();
        for i in 1..x.len() {
            result = self.pair(&result, x.value(i)?)?;
        }
        Ok(vec![result])
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let mut shape = at.inputs.shape(0)?.to_vec();
        for i in 1..at.inputs.len() {
            shape = broadcast::shape(&shape, at.inputs.shape(i)?)?;
        }
        let repeated = |i: usize| -> Result<Tensor<T>, OpError> { Ok(broadcast::tensor(at.inputs.real(i)?, &shape)) };
        let mut terms: Vec<Option<SharedMap<T>>> = Vec::new();
        let mut offset: Option<Tensor<T>> = None;
        for (i, &varies) in at.varies.iter().enumerate() {
            let sign = if matches!(self, Self::Sub) && i == 1 { -T::one() } else { T::one() };
            if varies {
                let spread = broadcast::map(at.inputs.shape(i)?, &shape);
                let factor = match self {
                    Self::Add | Self::Sub if sign == T::one() => None,
                    Self::Add | Self::Sub => Some(Field::uniform(&shape, sign)),
                    Self::Mul => Some(Field::full(&shape, repeated(1 - i)?.data().to_vec())),
                    Self::Div => Some(Field::full(&shape, repeated(1)?.map(|&b| T::one() / b).data().to_vec())),
                };
                terms.push(Some(match factor {
                    None => spread,
                    Some(factor) => Arc::new(Chain::new(spread, Arc::new(Diagonal::new(factor)))),
                }));
            } else {
                terms.push(None);
                if matches!(self, Self::Add | Self::Sub) {
                    let share = repeated(i)?.map(|&value| sign * value);
                    offset = Some(match offset {
                        None => share,
                        Some(sum) => {
                            Tensor::new(&shape, sum.data().iter().zip(share.data()).map(|(&a, &b)| a + b).collect())
                        }
                    });
                }
            }
        }
        let affine = Affine::sum(&shape, terms);
        Ok(match offset {
            Some(offset) => affine.plus(Field::full(&shape, offset.data().to_vec())),
            None => affine,
        })
    }
}
