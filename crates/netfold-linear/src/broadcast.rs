//! A compact tensor, which is broadcast over the axes along which it does not vary.

use std::sync::Arc;

use netfold_kernels::index::rows::Axes;
use rayon::prelude::*;

use crate::{Real, Support};

/// How many numbers one task of a parallel loop handles.
const TASK: usize = 1 << 14;

/// A tensor given by as few numbers as it takes: one, one for each index of an axis, or all of them; or one on a set of
/// elements, and zero elsewhere.
///
/// Biases and the scale of a batch normalisation vary along the channel axis only, and what a clip cuts off lies on one
/// bound; holding them so saves memory and reading.
#[derive(Clone, Debug)]
pub struct Broadcast<T> {
    shape: Vec<usize>,
    values: Arc<Vec<T>>,
    /// element -> value: (element / inner) % values.len()
    inner: usize,
    /// Elsewhere the number is zero; `None`: nowhere.
    on: Option<Support>,
}

impl<T: Real> Broadcast<T> {
    /// The same number everywhere.
    pub fn uniform(shape: &[usize], value: T) -> Self {
        Self { shape: shape.to_vec(), values: Arc::new(vec![value]), inner: 1, on: None }
    }

    /// The same number at the elements of a set, zero elsewhere.
    pub fn on(set: &Support, value: T) -> Self {
        Self { on: Some(set.clone()), ..Self::uniform(set.shape(), value) }
    }

    /// `values[i]` wherever the index along `axis` is i.
    ///
    /// # Panics
    /// If there are not as many values as the axis is long.
    pub fn along(shape: &[usize], axis: usize, values: Vec<T>) -> Self {
        assert_eq!(values.len(), shape[axis], "one value for each index of the axis");
        let inner = shape[axis + 1..].iter().product();
        Self { shape: shape.to_vec(), values: Arc::new(values), inner, on: None }
    }

    /// One number for each element, in standard layout.
    ///
    /// # Panics
    /// If there are not as many values as the shape has elements.
    pub fn full(shape: &[usize], values: Vec<T>) -> Self {
        Self::shared(shape, Arc::new(values))
    }

    /// As [`full`](Self::full), over numbers that others hold too.
    ///
    /// # Panics
    /// As [`full`](Self::full).
    pub fn shared(shape: &[usize], values: Arc<Vec<T>>) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "one value for each element");
        Self { shape: shape.to_vec(), values, inner: 1, on: None }
    }

    /// The tensor's shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number at `element` (flat index in standard order).
    #[inline]
    pub fn at(&self, element: usize) -> T {
        match self.values.len() {
            _ if self.on.as_ref().is_some_and(|on| !on.contains(element)) => T::zero(),
            1 => self.values[0],
            len => self.values[element / self.inner % len],
        }
    }

    /// The number at each channel (the index along axis 1 of three or more, along the last of fewer), if it is the same
    /// at all places of all pictures.
    pub(crate) fn by_channel(&self) -> Option<&[T]> {
        let axes = Axes::of(&self.shape);
        (self.values.len() == axes.channels && self.inner == axes.places && self.on.is_none()).then_some(&self.values)
    }

    /// The numbers that it is given by, beside zero.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// All numbers in standard layout.
    pub fn to_vec(&self) -> Vec<T> {
        (0..self.shape.iter().product()).map(|element| self.at(element)).collect()
    }

    /// values[e · width + k] += the number at e, for every element in standard layout and `width` probes.
    ///
    /// # Panics
    /// If there are not `width` values for each element.
    pub fn add_to(&self, values: &mut [T], width: usize) {
        self.with(values, width, |value, number| *value += number);
    }

    /// values[e · width + k] *= the number at e, as [`add_to`](Self::add_to) adds.
    pub(crate) fn scale(&self, values: &mut [T], width: usize) {
        self.with(values, width, |value, number| *value *= number);
    }

    fn with(&self, values: &mut [T], width: usize, change: impl Fn(&mut T, T) + Sync) {
        assert_eq!(values.len(), self.shape.iter().product::<usize>() * width, "probes of the field's shape");
        if width == 1 && self.values.len() == values.len() {
            values.par_chunks_mut(TASK).zip(self.values.par_chunks(TASK)).for_each(|(values, own)| {
                values.iter_mut().zip(own).for_each(|(value, &number)| change(value, number));
            });
            return;
        }
        if self.on.is_some() {
            values.par_chunks_mut(TASK * width.max(1)).enumerate().for_each(|(task, values)| {
                for (index, values) in values.chunks_exact_mut(width).enumerate() {
                    let number = self.at(task * TASK + index);
                    values.iter_mut().for_each(|value| change(value, number));
                }
            });
            return;
        }
        // Elements that share a number lie together, `inner` of them, or all of them.
        let run = if self.values.len() == 1 { values.len() } else { self.inner * width };
        if run == 0 {
            return;
        }
        values.par_chunks_mut(run).with_min_len(TASK.div_ceil(run)).enumerate().for_each(|(index, values)| {
            let number = self.values[index % self.values.len()];
            values.iter_mut().for_each(|value| change(value, number));
        });
    }

    /// Whether no number is zero.
    pub fn is_nonzero(&self) -> bool {
        self.on.as_ref().is_none_or(Support::is_full) && self.values.iter().all(|value| !value.is_zero())
    }

    /// Where the number is not zero.
    pub fn nonzero(&self) -> Support {
        if self.is_nonzero() {
            return Support::full(&self.shape);
        }
        if let (Some(on), true) = (&self.on, self.values.iter().all(|value| !value.is_zero())) {
            return on.clone();
        }
        if self.values.len() == self.shape.iter().product::<usize>() {
            return Support::of_values(&self.shape, &self.values, |value| !value.is_zero());
        }
        Support::from_fn(&self.shape, |element| !self.at(element).is_zero())
    }

    /// Each number through `f`.
    #[must_use]
    pub fn map(&self, f: impl Fn(T) -> T) -> Self {
        if self.on.is_some() && !f(T::zero()).is_zero() {
            return Self::full(&self.shape, self.to_vec().into_iter().map(f).collect());
        }
        let values = Arc::new(self.values.iter().map(|&value| f(value)).collect());
        Self { values, ..self.clone() }
    }

    /// The same flat elements under another shape.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    #[must_use]
    pub fn reshaped(&self, shape: &[usize]) -> Self {
        let len = |shape: &[usize]| shape.iter().product::<usize>();
        assert_eq!(len(shape), len(&self.shape), "a reshape keeps the number of elements");
        let on = self.on.as_ref().map(|on| on.reshaped(shape));
        Self { shape: shape.to_vec(), on, ..self.clone() }
    }
}
