//! `y[p, c] = Σ over (q, t) that p reads of w[c, t] · x[q, c]`: channels apart from each other.

use std::ops::Range;

use rayon::prelude::*;

use super::vector::Vector;
use super::walk::Walk;
use super::{Isa, Kernel, Loop, Shared};
use crate::Real;
use crate::layout::Rows;
use crate::reads::Reads;

/// Channels of one task.
const CHANNELS: usize = 64;

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
        let to = self.to.axes;
        self.check(x);
        assert_eq!(y.len(), self.to.count() * self.width, "rows of y");
        if self.width == 0 || y.is_empty() {
            return;
        }
        let y = Shared(y.as_mut_ptr());
        let (positions, blocks) = (self.task(), to.channels.div_ceil(CHANNELS));
        (0..to.positions().div_ceil(positions) * blocks).into_par_iter().for_each(|task| {
            let (first, channel) = (task / blocks * positions, task % blocks * CHANNELS);
            let positions = first..(first + positions).min(to.positions());
            let part = Part { positions, channels: channel..(channel + CHANNELS).min(to.channels) };
            // SAFETY: `isa` is one that this processor has; lengths as asserted; tasks share no (position, channel).
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(self, x, y, part),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(self, x, y, part),
                    Isa::Portable => portable(self, x, y, part),
                }
            }
        });
    }
}

impl<T: Real> Depth<'_, T> {
    /// Positions of one task: whole lines, which find what they read together.
    pub(super) fn task(&self) -> usize {
        let (line, _) = self.reads.lines();
        line * self.to.axes.positions().div_ceil(line * 16)
    }
}

/// What one task computes: some channels, all in one word, at some positions.
struct Part {
    positions: Range<usize>,
    channels: Range<usize>,
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, part: Part) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(job, x, y, part) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, part: Part) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(job, x, y, part) }
}

/// # Safety
/// See [`body`].
unsafe fn portable<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, part: Part) {
    // SAFETY: the caller's.
    unsafe { body::<T::Plain>(job, x, y, part) }
}

/// The rows of y of one part.
///
/// # Safety
/// [`Depth::check`] holds, no other thread reads or writes these rows of y, and the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(job: &Depth<'_, V::Lane>, x: &[V::Lane], y: Shared<V::Lane>, part: Part) {
    let (word, first) = (part.channels.start / 64, part.channels.start % 64);
    let mut walk = Walk::new(job, x, part.channels);
    for position in part.positions {
        let run = job.to.word(position, word);
        let before = (run.bits & ((1 << first) - 1)).count_ones() as usize;
        let y = y.get().wrapping_add((run.first + before * run.step) * job.width);
        walk.go_to(position);
        // SAFETY: y is where the part's first stored row of the position lies, if there is one; the caller's.
        unsafe { walk.rows::<V>(y, run.step * job.width) };
    }
}
