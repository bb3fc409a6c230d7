//! Direct convolution of one whole tensor, for groups with few channels in the result:
//! `y[c, p] = Σ over taps t and channels d of w[c, d, t] · x[d, q(p, t)]`. Examples are the transposes of strided
//! depthwise convolutions. A tap moves a whole padded plane by a constant distance; the sums of a line stay in
//! registers for all channels of a group.

use std::ops::Range;

use rayon::prelude::*;

mod sums;

use sums::{STEP, Term, sums};

use crate::Number;
use crate::dense::microkernel::Init;
use crate::dense::pad::{alternate, collect, put};
use crate::index::Padded;
use crate::index::padded::{Grid, SLACK};
use crate::memory::{Scratch, SendPtr};
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// Channels of a group of the result at most: their sums share what is read.
pub const THIN: usize = 4;
/// Planes that are read side by side.
const PLANES: usize = 8;
/// Products of one task at least, and tasks at least if that leaves them.
const PRODUCTS: usize = 1 << 16;
const TASKS: usize = 16;

/// A convolution of one whole tensor whose groups have at most [`THIN`] channels in the result.
#[derive(Debug)]
pub struct FewChannels<'a, T> {
    /// The padded layout of the planes that are read.
    pub frame: &'a Padded,
    /// Groups of the convolution.
    pub groups: usize,
    /// Channels of a group of x.
    pub from: usize,
    /// Channels of a group of y.
    pub to: usize,
    /// w[c, t, d] of group g at `[g][c][d][t]`, or with c and d turned.
    pub weights: &'a [T],
    /// Distances of c and d in a group's weights, in windows.
    pub strides: [usize; 2],
    /// Taps of the window.
    pub taps: usize,
    /// What the sums of y begin with.
    pub begin: Init<'a, T>,
}

/// For each of some grids its terms: where a tap reads, and by which weights.
type Terms<T, const C: usize> = Vec<Vec<Term<T, C>>>;

/// Some lines of one grid, or of two whose places alternate on them, in one group of a picture.
struct Part<'a, T, const C: usize> {
    /// Picture times groups plus group.
    group: usize,
    grids: &'a [Grid],
    terms: &'a [Vec<Term<T, C>>],
    lines: Range<usize>,
}

