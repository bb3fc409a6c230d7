//! Maps made of maps.

use std::sync::Arc;

use crate::{Entrywise, Field, LinearMap, Probes, Real, SharedMap, Support};

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

    fn trim(&self) {
        self.0.trim();
    }

    fn products(&self, x: &Support, y: &Support) -> f64 {
        self.0.products(y, x)
    }

    fn image(&self, of: &Support) -> Support {
        self.0.preimage(of)
    }

    fn preimage(&self, of: &Support) -> Support {
        self.0.image(of)
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
        let between = self.first.image(x.support()).intersection(&self.then.preimage(onto));
        self.then.apply(self.first.apply(x, &between), onto)
    }

    fn apply_plus(&self, x: Probes<T>, c: &Field<T>) -> Probes<T> {
        let onto = Support::full(self.then.codomain());
        let between = self.first.image(x.support()).intersection(&self.then.preimage(&onto));
        self.then.apply_plus(self.first.apply(x, &between), c)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        let between = self.then.preimage(y.support()).intersection(&self.first.image(onto));
        self.first.apply_transpose(self.then.apply_transpose(y, &between), onto)
    }

    fn trim(&self) {
        self.first.trim();
        self.then.trim();
    }

    fn products(&self, x: &Support, y: &Support) -> f64 {
        let between = self.first.image(x).intersection(&self.then.preimage(y));
        self.first.products(x, &between) + self.then.products(&between, y)
    }

    fn image(&self, of: &Support) -> Support {
        self.then.image(&self.first.image(of))
    }

    fn preimage(&self, of: &Support) -> Support {
        self.first.preimage(&self.then.preimage(of))
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        Arc::new(Self::new(self.first.entrywise(how), self.then.entrywise(how)))
    }

    fn is_exact(&self) -> bool {
        self.first.is_exact() && self.then.is_exact()
    }
}
