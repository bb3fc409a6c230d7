//! A batch of vectors that travels through the linear maps together.

mod numbers;

use std::sync::Arc;

use netfold_kernels::masked::{Relayout, SegmentSum, dot, keep_stored};
use netfold_kernels::simd;
use numbers::Numbers;
use rayon::prelude::*;

use crate::{Broadcast, Real, Support};

/// How many numbers one task of a parallel loop handles: fixed, so that results do not depend on the thread count.
const TASK: usize = 1 << 15;

/// A batch of `width` vectors over one tensor: rows `values[row · width + probe]`, the probe index innermost.
///
/// Only the elements of the [`Support`] are stored; all others are zero for every probe. With `width = 1` and a full
/// support, `values` is the tensor itself in standard layout.
///
/// Cloning is cheap: the numbers are shared until one copy is changed.
#[derive(Clone, Debug)]
pub struct Probes<T: Real> {
    support: Support,
    width: usize,
    values: Numbers<T>,
}

impl<T: Real> Probes<T> {
    /// A batch with these rows.
    ///
    /// # Panics
    /// If `values` does not hold `support.count() · width` numbers.
    pub fn new(support: Support, width: usize, values: Vec<T>) -> Self {
        assert_eq!(values.len(), support.count() * width, "rows times width of {:?}", support.shape());
        Self::shared(support, width, Arc::new(values))
    }

    /// A batch over the first numbers of a buffer, which others may hold too.
    ///
    /// # Panics
    /// If the buffer does not hold `support.count() · width` numbers.
    pub fn shared(support: Support, width: usize, buffer: Arc<Vec<T>>) -> Self {
        assert!(buffer.len() >= support.count() * width, "rows times width of {:?}", support.shape());
        Self { support, width, values: Numbers { buffer, start: 0 } }
    }

    fn len(&self) -> usize {
        self.support.count() * self.width
    }

    /// A batch of zeros.
    pub fn zeros(support: &Support, width: usize) -> Self {
        let mut zeros = Self::scratch(support, width);
        zeros.values_mut().fill(T::zero());
        zeros
    }

    /// A batch of any numbers, to be overwritten.
    pub(crate) fn scratch(support: &Support, width: usize) -> Self {
        Self { support: support.clone(), width, values: Numbers::room(support.count(), width) }
    }

    /// One probe that is a whole tensor in standard layout.
    pub fn tensor(shape: &[usize], values: Vec<T>) -> Self {
        Self::new(Support::full(shape), 1, values)
    }

    /// Unit vectors: probe `k` is one at `elements[k]` and zero elsewhere.
    pub fn one_hot(shape: &[usize], elements: &[usize]) -> Self {
        Self::one_hot_within(shape, elements, elements.len())
    }

    /// Unit vectors, and probes behind them that are zero everywhere: `width` in all.
    ///
    /// # Panics
    /// If there are more elements than `width`.
    pub fn one_hot_within(shape: &[usize], elements: &[usize], width: usize) -> Self {
        assert!(elements.len() <= width, "a probe for each element");
        let support = Support::of(shape, elements.iter().copied());
        let mut values = vec![T::zero(); support.count() * width];
        for (probe, &element) in elements.iter().enumerate() {
            if let Some(row) = support.row_of(element) {
                values[row * width + probe] = T::one();
            }
        }
        Self::new(support, width, values)
    }

    /// How many probes a vector register of this machine holds.
    pub fn register() -> usize {
        simd::lanes::<T>()
    }

    /// The preferred width of a batch for the masked loops: the lanes of one register tile. Wider batches go through
    /// the same rows several times, and their rows outgrow the caches.
    pub fn fastest_width() -> usize {
        simd::fastest_width::<T>()
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
        &self.values.buffer[self.values.start..][..self.len()]
    }

    /// All rows, to be changed in place; copies them first where another batch shares them.
    pub fn values_mut(&mut self) -> &mut [T] {
        let len = self.len();
        if Arc::get_mut(&mut self.values.buffer).is_none() {
            let mut own = Self::scratch(&self.support, self.width);
            own.values_mut()
                .par_chunks_mut(TASK)
                .zip(self.values().par_chunks(TASK))
                .for_each(|(to, from)| to.copy_from_slice(from));
            *self = own;
        }
        &mut Arc::make_mut(&mut self.values.buffer)[self.values.start..][..len]
    }

    /// All rows, by value.
    pub fn into_values(mut self) -> Vec<T> {
        let len = self.len();
        match Arc::get_mut(&mut self.values.buffer) {
            Some(buffer) if self.values.start == 0 => {
                buffer.truncate(len);
                std::mem::take(buffer)
            }
            _ => self.values().to_vec(),
        }
    }

