//! How large a tensor may be.

use crate::error::OpError;

/// The most elements that one tensor of a graph may have: indices of elements are of 32 bits, and their sums with a step
/// stay within. How much memory there is for them is the [budget](crate::budget::Budget)'s business.
pub const MOST: usize = (1 << 31) - 1;

/// How many elements a tensor of this shape has, however many these are.
pub fn amount(shape: &[usize]) -> f64 {
    shape.iter().map(|&size| size as f64).product()
}

/// How many elements a tensor of this shape has.
///
/// # Errors
/// If there are more than [`MOST`]; sizes of zero do not excuse the others, since partial products are taken too.
pub fn count(shape: &[usize]) -> Result<usize, OpError> {
    let len = shape.iter().try_fold(1_usize, |len, &size| len.checked_mul(size.max(1)).filter(|&len| len <= MOST));
    match len {
        Some(len) => Ok(if shape.contains(&0) { 0 } else { len }),
        None => Err(OpError::Large { shape: shape.into(), most: MOST }),
    }
}

/// Sizes as a graph computes them.
///
/// # Errors
/// If one is negative.
pub fn sizes(numbers: &[i64]) -> Result<Vec<usize>, OpError> {
    let size = |&size: &i64| usize::try_from(size).ok();
    let known: Option<Vec<usize>> = numbers.iter().map(size).collect();
    known.ok_or_else(|| OpError::new(format!("{numbers:?} are no sizes: one is negative")))
}

/// Sizes as a graph computes them, as a shape.
///
/// # Errors
/// If a size is negative, or the tensor too large.
pub fn shape(numbers: &[i64]) -> Result<Vec<usize>, OpError> {
    let shape = sizes(numbers)?;
    count(&shape).map(|_| shape)
}

/// A possibly negative axis as an index below `rank`.
///
/// # Errors
/// If it is out of range.
pub fn axis(axis: i64, rank: usize) -> Result<usize, OpError> {
    let index = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    usize::try_from(index)
        .ok()
        .filter(|&index| index < rank)
        .ok_or_else(|| OpError::new(format!("axis {axis} of a tensor with {rank} axes")))
}

/// Possibly negative axes, each named once.
///
/// # Errors
/// If one is out of range or named twice.
pub fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>, OpError> {
    let mut axes = Vec::with_capacity(list.len().min(rank));
    for &entry in list {
        let index = axis(entry, rank)?;
        if axes.contains(&index) {
            return Err(OpError::new(format!("axis {entry} is named twice in {list:?}")));
        }
        axes.push(index);
    }
    Ok(axes)
}

/// Bytes of so many entries of a sparse matrix, where a number has `width` of them.
pub(super) fn sparse(entries: f64, width: usize) -> f64 {
    entries * if width == size_of::<f32>() { size_of::<(u32, f32)>() } else { size_of::<(u32, f64)>() } as f64
}
