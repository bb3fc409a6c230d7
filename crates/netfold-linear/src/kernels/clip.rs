//! Numbers cut to two bounds, and on which side of them they lie.

use rayon::prelude::*;

use super::Isa;
use super::vector::Vector;
use crate::{Real, Support};

/// Numbers of a word of flags.
const WORD: usize = 64;
/// Words that one task makes.
const WORDS: usize = 256;

/// y = z cut to two bounds, and which z lie on or beyond them.
#[derive(Debug)]
pub struct Clipped<T> {
    shape: Vec<usize>,
    values: Vec<T>,
    /// Flags of 64 numbers: at the lower bound or below it, at the upper one or above.
    beyond: Vec<[u64; 2]>,
}

impl<T: Real> Clipped<T> {
    /// `y = min(max(z, low), high)` of a tensor, in one pass. A bound that is NaN bounds nothing; NaN stays NaN.
    ///
    /// # Panics
    /// If there are not as many numbers as the shape has elements.
    pub fn new(shape: &[usize], z: &[T], bounds: [T; 2]) -> Self {
        Self::by(Isa::best(), shape, z, bounds)
    }

    fn by(isa: Isa, shape: &[usize], z: &[T], bounds: [T; 2]) -> Self {
        assert_eq!(z.len(), shape.iter().product::<usize>(), "one number for each element");
        let (mut values, mut beyond) = (T::pool().take(z.len()), vec![[0; 2]; z.len().div_ceil(WORD)]);
        let parts = values.par_chunks_mut(WORD * WORDS).zip(z.par_chunks(WORD * WORDS));
        parts.zip(beyond.par_chunks_mut(WORDS)).for_each(|((y, z), beyond)| match isa {
            // SAFETY: `isa` is one that this processor has.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512(z, bounds, y, beyond) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2(z, bounds, y, beyond) },
            // SAFETY: plain registers need nothing.
            Isa::Portable => unsafe { body::<T::Plain>(z, bounds, y, beyond) },
        });
        Self { shape: shape.to_vec(), values, beyond }
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

    /// y
    pub fn into_values(self) -> Vec<T> {
        self.values
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(z: &[T], bounds: [T; 2], y: &mut [T], beyond: &mut [[u64; 2]]) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(z, bounds, y, beyond) }
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(z: &[T], bounds: [T; 2], y: &mut [T], beyond: &mut [[u64; 2]]) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(z, bounds, y, beyond) }
}

/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(z: &[V::Lane], bounds: [V::Lane; 2], y: &mut [V::Lane], beyond: &mut [[u64; 2]]) {
    let ((whole, rest), (y, last)) = (z.as_chunks::<WORD>(), y.as_chunks_mut::<WORD>());
    for ((z, y), beyond) in whole.iter().zip(y).zip(&mut *beyond) {
        // SAFETY: the caller's.
        *beyond = unsafe { word::<V>(z, bounds, y) };
    }
    if let (Some(beyond), false) = (beyond.get_mut(whole.len()), rest.is_empty()) {
        let (mut z, mut y) = ([bounds[0]; WORD], [bounds[0]; WORD]);
        z[..rest.len()].copy_from_slice(rest);
        // SAFETY: the caller's.
        *beyond = unsafe { word::<V>(&z, bounds, &mut y) };
        last.copy_from_slice(&y[..rest.len()]);
    }
}

/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
unsafe fn word<V: Vector>(z: &[V::Lane; WORD], [low, high]: [V::Lane; 2], y: &mut [V::Lane; WORD]) -> [u64; 2] {
    let mut beyond = [0; 2];
    let mut at = 0;
    while at < WORD {
        // SAFETY: whole registers of the arrays; the processor has the instructions.
        unsafe {
            let (low, high, z) = (V::splat(low), V::splat(high), V::load(z.as_ptr().wrapping_add(at)));
            beyond[0] |= z.at_most(low) << at;
            beyond[1] |= high.at_most(z) << at;
            z.raised(low).lowered(high).store(y.as_mut_ptr().wrapping_add(at));
        }
        at += V::LANES;
    }
    beyond
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Clipped;
    use crate::Real;
    use crate::kernels::Isa;
    use crate::kernels::tests::Noise;

    fn clips<T: Real>() {
        let (noise, number) = (Noise(Cell::new(11)), |value: f64| T::of(value));
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.5, 0.5];
        for len in [0, 1, 63, 64, 65, 200, 20_000] {
            let z: Vec<T> = (0..len).map(|_| number(special.get(noise.below(9)).copied().unwrap_or(1.25))).collect();
            for bounds in [[0.0, f64::NAN], [-0.5, 0.5], [0.0, 1.25], [f64::NAN, f64::NAN], [0.5, 0.5]] {
                let [low, high] = bounds.map(number);
                for isa in Isa::all() {
                    let clipped = Clipped::by(isa, &[len], &z, [low, high]);
                    let sets = [clipped.passes(), clipped.below(), clipped.above()];
                    for (i, (&z, y)) in z.iter().zip(clipped.into_values()).enumerate() {
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
