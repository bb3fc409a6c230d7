//! Which elements of a tensor a batch of probes stores, and in which order.

use std::sync::{Arc, OnceLock};

/// What `row_of` tables hold for an element that is not stored.
const ABSENT: u32 = u32::MAX;

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
/// use netfold_linear::Support;
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

    fn from_bits(shape: &[usize], bits: Vec<u64>) -> Self {
        let len = shape.iter().product();
        let count = bits.iter().map(|word| word.count_ones() as usize).sum();
        Self::build(shape, len, (count < len).then_some(bits), count)
    }

    fn build(shape: &[usize], len: usize, bits: Option<Vec<u64>>, count: usize) -> Self {
        debug_assert!(len < ABSENT as usize, "rows are numbered by u32");
        let (listing, row_of) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { shape: shape.to_vec(), len, bits, count, listing, row_of }))
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

    /// Whether every element is in the set (then row and element are the same number).
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
        let row = self.rows()[element];
        (row != ABSENT).then_some(row as usize)
    }

    /// The element that `row` holds.
    #[inline]
    pub fn element_of(&self, row: usize) -> usize {
        if self.is_full() { row } else { self.listing()[row] as usize }
    }

    /// The elements in storage order.
    pub fn elements(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
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
            (Some(a), Some(b)) => Self::from_bits(self.shape(), a.iter().zip(b).map(|(a, b)| a & b).collect()),
        }
    }

    /// Elements in either set, which must be of the same shape.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (&self.0.bits, &other.0.bits) {
            (None, _) => self.clone(),
            (_, None) => other.clone(),
            (Some(a), Some(b)) => Self::from_bits(self.shape(), a.iter().zip(b).map(|(a, b)| a | b).collect()),
        }
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
            let mut listing = Vec::with_capacity(self.0.count);
            let mut push = |element: usize| {
                if self.contains(element) {
                    listing.push(element as u32);
                }
            };
            match self.0.shape.as_slice() {
                [batch, channels, places @ ..] if !places.is_empty() => {
                    let places: usize = places.iter().product();
                    for image in 0..*batch {
                        for place in 0..places {
                            (0..*channels).for_each(|c| push((image * channels + c) * places + place));
                        }
                    }
                }
                _ => (0..self.0.len).for_each(push),
            }
            listing
        })
    }

    fn rows(&self) -> &[u32] {
        self.0.row_of.get_or_init(|| {
            let mut rows = vec![ABSENT; self.0.len];
            for (row, &element) in self.listing().iter().enumerate() {
                rows[element as usize] = row as u32;
            }
            rows
        })
    }
}
