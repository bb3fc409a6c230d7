//! A batch of vectors that travels through the linear maps together.

use std::sync::Arc;

use rayon::prelude::*;

use crate::{Real, Support};

/// How many numbers one task of a parallel loop handles: fixed, so that results do not depend on the thread count.
const TASK: usize = 1 << 15;

/// A batch of `width` vectors over one tensor: rows `values[row · width + probe]`, the probe index innermost.
///
/// Only the elements of the [`Support`] are stored; all others are zero for every probe. With `width = 1` and a full
/// support, `values` is the tensor itself in standard layout.
///
/// Cloning is cheap: the numbers are shared until one copy is changed.
#[derive(Clone, Debug)]
pub struct Probes<T> {
    support: Support,
    width: usize,
    values: Arc<Vec<T>>,
}

impl<T: Real> Probes<T> {
    /// A batch with these rows.
    ///
    /// # Panics
    /// If `values` does not hold `support.count() · width` numbers.
    pub fn new(support: Support, width: usize, values: Vec<T>) -> Self {
        Self::shared(support, width, Arc::new(values))
    }

    /// A batch over numbers that others hold too.
    ///
    /// # Panics
    /// If `values` does not hold `support.count() · width` numbers.
    pub fn shared(support: Support, width: usize, values: Arc<Vec<T>>) -> Self {
        assert_eq!(values.len(), support.count() * width, "rows times width of {:?}", support.shape());
        Self { support, width, values }
    }

    /// A batch of zeros.
    pub fn zeros(support: &Support, width: usize) -> Self {
        Self::new(support.clone(), width, vec![T::zero(); support.count() * width])
    }

    /// One probe that is a whole tensor in standard layout.
    pub fn tensor(shape: &[usize], values: Vec<T>) -> Self {
        Self::new(Support::full(shape), 1, values)
    }

    /// Unit vectors: probe `k` is one at `elements[k]` and zero elsewhere.
    pub fn one_hot(shape: &[usize], elements: &[usize]) -> Self {
        let support = Support::of(shape, elements.iter().copied());
        let width = elements.len();
        let mut values = vec![T::zero(); support.count() * width];
        for (probe, &element) in elements.iter().enumerate() {
            if let Some(row) = support.row_of(element) {
                values[row * width + probe] = T::one();
            }
        }
        Self::new(support, width, values)
    }

    /// The tensor's shape.
    pub fn shape(&self) -> &[usize] {
        self.support.shape()
    }

    /// Which elements are stored.
    pub fn support(&self) -> &Support {
        &self.support
    }

    /// How many probes travel together.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All rows, one after the other.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All rows, to be changed in place; copies them first where another batch shares them.
    pub fn values_mut(&mut self) -> &mut [T] {
        Arc::make_mut(&mut self.values).as_mut_slice()
    }

    /// All rows, by value.
    pub fn into_values(self) -> Vec<T> {
        Arc::unwrap_or_clone(self.values)
    }

    /// All rows, to be held by others too.
    pub fn into_shared(self) -> Arc<Vec<T>> {
        self.values
    }

    /// The numbers of all probes at `element`, or `None` where they are all zero and not stored.
    #[inline]
    pub fn at(&self, element: usize) -> Option<&[T]> {
        self.support.row_of(element).map(|row| &self.values[row * self.width..][..self.width])
    }

    /// Probe `probe` as a whole tensor in standard layout, zeros included.
    pub fn vector(&self, probe: usize) -> Vec<T> {
        let mut tensor = vec![T::zero(); self.support.tensor_len()];
        for (row, element) in self.support.elements().enumerate() {
            tensor[element] = self.values[row * self.width + probe];
        }
        tensor
    }

    /// Every probe as a whole tensor in standard layout, one after the other: `tensor[probe · len + element]`.
    pub fn vectors(&self) -> Vec<T> {
        let (len, width) = (self.support.tensor_len(), self.width);
        let mut tensors = vec![T::zero(); len * width];
        for (row, element) in self.support.elements().enumerate() {
            for (probe, &value) in self.values[row * width..][..width].iter().enumerate() {
                tensors[probe * len + element] = value;
            }
        }
        tensors
    }

    /// The same batch stored on `onto`: what lies outside is dropped, what is new is zero.
    #[must_use]
    pub fn onto(self, onto: &Support) -> Self {
        if self.support.same_rows(onto) {
            return Self { support: onto.clone(), ..self };
        }
        self.gather(onto, Some)
    }

    /// y[e] = x[source(e)] for every element `e` of `onto`; zero where `source` gives none or a row that is not stored.
    #[must_use]
    pub fn gather(&self, onto: &Support, source: impl Fn(usize) -> Option<usize> + Sync) -> Self {
        let width = self.width;
        let mut values = vec![T::zero(); onto.count() * width];
        let rows_a_task = (TASK / width.max(1)).max(1);
        values.par_chunks_mut(rows_a_task * width.max(1)).enumerate().for_each(|(task, chunk)| {
            for (index, target) in chunk.chunks_exact_mut(width).enumerate() {
                let row = source(onto.element_of(task * rows_a_task + index)).and_then(|e| self.support.row_of(e));
                if let Some(row) = row {
                    target.copy_from_slice(&self.values[row * width..][..width]);
                }
            }
        });
        Self::new(onto.clone(), width, values)
    }

    /// y[target(e)] += x[e] for every stored element `e`; what falls outside `onto` is dropped.
    #[must_use]
    pub fn scatter(&self, onto: &Support, target: impl Fn(usize) -> Option<usize>) -> Self {
        let width = self.width;
        let mut values = vec![T::zero(); onto.count() * width];
        for (row, element) in self.support.elements().enumerate() {
            if let Some(to) = target(element).and_then(|e| onto.row_of(e)) {
                for (sum, &value) in values[to * width..][..width].iter_mut().zip(&self.values[row * width..][..width]) {
                    *sum += value;
                }
            }
        }
        Self::new(onto.clone(), width, values)
    }

    /// x[e] · factor(e), in place.
    #[must_use]
    pub fn scaled(mut self, factor: impl Fn(usize) -> T + Sync) -> Self {
        let (support, width) = (self.support.clone(), self.width.max(1));
        let rows_a_task = (TASK / width).max(1);
        self.values_mut().par_chunks_mut(rows_a_task * width).enumerate().for_each(|(task, chunk)| {
            for (index, row) in chunk.chunks_exact_mut(width).enumerate() {
                let factor = factor(support.element_of(task * rows_a_task + index));
                row.iter_mut().for_each(|value| *value *= factor);
            }
        });
        self
    }

    /// x + other; both must be stored on the same rows.
    ///
    /// # Panics
    /// If the rows or the widths differ.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        assert!(self.support.same_rows(&other.support) && self.width == other.width, "sums need the same rows");
        let values = self.values_mut();
        values.par_chunks_mut(TASK).zip(other.values.par_chunks(TASK)).for_each(|(sum, add)| {
            sum.iter_mut().zip(add).for_each(|(sum, &add)| *sum += add);
        });
        self
    }

    /// The same flat elements under another shape with as many elements, stored on `onto`.
    #[must_use]
    pub fn reshaped(self, onto: &Support) -> Self {
        if self.support.is_full() && onto.is_full() || self.support.shape() == onto.shape() {
            return Self { support: self.support.reshaped(onto.shape()), ..self }.onto(onto);
        }
        self.gather(onto, Some)
    }
}
