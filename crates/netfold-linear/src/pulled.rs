//! What a transposed map gives on the way back through a circuit.

use crate::{Conv, Probes, Real, Support};

/// Aᵀ y: its rows, or what the next map can make them of.
#[derive(Clone, Debug)]
pub enum Pulled<T: Real> {
    /// The rows.
    Stored(Probes<T>),
    /// A depthwise product that is not computed yet: a convolution of 1×1 behind it makes its rows place by place, so that
    /// they never leave the cache.
    Pending(Pending<T>),
}

/// Aᵀ y of a depthwise convolution A, on the elements of `onto`.
#[derive(Clone, Debug)]
pub struct Pending<T: Real> {
    pub(crate) conv: Conv<T>,
    pub(crate) y: Probes<T>,
    pub(crate) onto: Support,
}

impl<T: Real> Pulled<T> {
    /// The rows, computed if they are not.
    pub fn stored(self) -> Probes<T> {
        match self {
            Self::Stored(rows) => rows,
            Self::Pending(Pending { conv, y, onto }) => crate::LinearMap::apply_transpose(&conv, y, &onto),
        }
    }
}