impl<T: Number> FewChannels<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let (size, places) = (self.from * self.frame.places_from(), self.to * self.frame.places_to());
        let tasks = y.len() / places.max(1);
        assert!(self.to <= THIN, "groups of few channels");
        assert!(tasks.is_multiple_of(self.groups) && y.len() == tasks * places, "planes of y");
        assert_eq!(x.len(), tasks * size, "planes of x");
        assert_eq!(self.weights.len(), self.groups * self.from * self.to * self.taps, "weights of thin groups");
        let grids = self.frame.grids();
        for grid in &grids {
            let inside = |&(_, start): &(usize, usize)| start + self.frame.reach(grid) <= self.frame.size();
            assert!(grid.taps.iter().all(inside), "what a grid reads");
        }
        // Two grids that share their lines, place by place.
        let paired = matches!(grids.as_slice(), [even, odd, ..] if even.step[1] == 2 && odd.first == 1);
        let grids: Vec<&[Grid]> = grids.chunks(if paired { 2 } else { 1 }).collect();
        match self.to {
            1 => self.thin::<1>(isa, &grids, x, y),
            2 => self.thin::<2>(isa, &grids, x, y),
            3 => self.thin::<3>(isa, &grids, x, y),
            _ => self.thin::<THIN>(isa, &grids, x, y),
        }
    }

    /// Groups of C channels.
    fn thin<const C: usize>(&self, isa: Isa, grids: &[&[Grid]], x: &[T], y: &mut [T]) {
        if self.from > THIN {
            self.by_lines::<C>(isa, grids, x, y);
        } else {
            self.by_groups::<C>(isa, grids, x, y);
        }
    }

    /// A task for some lines: the planes of all channels that they read are padded before.
    fn by_lines<const C: usize>(&self, isa: Isa, grids: &[&[Grid]], x: &[T], y: &mut [T]) {
        let (size, groups) = (self.frame.size(), y.len() / (self.to * self.frame.places_to()));
        let len = groups * self.from * size;
        let mut framed = T::pool().take(len + STEP * SLACK);
        self.frame.run_by(isa, x, &mut framed[..len]);
        let terms: Vec<Vec<Terms<T, C>>> = (0..self.groups)
            .map(|group| {
                let mut terms = Vec::new();
                self.terms(grids, group, &mut terms);
                terms
            })
            .collect();
        let mut parts = Vec::new();
        for group in 0..groups {
            for (grids, terms) in grids.iter().zip(&terms[group % self.groups]) {
                let lines = grids[0].count[0];
                let shares = TASKS.min(lines);
                let share = |share: usize| share * lines / shares..(share + 1) * lines / shares;
                parts.extend((0..shares).map(|s| Part { group, grids, terms, lines: share(s) }));
            }
        }
        let y = SendPtr(y.as_mut_ptr());
        parts.par_iter().for_each(|part| {
            let x = framed.as_ptr().wrapping_add(part.group * self.from * size);
            // SAFETY: `isa` is one that this processor has; lengths as asserted; parts share no line of a channel.
            T::with_scratch(|scratch| unsafe { self.lines(isa, part, x, y, scratch) });
        });
        T::pool().give(framed);
    }

    /// A task for some groups, each of which pads its planes by itself.
    fn by_groups<const C: usize>(&self, isa: Isa, grids: &[&[Grid]], x: &[T], y: &mut [T]) {
        let (size, places) = (self.from * self.frame.places_from(), self.to * self.frame.places_to());
        let tasks = y.len() / places.max(1);
        let products = (self.from * self.taps * places).max(1);
        let least = (PRODUCTS / products).clamp(1, tasks.div_ceil(TASKS).max(1));
        // Zeros around the planes of a group, which stay when the next ones are put there.
        let buffers = || (vec![T::zero(); self.from * self.frame.size() + STEP * SLACK], Vec::new());
        let y = SendPtr(y.as_mut_ptr());
        (0..tasks).into_par_iter().with_min_len(least).for_each_init(buffers, |(framed, terms), group| {
            let x = &x[group * size..][..size];
            // SAFETY: `isa` is one that this processor has; lengths as asserted; groups share no channel of a picture.
            T::with_scratch(|scratch| unsafe {
                self.frames(isa, x, framed);
                self.terms::<C>(grids, group % self.groups, terms);
                for (grids, terms) in grids.iter().zip(&*terms) {
                    let part = Part { group, grids, terms, lines: 0..grids[0].count[0] };
                    self.lines(isa, &part, framed.as_ptr(), y, scratch);
                }
            });
        });
    }

    /// For each of the grids where its first place reads, and by which weights, for each channel d and tap.
    fn terms<const C: usize>(&self, grids: &[&[Grid]], group: usize, terms: &mut Vec<Terms<T, C>>) {
        let weights = &self.weights[group * self.from * self.to * self.taps..];
        terms.resize_with(grids.len(), Vec::new);
        for (grids, terms) in grids.iter().zip(terms) {
            terms.resize_with(grids.len(), Vec::new);
            for (grid, terms) in grids.iter().zip(terms) {
                terms.clear();
                for d in 0..self.from {
                    let window = |c: usize| c * self.strides[0] + d * self.strides[1];
                    let windows: [&[T]; C] = std::array::from_fn(|c| &weights[window(c) * self.taps..][..self.taps]);
                    let first = d * self.frame.size();
                    terms.extend(grid.taps.iter().map(|&(tap, start)| Term {
                        start: first + start,
                        weights: windows.map(|window| window[tap]),
                    }));
                }
            }
        }
    }

    /// Copies the planes of a group into the padded layout.
    ///
    /// # Safety
    /// `isa` is one that this processor has.
    unsafe fn frames(&self, isa: Isa, x: &[T], framed: &mut [T]) {
        // SAFETY: the caller's.
        unsafe { dispatch(isa, ByPlanes { frame: self.frame, x, framed }) };
    }

    /// The lines of a part.
    ///
    /// # Safety
    /// `isa` is one that this processor has, `x` are the padded planes of the part's group with STEP registers behind them,
    /// and no other thread reads or writes its lines.
    unsafe fn lines<const C: usize>(
        &self,
        isa: Isa,
        part: &Part<'_, T, C>,
        x: *const T,
        y: SendPtr<T>,
        scratch: &mut Scratch<T>,
    ) {
        // SAFETY: the caller's.
        unsafe { dispatch(isa, ByLines { job: self, part, x, y, scratch }) };
    }
}

