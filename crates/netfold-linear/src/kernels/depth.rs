//! `y[p, c] = Σ over (q, t) that p reads of w[c, t] · x[q, c]`: channels apart from each other.

use std::ops::Range;

use rayon::prelude::*;

use super::vector::Vector;
use super::walk::Walk;
use super::{Isa, Kernel, Loop, Shared};
use crate::Real;
use crate::layout::Rows;
use crate::reads::Reads;

/// Tasks of one product, where it has as many lines.
const TASKS: usize = 16;

/// A masked depthwise product, with `weights[t · channels + c]`.
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
        T::run(Loop(Kernel::Depth(self)), x, y);
    }

    /// What the unsafe code relies on.
    pub(super) fn check(&self, x: &[T]) {
        let (from, to) = (self.from.axes, self.to.axes);
        assert_eq!((from.batch, from.channels), (to.batch, to.channels), "channels of a depthwise product");
        assert_eq!((from.places, to.places), (self.reads.places_from(), self.reads.places_to()), "places of a window");
        assert_eq!(self.weights.len(), to.channels * self.reads.taps(), "weights of a depthwise product");
        assert_eq!(x.len(), self.from.count() * self.width, "rows of x");
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        self.check(x);
        assert_eq!(y.len(), self.to.count() * self.width, "rows of y");
        if self.width == 0 || y.is_empty() {
            return;
        }
        let y = Shared(y.as_mut_ptr());
        self.tasks().into_par_iter().for_each(|positions| {
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

    /// The positions of each task: whole lines, since what lies in line is read ahead, of all channels.
    pub(super) fn tasks(&self) -> Vec<Range<usize>> {
        let ([lines, columns], batch) = (self.reads.to(), self.to.axes.batch);
        let (all, size) = (self.to.axes.positions(), (batch * lines).div_ceil(TASKS) * columns);
        (0..all).step_by(size.max(1)).map(|first| first..(first + size).min(all)).collect()
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, positions: Range<usize>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(job, x, y, positions) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, positions: Range<usize>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(job, x, y, positions) }
}

/// # Safety
/// See [`body`].
unsafe fn portable<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, positions: Range<usize>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Plain>(job, x, y, positions) }
}

/// The rows of y at these positions.
///
/// # Safety
/// [`Depth::check`] holds, no other thread reads or writes these rows of y, and the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(job: &Depth<'_, V::Lane>, x: &[V::Lane], y: Shared<V::Lane>, positions: Range<usize>) {
    let mut walk = Walk::new(job, x);
    for position in positions {
        let run = walk.go_to(position);
        let y = y.get().wrapping_add(run.first * job.width);
        // SAFETY: y is where the first stored row of the position lies, if there is one; the caller's.
        unsafe { walk.rows::<V>(y, run.step * job.width) };
    }
}
