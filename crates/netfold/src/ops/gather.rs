//! `Gather`.

use netfold_linear::Real;

use super::movement::{Moved, Movement, Pick, whole};
use super::{Attributes, Inputs, Operator, size};
use crate::error::OpError;

pub(super) fn build(_: &str, attributes: &Attributes<'_>) -> Result<Box<dyn Operator>, OpError> {
    Ok(Box::new(Moved(Gather { axis: attributes.int_or("axis", 0)? })))
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
    fn pick<T: Real>(&self, x: &Inputs<'_, T>, _: usize) -> Result<Pick, OpError> {
        let (from, indices) = (x.shape(0)?, x.ints(1)?);
        let axis = size::axis(self.axis, from.len())?;
        let index = |&i: &i64| {
            let refuse = |_| OpError::new(format!("index {i} of an axis with {} places", from[axis]));
            size::axis(i, from[axis]).map(|i| i as u32).map_err(refuse)
        };
        let mut lists: Vec<Vec<u32>> = from.iter().map(|&size| whole(size)).collect();
        lists[axis] = indices.data().iter().map(index).collect::<Result<_, _>>()?;
        let shape = [&from[..axis], indices.shape(), &from[axis + 1..]].concat();
        Ok(Pick::separable(from, &lists)?.reshaped(shape))
    }
}
