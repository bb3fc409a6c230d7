//! Masked convolution, forward or transposed. For each stored (p, c) of y: `y[p, c] = Σ w[c, t, d] · x[q, d]` over the taps t
//! with q = q(p, t), and over the channels d that x stores at q. Also called gather-GEMM, or rulebook convolution.

mod tile;

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use tile::lanes;

use crate::index::WindowIndex;
use crate::index::rows::{Layout, Rows, Run};
use crate::masked::depthwise::DepthwiseRows;
use crate::masked::depthwise::MaskedDepthwise;
use crate::memory::{SendPtr, align_offset, line};
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch};

/// Bytes of a row from which on masked products are faster than matrix products over whole tensors: one register.
pub const MASKED: usize = 64;
/// Bytes of weights that one task of a narrow product goes over: half of a small level-2 cache.
const WEIGHT_BYTES: usize = 1 << 18;

/// Products of one task at least: some microseconds, more than it takes to hand a task to another thread.
const PRODUCTS: usize = 1 << 18;

/// The weights of a product: `w[c, t, d] = data[c · to + t · tap + d · from]`, where d counts from the first channel of
/// the group of c.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a, T> {
    /// All weights.
    pub data: &'a [T],
    /// From channel to channel of y.
    pub to: usize,
    /// From tap to tap.
    pub tap: usize,
    /// From channel to channel of x.
    pub from: usize,
}

/// A masked convolution, or a masked product with a matrix. What x does not store is not read, and what y does not
/// store is not computed.
#[derive(Debug)]
pub struct MaskedConv<'a, T> {
    /// Where the rows of x lie.
    pub from: Rows<'a>,
    /// Where the rows of y lie.
    pub to: Rows<'a>,
    /// Which places of x each place of y reads.
    pub reads: &'a WindowIndex,
    /// Groups of the convolution.
    pub groups: usize,
    /// The weights.
    pub weights: Weights<'a, T>,
    /// K, the vectors of the batch.
    pub width: usize,
    /// y += instead of y =.
    pub add: bool,
    /// A depthwise convolution to be computed first (fusion): x is then its result, made place by place in the cache
    /// and never stored as a batch. For 1×1 convolutions only, where each place reads itself alone.
    pub after: Option<&'a MaskedDepthwise<'a, T>>,
}

/// Rows of x that one position reads, next to each other: of one tap, or of the neighbours on a line.
#[derive(Clone, Copy)]
struct Step<T> {
    /// The first of the rows; the next one lies `stride` numbers further.
    rows: *const T,
    stride: usize,
    /// For each row how far its weight lies from `tap`.
    offsets: *const u32,
    count: usize,
    tap: usize,
}

/// What one task computes.
enum Task {
    /// The rows of some channels at some positions.
    Rows(Range<usize>, Range<usize>),
    /// All rows at some positions, whose rows of x the depthwise convolution `after` computes there.
    After(Range<usize>),
}

/// What the tasks of one product share.
struct Job<'a, T> {
    conv: &'a MaskedConv<'a, T>,
    x: &'a [T],
    y: SendPtr<T>,
    /// For each row of x, or each of its channels, how far its weight lies from a step's.
    offsets: &'a [u32],
    channels: &'a [u32],
    /// Where the neighbours on a line are read as one step.
    lines: Option<Lines<'a>>,
}

/// By how far weights differ from one place of a line to the next, backwards where that is negative.
#[derive(Clone, Copy)]
struct Lines<'a> {
    layout: &'a Layout,
    ahead: isize,
    /// How far the last place of a line lies back, which no offset is behind.
    back: usize,
}

