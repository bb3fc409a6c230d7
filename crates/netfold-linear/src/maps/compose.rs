//! Maps made of maps.

use std::sync::Arc;

use crate::{Broadcast, Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// Aᵀ: the two directions exchanged.
///
/// The transpose of a [`Select`](crate::Select) sums groups of elements (a reduction) or puts elements into a larger
/// tensor (one branch of a concatenation).
#[derive(Clone, Debug)]
pub struct Transposed<M>(pub M);

impl<T: Real, M: LinearMap<T>> LinearMap<T> for Transposed<M> {
    fn domain(&self) -> &[usize] {
        self.0.codomain()
    }

    fn codomain(&self) -> &[usize] {
        self.0.domain()
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        self.0.apply_transpose(x, onto)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        self.0.apply(y, onto)
    }

    fn clear_caches(&self) {
        self.0.clear_caches();
    }

    fn mul_adds(&self, x: &Support, y: &Support) -> f64 {
        self.0.mul_adds(y, x)
    }

    fn output_support(&self, of: &Support) -> Support {
        self.0.input_support(of)
    }

    fn input_support(&self, of: &Support) -> Support {
        self.0.output_support(of)
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        Arc::new(Transposed(self.0.entrywise(how)))
    }
}

/// y = B (A x): first A, then B.
#[derive(Clone, Debug)]
pub struct Chain<T> {
    first: SharedMap<T>,
    then: SharedMap<T>,
}

impl<T: Real> Chain<T> {
    /// `then` after `first`.
    ///
    /// # Panics
    /// If the shapes do not meet.
    pub fn new(first: SharedMap<T>, then: SharedMap<T>) -> Self {
        assert_eq!(first.codomain(), then.domain(), "shapes of a chain meet");
        Self { first, then }
    }
}

impl<T: Real> LinearMap<T> for Chain<T> {
    fn domain(&self) -> &[usize] {
        self.first.domain()
    }

    fn codomain(&self) -> &[usize] {
        self.then.codomain()
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        let between = self.first.output_support(x.support()).intersection(&self.then.input_support(onto));
        self.then.apply(self.first.apply(x, &between), onto)
    }

    fn apply_plus(&self, x: Probes<T>, c: &Broadcast<T>) -> Probes<T> {
        let onto = Support::full(self.then.codomain());
        let between = self.first.output_support(x.support()).intersection(&self.then.input_support(&onto));
        self.then.apply_plus(self.first.apply(x, &between), c)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        let between = self.then.input_support(y.support()).intersection(&self.first.output_support(onto));
        self.first.apply_transpose(self.then.apply_transpose(y, &between), onto)
    }

    fn clear_caches(&self) {
        self.first.clear_caches();
        self.then.clear_caches();
    }

    fn mul_adds(&self, x: &Support, y: &Support) -> f64 {
        let between = self.first.output_support(x).intersection(&self.then.input_support(y));
        self.first.mul_adds(x, &between) + self.then.mul_adds(&between, y)
    }

    fn output_support(&self, of: &Support) -> Support {
        self.then.output_support(&self.first.output_support(of))
    }

    fn input_support(&self, of: &Support) -> Support {
        self.first.input_support(&self.then.input_support(of))
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        Arc::new(Self::new(self.first.entrywise(how), self.then.entrywise(how)))
    }

    fn is_exact(&self) -> bool {
        self.first.is_exact() && self.then.is_exact()
    }
}
