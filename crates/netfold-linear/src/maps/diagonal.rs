//! y = d ∘ x.

use std::sync::Arc;

use netfold_kernels::index::rows::Axes;
use rayon::prelude::*;

use crate::{Broadcast, Entrywise, LinearMap, Mask, Probes, Real, SharedMap, Support};

/// How many numbers one task of a parallel loop handles.
const TASK: usize = 1 << 14;

/// `y[e] = d[e] · x[e]`.
///
/// What every elementwise function becomes once it is frozen: a ReLU has d in {0, 1}, a batch normalisation one d for
/// each channel, a smooth activation a slope for each element.
#[derive(Clone, Debug)]
pub struct Diagonal<T> {
    factors: Broadcast<T>,
    nonzero: Support,
    /// All factors that are not zero are one.
    unit: bool,
}

impl<T: Real> Diagonal<T> {
    /// The map with these factors.
    pub fn new(factors: Broadcast<T>) -> Self {
        let nonzero = factors.nonzero();
        let unit = factors.values().iter().all(|factor| factor.is_zero() || factor.is_one());
        Self { factors, nonzero, unit }
    }

    /// Where the factor differs from zero.
    pub fn nonzero(&self) -> &Support {
        &self.nonzero
    }

    fn scale(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        if self.unit {
            return Mask::new(self.nonzero.clone()).cut(x, onto);
        }
        if onto.is_full() {
            let mut y = x.onto(onto);
            let width = y.width();
            self.factors.scale(y.values_mut(), width);
            return y;
        }
        x.onto(onto).scaled(|element| self.factors.at(element))
    }
}

impl<T: Real> LinearMap<T> for Diagonal<T> {
    fn domain(&self) -> &[usize] {
        self.factors.shape()
    }

    fn codomain(&self) -> &[usize] {
        self.factors.shape()
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        self.scale(x, onto)
    }

    fn apply_plus(&self, x: Probes<T>, c: &Broadcast<T>) -> Probes<T> {
        let whole = x.width() == 1 && x.support().is_full();
        match (self.factors.by_channel(), c.by_channel()) {
            (Some(factors), Some(offsets)) if whole => {
                let mut y = Probes::scratch(x.support(), 1);
                let places = Axes::of(self.factors.shape()).places.max(1);
                let planes = y.values_mut().par_chunks_mut(places).zip(x.values().par_chunks(places));
                planes.with_min_len(TASK.div_ceil(places)).enumerate().for_each(|(plane, (y, x))| {
                    let (factor, offset) = (factors[plane % factors.len()], offsets[plane % factors.len()]);
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y = factor * x + offset);
                });
                y
            }
            _ => self.scale(x, &Support::full(self.factors.shape())).plus_broadcast(c),
        }
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        self.scale(y, onto)
    }

    fn output_support(&self, of: &Support) -> Support {
        of.intersection(&self.nonzero)
    }

    fn input_support(&self, of: &Support) -> Support {
        of.intersection(&self.nonzero)
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        Arc::new(Self::new(self.factors.map(|factor| how.of(factor))))
    }
}
