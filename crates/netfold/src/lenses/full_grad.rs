//! `fullgrad`: the input's contributions and every layer's bias, each in its place.

use super::subject::{Attribution, Subject, row};
use crate::error::Error;
use crate::ops::Precision;

/// Σ over channels of w ∘ x + Σ over stages of their bias maps, each spread over the input's places.
///
/// Signed and never rescaled, so that the map and the rest (the biases of tensors without places) add up to the logit. The
/// paper's saliency takes absolute values and rescales each layer for display; that is a view, and adds up to nothing.
pub(super) fn look<T: Precision>(_: &'static str, subject: &Subject<'_, T>) -> Result<Attribution, Error> {
    let (x, grid, circuit) = (subject.x()?, subject.grid()?, subject.jacobian()?);
    let w = row(&circuit, subject.class);
    let mut values = grid.by_place(&w.iter().zip(x.data()).map(|(w, x)| w * x.wide()).collect::<Vec<_>>());
    let mut rest = 0.0;
    for map in circuit.bias_maps(subject.class) {
        let has_places = map.shape.len() == x.shape().len() && map.shape.iter().skip(2).any(|&size| size > 1);
        let spread = has_places.then(|| grid.spread(&map.by_place(), &map.shape[2..])).flatten();
        match spread {
            Some(spread) => values.iter_mut().zip(spread).for_each(|(value, share)| *value += share),
            None => rest += map.total(),
        }
    }
    Ok(Attribution::contributions(values, rest))
}
