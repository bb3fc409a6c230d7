//! Multidirectional broadcasting, as ONNX (and numpy) define it.

use netfold_linear::{Identity, Real, Select, SharedMap};

use crate::error::OpError;
use crate::value::Tensor;

/// The shape that both broadcast to.
///
/// # Errors
/// If two sizes differ and neither is one.
pub fn shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, OpError> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| if axis + shape.len() < rank { 1 } else { shape[axis + shape.len() - rank] };
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (a, b) if a == b => Ok(a),
            (1, b) => Ok(b),
            (a, 1) => Ok(a),
            _ => Err(OpError::new(format!("shapes {a:?} and {b:?} do not broadcast"))),
        })
        .collect()
}

/// For each element of `to`, the element of `from` that it repeats.
pub fn sources(from: &[usize], to: &[usize]) -> Vec<u32> {
    let lead = to.len() - from.len();
    let mut strides = vec![0_usize; to.len()];
    let mut step = 1;
    for axis in (0..from.len()).rev() {
        strides[lead + axis] = if from[axis] == 1 { 0 } else { step };
        step *= from[axis];
    }
    strided(to, &strides)
}

/// Σ over axes of index · stride, for each index of `shape` in standard order.
pub fn strided(shape: &[usize], strides: &[usize]) -> Vec<u32> {
    let mut sources = vec![0_u32];
    for (&size, &stride) in shape.iter().zip(strides) {
        sources = sources.iter().flat_map(|&s| (0..size).map(move |i| s + (i * stride) as u32)).collect();
    }
    sources
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

/// The linear map that repeats a tensor of shape `from` to shape `to`.
pub fn map<T: Real>(from: &[usize], to: &[usize]) -> SharedMap<T> {
    if from.iter().product::<usize>() == to.iter().product::<usize>() {
        return std::sync::Arc::new(Identity::reshape(from, to));
    }
    std::sync::Arc::new(Select::new(from, to, sources(from, to)))
}
