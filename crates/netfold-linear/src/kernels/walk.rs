//! The rows of a depthwise product, position by position.

use std::borrow::Cow;

use super::depth::Depth;
use super::vector::{Lanes, Vector};
use crate::Real;
use crate::bits::BELOW;
use crate::layout::{Run, Word};

/// Places from the one that is found to the one whose rows are fetched.
const AHEAD: usize = 3;

/// A way over the positions that computes the rows of all channels there, one after the other.
#[derive(Debug)]
pub(super) struct Walk<'a, T> {
    job: &'a Depth<'a, T>,
    x: &'a [T],
    /// The channels of the rows of y.
    list: Cow<'a, [u32]>,
    /// What stands for a row that is not stored.
    zeros: Vec<T>,
    /// By line and by column which slot a place of x has: all that one position reads have slots of their own.
    slots: [Vec<usize>; 2],
    /// Which position of x each slot holds.
    held: Vec<usize>,
    /// Where the rows of these positions lie, one for each channel, or zeros.
    found: Vec<*const T>,
    /// What the position that was gone to reads: the rows in `found`, channel by channel, and their weights.
    read: Vec<Read<T>>,
    /// Line, column and tap of each.
    taps: Vec<[usize; 3]>,
    /// The rows of that position.
    run: Run,
    terms: Vec<(*const T, T)>,
}

/// What a position reads by one tap: a pointer to a row, and a weight, for each channel.
#[derive(Clone, Copy, Debug)]
struct Read<T> {
    rows: *const *const T,
    weights: *const T,
}

impl<'a, T: Real> Walk<'a, T> {
    pub fn new(job: &'a Depth<'a, T>, x: &'a [T]) -> Self {
        let ([lines, columns], taps) = (job.reads.spans(), job.reads.taps());
        let slots = [
            (0..job.reads.lines()).map(|line| line % lines.max(1) * columns).collect(),
            (0..job.reads.columns()).map(|column| column % columns.max(1)).collect(),
        ];
        let count = lines * columns;
        Self {
            job,
            x,
            list: job.to.list(),
            zeros: vec![T::zero(); job.width],
            slots,
            held: vec![usize::MAX; count],
            found: vec![x.as_ptr(); count * job.from.axes.channels],
            read: Vec::with_capacity(taps),
            taps: Vec::with_capacity(taps),
            run: Run { first: 0, step: 0, listed: 0, count: 0 },
            terms: vec![(x.as_ptr(), T::zero()); taps],
        }
    }

    /// Finds what the rows of a position are made of. Returns which rows these are.
    #[inline(always)]
    pub fn go_to(&mut self, position: usize) -> Run {
        let (job, to, from) = (self.job, self.job.to.axes, self.job.from.axes);
        self.run = job.to.run(position, 0..to.channels);
        self.read.clear();
        self.taps.clear();
        if self.run.count > 0 {
            // Work in a closure that is not inlined would be done without the instructions that this is compiled for.
            job.reads.visit_lines_and_columns(position % to.places, |line, column, tap| {
                self.taps.push([line, column, tap]);
            });
        }
        let (first, mut last) = (position / to.places * from.places, None);
        for &[line, column, tap] in &self.taps {
            let slot = self.slots[0][line] + self.slots[1][column];
            let position = first + line * job.reads.columns() + column;
            let rows = &mut self.found[slot * from.channels..][..from.channels];
            if self.held[slot] != position {
                self.held[slot] = position;
                last = Some(position);
                for (word, rows) in rows.chunks_mut(64).enumerate() {
                    spread(job.from.word(position, word), self.x, job.width, &self.zeros, rows);
                }
            }
            self.read.push(Read { rows: rows.as_ptr(), weights: &raw const job.weights[tap * to.channels] });
        }
        if let Some(last) = last {
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
        let (width, add) = (self.job.width, self.job.add);
        let channels = &self.list[self.run.listed..][..self.run.count];
        let mut done = 0;
        while done < channels.len() {
            let y = y.wrapping_add(done * stride);
            let tile = Tile { read: &self.read, channels: &channels[done..], stride, add };
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

/// Where the rows of a word's channels lie in x, each `width` numbers, and `zeros` where one is not stored.
#[inline(always)]
fn spread<T>(word: Word, x: &[T], width: usize, zeros: &[T], rows: &mut [*const T]) {
    let (zeros, step) = (zeros.as_ptr(), word.step * width);
    let mut first = x.as_ptr().wrapping_add(word.first * width);
    if step > u32::MAX as usize {
        for (bit, row) in rows.iter_mut().enumerate() {
            *row = if word.bits >> bit & 1 == 1 { first } else { zeros };
            first = first.wrapping_add((word.bits >> bit & 1) as usize * step);
        }
        return;
    }
    let mut bits = word.bits;
    for rows in rows.chunks_mut(8) {
        let (byte, before) = (bits as u8, &BELOW[bits as u8 as usize]);
        let mut eight = [zeros; 8];
        for bit in 0..8 {
            // Both factors fit 32 bits, so that registers multiply them side by side.
            let stored = first.wrapping_add(before[bit] as usize * (step as u32) as usize);
            eight[bit] = if byte >> bit & 1 == 1 { stored } else { zeros };
        }
        match rows.as_mut_array() {
            Some(rows) => *rows = eight,
            None => rows.copy_from_slice(&eight[..rows.len()]),
        }
        first = first.wrapping_add(byte.count_ones() as usize * step);
        bits >>= 8;
    }
}

/// What makes up the rows of y at a position.
#[derive(Clone, Copy)]
struct Tile<'a, T> {
    read: &'a [Read<T>],
    /// Channels whose rows y stores, the first one first.
    channels: &'a [u32],
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
        // SAFETY: the caller's; what is read has a row and a weight for each channel.
        unsafe {
            let mut sums = [[V::zero(); R]; J];
            let mut channels = [0; J];
            for j in 0..J {
                channels[j] = self.channels[j] as usize;
                for r in 0..R {
                    if self.add {
                        sums[j][r] = V::load(y.wrapping_add(j * self.stride + r * V::LANES));
                    }
                }
            }
            for &Read { rows, weights } in self.read {
                for j in 0..J {
                    let (row, w) = (*rows.wrapping_add(channels[j]), V::splat(*weights.wrapping_add(channels[j])));
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
        let channel = self.channels[0] as usize;
        // Whether a row is stored cannot be foretold: it is listed in any case, and counted if it is.
        let mut count = 0;
        for &Read { rows, weights } in self.read {
            // SAFETY: there is an entry for the channel.
            let row = unsafe { *rows.wrapping_add(channel) };
            // SAFETY: as above.
            terms[count] = (row, unsafe { *weights.wrapping_add(channel) });
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
