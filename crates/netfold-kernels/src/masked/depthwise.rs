//! Masked depthwise convolution. For each stored (p, c) of y: `y[p, c] = Σ w[c, t] · x[q, c]` over the taps t with q =
//! q(p, t) whose channel c is stored.

use std::ops::Range;

use rayon::prelude::*;

use crate::index::WindowIndex;
use crate::index::rows::{Rows, Run};
use crate::memory::{SendPtr, prefetch};
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// Tasks of one product, where it has as many lines.
const TASKS: usize = 16;

/// Places from the last one that a position reads to the one whose rows are fetched meanwhile.
const AHEAD: usize = 3;

/// A masked depthwise convolution. The weight of tap t and channel c is `weights[t · channels + c]`.
#[derive(Debug)]
pub struct MaskedDepthwise<'a, T> {
    /// Where the rows of x lie.
    pub from: Rows<'a>,
    /// Where the rows of y lie.
    pub to: Rows<'a>,
    /// Which places of x each place of y reads.
    pub reads: &'a WindowIndex,
    /// w[c, t] at `[t · channels + c]`.
    pub weights: &'a [T],
    /// K, the vectors of the batch.
    pub width: usize,
    /// y += instead of y =.
    pub add: bool,
}

impl<T: Lanes> MaskedDepthwise<'_, T> {
    /// What the unsafe code relies on.
    pub(crate) fn check(&self, x: &[T]) {
        let (from, to) = (self.from.axes, self.to.axes);
        assert_eq!((from.batch, from.channels), (to.batch, to.channels), "channels of a depthwise product");
        assert_eq!((from.places, to.places), (self.reads.places_from(), self.reads.places_to()), "places of a window");
        assert_eq!(self.weights.len(), to.channels * self.reads.taps(), "weights of a depthwise product");
        assert_eq!(x.len(), self.from.count() * self.width, "rows of x");
    }

    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        self.check(x);
        assert_eq!(y.len(), self.to.count() * self.width, "rows of y");
        if self.width == 0 || y.is_empty() {
            return;
        }
        let y = SendPtr(y.as_mut_ptr());
        self.tasks().into_par_iter().for_each(|positions| {
            // SAFETY: `isa` is one that this processor has; lengths as asserted; tasks share no position.
            unsafe { dispatch(isa, ByPositions { job: self, x, y, positions }) };
        });
    }

    /// The positions of each task: whole lines, since what lies in line is read ahead, of all channels.
    pub(crate) fn tasks(&self) -> Vec<Range<usize>> {
        let ([lines, columns], batch) = (self.reads.to(), self.to.axes.batch);
        let (all, size) = (self.to.axes.positions(), (batch * lines).div_ceil(TASKS) * columns);
        (0..all).step_by(size.max(1)).map(|first| first..(first + size).min(all)).collect()
    }
}

/// The work of one task: the rows of y at these positions.
///
/// The safety conditions of its `run`: [`MaskedDepthwise::check`] holds, and no other thread reads or writes these rows
/// of y.
struct ByPositions<'a, T> {
    job: &'a MaskedDepthwise<'a, T>,
    x: &'a [T],
    y: SendPtr<T>,
    positions: Range<usize>,
}

impl<T: Lanes> Body<T> for ByPositions<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        let Self { job, x, y, positions } = self;
        let mut walk = DepthwiseRows::new(job, x);
        for position in positions {
            let run = walk.go_to(position);
            let y = y.get().wrapping_add(run.first * job.width);
            // SAFETY: y is where the first stored row of the position lies, if there is one; the caller's.
            unsafe { walk.rows::<V>(simd, y, run.step * job.width) };
        }
    }
}

/// A cursor that visits positions of y in order and computes the rows of all stored channels at each.
#[derive(Debug)]
pub(crate) struct DepthwiseRows<'a, T> {
    job: &'a MaskedDepthwise<'a, T>,
    x: &'a [T],
    /// The position where the cursor stands, and its rows.
    position: usize,
    run: Run,
    /// Each place that the position reads, and the tap.
    reads: Vec<(usize, usize)>,
}

impl<'a, T: Lanes> DepthwiseRows<'a, T> {
    pub fn new(job: &'a MaskedDepthwise<'a, T>, x: &'a [T]) -> Self {
        let (reads, run) = (Vec::with_capacity(job.reads.taps()), Run { first: 0, step: 0, listed: 0, count: 0 });
        Self { job, x, position: 0, run, reads }
    }

