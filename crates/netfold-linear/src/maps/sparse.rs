//! A sparse matrix.

use std::sync::Arc;

use crate::{Entrywise, LinearMap, Probes, Real, SharedMap, Support};

/// `y[i] = Σₙ weightₙ · x[columnₙ]` over the entries n of row i: a matrix stored by rows (CSR).
///
/// Average pools and resampling become this: few weights a row, no structure worth a kernel of its own.
#[derive(Clone, Debug)]
pub struct Sparse<T> {
    domain: Vec<usize>,
    codomain: Vec<usize>,
    starts: Arc<Vec<u32>>,
    entries: Arc<Vec<(u32, T)>>,
}

impl<T: Real> Sparse<T> {
    /// The matrix whose row i holds the entries (column, weight) that `row(i)` gives.
    ///
    /// # Panics
    /// If a column lies outside the domain.
    pub fn new<R: IntoIterator<Item = (usize, T)>>(
        domain: &[usize],
        codomain: &[usize],
        row: impl Fn(usize) -> R,
    ) -> Self {
        let len: usize = domain.iter().product();
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for i in 0..codomain.iter().product() {
            for (column, weight) in row(i) {
                assert!(column < len, "column {column} of a matrix with {len} columns");
                entries.push((column as u32, weight));
            }
            starts.push(entries.len() as u32);
        }
        let (starts, entries) = (Arc::new(starts), Arc::new(entries));
        Self { domain: domain.to_vec(), codomain: codomain.to_vec(), starts, entries }
    }

    /// The same entries, |a| or a² each.
    pub(crate) fn each(&self, how: Entrywise) -> Self {
        let entries = self.entries.iter().map(|&(column, weight)| (column, how.of(weight))).collect();
        Self { entries: Arc::new(entries), ..self.clone() }
    }

    /// The entries (column, weight) of row i.
    #[inline]
    pub fn row(&self, i: usize) -> &[(u32, T)] {
        &self.entries[self.starts[i] as usize..self.starts[i + 1] as usize]
    }
}

impl<T: Real> LinearMap<T> for Sparse<T> {
    fn domain(&self) -> &[usize] {
        &self.domain
    }

    fn codomain(&self) -> &[usize] {
        &self.codomain
    }

    fn apply(&self, x: Probes<T>, onto: &Support) -> Probes<T> {
        let width = x.width();
        let mut values = T::pool().zeros(onto.count() * width);
        for (sums, i) in values.chunks_exact_mut(width.max(1)).zip(onto.elements()) {
            for &(column, weight) in self.row(i) {
                if let Some(row) = x.at(column as usize) {
                    sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += weight * value);
                }
            }
        }
        Probes::new(onto.clone(), width, values)
    }

    fn apply_transpose(&self, y: Probes<T>, onto: &Support) -> Probes<T> {
        let width = y.width();
        let mut values = T::pool().zeros(onto.count() * width);
        for (row, i) in y.values().chunks_exact(width.max(1)).zip(y.support().elements()) {
            for &(column, weight) in self.row(i) {
                if let Some(to) = onto.row_of(column as usize) {
                    let sums = &mut values[to * width..][..width];
                    sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += weight * value);
                }
            }
        }
        Probes::new(onto.clone(), width, values)
    }

    fn output_support(&self, of: &Support) -> Support {
        if of.is_full() && self.starts.windows(2).all(|pair| pair[0] < pair[1]) {
            return Support::full(&self.codomain);
        }
        Support::from_fn(&self.codomain, |i| self.row(i).iter().any(|&(column, _)| of.contains(column as usize)))
    }

    fn input_support(&self, of: &Support) -> Support {
        let columns = of.standard().flat_map(|i| self.row(i).iter().map(|&(column, _)| column as usize));
        Support::of(&self.domain, columns)
    }

    fn entrywise(&self, how: Entrywise) -> SharedMap<T> {
        Arc::new(self.each(how))
    }
}