/// The work of one task: planes into frames that hold zeros around them. Its `run` has no safety conditions.
struct ByPlanes<'a, T> {
    frame: &'a Padded,
    x: &'a [T],
    framed: &'a mut [T],
}

impl<T: Lanes> Body<T> for ByPlanes<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        let planes = self.x.chunks_exact(self.frame.places_from().max(1));
        for (framed, plane) in self.framed.chunks_exact_mut(self.frame.size()).zip(planes) {
            // SAFETY: the caller's.
            unsafe { put::<V, false>(simd, self.frame, plane, framed) };
        }
    }
}

/// The work of one task: the lines of a part. Its `run` has the safety conditions of [`lines`].
struct ByLines<'a, T, const C: usize> {
    job: &'a FewChannels<'a, T>,
    part: &'a Part<'a, T, C>,
    x: *const T,
    y: SendPtr<T>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Lanes, const C: usize> Body<T> for ByLines<'_, T, C> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { lines(simd, self.job, self.part, self.x, self.y, self.scratch) }
    }
}

/// The lines of a part for a group of C channels.
///
/// # Safety
/// See [`FewChannels::lines`].
#[inline(always)]
unsafe fn lines<V: Vector, const C: usize>(
    simd: Simd<V>,
    job: &FewChannels<'_, V::Lane>,
    part: &Part<'_, V::Lane, C>,
    x: *const V::Lane,
    y: SendPtr<V::Lane>,
    scratch: &mut Scratch<V::Lane>,
) {
    let (frame, lines) = (job.frame, part.lines.len());
    let longest = part.grids.iter().map(|grid| grid.count[1]).max().unwrap_or(0);
    let (len, room) = ((lines - 1) * frame.pitch() + longest, lines * frame.pitch() + longest + STEP * SLACK);
    let [even, odd, _] = scratch.hold([C * room, C * room, 0]);
    let channel = part.group % job.groups * C;
    let mut begin = [V::Lane::default(); C];
    for c in 0..C {
        begin[c] = job.begin.at(channel + c);
    }
    let x = x.wrapping_add(part.lines.start * frame.pitch());
    for (terms, to) in part.terms.iter().zip([&mut *even, &mut *odd]) {
        // A few planes at a time, which a processor can see coming.
        let most = PLANES * (terms.len() / job.from).max(1);
        for (index, terms) in terms.chunks(most).enumerate() {
            let begin = (index == 0).then_some(begin);
            // SAFETY: a term's start and the reach of the grid's lines lie inside its frame; rows of `room` numbers.
            unsafe { sums::<V, C>(simd, x, terms, begin, to.as_mut_ptr(), room, len) };
        }
        if terms.is_empty() {
            // SAFETY: as above. A place that reads nothing.
            unsafe { sums::<V, C>(simd, x, terms, Some(begin), to.as_mut_ptr(), room, len) };
        }
    }
    // The sums that belong to places of the grids, to where they belong in the result's planes.
    let (grid, count) = (&part.grids[0], part.grids.iter().map(|grid| grid.count[1]).sum::<usize>());
    let apart = if part.grids.len() == 2 { 1 } else { grid.step[1] };
    for (c, i) in (0..C).flat_map(|c| (0..lines).map(move |i| (c, i))) {
        let plane = y.get().wrapping_add((part.group * C + c) * frame.places_to());
        let line = plane.wrapping_add(grid.first + (part.lines.start + i) * grid.step[0]);
        let (even, odd) = (&even[c * room + i * frame.pitch()..], &odd[c * room + i * frame.pitch()..]);
        // SAFETY: places of this part's lines; a sum for each of them.
        unsafe {
            if job.begin.adds() {
                for p in 0..count {
                    let sum = if part.grids.len() == 2 { [even, odd][p % 2][p / 2] } else { even[p] };
                    *line.wrapping_add(p * apart) += sum;
                }
            } else if part.grids.len() == 2 {
                alternate::<V>(simd, even.as_ptr(), odd.as_ptr(), line, count);
            } else if apart == 1 {
                collect::<V>(simd, even.as_ptr(), 1, line, count);
            } else {
                for p in 0..count {
                    *line.wrapping_add(p * apart) = even[p];
                }
            }
        }
    }
}
