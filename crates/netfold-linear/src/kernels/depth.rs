//! y[p, c] = Σ over (q, t) that p reads of w[c, t] · x[q, c]: channels apart from each other.

use std::ops::Range;

use rayon::prelude::*;

use super::{Isa, PORTABLE_FMA, Shared, multiply_add};
use crate::Real;
use crate::layout::Rows;
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
        if size_of::<T>() == 4 { body::<T, true, 64, 16>(job, x, y, positions) } else { body::<T, true, 32, 8>(job, x, y, positions) }
    }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, positions: Range<usize>) {
    // SAFETY: the caller's.
    unsafe {
        if size_of::<T>() == 4 { body::<T, true, 64, 8>(job, x, y, positions) } else { body::<T, true, 32, 4>(job, x, y, positions) }
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
    let taps = job.reads.taps();
    let mut steps: Vec<(usize, usize)> = Vec::with_capacity(taps);
    let mut terms: Vec<(*const T, T)> = Vec::with_capacity(taps);
    for position in positions {
        let (image, place) = (position / job.to.axes.places, position % job.to.axes.places);
        steps.clear();
        job.reads.visit(place, |read, tap| steps.push((read, tap)));
        let to = job.to.axes;
        let first = job.to.layout.map_or(0, |layout| layout.start(position));
        let count = job.to.layout.map_or(to.channels, |layout| layout.start(position + 1) - first);
        for index in 0..count {
            let (row, c) = match job.to.layout {
                Some(layout) => (first + index, layout.channels()[first + index] as usize),
                None => ((image * to.channels + index) * to.places + place, index),
            };
            terms.clear();
            for &(read, tap) in &steps {
                if let Some(row) = job.from.row_at(image, read, c) {
                    terms.push((x.as_ptr().wrapping_add(row * job.width), job.weights[c * taps + tap]));
                }
            }
            let y = y.get().wrapping_add(row * job.width);
            let mut lane = 0;
            while lane < job.width {
                // SAFETY: the terms and y are stored rows; the lanes are below the width.
                unsafe {
                    match job.width - lane {
                        rest if rest >= W => lane += sum::<T, FMA, W>(&terms, lane, y, job.add),
                        rest if rest >= N => lane += sum::<T, FMA, N>(&terms, lane, y, job.add),
                        _ => lane += sum::<T, FMA, 1>(&terms, lane, y, job.add),
                    }
                }
            }
        }
    }
}

/// B lanes of one row. Returns B.
///
/// # Safety
/// The terms are stored rows of x, y is one of y that only this thread uses, `lane + B` is at most the width.
#[inline(always)]
unsafe fn sum<T: Real, const FMA: bool, const B: usize>(terms: &[(*const T, T)], lane: usize, y: *mut T, add: bool) -> usize {
    let y = y.wrapping_add(lane).cast::<[T; B]>();
    // SAFETY: B numbers of a row; arrays have their element's alignment.
    let mut sums = if add { unsafe { *y } } else { [T::zero(); B] };
    for &(row, weight) in terms {
        // SAFETY: as above.
        let x = unsafe { &*row.wrapping_add(lane).cast::<[T; B]>() };
        for (sum, &x) in sums.iter_mut().zip(x) {
            *sum = multiply_add::<T, FMA>(weight, x, *sum);
        }
    }
    // SAFETY: as above.
    unsafe { *y = sums };
    B
}
