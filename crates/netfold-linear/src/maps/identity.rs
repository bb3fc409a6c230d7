//! y = x, under another shape.

use std::sync::Arc;

use crate::{Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// `y[e] = x[e]` for every flat element e: the identity, and every reshape.
#[derive(Clone, Debug)]
pub struct Identity {
    domain: Vec<usize>,
    codomain: Vec<usize>,
}

impl Identity {
    /// The identity on tensors of this shape.
    pub fn new(shape: &[usize]) -> Self {
        Self::reshape(shape, shape)
    }

    /// The reshape of `domain` to `codomain`.
    ///
    /// # Panics
    /// If they differ in the number of elements.
    pub fn reshape(domain: &[usize], codomain: &[usize]) -> Self {
        let len = |shape: &[usize]| shape.iter().product::<usize>();
        assert_eq!(len(domain), len(codomain), "a reshape keeps the number of elements");
        Self { domain: domain.to_vec(), codomain: codomain.to_vec() }
    }
}

impl<T: Real> LinearMap<T> for Identity {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        x.reshaped(onto)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        y.reshaped(onto)
    }

    fn add_transpose(&self, y: Probes<T>, sum: Probes<T>) -> Probes<T> {
        if self.domain == self.codomain {
            return sum.plus_part(&y);
        }
        let x = y.reshaped(sum.support());
        sum.plus(&x)
    }

    fn output_support(&self, of: &Support) -> Support {
        of.reshaped(&self.codomain)
    }

    fn input_support(&self, of: &Support) -> Support {
        of.reshaped(&self.domain)
    }

    fn entrywise(&self, _: Entrywise) -> SharedMap<T> {
        Arc::new(self.clone())
    }

    fn is_exact(&self) -> bool {
        true
    }
}
