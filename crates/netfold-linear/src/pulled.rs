//! What a transposed map gives on the way back through a circuit.

use crate::{Conv, LinearMap, Probes, Real, Select, Support};

/// Aᵀ y: its rows, or what the next map can make them of.
#[derive(Clone, Debug)]
pub enum Pulled<T: Real> {
    /// The rows.
    Stored(Probes<T>),
    /// A convolution that is not computed yet: one of 1×1 behind a depthwise one makes its rows place by place, so that
    /// they never leave the cache, and zeros around its input are its padding.
    Pending(Box<Pending<T>>),
}

/// Aᵀ y of a convolution A, on the elements of `onto`.
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
            Self::Pending(pending) => pending.conv.apply_transpose(pending.y, &pending.onto),
        }
    }
}

impl<T: Real> Pending<T> {
    /// Padᵀ Aᵀ y on `onto`, for a `pad` that puts zeros around its input, `begin` of them before it along each axis: the
    /// transpose of one convolution. `None` where the convolution has no such padding, or `onto` more than is wanted here.
    pub(crate) fn padded(&self, pad: &Select, begin: &[usize], onto: &Support) -> Option<Self> {
        let image = LinearMap::<T>::image(pad, onto);
        if !image.intersection(&self.onto).same_rows(&image) {
            return None;
        }
        let conv = self.conv.padded(LinearMap::<T>::domain(pad), begin)?;
        Some(Self { conv, y: self.y.clone(), onto: onto.clone() })
    }
}
