//! The rows of a depthwise product, position by position.

use super::depth::Depth;
use super::vector::{Lanes, Vector};
use crate::Real;
use crate::layout::Run;

/// Places from the last one that a position reads to the one whose rows are fetched meanwhile.
const AHEAD: usize = 3;

/// A way over the positions that computes the rows of all channels there, one after the other.
#[derive(Debug)]
pub(super) struct Walk<'a, T> {
    job: &'a Depth<'a, T>,
    x: &'a [T],
    /// The position that was gone to, and its rows.
    position: usize,
    run: Run,
    /// Each place that it reads, and the tap.
    reads: Vec<(usize, usize)>,
}

impl<'a, T: Real> Walk<'a, T> {
    pub fn new(job: &'a Depth<'a, T>, x: &'a [T]) -> Self {
        let (reads, run) = (Vec::with_capacity(job.reads.taps()), Run { first: 0, step: 0, listed: 0, count: 0 });
        Self { job, x, position: 0, run, reads }
    }

    /// Finds what the rows of a position are made of. Returns which rows these are.
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
                super::fetch(line.as_ptr());
            }
        }
    }

    /// The rows of the position that was gone to last.
    ///
    /// # Safety
    /// y is where the first of them lies, the next one `stride` numbers further; no other thread uses them; the processor
    /// has the instructions of V.
    #[inline(always)]
    pub unsafe fn rows<V: Vector<Lane = T>>(&mut self, y: *mut T, stride: usize) {
        let (width, mut lane) = (self.job.width, 0);
        while lane < width {
            let y = y.wrapping_add(lane);
            // SAFETY: y are stored rows; the lanes are below the width.
            unsafe {
                lane += match (width - lane) / V::LANES {
                    0 if width - lane >= V::Narrow::LANES => self.lanes::<V::Narrow, 1>(lane, y, stride),
                    0 => self.lanes::<<T as Lanes>::One, 1>(lane, y, stride),
                    1 => self.lanes::<V, 1>(lane, y, stride),
                    2 => self.lanes::<V, 2>(lane, y, stride),
                    3 => self.lanes::<V, 3>(lane, y, stride),
                    _ => self.lanes::<V, 4>(lane, y, stride),
                };
            }
        }
    }

    /// R registers of these rows, tap by tap: what a place and the position both store. Returns how many lanes that are.
    ///
    /// # Safety
    /// As [`rows`](Self::rows), with y at `lane`; R registers from there on lie below the width.
    #[inline(always)]
    unsafe fn lanes<V: Vector<Lane = T>, const R: usize>(&self, lane: usize, y: *mut T, stride: usize) -> usize {
        let Depth { from, to, weights, width, add, .. } = self.job;
        // SAFETY: the rows that words tell of are stored, y as the caller says; there is a weight for each tap and channel.
        unsafe {
            if !add {
                for row in 0..self.run.count {
                    for r in 0..R {
                        V::zero().store(y.wrapping_add(row * stride + r * V::LANES));
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
                        let w = V::splat(*weights.wrapping_add(both.trailing_zeros() as usize));
                        let x = first.wrapping_add((x.bits & below).count_ones() as usize * step);
                        let y = y.wrapping_add((here.bits & below).count_ones() as usize * stride);
                        both &= both - 1;
                        for r in 0..R {
                            let y = y.wrapping_add(r * V::LANES);
                            w.multiply_add(V::load(x.wrapping_add(r * V::LANES)), V::load(y)).store(y);
                        }
                    }
                }
            }
        }
        R * V::LANES
    }
}