    /// All rows, and perhaps other numbers behind them, to be held by others too.
    pub fn into_shared(self) -> Arc<Vec<T>> {
        if self.values.start == 0 { Arc::clone(&self.values.buffer) } else { Arc::new(self.into_values()) }
    }

    /// The numbers of all probes at `element`, or `None` where they are all zero and not stored.
    #[inline]
    pub fn at(&self, element: usize) -> Option<&[T]> {
        self.support.row_of(element).map(|row| &self.values()[row * self.width..][..self.width])
    }

    /// Probe `probe` as a whole tensor in standard layout, zeros included.
    pub fn vector(&self, probe: usize) -> Vec<T> {
        let mut tensor = vec![T::zero(); self.support.tensor_len()];
        for (row, element) in self.support.elements().enumerate() {
            tensor[element] = self.values()[row * self.width + probe];
        }
        tensor
    }

    /// Every probe as a whole tensor in standard layout, one after the other: `tensor[probe · len + element]`.
    pub fn vectors(&self) -> Vec<T> {
        let mut tensors = vec![T::zero(); self.support.tensor_len() * self.width];
        self.vectors_into(&mut tensors);
        tensors
    }

    /// As [`vectors`](Self::vectors), for as many of the first probes as `tensors` has room for.
    ///
    /// # Panics
    /// If `tensors` does not hold whole tensors.
    pub fn vectors_into(&self, tensors: &mut [T]) {
        /// Bytes of rows that are turned at once: a part of a level-1 cache.
        const BYTES: usize = 1 << 14;
        let (len, width) = (self.support.tensor_len(), self.width);
        assert!(tensors.len().is_multiple_of(len.max(1)) && tensors.len() <= len * width, "room for whole tensors");
        if tensors.is_empty() {
            return;
        }
        if !self.support.is_full() {
            return self.clone().onto(&Support::full(self.shape())).vectors_into(tensors);
        }
        let block = (BYTES / size_of::<T>() / width).max(1);
        let rows_a_task = (TASK / width).max(1).next_multiple_of(block);
        // What each task writes: a part of every tensor.
        let mut tasks: Vec<Vec<&mut [T]>> = (0..len.div_ceil(rows_a_task)).map(|_| Vec::new()).collect();
        for tensor in tensors.chunks_exact_mut(len) {
            tasks.iter_mut().zip(tensor.chunks_mut(rows_a_task)).for_each(|(task, part)| task.push(part));
        }
        tasks.into_par_iter().zip(self.values().par_chunks(rows_a_task * width)).for_each(|(mut parts, rows)| {
            for (index, rows) in rows.chunks(block * width).enumerate() {
                for (probe, part) in parts.iter_mut().enumerate() {
                    let to = &mut part[index * block..][..rows.len() / width];
                    for (row, to) in to.iter_mut().enumerate() {
                        *to = rows[row * width + probe];
                    }
                }
            }
        });
    }

