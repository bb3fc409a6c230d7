//! y picks elements of x.

use std::sync::Arc;

use crate::{LinearMap, Probes, Real, SharedMap, Support};

/// `y[i] = x[source[i]]`, or 0 where `source[i]` is [`Select::NONE`].
///
/// Everything that moves data is this map: transpose, slice, pad, broadcast, and a max pool once its winners are
/// known. Indices may repeat, so the transpose adds: `x[j] = Σ over i with source[i] = j of y[i]`.
#[derive(Clone, Debug)]
pub struct Select {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    source: Arc<Vec<u32>>,
}

impl Select {
    /// The index of an element of y that is always zero.
    pub const NONE: u32 = u32::MAX;

    /// The map with these indices, one for each element of the codomain.
    ///
    /// # Panics
    /// If the number of indices is not that of the codomain's elements, or one of them lies outside the domain.
    pub fn new(domain: &[usize], codomain: &[usize], source: Vec<u32>) -> Self {
        let len = domain.iter().product::<usize>();
        assert_eq!(source.len(), codomain.iter().product::<usize>(), "one index for each element of y");
        assert!(source.iter().all(|&j| j == Self::NONE || (j as usize) < len), "indices inside x");
        Self { domain: domain.to_vec(), codomain: codomain.to_vec(), source: Arc::new(source) }
    }

    /// The element of x that `y[i]` is, or `None` where `y[i]` is zero.
    #[inline]
    pub fn source(&self, i: usize) -> Option<usize> {
        let j = self.source[i];
        (j != Self::NONE).then_some(j as usize)
    }

    /// The indices, one for each element of y.
    pub fn sources(&self) -> &[u32] {
        &self.source
    }
}

impl<T: Real> LinearMap<T> for Select {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        x.gather(onto, |i| self.source(i))
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        y.scatter(onto, |i| self.source(i))
    }

    fn image(&self, of: &Support) -> Support {
        let flags = of.flags();
        let reached: Vec<u8> = self.source.iter().map(|&j| flags.get(j as usize).copied().unwrap_or(0)).collect();
        Support::from_flags(&self.codomain, &reached)
    }

    fn preimage(&self, of: &Support) -> Support {
        Support::of(&self.domain, of.standard().filter_map(|i| self.source(i)))
    }

    fn magnitude(&self) -> SharedMap<T> {
        Arc::new(self.clone())
    }
}
