//! `MatMul`.

use std::sync::Arc;

use netfold_linear::{Broadcast, Real, SharedMap, Side};

use super::facts::{BFLOAT16, FLOATS, Facts, WIDE};
use super::{At, Attributes, Class, Extent, Holds, Inputs, Op, Operator, Outlines, Record, broadcast, size};
use crate::affine::{Affine, Rule, Validity};
use crate::error::OpError;
use crate::value::{Tensor, Value};

pub(super) fn facts(_: &str) -> Facts {
    let types = FLOATS.with(WIDE, 9).with(BFLOAT16, 13);
    Facts::since(1, Class::Dense).weights(&[0, 1]).input("A", types.clone(), ..).input("B", types, ..)
}

#[expect(clippy::unnecessary_wraps, reason = "the table asks for it")]
pub(super) fn build(_: &str, _: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(MatMul))
}

/// `Y[b…, i, j] = Σ over t of A[b…, i, t] · B[b…, t, j]`, the batch axes b broadcast; a vector is a row at the left and
/// a column at the right, and its axis is missing in Y.
///
/// Frozen: linear in the factor that varies. Of two, exact at the traced A₀, B₀ and Y₀ only:
/// - `tangent`: A B ≈ A B₀ + A₀ B − Y₀;
/// - `gate` and `half`: split evenly, A B ≈ (A B₀ + A₀ B) / 2.
///
/// Source: ONNX `MatMul`.
#[derive(Clone, Debug)]
struct MatMul;

impl Operator for MatMul {
    fn extent(&self, x: &Outlines<'_>) -> Result<Extent, OpError> {
        let Sizes { batch, matrix: [m, k, n], shape, .. } = Sizes::of(x.shape(0)?, x.shape(1)?)?;
        let batches = size::amount(&batch);
        // The factor's order for the product, and which matrices meet.
        let pairs = batches * size_of::<[usize; 4]>() as f64;
        let order = |i: usize| if x.moves(1 - i) { x.reals(x.count(i)) } else { 0.0 };
        let (kept, products) = (order(0) + order(1) + pairs, batches * size::amount(&[m, k, n]));
        let frozen = x.reals(x.count(0) + x.count(1));
        Ok(Extent::new(Holds::Reals, shape).kept(kept).frozen(frozen).mul_adds(products))
    }

    fn factors(&self) -> &[usize] {
        &[0, 1]
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

/// How the matrices of a product lie.
struct Sizes<'a> {
    a_batch: &'a [usize],
    b_batch: &'a [usize],
    batch: Vec<usize>,
    /// Rows of A, columns of A, columns of B.
    matrix: [usize; 3],
    /// Shape of Y.
    shape: Vec<usize>,
}

impl<'a> Sizes<'a> {
    fn of(a: &'a [usize], b: &'a [usize]) -> Result<Self, OpError> {
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
        Ok(Self { a_batch, b_batch, batch, matrix: [m, k, n], shape })
    }

    /// The product with `factor`, which stands at this side, as a map of the other factor.
    fn map<T: Real>(&self, side: Side, factor: &Tensor<T>, domain: &[usize]) -> netfold_linear::MatMul<T> {
        let ([m, k, n], factor) = (self.matrix, factor.share());
        // One constant for the whole batch: the rows of all matrices are the rows of one.
        let one = self.b_batch.iter().product::<usize>() == 1 && self.a_batch.len() >= self.b_batch.len();
        if side == Side::Rhs && one {
            let rows = self.a_batch.iter().product::<usize>() * m;
            return netfold_linear::MatMul::single(side, factor, [rows, k, n], domain, &self.shape);
        }
        let (left, right) =
            (broadcast::sources(self.a_batch, &self.batch), broadcast::sources(self.b_batch, &self.batch));
        let pair = |(&a, &b): (&u32, &u32)| match side {
            Side::Lhs => (a as usize, b as usize),
            Side::Rhs => (b as usize, a as usize),
        };
        netfold_linear::MatMul::new(
            side,
            factor,
            [m, k, n],
            domain,
            &self.shape,
            left.iter().zip(&right).map(pair).collect(),
        )
    }
}

impl<T: Real> Op<T> for MatMul {
    fn forward(&self, x: &Inputs<'_, T>) -> Result<Vec<Value<T>>, OpError> {
        let (a, b) = (x.real(0)?, x.real(1)?);
        let sizes = Sizes::of(a.shape(), b.shape())?;
        Ok(vec![Value::Real(Affine::linear(sizes.map(Side::Rhs, b, a.shape())).apply(&[Some(a)]))])
    }

    fn record(&self, x: &Inputs<'_, T>, varies: &[bool]) -> Result<Option<Record<T>>, OpError> {
        if let [true, true] = varies { Ok(None) } else { Record::both(self, x, varies) }
    }

    fn freeze(&self, at: &At<'_, T>) -> Result<Affine<T>, OpError> {
        let (a, b) = (at.inputs.real(0)?, at.inputs.real(1)?);
        let sizes = Sizes::of(a.shape(), b.shape())?;
        let both = at.moves(0) && at.moves(1);
        let scaled = |x: &Tensor<T>| {
            if both && at.rule != Rule::Tangent { x.map(|&x| x * T::of(0.5)) } else { x.clone() }
        };
        let left = || -> SharedMap<T> { Arc::new(sizes.map(Side::Rhs, &scaled(b), a.shape())) };
        let right = || -> SharedMap<T> { Arc::new(sizes.map(Side::Lhs, &scaled(a), b.shape())) };
        let affine = Affine::sum(&sizes.shape, vec![at.moves(0).then(left), at.moves(1).then(right)]);
        if !both {
            return Ok(affine);
        }
        let affine = affine.valid(Validity::Input);
        if at.rule != Rule::Tangent {
            return Ok(affine);
        }
        let y = Affine::linear(sizes.map(Side::Rhs, b, a.shape())).apply(&[Some(a)]);
        Ok(affine.plus(Broadcast::full(&sizes.shape, y.data().iter().map(|&y| -y).collect())))
    }
}
