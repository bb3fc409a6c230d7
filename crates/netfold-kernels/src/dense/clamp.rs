//! Clamp to two bounds, and bit masks of the elements at or beyond each of them.

use crate::Number;
use crate::index::Support;
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};
use rayon::prelude::*;

/// Numbers of a word of flags.
const WORD: usize = 64;
/// Words that one task makes.
const WORDS: usize = 256;

/// The bit masks of a clamp: which numbers z of a tensor lie at or beyond its lower and its upper bound.
#[derive(Debug)]
pub struct Clamped {
    shape: Vec<usize>,
    /// Flags of 64 numbers: at the lower bound or below it, at the upper one or above.
    beyond: Vec<[u64; 2]>,
}

impl Clamped {
    /// `y = min(max(z, low), high)` and the masks, in one pass. The buffer of y may be longer than z, with any numbers
    /// behind. A bound that is NaN bounds nothing; NaN stays NaN.
    ///
    /// # Panics
    /// If there are not as many numbers as the shape has elements.
    pub fn new<T: Number>(shape: &[usize], z: &[T], bounds: [T; 2]) -> (Vec<T>, Self) {
        let mut y = T::pool().at_least(z.len());
        let clipped = Self::by(Isa::best(), shape, Some(z), &mut y[..z.len()], bounds);
        (y, clipped)
    }

    /// As [`new`](Self::new), y in the place of z.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn overwrite<T: Number>(shape: &[usize], z: &mut [T], bounds: [T; 2]) -> Self {
        Self::by(Isa::best(), shape, None, z, bounds)
    }

    /// Of z, or without z of the numbers that y holds.
    fn by<T: Number>(isa: Isa, shape: &[usize], z: Option<&[T]>, y: &mut [T], bounds: [T; 2]) -> Self {
        assert_eq!(y.len(), shape.iter().product::<usize>(), "one number for each element");
        let mut beyond = vec![[0; 2]; y.len().div_ceil(WORD)];
        y.par_chunks_mut(WORD * WORDS).zip(beyond.par_chunks_mut(WORDS)).enumerate().for_each(|(part, (y, beyond))| {
            let z = z.map_or(y.as_ptr(), |z| z[part * WORD * WORDS..][..y.len()].as_ptr());
            // SAFETY: `isa` is one that this processor has; z has as many numbers as y, with which it shares all or none.
            unsafe { dispatch(isa, ByWords { z, bounds, y, beyond }) };
        });
        Self { shape: shape.to_vec(), beyond }
    }

    /// The elements between the bounds: those whose number is the same in y. NaN is one.
    pub fn passes(&self) -> Support {
        Support::from_words(&self.shape, self.beyond.iter().map(|[below, above]| !(below | above)))
    }

    /// The elements at the lower bound or below it.
    pub fn below(&self) -> Support {
        Support::from_words(&self.shape, self.beyond.iter().map(|[below, _]| *below))
    }

    /// The elements at the upper bound or above it.
    pub fn above(&self) -> Support {
        Support::from_words(&self.shape, self.beyond.iter().map(|[_, above]| *above))
    }
}

/// The work of one task: some words of numbers. Its `run` has the safety conditions of [`body`].
struct ByWords<'a, T> {
    z: *const T,
    bounds: [T; 2],
    y: &'a mut [T],
    beyond: &'a mut [[u64; 2]],
}

impl<T: Lanes> Body<T> for ByWords<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.z, self.bounds, self.y, self.beyond) }
    }
}

/// # Safety
/// z is y or as many numbers of its own, `beyond` has a word for each 64 of them.
#[inline(always)]
unsafe fn body<V: Vector>(
    simd: Simd<V>,
    z: *const V::Lane,
    bounds: [V::Lane; 2],
    y: &mut [V::Lane],
    beyond: &mut [[u64; 2]],
) {
    let (to, len) = (y.as_mut_ptr(), y.len());
    // SAFETY: the caller's; a word is read before it is written. What is left of y goes by way of whole words.
    unsafe {
        for (index, beyond) in beyond.iter_mut().enumerate() {
            let (z, to, count) = (z.wrapping_add(index * WORD), to.wrapping_add(index * WORD), len - index * WORD);
            if count >= WORD {
                *beyond = word::<V>(simd, z, bounds, to);
                continue;
            }
            let mut rest = [bounds[0]; WORD];
            std::ptr::copy_nonoverlapping(z, rest.as_mut_ptr(), count);
            *beyond = word::<V>(simd, rest.as_ptr(), bounds, rest.as_mut_ptr());
            std::ptr::copy_nonoverlapping(rest.as_ptr(), to, count);
        }
    }
}

/// # Safety
/// z and y are the same 64 numbers or apart from each other.
#[inline(always)]
unsafe fn word<V: Vector>(simd: Simd<V>, z: *const V::Lane, [low, high]: [V::Lane; 2], y: *mut V::Lane) -> [u64; 2] {
    let (mut below, mut above) = (0, 0);
    let mut at = 0;
    while at < WORD {
        // SAFETY: whole registers of the words; the processor has the instructions.
        unsafe {
            let (low, high, z) = (simd.splat(low), simd.splat(high), simd.load(z.wrapping_add(at)));
            below |= z.le_bits(low) << at;
            above |= high.le_bits(z) << at;
            z.max(low).min(high).store(y.wrapping_add(at));
        }
        at += V::LANES;
    }
    // A compiler that saw the two side by side would shift both in one register, and move every flag there first.
    [std::hint::black_box(below), above]
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Clamped;
    use crate::Number;
    use crate::simd::Isa;
    use crate::tests::Noise;

    fn clips<T: Number>() {
        let (noise, number) = (Noise(Cell::new(11)), |value: f64| T::of(value));
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.5, 0.5];
        for len in [0, 1, 63, 64, 65, 200, 20_000] {
            let z: Vec<T> = (0..len).map(|_| number(special.get(noise.below(9)).copied().unwrap_or(1.25))).collect();
            for bounds in [[0.0, f64::NAN], [-0.5, 0.5], [0.0, 1.25], [f64::NAN, f64::NAN], [0.5, 0.5]] {
                let [low, high] = bounds.map(number);
                for isa in Isa::all() {
                    let mut y = vec![low; len];
                    let clipped = Clamped::by(isa, &[len], Some(&z), &mut y, [low, high]);
                    let mut over = z.clone();
                    let again = Clamped::by(isa, &[len], None, &mut over, [low, high]);
                    assert!(over.iter().zip(&y).all(|(a, b)| a == b || a.is_nan() && b.is_nan()), "{isa:?}");
                    assert_eq!(again.beyond, clipped.beyond, "{isa:?}");
                    let sets = [clipped.passes(), clipped.below(), clipped.above()];
                    for (i, (&z, y)) in z.iter().zip(y).enumerate() {
                        let raised = if z < low { low } else { z };
                        let plain = if raised > high { high } else { raised };
                        assert!(y == plain || y.is_nan() && plain.is_nan(), "{isa:?}: {y} and {plain}");
                        let (below, above) = (z <= low, z >= high);
                        assert_eq!(
                            sets.each_ref().map(|set| set.contains(i)),
                            [!below && !above, below, above],
                            "{isa:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_are_cut_to_bounds() {
        clips::<f32>();
        clips::<f64>();
    }
}
