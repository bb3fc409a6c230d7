//! Multidirectional broadcasting, as ONNX (and numpy) define it.

use netfold_linear::{Broadcast, Identity, Real, Select, SharedMap};

use super::{Outlines, movement, size};
use crate::error::OpError;
use crate::value::Tensor;

/// The shape that both broadcast to.
///
/// # Errors
/// If two sizes differ and neither is one, or the result is too large.
pub fn shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, OpError> {
    let rank = a.len().max(b.len());
    let size =
        |shape: &[usize], axis: usize| if axis + shape.len() < rank { 1 } else { shape[axis + shape.len() - rank] };
    let shape: Vec<usize> = (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (a, b) if a == b => Ok(a),
            (1, b) => Ok(b),
            (a, 1) => Ok(a),
            _ => Err(OpError::new(format!("shapes {a:?} and {b:?} do not broadcast"))),
        })
        .collect::<Result<_, _>>()?;
    size::count(&shape).map(|_| shape)
}

/// The shape that all broadcast to.
///
/// # Errors
/// If two of them do not broadcast, or the result is too large.
pub fn common<'a>(shapes: impl IntoIterator<Item = &'a [usize]>) -> Result<Vec<usize>, OpError> {
    shapes.into_iter().try_fold(Vec::new(), |common, other| shape(&common, other))
}

/// Bytes that repeating these shapes to `to` takes, where an element has `width` of them: the indices, and the elements.
pub fn tables<'a>(shapes: impl IntoIterator<Item = &'a [usize]>, to: &[usize], width: usize) -> f64 {
    let repeated = shapes.into_iter().filter(|shape| *shape != to).count();
    repeated as f64 * size::amount(to) * (2 * size_of::<u32>() + width) as f64
}

/// Bytes of the maps that repeat what varies among these inputs.
pub fn repeated(x: &Outlines<'_>, inputs: std::ops::Range<usize>, to: &[usize]) -> f64 {
    let maps = inputs.filter(|&i| x.moves(i) && x.get(i).is_some_and(|input| input.shape != to)).count();
    maps as f64 * size::amount(to) * size_of::<u32>() as f64
}

/// For each element of `to`, the element of `from` that it repeats.
pub fn sources(from: &[usize], to: &[usize]) -> Vec<u32> {
    let lead = to.len() - from.len();
    let mut strides = vec![0_usize; to.len()];
    for (axis, step) in movement::strides(from).into_iter().enumerate() {
        strides[lead + axis] = if from[axis] == 1 { 0 } else { step };
    }
    movement::walk(0, to, &strides)
}

/// The tensor repeated to shape `to`.
pub fn tensor<E: Clone>(x: &Tensor<E>, to: &[usize]) -> Tensor<E> {
    if x.shape() == to {
        return x.clone();
    }
    if x.len() == to.iter().product::<usize>() {
        return x.reshaped(to);
    }
    let data = sources(x.shape(), to).iter().map(|&j| x.data()[j as usize].clone()).collect();
    Tensor::new(to, data)
}

/// The tensor repeated to shape `to`, kept as one number or one for each index of an axis where it is no more.
pub fn field<T: Real>(x: &Tensor<T>, to: &[usize]) -> Broadcast<T> {
    let lead = to.len() - x.shape().len();
    let mut long = (0..x.shape().len()).filter(|&axis| x.shape()[axis] != 1);
    match (long.next(), long.next()) {
        (None, _) => Broadcast::uniform(to, x.data()[0]),
        (Some(axis), None) => Broadcast::along(to, lead + axis, x.data().to_vec()),
        _ => Broadcast::full(to, tensor(x, to).data().to_vec()),
    }
}

/// f(a, b) for each pair of elements of the broadcast tensors.
///
/// # Errors
/// If they do not broadcast, or `f` refuses a pair.
pub fn zip<A: Copy, B: Copy, C: Clone>(
    a: &Tensor<A>,
    b: &Tensor<B>,
    f: impl Fn(A, B) -> Result<C, OpError>,
) -> Result<Tensor<C>, OpError> {
    let shape = shape(a.shape(), b.shape())?;
    let (a, b) = (tensor(a, &shape), tensor(b, &shape));
    let data = a.data().iter().zip(b.data()).map(|(&a, &b)| f(a, b)).collect::<Result<_, _>>()?;
    Ok(Tensor::new(&shape, data))
}

/// The linear map that repeats a tensor of shape `from` to shape `to`.
pub fn map<T: Real>(from: &[usize], to: &[usize]) -> SharedMap<T> {
    if from.iter().product::<usize>() == to.iter().product::<usize>() {
        return std::sync::Arc::new(Identity::reshape(from, to));
    }
    std::sync::Arc::new(Select::new(from, to, sources(from, to)))
}