    /// ⟨x, c⟩ for each probe, where c is the compact tensor `field`; summed in double precision.
    pub fn inner(&self, field: &Broadcast<T>) -> Vec<f64> {
        /// Rows of a task, whose sums are added in order.
        const ROWS: usize = 1 << 12;
        let width = self.width;
        if width == 0 {
            return Vec::new();
        }
        let layout = self.support.rows().layout;
        let parts: Vec<Vec<f64>> = (self.values().par_chunks(ROWS * width).enumerate())
            .map(|(task, rows)| {
                let (mut sums, first) = (vec![0.0; width], task * ROWS);
                match (field.by_channel(), layout) {
                    (Some(values), Some(layout)) => {
                        let channels = &layout.channels()[first..];
                        dot(rows, width, |row| values[channels[row] as usize], &mut sums);
                    }
                    _ => {
                        let factor = |row: usize| field.at(self.support.element_of(first + row));
                        dot(rows, width, factor, &mut sums);
                    }
                }
                sums
            })
            .collect();
        let mut sums = vec![0.0; width];
        parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part));
        sums
    }

    /// The same batch stored on `onto`: what lies outside is dropped, what is new is zero.
    #[must_use]
    pub fn onto(self, onto: &Support) -> Self {
        if self.support.same_rows(onto) {
            return Self { support: onto.clone(), ..self };
        }
        let mut y = Self::scratch(onto, self.width);
        Relayout { from: self.support.rows(), to: onto.rows(), width: self.width, add: false }
            .run(self.values(), y.values_mut());
        y
    }

    /// self + x; rows of x that this batch does not store are dropped.
    ///
    /// # Panics
    /// If the widths differ.
    #[must_use]
    pub fn plus_part(mut self, x: &Self) -> Self {
        assert_eq!(self.width, x.width, "sums need the same width");
        if self.support.same_rows(&x.support) {
            return self.plus(x);
        }
        let support = self.support.clone();
        Relayout { from: x.support.rows(), to: support.rows(), width: x.width, add: true }
            .run(x.values(), self.values_mut());
        self
    }

    /// `y[e] = x[source(e)]` for every element `e` of `onto`; zero where `source` gives none or a row that is not stored.
    #[must_use]
    pub fn gather(&self, onto: &Support, source: impl Fn(usize) -> Option<usize> + Sync) -> Self {
        let width = self.width;
        let mut y = Self::scratch(onto, width);
        let rows_a_task = (TASK / width.max(1)).max(1);
        y.values_mut().par_chunks_mut(rows_a_task * width.max(1)).enumerate().for_each(|(task, chunk)| {
            for (index, target) in chunk.chunks_exact_mut(width).enumerate() {
                let row = source(onto.element_of(task * rows_a_task + index)).and_then(|e| self.support.row_of(e));
                match row {
                    Some(row) => target.copy_from_slice(&self.values()[row * width..][..width]),
                    None => target.fill(T::zero()),
                }
            }
        });
        y
    }

    /// `y[target(e)] += x[e]` for every stored element `e`; what falls outside `onto` is dropped.
    #[must_use]
    pub fn scatter(&self, onto: &Support, target: impl Fn(usize) -> Option<usize>) -> Self {
        let width = self.width;
        if width == 1 && self.support.is_full() && onto.is_full() {
            let mut values = T::pool().zeros(onto.count());
            for (element, &value) in self.values().iter().enumerate() {
                if let Some(target) = target(element) {
                    values[target] += value;
                }
            }
            return Self::new(onto.clone(), 1, values);
        }
        let row = |element| target(element).and_then(|element| onto.row_of(element));
        let links = SegmentSum::new(onto.count(), self.support.elements().map(row));
        let mut sums = Self::scratch(onto, width);
        links.run(self.values(), sums.values_mut());
        sums
    }

    /// `x[e] · factor(e)`, in place.
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

    /// One probe on a full support, zero from now on where the bit is 0.
    pub(crate) fn cut(mut self, bits: &[u64]) -> Self {
        debug_assert!(self.support.is_full() && self.width == 1);
        self.values_mut().par_chunks_mut(TASK).zip(bits.par_chunks(TASK / 64)).for_each(|(values, bits)| {
            keep_stored(values, bits);
        });
        self
    }

    /// x + c for every probe of a batch of whole tensors, where c is the compact tensor `field`.
    ///
    /// # Panics
    /// If the batch does not store all elements of c's shape.
    #[must_use]
    pub fn plus_broadcast(mut self, field: &Broadcast<T>) -> Self {
        let width = self.width();
        field.add_to(self.values_mut(), width);
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
        values.par_chunks_mut(TASK).zip(other.values().par_chunks(TASK)).for_each(|(sum, add)| {
            sum.iter_mut().zip(add).for_each(|(sum, &add)| *sum += add);
        });
        self
    }

    /// The same flat elements under another shape with as many elements, stored on `onto`.
    #[must_use]
    pub fn reshaped(self, onto: &Support) -> Self {
        if self.support.is_full() && onto.is_full() || self.support.shape() == onto.shape() {
            let support = self.support.reshaped(onto.shape());
            return Self { support, ..self }.onto(onto);
        }
        self.gather(onto, Some)
    }
}

#[cfg(test)]
mod tests {
    use super::Probes;
    use crate::{Reuse, Support};

    #[test]
    fn a_batch_ends_where_its_buffer_goes_on() {
        let _reuse = Reuse::<f64>::start();
        let shape = [1, 1 << 16];
        let odd = Support::from_fn(&shape, |element| element % 2 == 1);
        let batch = || {
            // Its buffer is the next one's, and twice as long.
            drop(Probes::<f64>::zeros(&Support::full(&shape), 1));
            let all = Probes::tensor(&shape, (0..1 << 16).map(f64::from).collect());
            all.onto(&odd)
        };
        let wanted: Vec<f64> = (0..1 << 15).map(|row| f64::from(2 * row + 1)).collect();
        assert!(batch().values.buffer.len() > wanted.len(), "a longer buffer");
        assert_eq!(batch().values(), wanted);
        assert_eq!(batch().plus(&batch()).scaled(|_| 0.5).into_values(), wanted);
        assert_eq!(batch().into_shared()[..wanted.len()], wanted);
        assert_eq!(batch().vector(0).iter().filter(|value| **value > 0.0).count(), wanted.len());
        let mut copy = batch();
        let kept = copy.clone();
        copy.values_mut().fill(0.0);
        assert_eq!(kept.values(), wanted);
    }
}
