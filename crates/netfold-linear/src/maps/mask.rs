//! y = x on the active elements, zero elsewhere.

use std::sync::Arc;

use crate::{Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// `y[e] = x[e]` where e is active, else 0: one bit an element.
///
/// A rectifier frozen at its input.
#[derive(Clone, Debug)]
pub struct Mask {
    active: Support,
}

impl Mask {
    /// The map that keeps the elements of `active`.
    pub fn new(active: Support) -> Self {
        Self { active }
    }

    /// The elements that pass.
    pub fn active(&self) -> &Support {
        &self.active
    }

    /// Whether all of these elements pass.
    pub(crate) fn keeps(&self, of: &Support) -> bool {
        self.active.is_full() || of.intersection(&self.active).same_rows(of)
    }

    pub(crate) fn cut<T: Real>(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        let x = x.onto(onto);
        // Rows that are all active need no look; a support cut to the mask is the usual case.
        if self.keeps(onto) {
            return x;
        }
        if let (true, 1, Some(bits)) = (onto.is_full(), x.width(), self.active.bits()) {
            return x.cut(bits);
        }
        x.scaled(|element| if self.active.contains(element) { T::one() } else { T::zero() })
    }
}

impl<T: Real> LinearMap<T> for Mask {
    fn domain(&self) -> &[usize] {
        self.active.shape()
    }

    fn codomain(&self) -> &[usize] {
        self.active.shape()
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        self.cut(x, onto)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        self.cut(y, onto)
    }

    fn output_support(&self, of: &Support) -> Support {
        of.intersection(&self.active)
    }

    fn input_support(&self, of: &Support) -> Support {
        of.intersection(&self.active)
    }

    fn entrywise(&self, _: Entrywise) -> SharedMap<T> {
        Arc::new(self.clone())
    }

    fn is_exact(&self) -> bool {
        true
    }
}
