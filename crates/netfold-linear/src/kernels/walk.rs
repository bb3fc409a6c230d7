//! The rows of a depthwise product, position by position.

use std::ops::Range;

use super::depth::Depth;
use super::vector::{Lanes, Vector};
use crate::Real;

/// Places from the one that is found to the one whose rows are fetched.
const AHEAD: usize = 3;

/// A way over the positions that computes the rows of some channels there, one after the other.
#[derive(Debug)]
pub(super) struct Walk<'a, T> {
    job: &'a Depth<'a, T>,
    x: &'a [T],
    channels: Range<usize>,
    /// What stands for a row that is not stored.
    zeros: Vec<T>,
    /// Which place of x each column of each line of a ring holds: as many lines as a line of y reads.
    held: Vec<usize>,
    /// Where the rows of the places that are held lie, one for each channel.
    found: Vec<*const T>,
    /// The places that the position reads, and by which tap.
    places: Vec<(usize, usize)>,
    /// The rows of each of these places, channel by channel, and the tap.
    read: Vec<(*const *const T, usize)>,
    /// Channels that y stores at a position, counted from the first one of the walk.
    stored: Vec<usize>,
    terms: Vec<(*const T, T)>,
}

impl<'a, T: Real> Walk<'a, T> {
    pub fn new(job: &'a Depth<'a, T>, x: &'a [T], channels: Range<usize>) -> Self {
        let (places, taps) = (job.reads.span() * job.reads.columns(), job.reads.taps());
        Self {
            job,
            x,
            zeros: vec![T::zero(); job.width],
            held: vec![usize::MAX; places],
            found: vec![x.as_ptr(); places * channels.len()],
            places: Vec::with_capacity(taps),
            read: Vec::with_capacity(taps),
            stored: Vec::new(),
            terms: vec![(x.as_ptr(), T::zero()); taps],
            channels,
        }
    }

    /// Finds what the rows of a position are made of. Returns how many there are.
    #[inline(always)]
    pub fn go_to(&mut self, position: usize) -> usize {
        let (job, places) = (self.job, self.job.to.axes.places);
        self.stored.clear();
        for (word, bits) in words(&self.channels) {
            let mut rest = job.to.word(position, word).bits & bits;
            while rest != 0 {
                self.stored.push(word * 64 + rest.trailing_zeros() as usize - self.channels.start);
                rest &= rest - 1;
            }
        }
        self.read.clear();
        self.places.clear();
        if !self.stored.is_empty() {
            job.reads.visit(position % places, |place, tap| self.places.push((place, tap)));
        }
        let first = position / places * job.from.axes.places;
        for index in 0..self.places.len() {
            let (place, tap) = self.places[index];
            let rows = self.find(first + place, place);
            self.read.push((rows, tap));
        }
        self.stored.len()
    }

    /// The rows of x at a position, which is this place of its picture: one for each channel of the walk.
    #[inline(always)]
    fn find(&mut self, position: usize, place: usize) -> *const *const T {
        let (job, columns, channels) = (self.job, self.job.reads.columns(), self.channels.len());
        let slot = place % self.held.len();
        debug_assert!(self.held.len().is_multiple_of(columns), "whole lines");
        if self.held[slot] != position {
            self.held[slot] = position;
            self.fetch(position + AHEAD);
            let rows = &mut self.found[slot * channels..][..channels];
            rows.fill(self.zeros.as_ptr());
            for (word, bits) in words(&self.channels) {
                let run = job.from.word(position, word);
                let before = run.bits & ((1 << bits.trailing_zeros()) - 1);
                let mut row = run.first + before.count_ones() as usize * run.step;
                let mut rest = run.bits & bits;
                while rest != 0 {
                    rows[word * 64 + rest.trailing_zeros() as usize - self.channels.start] =
                        self.x.as_ptr().wrapping_add(row * job.width);
                    row += run.step;
                    rest &= rest - 1;
                }
            }
        }
        self.found[slot * channels..][..channels].as_ptr()
    }

