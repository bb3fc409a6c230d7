//! Gemm.

use std::sync::Arc;

use netfold_linear::{Broadcast, Chain, Diagonal, MatMul, Real, Select, SharedMap, Side};

use super::facts::{BFLOAT16, FLOATS, Facts, WIDE};
use super::movement::{strides, walk};
use super::{
    At, Attributes, Class, Dependence, Extent, Holds, Inputs, Op, Operator, Outlines, Record, broadcast, size,
};
use crate::affine::Affine;
use crate::error::OpError;
use crate::value::Tensor;

pub(super) fn facts(_: &str) -> Facts {
    let types = FLOATS.with(WIDE, 9).with(BFLOAT16, 13);
    Facts::since(1, Class::Dense)
        .weights(&[0, 1])
        .biases(&[2])
        .float("alpha", ..)
        .float("beta", ..)
        .int("transA", ..)
        .int("transB", ..)
        .int("broadcast", ..7)
        .input("A", types.clone(), ..)
        .input("B", types.clone(), ..)
        .input("C", types, ..)
        .optional("C", 11..)
}

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Gemm {
        alpha: attributes.float_or("alpha", 1.0)?,
        beta: attributes.float_or("beta", 1.0)?,
        transposed: [attributes.int_or("transA", 0)? != 0, attributes.int_or("transB", 0)? != 0],
    }))
}

/// Y = α A' B' + β C, where ' transposes if `transA` or `transB` says so and C is broadcast.
///
/// Frozen: linear in the factor that varies and in C.
///
/// Source: ONNX `Gemm`.
#[derive(Clone, Debug)]
struct Gemm {
    alpha: f64,
    beta: f64,
    transposed: [bool; 2],
}

impl Operator for Gemm {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let [m, k, n] = self.sizes(x.shape(0)?, x.shape(1)?)?;
        let transposed = |i: usize| if self.transposed[i] { x.count(i) * 2.0 * size_of::<u32>() as f64 } else { 0.0 };
        let made = size::amount(&[m, n]);
        // The constant factor and its order for the product, and the offset.
        let factor = if x.moves(1) { x.count(0) } else { x.count(1) };
        let kept = x.reals(2.0 * factor + made) + transposed(0) + transposed(1);
        let scratch = x.reals(2.0 * made);
        Ok(Extent::new(Holds::Reals, vec![m, n]).kept(kept).scratch(scratch).mul_adds(made * k as f64))
    }

    fn dependence(&self, varies: &[bool]) -> Dependence {
        match varies {
            [true, true, ..] => Dependence::Unsupported("both factors depend on the network's input".into()),
            _ if varies.contains(&true) => Dependence::Varies,
            _ => Dependence::Constant,
        }
    }
}

/// The indices that transpose a matrix of this shape.
fn transposition(rows: usize, cols: usize) -> Vec<u32> {
    let steps = strides(&[rows, cols]);
    walk(0, &[cols, rows], &[steps[1], steps[0]])
}

impl Gemm {
    /// Rows of A', its columns, columns of B'.
    fn sizes(&self, a: &[usize], b: &[usize]) -> Result<[usize; 3], OpError> {
        let (&[a_rows, a_cols], &[b_rows, b_cols]) = (a, b) else {
            return Err(OpError::new("A and B need two axes"));
        };
        let (m, k) = if self.transposed[0] { (a_cols, a_rows) } else { (a_rows, a_cols) };
        let (inner, n) = if self.transposed[1] { (b_cols, b_rows) } else { (b_rows, b_cols) };
        if inner != k {
            return Err(OpError::new(format!("A has {k} columns, B has {inner} rows")));
        }
        size::count(&[m, n]).map(|_| [m, k, n])
    }

    /// α M, where M is the constant factor.
    fn constant<T: Real>(&self, matrix: &Tensor<T>) -> Arc<Vec<T>> {
        if (self.alpha - 1.0).abs() > 0.0 {
            let alpha = T::of(self.alpha);
            return matrix.map(|&value| alpha * value).share();
        }
        matrix.share()
    }

    /// The product as a map of factor `i`, the other one held constant.
    fn product<T: Real>(&self, at: &At<'_, T>, i: usize, sizes: [usize; 3]) -> Result<SharedMap<T>, OpError> {
        let [m, k, n] = sizes;
        let constant = self.constant(at.inputs.real(1 - i)?);
        let (side, domain) = if i == 0 { (Side::Rhs, [m, k]) } else { (Side::Lhs, [k, n]) };
        let product = MatMul::single(side, constant, sizes, &domain, &[m, n]);
        let product: SharedMap<T> = Arc::new(if self.transposed[1 - i] { product.transposed() } else { product });
        if !self.transposed[i] {
            return Ok(product);
        }
        let own = [domain[1], domain[0]];
        let turn = Select::new(&own, &domain, transposition(own[0], own[1]));
        Ok(Arc::new(Chain::new(Arc::new(turn), product)))
    }
}

impl<T: Real> Op<T> for Gemm {
    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        Record::applied(self, x, varies)
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let [m, k, n] = self.sizes(at.inputs.shape(0)?, at.inputs.shape(1)?)?;
        let varies = |i: usize| at.varies.get(i) == Some(&true);
        let beta = T::of(self.beta);
        let (mut terms, mut offset): (Vec<Option<SharedMap<T>>>, Option<Tensor<T>>) = (vec![None; 3], None);
        if varies(0) || varies(1) {
            let i = usize::from(varies(1));
            terms[i] = Some(self.product(at, i, [m, k, n])?);
        } else {
            let product = self.product(at, 0, [m, k, n])?;
            offset = Some(Affine::sum(&[m, n], vec![Some(product)]).apply(&[Some(at.inputs.real(0)?)]));
        }
        if let Some(c) = at.inputs.real_if(2)? {
            if broadcast::shape(c.shape(), &[m, n])? != [m, n] {
                return Err(OpError::new(format!("C has shape {:?}, the product [{m}, {n}]", c.shape())));
            }
            if varies(2) {
                let spread = broadcast::map(c.shape(), &[m, n]);
                let scale = Diagonal::new(Broadcast::uniform(&[m, n], beta));
                terms[2] = Some(Arc::new(Chain::new(spread, Arc::new(scale))));
            } else {
                let c = broadcast::tensor(c, &[m, n]).map(|&value| beta * value);
                offset = Some(match offset {
                    Some(product) => broadcast::zip(&product, &c, |a, b| Ok(a + b))?,
                    None => c,
                });
            }
        }
        let affine = Affine::sum(&[m, n], terms);
        Ok(match offset {
            Some(offset) => affine.plus(Broadcast::full(&[m, n], offset.data().to_vec())),
            None => affine,
        })
    }
}
