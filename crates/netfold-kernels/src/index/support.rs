//! The support of a batch: the set of elements that it stores, and their order.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::Scalar;
use crate::index::bitset;
use crate::index::rows::{Axes, Layout, Rows};
use crate::simd::pack_word;

/// What `row_of` tables hold for an element that is not stored.
const ABSENT: u32 = u32::MAX;
/// Words that one task of a parallel loop makes.
const WORDS: usize = 256;

/// A set of elements of one tensor, and the order in which their rows are stored.
///
/// A **full** support stores all elements in the tensor's standard (row-major) order. Any other support stores its
/// elements by position, the channel (axis 1) innermost, so that what a convolution reads at one place is one
/// contiguous run. An element is named by its flat index in standard order, whatever the storage order is.
///
/// All probes of a batch share one support: frozen masks and max-pool winners are the same for all of them, so an
/// element that is zero for one row of W is zero for every row.
///
/// ```
/// use netfold_kernels::index::Support;
/// let active = Support::from_fn(&[1, 2, 3], |element| element != 1);
/// // Channel innermost: place 0 holds both channels (elements 0 and 3), place 1 only the second one (4).
/// assert_eq!(active.elements().collect::<Vec<_>>(), [0, 3, 4, 2, 5]);
/// assert_eq!(active.row_of(4), Some(2));
/// assert_eq!(active.row_of(1), None);
/// ```
#[derive(Clone, Debug)]
pub struct Support(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shape: Vec<usize>,
    len: usize,
    /// One bit an element; `None`: all of them.
    bits: Option<Vec<u64>>,
    count: usize,
    layout: OnceLock<Layout>,
    listing: OnceLock<Vec<u32>>,
    row_of: OnceLock<Vec<u32>>,
}

impl Support {
    /// All elements of a tensor of this shape.
    pub fn full(shape: &[usize]) -> Self {
        let len = shape.iter().product();
        Self::build(shape, len, None, len)
    }

    /// No element at all.
    pub fn empty(shape: &[usize]) -> Self {
        Self::from_fn(shape, |_| false)
    }

    /// The elements for which `keep` holds.
    pub fn from_fn(shape: &[usize], mut keep: impl FnMut(usize) -> bool) -> Self {
        let len: usize = shape.iter().product();
        let mut bits = vec![0_u64; len.div_ceil(64)];
        for (word, slot) in bits.iter_mut().enumerate() {
            for bit in 0..64.min(len - word * 64) {
                *slot |= u64::from(keep(word * 64 + bit)) << bit;
            }
        }
        Self::from_bits(shape, bits)
    }

    /// The elements named in `elements` (repeats are harmless).
    pub fn of(shape: &[usize], elements: impl IntoIterator<Item = usize>) -> Self {
        let len: usize = shape.iter().product();
        let mut bits = vec![0_u64; len.div_ceil(64)];
        for element in elements {
            bits[element / 64] |= 1 << (element % 64);
        }
        Self::from_bits(shape, bits)
    }

    /// The elements whose number is greater than zero.
    ///
    /// # Panics
    /// If there are not as many values as the shape has elements.
    pub fn positive<T: Scalar>(shape: &[usize], values: &[T]) -> Self {
        Self::of_values(shape, values, |value| value > T::zero())
    }

