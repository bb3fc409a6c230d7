//! Sparse tensors, made dense.

use super::{Context, tensor as dense};
use crate::{Data, TensorDef, TensorProblem, generated::SparseTensorProto, tensor::element_count};

/// How many elements all sparse tensors of a model may have together once they are dense.
///
/// A few bytes of a file can ask for any number of zeros, so the size of the file bounds nothing here.
pub const MAX_SPARSE_ELEMENTS: usize = 1 << 26;

/// How many elements may still be made.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_SPARSE_ELEMENTS)
    }
}

pub(super) fn tensor(proto: SparseTensorProto, context: &mut Context) -> Result<TensorDef, TensorProblem> {
    let shape = dense::shape(&proto.dims)?;
    let count = element_count(&shape)?;
    let (Some(values), Some(indices)) = (proto.values, proto.indices) else {
        return Err(sparse("has no values or no indices"));
    };
    let values = dense::tensor(values, context)?;
    let indices = dense::tensor(indices, context)?;
    let Data::I64(numbers) = &indices.data else {
        return Err(sparse(format!("its indices are {} instead of int64", indices.data.dtype())));
    };
    let n = values.data.len();
    let places = match *indices.shape.as_slice() {
        [rows] if rows == n => flat(numbers, count),
        [rows, axes] if rows == n && axes == shape.len() && axes > 0 => by_axis(numbers, &shape),
        _ => return Err(sparse(format!("{n} values do not go with indices of shape {:?}", indices.shape))),
    };
    let places = places.map_err(|index| sparse(format!("index {index} is outside shape {shape:?}")))?;
    context.sparse.0 = context.sparse.0.checked_sub(count).ok_or_else(|| {
        sparse(format!("the sparse tensors of this model have more than {MAX_SPARSE_ELEMENTS} elements when dense"))
    })?;
    TensorDef::new(shape, values.data.scatter(&places, count))
}

fn sparse(what: impl Into<String>) -> TensorProblem {
    TensorProblem::Sparse { what: what.into() }
}

/// One number a value, counted in row-major order. The error is the first number that is out of range.
fn flat(numbers: &[i64], count: usize) -> Result<Vec<usize>, i64> {
    numbers.iter().map(|&i| inside(i, count).ok_or(i)).collect()
}

/// One number an axis for each value; there must be an axis. The error is the first number that is out of range.
fn by_axis(numbers: &[i64], shape: &[usize]) -> Result<Vec<usize>, i64> {
    let place = |row: &[i64]| {
        row.iter().zip(shape).try_fold(0, |place, (&i, &size)| inside(i, size).map(|i| place * size + i).ok_or(i))
    };
    numbers.chunks_exact(shape.len()).map(place).collect()
}

fn inside(index: i64, size: usize) -> Option<usize> {
    usize::try_from(index).ok().filter(|&i| i < size)
}
