//! `Gather`, `GatherElements`, `GatherND`: elements picked by constant indices.

use super::facts::{ALL, BFLOAT16, Facts, INDICES, INT64};
use super::movement::{Moved, Movement, Pick, strides, walk, whole};
use super::{Attributes, Class, Operator, Outlines, size};
use crate::error::OpError;

pub(super) fn facts(name: &str) -> Facts {
    let data = ALL.with(BFLOAT16, 13);
    match name {
        "Gather" => Facts::since(1, Class::Gather).makes_shapes().int("axis", ..).input("data", data, ..).input(
            "indices",
            INDICES,
            ..,
        ),
        "GatherElements" => {
            Facts::since(11, Class::Index).int("axis", ..).input("data", data, ..).input("indices", INDICES, ..)
        }
        _ => Facts::since(11, Class::Index).int("batch_dims", 12..).input("data", data, ..).input("indices", INT64, ..),
    }
}

pub(super) fn build(name: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    let axis = attributes.int_or("axis", 0)?;
    Ok(match name {
        "Gather" => Box::new(Moved::new(Gather { axis })),
        "GatherElements" => Box::new(Moved::new(GatherElements { axis })),
        _ => Box::new(Moved::new(GatherND { batch: attributes.int_or("batch_dims", 0)? })),
    })
}

/// A possibly negative index of an axis.
pub(super) fn index(i: i64, size: usize) -> Result<usize, OpError> {
    size::axis(i, size).map_err(|_| OpError::new(format!("index {i} of an axis with {size} places")))
}

/// `y[before…, i…, after…] = x[before…, indices[i…], after…]`: one axis of x replaced by those of the indices, which
/// count from the end where negative.
///
/// Source: ONNX `Gather`.
#[derive(Clone, Debug)]
struct Gather {
    axis: i64,
}

impl Movement for Gather {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        let (from, indices) = (x.shape(0)?, x.shape(1)?);
        let axis = size::axis(self.axis, from.len())?;
        let shape = [&from[..axis], indices, &from[axis + 1..]].concat();
        size::count(&shape).map(|_| shape)
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let (from, indices, shape) = (x.shape(0)?, x.ints(1)?, self.shape(x, output)?);
        let axis = size::axis(self.axis, from.len())?;
        let mut lists: Vec<Vec<u32>> = from.iter().map(|&size| whole(size)).collect();
        let index = |&i: &i64| index(i, from[axis]).map(|i| i as u32);
        lists[axis] = indices.iter().map(index).collect::<Result<_, _>>()?;
        Ok(Pick::separable(from, &lists)?.reshaped(shape))
    }
}

/// For each index of `indices` the element of a tensor of shape `of` at that place, but at the index along `axis` that
/// stands there: what `GatherElements` reads and `ScatterElements` writes.
pub(super) fn along(of: &[usize], axis: i64, shape: &[usize], indices: &[i64]) -> Result<Vec<u32>, OpError> {
    let axis = size::axis(axis, of.len())?;
    let fits = shape.len() == of.len() && (0..of.len()).all(|a| a == axis || shape[a] <= of[a]);
    if !fits {
        return Err(OpError::new(format!("indices of shape {shape:?} along axis {axis} of a tensor {of:?}")));
    }
    let mut steps = strides(of);
    let step = std::mem::take(&mut steps[axis]);
    let places = walk(0, shape, &steps).into_iter().zip(indices);
    places.map(|(first, &i)| Ok(first + (index(i, of[axis])? * step) as u32)).collect()
}

/// The axes of a tensor of shape `of` behind those that the rows of indices of this shape name, from axis `batch` on.
fn rest<'a>(of: &'a [usize], batch: usize, shape: &[usize]) -> Result<&'a [usize], OpError> {
    let depth = shape.last().copied().unwrap_or(0);
    if shape.is_empty() || batch + 1 > shape.len() || batch + depth > of.len() || shape[..batch] != of[..batch] {
        return Err(OpError::new(format!("indices of shape {shape:?} into a tensor {of:?} behind {batch} batch axes")));
    }
    Ok(&of[batch + depth..])
}

/// The first element of the slice that each row of `indices` names in a tensor of shape `of`, from axis `batch` on.
pub(super) fn firsts(of: &[usize], batch: usize, shape: &[usize], indices: &[i64]) -> Result<Vec<usize>, OpError> {
    let depth = of.len() - batch - rest(of, batch, shape)?.len();
    let rows: usize = shape[..shape.len() - 1].iter().product();
    let per_batch: usize = shape[batch..shape.len() - 1].iter().product();
    let (steps, block) = (strides(of), of[batch..].iter().product::<usize>());
    let first = |row: usize| {
        let start = if batch == 0 { 0 } else { row / per_batch * block };
        let numbers = &indices[row * depth..][..depth];
        numbers
            .iter()
            .enumerate()
            .try_fold(start, |first, (k, &i)| Ok(first + index(i, of[batch + k])? * steps[batch + k]))
    };
    (0..rows).map(first).collect()
}

/// `y[i…]` = x at the place i, but with `indices[i…]` along one axis.
///
/// Source: ONNX `GatherElements`.
#[derive(Clone, Debug)]
struct GatherElements {
    axis: i64,
}

impl Movement for GatherElements {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        Ok(x.shape(1)?.to_vec())
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let (from, shape) = (x.shape(0)?, self.shape(x, output)?);
        let source = along(from, self.axis, &shape, x.ints(1)?)?;
        Ok(Pick::new(from, shape, source))
    }
}

/// `y[b…, i…, after…] = x[b…, indices[b…, i…, :], after…]`: the last axis of the indices names a place of x.
///
/// Source: ONNX `GatherND`.
#[derive(Clone, Debug)]
struct GatherND {
    batch: i64,
}

impl GatherND {
    fn batch(&self, from: &[usize]) -> Result<usize, OpError> {
        let batch = usize::try_from(self.batch).ok().filter(|&batch| batch < from.len());
        batch.ok_or_else(|| OpError::new(format!("batch_dims {} of {from:?}", self.batch)))
    }
}

impl Movement for GatherND {
    fn shape(&self, x: &Outlines<'_>, _: usize) -> Result<Vec<usize>, OpError> {
        let (from, indices) = (x.shape(0)?, x.shape(1)?);
        let rest = rest(from, self.batch(from)?, indices)?;
        let shape = [&indices[..indices.len() - 1], rest].concat();
        size::count(&shape).map(|_| shape)
    }

    fn pick(&self, x: &Outlines<'_>, output: usize) -> Result<Pick, OpError> {
        let (from, indices, shape) = (x.shape(0)?, x.shape(1)?, self.shape(x, output)?);
        let batch = self.batch(from)?;
        let firsts = firsts(from, batch, indices, x.ints(1)?)?;
        let slice = rest(from, batch, indices)?.iter().product::<usize>();
        let source = firsts.iter().flat_map(|&first| (0..slice).map(move |i| (first + i) as u32)).collect();
        Ok(Pick::new(from, shape, source))
    }
}