impl<T: Lanes> MaskedConv<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        self.check(x, y);
        let (lines, channels) = (self.lines(), self.to.list());
        let offsets = self.offsets(lines);
        let job = Job { conv: self, x, y: SendPtr(y.as_mut_ptr()), offsets: &offsets, channels: &channels, lines };
        self.tasks().into_par_iter().for_each(|task| {
            // SAFETY: `isa` is one that this processor has; `check` holds; tasks share no (position, channel).
            unsafe { dispatch(isa, ByTask { job: &job, task }) };
        });
    }

    /// Of a line's neighbours all rows lie next to each other, and their weights differ by the same number of taps, not too
    /// many to be counted.
    fn lines(&self) -> Option<Lines<'_>> {
        let slope = self.reads.slope().filter(|_| self.groups == 1)?;
        let ahead = slope * self.weights.tap as isize;
        let way = ahead.unsigned_abs().checked_mul(self.reads.columns().saturating_sub(1))?;
        let back = if ahead < 0 { way } else { 0 };
        let fits = way.checked_add(self.from.axes.channels * self.weights.from)? <= u32::MAX as usize;
        Some(Lines { layout: self.from.layout?, ahead, back }).filter(|_| fits)
    }

    /// For each row of x, or each of its channels, how far its weight lies from tap 0 of channel 0; with `lines`, from
    /// that of the line's first place, and so much further that no offset is negative.
    fn offsets(&self, lines: Option<Lines<'_>>) -> Cow<'_, [u32]> {
        let (channels, ahead) = (self.from.list(), lines.map_or(0, |lines| lines.ahead));
        if self.weights.from == 1 && ahead == 0 {
            return channels;
        }
        let offset = |channel: u32, ahead: isize| (channel as usize * self.weights.from + ahead as usize) as u32;
        let Some(Lines { layout, back, .. }) = lines.filter(|_| ahead != 0) else {
            return channels.iter().map(|&channel| offset(channel, 0)).collect();
        };
        let mut offsets = Vec::with_capacity(channels.len());
        for position in 0..self.from.axes.positions() {
            let here = (position % self.reads.columns()) as isize * ahead + back as isize;
            let rows = layout.start(position)..layout.start(position + 1);
            offsets.extend(channels[rows].iter().map(|&channel| offset(channel, here)));
        }
        offsets.into()
    }

    /// What the tasks compute, cut from the shapes alone.
    fn tasks(&self) -> Vec<Task> {
        if let Some(depth) = self.after {
            return depth.tasks().into_iter().map(Task::After).collect();
        }
        let (all, (positions, channels)) = (self.to.axes, self.size());
        let cut = |len: usize, size: usize| (0..len).step_by(size).map(move |at| at..(at + size).min(len));
        cut(all.positions(), positions)
            .flat_map(|positions| cut(all.channels, channels).map(move |block| Task::Rows(positions.clone(), block)))
            .collect()
    }

    /// Positions and channels of one task.
    fn size(&self) -> (usize, usize) {
        let (axes, from) = (self.to.axes, self.from.axes);
        let at_once = self.from.count().div_ceil(from.positions().max(1));
        let tasks = (self.to.count() * self.reads.taps() * at_once * self.width / PRODUCTS).clamp(1, 64);
        let positions = axes.positions().div_ceil(tasks).max(1);
        let bytes = self.reads.taps() * (from.channels / self.groups) * size_of::<T>();
        if axes.positions() < 32 {
            return (positions, axes.channels.div_ceil(tasks.min(32)).next_multiple_of(12));
        }
        // A weight serves as many products as there are lanes: with few lanes it must stay close for several places.
        if self.width * size_of::<T>() <= 128 {
            let block = (WEIGHT_BYTES / bytes.max(1)).max(12);
            if block < axes.channels {
                return (axes.positions().div_ceil(4).min(256), block);
            }
        }
        (positions, axes.channels.max(1))
    }

    /// What the unsafe code relies on.
    fn check(&self, x: &[T], y: &[T]) {
        let (from, to, w) = (self.from.axes, self.to.axes, &self.weights);
        assert!(
            self.groups > 0 && from.channels.is_multiple_of(self.groups) && to.channels.is_multiple_of(self.groups)
        );
        assert_eq!((from.batch, from.places, to.places), (to.batch, self.reads.places_from(), self.reads.places_to()));
        match self.after {
            Some(depth) => {
                depth.check(x);
                let made = (depth.to.axes, depth.to.count(), depth.width, depth.add);
                assert_eq!(made, (from, self.from.count(), self.width, false), "rows that are made place by place");
                assert!(self.groups == 1 && self.reads.is_identity(), "places that read themselves alone");
            }
            None => assert_eq!(x.len(), self.from.count() * self.width, "rows of x"),
        }
        assert_eq!(y.len(), self.to.count() * self.width, "rows of y");
        let last = |count: usize, step: usize| count.saturating_sub(1) * step;
        let end = last(to.channels, w.to) + last(self.reads.taps(), w.tap) + last(from.channels / self.groups, w.from);
        assert!(end < w.data.len() || to.channels == 0 || from.channels == 0, "weights of a product");
        assert!(from.channels * w.from <= u32::MAX as usize, "offsets are u32");
    }
}

