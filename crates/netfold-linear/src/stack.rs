//! Rows that are kept to be combined again and again.

use rayon::prelude::*;

use crate::kernels::mix::{Mix, columns};
use crate::{Probes, Real, Support};

/// R `[terms, len]`, rows by which others are made: Y = Hᵀ R for a batch of probes H over the terms.
///
/// It lies in panels of columns, so that a product reads it from its beginning to its end.
#[derive(Debug)]
pub struct Stack<T> {
    terms: usize,
    len: usize,
    /// `R[n, c]` at `[c / columns][n][c % columns]`, zero behind the last column.
    panels: Vec<T>,
}

impl<T: Real> Stack<T> {
    /// `terms` rows of `len` zeros.
    pub fn zeros(terms: usize, len: usize) -> Self {
        Self { terms, len, panels: vec![T::zero(); len.div_ceil(columns::<T>()) * columns::<T>() * terms] }
    }

    /// Row `first` and the next ones become the first `count` probes.
    ///
    /// # Panics
    /// If there are not as many rows or probes, or a probe is longer or shorter than a row.
    pub fn put(&mut self, first: usize, probes: Probes<T>, count: usize) {
        let (size, width) = (columns::<T>(), probes.width());
        assert!(first + count <= self.terms && count <= width, "{count} of {width} probes as rows {first}..");
        let full = Support::full(probes.support().shape());
        assert_eq!(full.count(), self.len, "numbers of a row");
        let probes = probes.onto(&full);
        let panels = self.panels.par_chunks_mut((self.terms * size).max(1));
        panels.zip(probes.values().par_chunks((size * width).max(1))).for_each(|(panel, columns)| {
            for (row, row_of_panel) in panel[first * size..].chunks_exact_mut(size).take(count).enumerate() {
                for (to, column) in row_of_panel.iter_mut().zip(columns.chunks_exact(width)) {
                    *to = column[row];
                }
            }
        });
    }

    /// `y[k] = Σ over n of h[n, k] · R[n]` for the first probes k of h, as many as y has rows.
    ///
    /// # Panics
    /// If h does not have a row of probes for each of R's, or y has more rows than h probes, or not whole ones.
    pub fn combine(&self, h: &Probes<T>, y: &mut [T]) {
        let rows = y.len() / self.len.max(1);
        Mix { h: h.values(), width: h.width(), terms: self.terms, rows }.run(&self.panels, y);
    }
}