    /// Has the rows of x at a position brought into the cache, if there are any.
    #[inline(always)]
    fn fetch(&self, position: usize) {
        if position < self.job.from.axes.positions() {
            let (first, count) = self.job.from.stretch_of(position, &self.channels);
            let rows = &self.x[first * self.job.width..][..count * self.job.width];
            for line in (0..rows.len()).step_by(64 / size_of::<T>()) {
                super::fetch(&rows[line]);
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
        let (width, taps, add) = (self.job.width, self.job.reads.taps(), self.job.add);
        let weights = &self.job.weights[self.channels.start * taps..];
        let mut done = 0;
        while done < self.stored.len() {
            let y = y.wrapping_add(done * stride);
            let tile = Tile { read: &self.read, channels: &self.stored[done..], weights, taps, stride, add };
            // SAFETY: y is a row as the caller says; what was found are stored rows, or zeros as wide.
            unsafe {
                done += match width / V::LANES {
                    0 if width == V::Narrow::LANES => tile.all::<V::Narrow, 1>(y),
                    1 if width == V::LANES => tile.all::<V, 1>(y),
                    2 if width == 2 * V::LANES => tile.all::<V, 2>(y),
                    _ => tile.stored::<V>(self.zeros.as_ptr(), width, &mut self.terms, y),
                };
            }
        }
    }
}

/// The words that these channels lie in, and their bits there.
fn words(channels: &Range<usize>) -> impl Iterator<Item = (usize, u64)> + use<> {
    let Range { start, end } = channels.clone();
    (start / 64..end.div_ceil(64)).map(move |word| {
        let low = u64::MAX << start.saturating_sub(word * 64);
        (word, low & u64::MAX >> (64 - (end - word * 64).min(64)))
    })
}

/// What makes up the rows of y at a position.
#[derive(Clone, Copy)]
struct Tile<'a, T> {
    /// The rows of each place that is read, channel by channel, and by which tap.
    read: &'a [(*const *const T, usize)],
    /// Channels whose rows y stores, the first one first.
    channels: &'a [usize],
    /// Tap by tap, channel by channel.
    weights: &'a [T],
    taps: usize,
    /// From one row of y to the next.
    stride: usize,
    add: bool,
}

impl<T: Real> Tile<'_, T> {
    /// Some rows of R registers, with zeros where x does not store a row: for few registers these cost less than to tell
    /// them apart. Returns how many rows that are.
    ///
    /// # Safety
    /// y is the row of the first channel; only this thread uses it and the next ones, R registers wide as all rows that
    /// are read, which have an entry for each channel; the processor has the instructions of V.
    #[inline(always)]
    unsafe fn all<V: Vector<Lane = T>, const R: usize>(self, y: *mut T) -> usize {
        // SAFETY: the caller's.
        unsafe {
            match self.channels.len() {
                4.. => self.some::<V, R, 4>(y),
                3 => self.some::<V, R, 3>(y),
                2 => self.some::<V, R, 2>(y),
                _ => self.some::<V, R, 1>(y),
            }
        }
    }

    /// J rows of R registers.
    ///
    /// # Safety
    /// As [`all`](Self::all); there are J channels.
    #[inline(always)]
    unsafe fn some<V: Vector<Lane = T>, const R: usize, const J: usize>(self, y: *mut T) -> usize {
        // SAFETY: the caller's; weights of a channel are `taps` from its first one.
        unsafe {
            let mut sums = [[V::zero(); R]; J];
            let mut weights = [self.weights.as_ptr(); J];
            for j in 0..J {
                weights[j] = weights[j].wrapping_add(self.channels[j] * self.taps);
                for r in 0..R {
                    if self.add {
                        sums[j][r] = V::load(y.wrapping_add(j * self.stride + r * V::LANES));
                    }
                }
            }
            for &(rows, tap) in self.read {
                for j in 0..J {
                    let (row, w) = (*rows.add(self.channels[j]), V::splat(*weights[j].wrapping_add(tap)));
                    for r in 0..R {
                        sums[j][r] = w.multiply_add(V::load(row.wrapping_add(r * V::LANES)), sums[j][r]);
                    }
                }
            }
            for j in 0..J {
                for r in 0..R {
                    sums[j][r].store(y.wrapping_add(j * self.stride + r * V::LANES));
                }
            }
        }
        J
    }

    /// One row as wide as said, of rows that x stores alone. Returns 1.
    ///
    /// # Safety
    /// As [`all`](Self::all); there are as many terms as taps.
    #[inline(always)]
    unsafe fn stored<V: Vector<Lane = T>>(
        self,
        zeros: *const T,
        width: usize,
        terms: &mut [(*const T, T)],
        y: *mut T,
    ) -> usize {
        let weights = &self.weights[self.channels[0] * self.taps..][..self.taps];
        // Whether a row is stored cannot be foretold: it is listed in any case, and counted if it is.
        let mut count = 0;
        for &(rows, tap) in self.read {
            // SAFETY: there is an entry for the channel.
            let row = unsafe { *rows.add(self.channels[0]) };
            terms[count] = (row, weights[tap]);
            count += usize::from(row != zeros);
        }
        let terms = &terms[..count];
        let mut lane = 0;
        while lane < width {
            // SAFETY: y is a stored row, those of the terms are; the lanes are below the width.
            unsafe {
                lane += match (width - lane) / V::LANES {
                    0 if width - lane >= V::Narrow::LANES => sum::<V::Narrow, 1>(terms, lane, y, self.add),
                    0 => sum::<<T as Lanes>::One, 1>(terms, lane, y, self.add),
                    1 => sum::<V, 1>(terms, lane, y, self.add),
                    2 => sum::<V, 2>(terms, lane, y, self.add),
                    3 => sum::<V, 3>(terms, lane, y, self.add),
                    _ => sum::<V, 4>(terms, lane, y, self.add),
                };
            }
        }
        1
    }
}

/// R registers of one row. Returns how many lanes that are.
///
/// # Safety
/// The terms and y are rows of the same width, y one that only this thread uses; R registers from `lane` on lie below
/// the width, and the processor has the instructions of V.
#[inline(always)]
unsafe fn sum<V: Vector, const R: usize>(
    terms: &[(*const V::Lane, V::Lane)],
    lane: usize,
    y: *mut V::Lane,
    add: bool,
) -> usize {
    let y = y.wrapping_add(lane);
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [V::zero(); R];
        for r in 0..R {
            if add {
                sums[r] = V::load(y.wrapping_add(r * V::LANES));
            }
        }
        for &(row, weight) in terms {
            let w = V::splat(weight);
            for r in 0..R {
                sums[r] = w.multiply_add(V::load(row.wrapping_add(lane + r * V::LANES)), sums[r]);
            }
        }
        for r in 0..R {
            sums[r].store(y.wrapping_add(r * V::LANES));
        }
    }
    R * V::LANES
}
