//! The same numbers on another support.

use std::ops::Range;

use rayon::prelude::*;

use super::vector::{Lanes, Vector};
use super::{Isa, Kernel, Loop, Shared};
use crate::Real;
use crate::layout::Rows;

/// How many numbers one task of a parallel loop handles: fixed, so that results do not depend on the thread count.
const TASK: usize = 1 << 15;

/// `y[e] = x[e]` (or `+=`) for every e that y stores; zero where x does not store it. Both are of one shape.
#[derive(Debug)]
pub(crate) struct Restore<'a> {
    pub from: Rows<'a>,
    pub to: Rows<'a>,
    pub width: usize,
    pub add: bool,
}

impl Restore<'_> {
    /// Writes all rows of y.
    pub fn run<T: Real>(&self, x: &[T], y: &mut [T]) {
        T::run(Loop(Kernel::Restore(self)), x, y);
    }

    pub(super) fn run_by<T: Real>(&self, isa: Isa, x: &[T], y: &mut [T]) {
        assert_eq!(self.from.axes, self.to.axes, "both are of one shape");
        assert_eq!(x.len(), self.from.count() * self.width, "rows of x");
        assert_eq!(y.len(), self.to.count() * self.width, "rows of y");
        if y.is_empty() {
            return;
        }
        if self.to.layout.is_none() {
            return self.standard(x, y);
        }
        let positions = self.to.axes.positions();
        let tasks = y.len().div_ceil(TASK).clamp(1, positions.max(1));
        let y = Shared(y.as_mut_ptr());
        (0..tasks).into_par_iter().for_each(|task| {
            let positions = task * positions / tasks..(task + 1) * positions / tasks;
            // SAFETY: `isa` is one that this processor has; lengths as asserted; no two tasks share a position.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(self, positions, x, y),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(self, positions, x, y),
                    Isa::Portable => body::<T::Plain>(self, positions, x, y),
                }
            }
        });
    }

    /// Rows of y in standard order: a run of places of one channel at a time.
    fn standard<T: Real>(&self, x: &[T], y: &mut [T]) {
        let (width, axes) = (self.width, self.to.axes);
        let rows_a_task = (TASK / width).max(1);
        y.par_chunks_mut(rows_a_task * width).enumerate().for_each(|(task, y)| {
            let first = task * rows_a_task;
            for (row, y) in (first..).zip(y.chunks_exact_mut(width)) {
                let (channel, place) = (row / axes.places, row % axes.places);
                let (image, channel) = (channel / axes.channels, channel % axes.channels);
                let from = self.from.row(image * axes.places + place, channel);
                match (from.map(|row| &x[row * width..][..width]), self.add) {
                    (Some(x), false) => y.copy_from_slice(x),
                    (Some(x), true) => y.iter_mut().zip(x).for_each(|(sum, &value)| *sum += value),
                    (None, false) => y.fill(T::zero()),
                    (None, true) => {}
                }
            }
        });
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Restore<'_>, positions: Range<usize>, x: &[T], y: Shared<T>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(job, positions, x, y) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Restore<'_>, positions: Range<usize>, x: &[T], y: Shared<T>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(job, positions, x, y) }
}

/// The rows of y at these positions.
///
/// # Safety
/// What [`Restore::run_by`] asserts holds, no other thread uses these rows of y, and the processor has the instructions of
/// V.
#[inline(always)]
unsafe fn body<V: Vector>(job: &Restore<'_>, positions: Range<usize>, x: &[V::Lane], y: Shared<V::Lane>) {
    let (width, words) = (job.width, job.to.axes.channels.div_ceil(64));
    for (position, word) in positions.flat_map(|position| (0..words).map(move |word| (position, word))) {
        let (from, to) = (job.from.word(position, word), job.to.word(position, word));
        let mut y = y.get().wrapping_add(to.first * width);
        if from.bits == to.bits && from.step == 1 {
            let count = to.bits.count_ones() as usize * width;
            // SAFETY: all these rows, next to each other on both sides.
            unsafe { row::<V>(Some(x.as_ptr().wrapping_add(from.first * width)), y, count, job.add) };
            continue;
        }
        let mut rest = to.bits;
        while rest != 0 {
            let below = rest.wrapping_sub(1);
            let stored = from.bits & rest & !below != 0;
            let index = from.first + from.step * (from.bits & !rest & below).count_ones() as usize;
            let x = stored.then(|| x.as_ptr().wrapping_add(index * width));
            // SAFETY: a stored row of x, and a row of y.
            unsafe { row::<V>(x, y, width, job.add) };
            y = y.wrapping_add(width);
            rest &= below;
        }
    }
}

/// `count` numbers of y: those of x, or zeros.
///
/// # Safety
/// Both are valid for so many numbers, and the processor has the instructions of V.
#[inline(always)]
unsafe fn row<V: Vector>(x: Option<*const V::Lane>, y: *mut V::Lane, count: usize, add: bool) {
    // SAFETY: the caller's.
    unsafe {
        let whole = count / V::LANES * V::LANES;
        let narrow = whole + (count - whole) / V::Narrow::LANES * V::Narrow::LANES;
        registers::<V>(x, y, 0..whole, add);
        registers::<V::Narrow>(x, y, whole..narrow, add);
        registers::<<V::Lane as Lanes>::One>(x, y, narrow..count, add);
    }
}

/// # Safety
/// As [`row`], for a range of whole registers.
#[inline(always)]
unsafe fn registers<V: Vector>(x: Option<*const V::Lane>, y: *mut V::Lane, range: Range<usize>, add: bool) {
    // SAFETY: the caller's.
    unsafe {
        for at in range.step_by(V::LANES) {
            let to = y.wrapping_add(at);
            match (x, add) {
                (Some(x), false) => V::load(x.wrapping_add(at)).store(to),
                (Some(x), true) => V::load(x.wrapping_add(at)).add(V::load(to)).store(to),
                (None, false) => V::zero().store(to),
                (None, true) => {}
            }
        }
    }
}