impl<T: Lanes> Job<'_, T> {
    /// The rows of these channels of x that a place reads.
    #[inline(always)]
    fn steps(&self, image: usize, place: [usize; 2], channels: Range<usize>, steps: &mut Vec<Step<T>>) {
        let g = self.conv;
        let mut step = |from: Run, tap: usize| {
            if from.count > 0 {
                steps.push(Step {
                    rows: self.x.as_ptr().wrapping_add(from.first * g.width),
                    stride: from.step * g.width,
                    offsets: self.offsets.as_ptr().wrapping_add(from.listed),
                    count: from.count,
                    tap,
                });
            }
        };
        let before = image * g.from.axes.places;
        match self.lines {
            Some(Lines { layout, ahead, back }) => g.reads.visit_lines(place, |line, first, count, tap| {
                let from = layout.stretch(before + line * g.reads.columns() + first, count);
                // Offsets count from the line's first place.
                let start = first as isize * ahead + back as isize;
                step(from, (tap * g.weights.tap).wrapping_add_signed(-start));
            }),
            None => g.reads.visit(place, |read, tap| {
                let from = g.from.run(before + read, channels.clone());
                // Offsets count from channel 0, weights from the group's first channel.
                step(from, (tap * g.weights.tap).wrapping_sub(channels.start * g.weights.from));
            }),
        }
    }
}

/// The work of one task: some rows of y. Its `run` has the safety conditions of [`body`].
struct ByTask<'a, T> {
    job: &'a Job<'a, T>,
    task: Task,
}

impl<T: Lanes> Body<T> for ByTask<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { body(simd, self.job, self.task) }
    }
}

/// The rows of y of one task.
///
/// # Safety
/// [`MaskedConv::check`] holds for the job, no other thread reads or writes these rows of y.
#[inline(always)]
unsafe fn body<V: Vector>(simd: Simd<V>, job: &Job<'_, V::Lane>, task: Task) {
    let (positions, channels) = match task {
        // SAFETY: the caller's.
        Task::After(positions) => return unsafe { after::<V>(simd, job, positions) },
        Task::Rows(positions, channels) => (positions, channels),
    };
    let g = job.conv;
    let (ins, outs) = (g.from.axes.channels / g.groups, g.to.axes.channels / g.groups);
    let mut steps: Vec<Step<V::Lane>> = Vec::with_capacity(g.reads.taps());
    let (places, columns) = (g.to.axes.places, g.reads.to()[1]);
    let mut position = positions.start;
    while position < positions.end {
        let (image, [line, first]) = (position / places, g.reads.at(position % places));
        for column in first..columns.min(first + positions.end - position) {
            for group in channels.start / outs..channels.end.div_ceil(outs) {
                let own = channels.start.max(group * outs)..channels.end.min((group + 1) * outs);
                let to = g.to.run(position, own);
                if to.count > 0 {
                    steps.clear();
                    job.steps(image, [line, column], group * ins..(group + 1) * ins, &mut steps);
                    // SAFETY: `to` and `steps` are runs of stored rows.
                    unsafe { lanes::<V>(simd, job, to, &steps) };
                }
            }
            position += 1;
        }
    }
}

/// The rows of y at these positions, of rows of x that [`MaskedConv::after`] makes position by position.
///
/// # Safety
/// As [`body`].
#[inline(always)]
unsafe fn after<V: Vector>(simd: Simd<V>, job: &Job<'_, V::Lane>, positions: Range<usize>) {
    let g = job.conv;
    let Some(depth) = g.after else { return };
    let (ins, outs) = (g.from.axes.channels, g.to.axes.channels);
    let mut walk = DepthwiseRows::new(depth, job.x);
    let mut made = vec![V::Lane::default(); ins * g.width + line::<V::Lane>()];
    let lead = align_offset(&made);
    let made = &mut made[lead..];
    for position in positions {
        let to = g.to.run(position, 0..outs);
        if to.count == 0 {
            continue;
        }
        let from = walk.go_to(position);
        debug_assert_eq!(from.count, g.from.run(position, 0..ins).count, "rows that are made");
        // SAFETY: there is room for all channels, each as wide as the rows of the walk; the caller's.
        unsafe { walk.rows::<V>(simd, made.as_mut_ptr(), g.width) };
        let offsets = job.offsets.as_ptr().wrapping_add(from.listed);
        let step = Step { rows: made.as_ptr(), stride: g.width, offsets, count: from.count, tap: 0 };
        // SAFETY: `to` is a run of stored rows, the step one of rows that were made.
        unsafe { lanes::<V>(simd, job, to, &[step]) };
    }
}
