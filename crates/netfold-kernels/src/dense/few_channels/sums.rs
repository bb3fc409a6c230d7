//! Sums of products for the places of a line, for few channels at a time.

use crate::simd::{Simd, Vector};

/// Registers of sums of a channel at a time.
pub(crate) const STEP: usize = 4;

/// One tap of one channel of x: where the first place of a grid reads, and the weight for each channel of the group.
pub(crate) struct Term<T, const C: usize> {
    pub start: usize,
    pub weights: [T; C],
}

/// `y[c · room + q] = begin[c] + Σ over terms of weights[c] · x[start + q]`, for q below `len`; += without `begin`.
///
/// # Safety
/// x has `len` numbers from each start on, a row of y `room`, both with STEP registers behind `len`.
#[inline(always)]
pub(crate) unsafe fn sums<V: Vector, const C: usize>(
    simd: Simd<V>,
    x: *const V::Lane,
    terms: &[Term<V::Lane, C>],
    begin: Option<[V::Lane; C]>,
    y: *mut V::Lane,
    room: usize,
    len: usize,
) {
    let mut q = 0;
    while q < len {
        let (x, y) = (x.wrapping_add(q), y.wrapping_add(q));
        // SAFETY: the caller's.
        unsafe {
            match (len - q).div_ceil(V::LANES) {
                1 => registers::<V, C, 1>(simd, x, terms, begin, y, room),
                2 => registers::<V, C, 2>(simd, x, terms, begin, y, room),
                3 => registers::<V, C, 3>(simd, x, terms, begin, y, room),
                _ => registers::<V, C, STEP>(simd, x, terms, begin, y, room),
            }
        }
        q += STEP * V::LANES;
    }
}

/// # Safety
/// As [`sums`], for R registers.
#[inline(always)]
unsafe fn registers<V: Vector, const C: usize, const R: usize>(
    simd: Simd<V>,
    x: *const V::Lane,
    terms: &[Term<V::Lane, C>],
    begin: Option<[V::Lane; C]>,
    y: *mut V::Lane,
    room: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[simd.zero(); R]; C];
        for term in terms {
            let x = x.wrapping_add(term.start);
            let mut read = [simd.zero(); R];
            for r in 0..R {
                read[r] = simd.load(x.wrapping_add(r * V::LANES));
            }
            for c in 0..C {
                let w = simd.splat(term.weights[c]);
                for r in 0..R {
                    sums[c][r] = w.multiply_add(read[r], sums[c][r]);
                }
            }
        }
        for c in 0..C {
            for r in 0..R {
                let y = y.wrapping_add(c * room + r * V::LANES);
                let begin = match begin {
                    Some(begin) => simd.splat(begin[c]),
                    None => simd.load(y),
                };
                begin.add(sums[c][r]).store(y);
            }
        }
    }
}
