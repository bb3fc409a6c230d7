//! Cached rows of the bottleneck factor R, by which all blocks of rows are computed: Y = Hᵀ R.

use netfold_kernels::index::{WindowAxis, WindowIndex};
use netfold_kernels::masked::{MaskedConv, Weights};
use netfold_kernels::memory::advise_huge_pages;
use rayon::prelude::*;

use crate::{Probes, Real, Support};

/// Stored elements that one task puts the rows of.
const TASK: usize = 1 << 8;

/// R `[terms, elements]`, rows over the stored elements of a tensor. [`combine`](Self::combine) computes Y = Hᵀ R for a
/// batch of probes H over the terms.
#[derive(Debug)]
pub struct CachedRows<T> {
    support: Support,
    terms: usize,
    /// `R[n, e]` at `[e][n]`: a product reads it from its beginning to its end.
    values: Vec<T>,
}

impl<T: Real> CachedRows<T> {
    /// `terms` rows of zeros, stored on `support`.
    pub fn zeros(terms: usize, support: &Support) -> Self {
        let mut values = vec![T::zero(); support.count() * terms];
        advise_huge_pages(&mut values);
        Self { support: support.clone(), terms, values }
    }

    /// Row `first` and the next ones become the first `count` probes.
    ///
    /// # Panics
    /// If there are not as many rows or probes, or a probe has another shape than a row.
    pub fn put(&mut self, first: usize, probes: Probes<T>, count: usize) {
        let (terms, width) = (self.terms, probes.width());
        assert!(first + count <= terms && count <= width, "{count} of {width} probes as rows {first}..");
        let probes = probes.onto(&self.support);
        let elements = self.values.par_chunks_mut((TASK * terms).max(1));
        elements.zip(probes.values().par_chunks((TASK * width).max(1))).for_each(|(to, from)| {
            for (to, from) in to.chunks_exact_mut(terms).zip(from.chunks_exact(width)) {
                to[first..first + count].copy_from_slice(&from[..count]);
            }
        });
    }

    /// `y[e, k] = Σ over n of R[n, e] · h[n, k]` for each probe k of h.
    ///
    /// # Panics
    /// If h does not have a row of probes for each of R's.
    #[must_use]
    pub fn combine(&self, h: &Probes<T>) -> Probes<T> {
        let width = h.width();
        assert_eq!(h.values().len(), self.terms * width, "a factor for each term and probe");
        if self.values.is_empty() || width == 0 {
            return Probes::zeros(&self.support, width);
        }
        let mut y = Probes::scratch(&self.support, width);
        let (from, to) = (Support::full(&[self.terms]), Support::full(&[self.support.count()]));
        let (from, to, reads) = (from.rows(), to.rows(), &WindowIndex::new(&[WindowAxis::UNIT; 2], false));
        let weights = Weights { data: &self.values, to: self.terms, tap: 0, from: 1 };
        MaskedConv { from, to, reads, groups: 1, weights, width, add: false, after: None }
            .run(h.values(), y.values_mut());
        y
    }
}
