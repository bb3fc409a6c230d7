//! y[p, c] = Σ over (q, t) that p reads of w[c, t] · x[q, c]: channels apart from each other.

use std::ops::Range;

use rayon::prelude::*;

use super::{Isa, PORTABLE_FMA, Shared, multiply_add};
use crate::Real;
use crate::layout::{Rows, Word};
use crate::reads::Reads;

/// A masked depthwise product, with `weights[c · taps + t]`.
#[derive(Debug)]
pub(crate) struct Depth<'a, T> {
    pub from: Rows<'a>,
    pub to: Rows<'a>,
    pub reads: &'a Reads,
    pub weights: &'a [T],
    pub width: usize,
    /// y += instead of y =.
    pub add: bool,
}

impl<T: Real> Depth<'_, T> {
    /// Computes all rows of y.
    pub fn run(&self, x: &[T], y: &mut [T]) {
        self.run_by(Isa::best(), x, y);
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let (from, to) = (self.from.axes, self.to.axes);
        assert_eq!((from.batch, from.channels), (to.batch, to.channels), "channels of a depthwise product");
        assert_eq!((from.places, to.places), (self.reads.places_from(), self.reads.places_to()), "places of a window");
        assert_eq!(self.weights.len(), to.channels * self.reads.taps(), "weights of a depthwise product");
        assert_eq!(x.len(), self.from.count() * self.width, "rows of x");
        assert_eq!(y.len(), self.to.count() * self.width, "rows of y");
        let y = Shared(y.as_mut_ptr());
        let task = to.positions().div_ceil(64).max(1);
        (0..to.positions().div_ceil(task)).into_par_iter().for_each(|index| {
            let positions = index * task..((index + 1) * task).min(to.positions());
            // SAFETY: `isa` is one that this processor has; lengths as asserted; tasks share no position.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(self, x, y, positions),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(self, x, y, positions),
                    Isa::Portable => portable(self, x, y, positions),
                }
            }
        });
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
unsafe fn avx512<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, positions: Range<usize>) {
    // SAFETY: the caller's.
    unsafe {
        if size_of::<T>() == 4 {
            body::<T, true, 64, 16>(job, x, y, positions)
        } else {
            body::<T, true, 32, 8>(job, x, y, positions)
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, positions: Range<usize>) {
    // SAFETY: the caller's.
    unsafe {
        if size_of::<T>() == 4 {
            body::<T, true, 64, 8>(job, x, y, positions)
        } else {
            body::<T, true, 32, 4>(job, x, y, positions)
        }
    }
}

/// # Safety
/// See [`body`].
unsafe fn portable<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, positions: Range<usize>) {
    // SAFETY: the caller's.
    unsafe { body::<T, PORTABLE_FMA, 32, 4>(job, x, y, positions) }
}

/// The rows of y at these positions, in blocks of W or N lanes.
///
/// # Safety
/// What [`Depth::run_by`] asserts holds, and no other thread reads or writes these rows of y.
#[inline(always)]
unsafe fn body<T: Real, const FMA: bool, const W: usize, const N: usize>(
    job: &Depth<'_, T>,
    x: &[T],
    y: Shared<T>,
    positions: Range<usize>,
) {
    let (to, from, taps) = (job.to.axes, job.from.axes, job.reads.taps());
    let mut reads: Vec<(usize, usize)> = Vec::with_capacity(taps);
    let mut terms: Vec<Term> = Vec::with_capacity(taps);
    for position in positions {
        let (image, place) = (position / to.places, position % to.places);
        reads.clear();
        job.reads.visit(place, |read, tap| reads.push((image * from.places + read, tap)));
        for word in 0..to.channels.div_ceil(64) {
            terms.clear();
            for &(read, tap) in &reads {
                let run = job.from.word(read, word);
                if run.bits != 0 {
                    terms.push(Term { run, tap });
                }
            }
            let run = job.to.word(position, word);
            let (mut rest, mut index) = (run.bits, 0);
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                let weights = &job.weights[(word * 64 + bit as usize) * taps..][..taps];
                let y = y.get().wrapping_add((run.first + index * run.step) * job.width);
                index += 1;
                let mut lane = 0;
                while lane < job.width {
                    // SAFETY: y is a stored row, and so are those of the terms; the lanes are below the width.
                    unsafe {
                        match job.width - lane {
                            rest if rest >= W => lane += sum::<T, FMA, W>(job, x, &terms, weights, bit, lane, y),
                            rest if rest >= N => lane += sum::<T, FMA, N>(job, x, &terms, weights, bit, lane, y),
                            _ => lane += sum::<T, FMA, 1>(job, x, &terms, weights, bit, lane, y),
                        }
                    }
                }
            }
        }
    }
}

/// What one tap reads for 64 channels.
#[derive(Clone, Copy)]
struct Term {
    run: Word,
    tap: usize,
}

/// B lanes of one row. Returns B.
///
/// # Safety
/// The terms are words of the support that x is stored on, y is a row that only this thread uses, and `lane + B` is at
/// most the width.
#[inline(always)]
unsafe fn sum<T: Real, const FMA: bool, const B: usize>(
    job: &Depth<'_, T>,
    x: &[T],
    terms: &[Term],
    weights: &[T],
    bit: u32,
    lane: usize,
    y: *mut T,
) -> usize {
    let y = y.wrapping_add(lane).cast::<[T; B]>();
    // SAFETY: B numbers of a row; arrays have their element's alignment.
    let mut sums = if job.add { unsafe { *y } } else { [T::zero(); B] };
    for &Term { run, tap } in terms {
        if run.bits >> bit & 1 == 1 {
            let row = run.first + (run.bits & ((1 << bit) - 1)).count_ones() as usize * run.step;
            let x = x.as_ptr().wrapping_add(row * job.width + lane).cast::<[T; B]>();
            // SAFETY: as above; the bit says that the row is stored.
            let (x, weight) = (unsafe { &*x }, weights[tap]);
            for (sum, &x) in sums.iter_mut().zip(x) {
                *sum = multiply_add::<T, FMA>(weight, x, *sum);
            }
        }
    }
    // SAFETY: as above.
    unsafe { *y = sums };
    B
}
