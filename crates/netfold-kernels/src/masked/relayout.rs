//! Copy between two layouts: puts a batch onto another support, or adds it to a batch on that support.

use std::ops::Range;

use rayon::prelude::*;

use crate::index::rows::Rows;
use crate::memory::SendPtr;
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// How many numbers one task of a parallel loop handles: fixed, so that results do not depend on the thread count.
const TASK: usize = 1 << 15;

/// `y[e] = x[e]` (or `+=`) for every element e that y stores; where x does not store e, it counts as zero. Both have
/// the same shape.
#[derive(Debug)]
pub struct Relayout<'a> {
    /// Where the rows of x lie.
    pub from: Rows<'a>,
    /// Where the rows of y lie.
    pub to: Rows<'a>,
    /// K, the vectors of the batch.
    pub width: usize,
    /// y += instead of y =.
    pub add: bool,
}

impl Relayout<'_> {
    pub(crate) fn run_by<T: Lanes>(&self, isa: Isa, x: &[T], y: &mut [T]) {
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
        let y = SendPtr(y.as_mut_ptr());
        (0..tasks).into_par_iter().for_each(|task| {
            let positions = task * positions / tasks..(task + 1) * positions / tasks;
            // SAFETY: `isa` is one that this processor has; lengths as asserted; no two tasks share a position.
            unsafe { dispatch(isa, ByPositions { job: self, positions, x, y }) };
        });
    }

    /// Rows of y in standard order: a run of places of one channel at a time.
    fn standard<T: Lanes>(&self, x: &[T], y: &mut [T]) {
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

/// The work of one task: some rows of y. Its `run` has the safety conditions of [`body`].
struct ByPositions<'a, T> {
    job: &'a Relayout<'a>,
    positions: Range<usize>,
    x: &'a [T],
    y: SendPtr<T>,
}

impl<T: Lanes> Body<T> for ByPositions<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.job, self.positions, self.x, self.y) }
    }
}

/// The rows of y at these positions.
///
/// # Safety
/// What [`Relayout::run_by`] asserts holds, no other thread uses these rows of y.
#[inline(always)]
unsafe fn body<V: Vector>(
    simd: Simd<V>,
    job: &Relayout<'_>,
    positions: Range<usize>,
    x: &[V::Lane],
    y: SendPtr<V::Lane>,
) {
    let (width, words) = (job.width, job.to.axes.channels.div_ceil(64));
    for (position, word) in positions.flat_map(|position| (0..words).map(move |word| (position, word))) {
        let (from, to) = (job.from.word(position, word), job.to.word(position, word));
        let mut y = y.get().wrapping_add(to.first * width);
        if from.bits == to.bits && from.step == 1 {
            let count = to.bits.count_ones() as usize * width;
            // SAFETY: all these rows, next to each other on both sides.
            unsafe { row::<V>(simd, Some(x.as_ptr().wrapping_add(from.first * width)), y, count, job.add) };
            continue;
        }
        let mut rest = to.bits;
        while rest != 0 {
            let below = rest.wrapping_sub(1);
            let stored = from.bits & rest & !below != 0;
            let index = from.first + from.step * (from.bits & !rest & below).count_ones() as usize;
            let x = stored.then(|| x.as_ptr().wrapping_add(index * width));
            // SAFETY: a stored row of x, and a row of y.
            unsafe { row::<V>(simd, x, y, width, job.add) };
            y = y.wrapping_add(width);
            rest &= below;
        }
    }
}

/// `count` numbers of y: those of x, or zeros.
///
/// # Safety
/// Both are valid for so many numbers.
#[inline(always)]
unsafe fn row<V: Vector>(simd: Simd<V>, x: Option<*const V::Lane>, y: *mut V::Lane, count: usize, add: bool) {
    // SAFETY: the caller's.
    unsafe {
        let whole = count / V::LANES * V::LANES;
        let narrow = whole + (count - whole) / V::Narrow::LANES * V::Narrow::LANES;
        registers::<V>(simd, x, y, 0..whole, add);
        registers::<V::Narrow>(simd.narrow(), x, y, whole..narrow, add);
        registers::<<V::Lane as Lanes>::V1>(simd.one(), x, y, narrow..count, add);
    }
}

/// # Safety
/// As [`row`], for a range of whole registers.
#[inline(always)]
unsafe fn registers<V: Vector>(
    simd: Simd<V>,
    x: Option<*const V::Lane>,
    y: *mut V::Lane,
    range: Range<usize>,
    add: bool,
) {
    // SAFETY: the caller's.
    unsafe {
        for at in range.step_by(V::LANES) {
            let to = y.wrapping_add(at);
            match (x, add) {
                (Some(x), false) => simd.load(x.wrapping_add(at)).store(to),
                (Some(x), true) => simd.load(x.wrapping_add(at)).add(simd.load(to)).store(to),
                (None, false) => simd.zero().store(to),
                (None, true) => {}
            }
        }
    }
}
