//! Gemm.

use std::sync::Arc;

use netfold_linear::{Field, Product, Real, Side};

use super::{At, Attributes, Dependence, Op, Operator, broadcast, only};
use crate::affine::Affine;
use crate::error::OpError;

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Gemm {
        alpha: attributes.float_or("alpha", 1.0)?,
        beta: attributes.float_or("beta", 1.0)?,
        trans_a: attributes.int_or("transA", 0)? != 0,
        trans_b: attributes.int_or("transB", 0)? != 0,
    }))
}

/// Y = α A' B' + β C, where ' transposes if `transA` or `transB` says so and C is broadcast.
///
/// Source: ONNX `Gemm`.
#[derive(Clone, Debug)]
struct Gemm {
    alpha: f64,
    beta: f64,
    trans_a: bool,
    trans_b: bool,
}

impl Operator for Gemm {
    fn dependence(&self, varies: &[bool]) -> Dependence {
        if self.trans_a && varies.first() == Some(&true) {
            return Dependence::Unsupported("its `A` is transposed and depends on the network's input".into());
        }
        only(&[0], varies, &["A", "B", "C"])
    }
}

/// The transpose of a row-major matrix.
fn transposed<T: Real>(matrix: &[T], rows: usize, cols: usize) -> Vec<T> {
    (0..rows * cols).map(|i| matrix[i % rows * cols + i / rows]).collect()
}

impl<T: Real> Op<T> for Gemm {
    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (a, b) = (at.inputs.shape(0)?, at.inputs.real(1)?);
        let (&[m, k], &[b_rows, b_cols]) = (a, b.shape()) else {
            return Err(OpError::new("A and B need two axes"));
        };
        let (inner, n) = if self.trans_b { (b_cols, b_rows) } else { (b_rows, b_cols) };
        if self.trans_a {
            return Err(OpError::new("a transposed A is not supported"));
        }
        if inner != k {
            return Err(OpError::new(format!("A has {k} columns, B has {inner} rows")));
        }
        let mut constant = if self.trans_b {
            Arc::new(transposed(b.data(), b_rows, b_cols))
        } else {
            b.share()
        };
        if (self.alpha - 1.0).abs() > 0.0 {
            let alpha = T::of(self.alpha);
            constant = Arc::new(constant.iter().map(|&value| alpha * value).collect());
        }
        let affine = Affine::linear(Product::single(Side::Right, constant, [m, k, n], a, &[m, n]));
        Ok(match at.inputs.real_if(2)? {
            Some(c) if broadcast::shape(c.shape(), &[m, n])? == [m, n] => {
                let beta = T::of(self.beta);
                let c = broadcast::tensor(c, &[m, n]).map(|&value| beta * value);
                affine.plus(Field::full(&[m, n], c.data().to_vec()))
            }
            Some(c) => return Err(OpError::new(format!("C has shape {:?}, the product [{m}, {n}]", c.shape()))),
            None => affine,
        })
    }
}

