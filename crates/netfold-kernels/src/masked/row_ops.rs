//! Loops over whole rows: the dot products of a batch with one vector, and a mask.

use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// `sums[k] += Σ over rows r of factor(r) · x[r · width + k]`, in double precision.
///
/// Rows are summed in the batch's own precision eight at a time, and in double precision from there on.
///
/// # Panics
/// If there is not one sum for each vector of the batch.
pub fn dot<T: Lanes>(x: &[T], width: usize, factor: impl Fn(usize) -> T, sums: &mut [f64]) {
    assert_eq!(sums.len(), width, "one sum a probe");
    // SAFETY: nothing is demanded.
    unsafe { dispatch(Isa::best(), Dot { x, width, factor, sums }) };
}

/// See [`dot`].
struct Dot<'a, T, F> {
    x: &'a [T],
    width: usize,
    factor: F,
    sums: &'a mut [f64],
}

impl<T: Lanes, F: Fn(usize) -> T> Body<T> for Dot<'_, T, F> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, _: Simd<V>) {
        /// Rows that are summed before they are widened.
        const GROUP: usize = 8;
        let Self { x, width, factor, sums } = self;
        let mut partial = vec![T::zero(); width];
        for (group, rows) in x.chunks(GROUP * width.max(1)).enumerate() {
            for (index, row) in rows.chunks_exact(width).enumerate() {
                let factor = factor(group * GROUP + index);
                if index == 0 {
                    partial.iter_mut().zip(row).for_each(|(sum, &value)| *sum = factor * value);
                } else {
                    partial.iter_mut().zip(row).for_each(|(sum, &value)| *sum += factor * value);
                }
            }
            sums.iter_mut().zip(&partial).for_each(|(sum, part)| *sum += part.wide());
        }
    }
}

/// Sets the numbers of a whole tensor to zero whose bit is 0.
pub fn keep_stored<T: Lanes>(values: &mut [T], bits: &[u64]) {
    // SAFETY: nothing is demanded.
    unsafe { dispatch(Isa::best(), Keep { values, bits }) };
}

/// See [`keep_stored`].
struct Keep<'a, T> {
    values: &'a mut [T],
    bits: &'a [u64],
}

impl<T: Lanes> Body<T> for Keep<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        let (words, rest) = self.values.as_chunks_mut::<64>();
        // A compiler that saw where numbers are stored, that is where they come from, would make masked stores of these,
        // which take many times as long.
        let to = std::hint::black_box(words.as_mut_ptr().cast::<T>());
        for (index, (values, &word)) in words.iter().zip(self.bits).enumerate() {
            for at in (0..64).step_by(V::LANES) {
                let to = to.wrapping_add(index * 64 + at);
                // SAFETY: whole registers of a word's numbers.
                unsafe { simd.load(values.as_ptr().wrapping_add(at)).keep(word >> at).store(to) };
            }
        }
        if let Some(&word) = self.bits.get(words.len()) {
            for (bit, value) in rest.iter_mut().enumerate() {
                if word >> bit & 1 == 0 {
                    *value = T::zero();
                }
            }
        }
    }
}