    /// The elements for whose value `keep` holds.
    ///
    /// # Panics
    /// If there are not as many values as the shape has elements.
    pub fn of_values<V: Copy + Sync>(shape: &[usize], values: &[V], keep: impl Fn(V) -> bool + Sync) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "one value for each element");
        let mut bits = vec![0; values.len().div_ceil(64)];
        bits.par_chunks_mut(WORDS).zip(values.par_chunks(64 * WORDS)).for_each(|(bits, values)| {
            let (whole, rest) = values.as_chunks::<64>();
            for (word, values) in bits.iter_mut().zip(whole) {
                *word = pack_word(&values.map(|value| u8::from(keep(value))));
            }
            if let (Some(word), false) = (bits.get_mut(whole.len()), rest.is_empty()) {
                let flag = |i: usize| rest.get(i).map_or(0, |&value| u8::from(keep(value)));
                *word = pack_word(&std::array::from_fn(flag));
            }
        });
        Self::from_bits(shape, bits)
    }

    /// The elements whose flag is 1, all others having 0.
    pub fn from_flags(shape: &[usize], flags: &[u8]) -> Self {
        debug_assert_eq!(flags.len(), shape.iter().product::<usize>());
        Self::from_bits(shape, bitset::pack(flags))
    }

    /// 1 for each element in the set, 0 for all others, in standard order.
    pub fn flags(&self) -> Vec<u8> {
        match &self.0.bits {
            Some(bits) => bitset::unpack(bits, self.0.len),
            None => vec![1; self.0.len],
        }
    }

    /// Works out where the rows lie, which is else done when somebody asks.
    pub fn lay_out(&self) {
        self.rows();
    }

    /// The elements in standard order, whatever the order of their rows.
    pub fn standard(&self) -> Box<dyn Iterator<Item = usize> + '_> {
        match &self.0.bits {
            Some(bits) => Box::new(bitset::ones(bits)),
            None => Box::new(0..self.0.len),
        }
    }

    /// One bit an element in standard order; `None` for a full support.
    pub fn bits(&self) -> Option<&[u64]> {
        self.0.bits.as_deref()
    }

    /// One bit an element in standard order.
    pub fn words(&self) -> Cow<'_, [u64]> {
        self.bits().map_or_else(|| bitset::first(self.0.len).into(), Cow::Borrowed)
    }

    /// Where the rows lie.
    pub fn rows(&self) -> Rows<'_> {
        let axes = Axes::of(&self.0.shape);
        let layout =
            self.0.bits.as_deref().map(|bits| self.0.layout.get_or_init(|| Layout::new(axes, bits, self.0.count)));
        Rows { axes, layout }
    }

    /// The elements whose bit is 1, 64 a word in standard order; bits behind the last element count for nothing.
    pub fn from_words(shape: &[usize], words: impl Iterator<Item = u64>) -> Self {
        let mut bits: Vec<u64> = words.collect();
        if let (Some(last), rest @ 1..) = (bits.last_mut(), shape.iter().product::<usize>() % 64) {
            *last &= u64::MAX >> (64 - rest);
        }
        Self::from_bits(shape, bits)
    }

    fn from_bits(shape: &[usize], bits: Vec<u64>) -> Self {
        let len = shape.iter().product();
        let count = bitset::count(&bits);
        Self::build(shape, len, (count < len).then_some(bits), count)
    }

    fn build(shape: &[usize], len: usize, bits: Option<Vec<u64>>, count: usize) -> Self {
        debug_assert!(len < ABSENT as usize, "rows are numbered by u32");
        let (layout, listing, row_of) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { shape: shape.to_vec(), len, bits, count, layout, listing, row_of }))
    }

    /// The same elements, their rows by position even if it is all of them: what masked products read and write in
    /// order. Such a set does not count as [`is_full`](Self::is_full).
    #[must_use]
    pub fn by_position(&self) -> Self {
        let Axes { channels, places, .. } = Axes::of(&self.0.shape);
        if !self.is_full() || channels < 2 || places < 2 {
            return self.clone();
        }
        Self::build(&self.0.shape, self.0.len, Some(bitset::first(self.0.len)), self.0.len)
    }

    /// The tensor's shape.
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// How many elements the tensor has.
    pub fn tensor_len(&self) -> usize {
        self.0.len
    }

    /// How many elements are in the set, which is how many rows are stored.
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// Whether every element is in the set, in standard order: row and element are the same number.
    pub fn is_full(&self) -> bool {
        self.0.bits.is_none()
    }

    /// Whether `element` is in the set.
    #[inline]
    pub fn contains(&self, element: usize) -> bool {
        self.0.bits.as_ref().is_none_or(|bits| bits[element / 64] >> (element % 64) & 1 == 1)
    }

    /// The row that holds `element`.
    #[inline]
    pub fn row_of(&self, element: usize) -> Option<usize> {
        if self.is_full() {
            return Some(element);
        }
        let row = self.table()[element];
        (row != ABSENT).then_some(row as usize)
    }

    /// The element that `row` holds.
    #[inline]
    pub fn element_of(&self, row: usize) -> usize {
        if self.is_full() { row } else { self.listing()[row] as usize }
    }

    /// The elements in storage order.
    pub fn elements(&self) -> impl ExactSizeIterator<Item = usize> + DoubleEndedIterator + '_ {
        (0..self.count()).map(|row| self.element_of(row))
    }

    /// Whether both store the same elements in the same order, so that rows may be added one to one.
    pub fn same_rows(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        match (&self.0.bits, &other.0.bits) {
            (None, None) => self.0.len == other.0.len,
            (Some(a), Some(b)) => self.0.shape == other.0.shape && a == b,
            _ => false,
        }
    }

    /// Elements in both sets, which must be of the same shape.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        match (&self.0.bits, &other.0.bits) {
            (None, _) => other.clone(),
            (_, None) => self.clone(),
            (Some(a), Some(b)) => self.or_either(other, a.iter().zip(b).map(|(a, b)| a & b).collect()),
        }
    }

    /// Elements in either set, which must be of the same shape.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (&self.0.bits, &other.0.bits) {
            (None, _) => self.clone(),
            (_, None) => other.clone(),
            (Some(a), Some(b)) => self.or_either(other, a.iter().zip(b).map(|(a, b)| a | b).collect()),
        }
    }

    /// The set with these bits; one of the two at hand where it has the same, so that their layouts are shared.
    fn or_either(&self, other: &Self, bits: Vec<u64>) -> Self {
        let count = bitset::count(&bits);
        let same = [self, other].into_iter().find(|set| set.0.count == count && set.bits() == Some(&bits));
        same.cloned().unwrap_or_else(|| Self::from_bits(&self.0.shape, bits))
    }

    /// The same flat indices as elements of a tensor of another shape with as many elements.
    #[must_use]
    pub fn reshaped(&self, shape: &[usize]) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), self.0.len);
        if self.shape() == shape {
            return self.clone();
        }
        Self::build(shape, self.0.len, self.0.bits.clone(), self.0.count)
    }

    /// The share of the tensor that is in the set, 0 to 1.
    pub fn density(&self) -> f64 {
        if self.0.len == 0 { 1.0 } else { self.0.count as f64 / self.0.len as f64 }
    }

    fn listing(&self) -> &[u32] {
        self.0.listing.get_or_init(|| {
            let Rows { axes, layout: Some(layout) } = self.rows() else { return (0..self.0.len as u32).collect() };
            let mut listing = Vec::with_capacity(self.0.count);
            for position in 0..axes.positions() {
                let first = axes.element(position, 0);
                let channels = &layout.channels()[layout.start(position)..layout.start(position + 1)];
                listing.extend(channels.iter().map(|&channel| (first + channel as usize * axes.places) as u32));
            }
            listing
        })
    }

    fn table(&self) -> &[u32] {
        self.0.row_of.get_or_init(|| {
            let mut rows = vec![ABSENT; self.0.len];
            for (row, &element) in self.listing().iter().enumerate() {
                rows[element as usize] = row as u32;
            }
            rows
        })
    }
}