    /// Moves the cursor to a position, and finds what that position reads. Returns the rows of the position.
    #[inline(always)]
    pub fn go_to(&mut self, position: usize) -> Run {
        let (job, to, from) = (self.job, self.job.to.axes, self.job.from.axes);
        (self.position, self.run) = (position, job.to.run(position, 0..to.channels));
        self.reads.clear();
        let first = position / to.places * from.places;
        if self.run.count > 0 {
            // Work in a closure that is not inlined would be done without the instructions that this is compiled for.
            job.reads.visit(job.reads.at(position % to.places), |place, tap| self.reads.push((first + place, tap)));
        }
        if let Some(&(last, _)) = self.reads.last() {
            self.fetch(last + AHEAD);
        }
        self.run
    }

    /// Has the rows of x at a position brought into the cache, if there are any, next to each other.
    #[inline(always)]
    fn fetch(&self, position: usize) {
        if position < self.job.from.axes.positions() && self.job.from.layout.is_some() {
            let run = self.job.from.run(position, 0..self.job.from.axes.channels);
            let rows = &self.x[run.first * self.job.width..][..run.count * self.job.width];
            for line in rows.chunks(64 / size_of::<T>()) {
                prefetch(line.as_ptr());
            }
        }
    }

    /// The rows of the position that was gone to last.
    ///
    /// # Safety
    /// y is where the first of them lies, the next one `stride` numbers further; no other thread uses them.
    #[inline(always)]
    pub unsafe fn rows<V: Vector<Lane = T>>(&mut self, simd: Simd<V>, y: *mut T, stride: usize) {
        let (width, mut lane) = (self.job.width, 0);
        while lane < width {
            let y = y.wrapping_add(lane);
            // SAFETY: y are stored rows; the lanes are below the width.
            unsafe {
                lane += match (width - lane) / V::LANES {
                    0 if width - lane >= V::Narrow::LANES => self.lanes::<V::Narrow, 1>(simd.narrow(), lane, y, stride),
                    0 => self.lanes::<<T as Lanes>::V1, 1>(simd.one(), lane, y, stride),
                    1 => self.lanes::<V, 1>(simd, lane, y, stride),
                    2 => self.lanes::<V, 2>(simd, lane, y, stride),
                    3 => self.lanes::<V, 3>(simd, lane, y, stride),
                    _ => self.lanes::<V, 4>(simd, lane, y, stride),
                };
            }
        }
    }

    /// R registers of these rows, tap by tap: what a place and the position both store. Returns how many lanes that are.
    ///
    /// # Safety
    /// As [`rows`](Self::rows), with y at `lane`; R registers from there on lie below the width.
    #[inline(always)]
    unsafe fn lanes<V: Vector<Lane = T>, const R: usize>(
        &self,
        simd: Simd<V>,
        lane: usize,
        y: *mut T,
        stride: usize,
    ) -> usize {
        let MaskedDepthwise { from, to, weights, width, add, .. } = self.job;
        // SAFETY: the rows that words tell of are stored, y as the caller says; there is a weight for each tap and channel.
        unsafe {
            if !add {
                for row in 0..self.run.count {
                    for r in 0..R {
                        simd.zero().store(y.wrapping_add(row * stride + r * V::LANES));
                    }
                }
            }
            for &(place, tap) in &self.reads {
                for word in 0..to.axes.channels.div_ceil(64) {
                    let (x, here) = (from.word(place, word), to.word(self.position, word));
                    let weights = weights.as_ptr().wrapping_add(tap * to.axes.channels + word * 64);
                    let (first, step) = (self.x.as_ptr().wrapping_add(x.first * width + lane), x.step * width);
                    let y = y.wrapping_add((here.first - self.run.first) / here.step * stride);
                    let mut both = x.bits & here.bits;
                    while both != 0 {
                        let below = (both & both.wrapping_neg()) - 1;
                        let w = simd.splat(*weights.wrapping_add(both.trailing_zeros() as usize));
                        let x = first.wrapping_add((x.bits & below).count_ones() as usize * step);
                        let y = y.wrapping_add((here.bits & below).count_ones() as usize * stride);
                        both &= both - 1;
                        for r in 0..R {
                            let y = y.wrapping_add(r * V::LANES);
                            w.multiply_add(simd.load(x.wrapping_add(r * V::LANES)), simd.load(y)).store(y);
                        }
                    }
                }
            }
        }
        R * V::LANES
    }
}
