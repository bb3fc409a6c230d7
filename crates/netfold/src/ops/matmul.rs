//! `MatMul`.

use netfold_linear::{Product, Real, Side};

use super::{At, Attributes, Dependence, Op, Operator, broadcast, size};
use crate::affine::Affine;
use crate::error::OpError;

#[expect(clippy::unnecessary_wraps, reason = "the table asks for it")]
pub(super) fn build(_: &str, _: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(MatMul))
}

/// `Y[b…, i, j] = Σ over t of A[b…, i, t] · B[b…, t, j]`, the batch axes b broadcast; a vector is a row at the left and
/// a column at the right, and its axis is missing in Y.
///
/// Frozen: linear in the factor that varies.
///
/// Source: ONNX `MatMul`.
#[derive(Clone, Debug)]
struct MatMul;

impl Operator for MatMul {
    fn dependence(&self, varies: &[bool]) -> Dependence {
        match varies {
            [true, true] => Dependence::Unsupported("both factors depend on the network's input".into()),
            [false, false] => Dependence::Constant,
            _ => Dependence::Varies,
        }
    }
}

/// A factor's batch axes, rows and columns.
fn split(shape: &[usize], vector: [usize; 2]) -> Result<(&[usize], usize, usize), OpError> {
    match *shape {
        [] => Err(OpError::new("a number is no matrix")),
        [_] => Ok((&[], vector[0], vector[1])),
        [ref batch @ .., rows, cols] => Ok((batch, rows, cols)),
    }
}

impl<T: Real> Op<T> for MatMul {
    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (a, b) = (at.inputs.shape(0)?, at.inputs.shape(1)?);
        let (a_batch, m, k) = split(a, [1, a.last().copied().unwrap_or(0)])?;
        let (b_batch, rows, n) = split(b, [b.first().copied().unwrap_or(0), 1])?;
        if rows != k {
            return Err(OpError::new(format!("{a:?} has {k} columns, {b:?} has {rows} rows")));
        }
        let batch = broadcast::shape(a_batch, b_batch)?;
        let mut shape = batch.clone();
        shape.extend((a.len() > 1).then_some(m));
        shape.extend((b.len() > 1).then_some(n));
        size::count(&shape)?;
        let (input, constant, side) =
            if at.varies.get(1) == Some(&true) { (1, 0, Side::Left) } else { (0, 1, Side::Right) };
        let (domain, factor) = (at.inputs.shape(input)?, at.inputs.real(constant)?.share());
        // One constant for the whole batch: the rows of all matrices are the rows of one.
        let product = if side == Side::Right && b_batch.iter().product::<usize>() == 1 && a_batch.len() >= b_batch.len()
        {
            let rows = a_batch.iter().product::<usize>() * m;
            Product::single(side, factor, [rows, k, n], domain, &shape)
        } else {
            let (left, right) = (broadcast::sources(a_batch, &batch), broadcast::sources(b_batch, &batch));
            let pair = |(&a, &b): (&u32, &u32)| match side {
                Side::Left => (a as usize, b as usize),
                Side::Right => (b as usize, a as usize),
            };
            Product::new(side, factor, [m, k, n], domain, &shape, left.iter().zip(&right).map(pair).collect())
        };
        Ok(Affine::of_input(input, product))
    }
}
