//! What the dense products share: how a product is cut into tasks, and the microkernel, whose tile of sums stays in
//! registers.

use std::ops::Range;

use rayon::prelude::*;

use crate::Number;
use crate::index::padded::Grid;
use crate::memory::{Scratch, SendPtr};
use crate::simd::{Body, Isa, Lanes, Simd, Vector, dispatch, most};

/// Channels of the result whose weights lie side by side, and whose sums a tile holds.
pub const BLOCK: usize = 8;
/// Tasks that a product is cut into at least, if it is large enough: the cores share them.
const TASKS: usize = 16;
/// Blocks of channels of a task at least: unfolding is worth that many.
const BLOCKS: usize = 8;

/// What the sums of a result begin with: zero, a bias, or the result itself (the β of BLAS).
#[derive(Clone, Copy, Debug)]
pub enum Init<'a, T> {
    /// Zero.
    Zero,
    /// A number for each channel of the result.
    Bias(&'a [T]),
    /// What the result holds.
    Accumulate,
}

impl<T: Lanes> Init<'_, T> {
    /// Whether the result is added to.
    pub fn adds(&self) -> bool {
        matches!(self, Self::Accumulate)
    }

    /// The number of channel `c`.
    pub fn at(&self, c: usize) -> T {
        if let Self::Bias(bias) = self { bias[c] } else { T::zero() }
    }

    /// The numbers of a block of channels, the first of which is `c`; zero from channel `end` on.
    pub(crate) fn block(&self, c: usize, end: usize) -> [T; BLOCK] {
        std::array::from_fn(|j| if c + j < end { self.at(c + j) } else { T::zero() })
    }
}

/// What one task computes: some registers of places of a grid, for some blocks of channels.
pub(crate) struct Part<'a> {
    pub grid: &'a Grid,
    /// Picture times groups plus group.
    pub group: usize,
    pub places: Range<usize>,
    pub registers: usize,
    pub blocks: Range<usize>,
}

/// The parts of a product: `(lanes, most)` are a register's lanes and how many registers a part has at most.
pub(crate) fn parts(grids: &[Grid], groups: usize, blocks: usize, (lanes, most): (usize, usize)) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for grid in grids {
        let registers = grid.places().div_ceil(lanes);
        let panels = registers.div_ceil(most);
        let shares = TASKS.div_ceil((groups * panels).max(1)).min(blocks.div_ceil(BLOCKS));
        for group in 0..groups {
            for panel in cuts(registers, panels) {
                let places = panel.start * lanes..(panel.end * lanes).min(grid.places());
                for blocks in cuts(blocks, shares) {
                    parts.push(Part { grid, group, places: places.clone(), registers: panel.len(), blocks });
                }
            }
        }
    }
    parts
}

/// `0..len` in pieces of equal size. A small piece would have too few independent sums to keep the processor busy.
pub(crate) fn cuts(len: usize, pieces: usize) -> impl Iterator<Item = Range<usize>> {
    (0..pieces).map(move |piece| piece * len / pieces..(piece + 1) * len / pieces)
}

/// A convolution of one whole tensor that is computed part by part.
pub(crate) trait Whole<T: Lanes>: Sync {
    /// All sums of one part.
    ///
    /// # Safety
    /// Lengths and frame are what the product asserts before it starts, `part` is one of its parts, no other thread
    /// reads or writes its places of y in its channels.
    unsafe fn part<V: Vector<Lane = T>>(
        &self,
        simd: Simd<V>,
        x: &[T],
        y: SendPtr<T>,
        part: &Part<'_>,
        scratch: &mut Scratch<T>,
    );
}

/// Computes all parts of y.
///
/// # Safety
/// `isa` is one that this processor has, the parts share no (channel, place) of y, and see [`Whole::part`].
pub(crate) unsafe fn run<T: Number, W: Whole<T>>(isa: Isa, whole: &W, parts: &[Part<'_>], x: &[T], y: &mut [T]) {
    let y = SendPtr(y.as_mut_ptr());
    parts.par_iter().for_each(|part| {
        // SAFETY: the caller's.
        T::with_scratch(|scratch| unsafe { dispatch(isa, ByPart { whole, x, y, part, scratch }) });
    });
}

/// The work of one task: all sums of one part. Its `run` has the safety conditions of [`Whole::part`].
struct ByPart<'a, T, W> {
    whole: &'a W,
    x: &'a [T],
    y: SendPtr<T>,
    part: &'a Part<'a>,
    scratch: &'a mut Scratch<T>,
}

impl<T: Number, W: Whole<T>> Body<T> for ByPart<'_, T, W> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        // SAFETY: the caller's.
        unsafe { self.whole.part(simd, self.x, self.y, self.part, self.scratch) }
    }
}

/// Places of a panel that read numbers side by side: a run.
pub(crate) struct Run {
    pub panel: usize,
    /// Behind where the grid's first place reads.
    pub x: usize,
    pub len: usize,
}

/// Weights that lie one after the other: those of `len` channels d of one tap, from number `first` on.
pub(crate) struct Segment {
    pub first: usize,
    pub len: usize,
}

/// The runs of numbers that the places of a panel read.
pub(crate) fn runs(grid: &Grid, pitch: usize, places: &Range<usize>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut place = places.start;
    while place < places.end {
        let (i, j) = (place / grid.count[1], place % grid.count[1]);
        let len = (grid.count[1] - j).min(places.end - place);
        let run = Run { panel: place - places.start, x: i * pitch + j, len };
        match runs.last_mut() {
            Some(last) if last.x + last.len == run.x => last.len += len,
            _ => runs.push(run),
        }
        place += len;
    }
    runs
}

/// `len` numbers, in whole registers unless `exact`.
///
/// # Safety
/// Both pointers are valid for `len` numbers, rounded up to whole registers unless `exact`.
#[inline(always)]
pub(crate) unsafe fn copy<V: Vector>(simd: Simd<V>, from: *const V::Lane, to: *mut V::Lane, len: usize, exact: bool) {
    // SAFETY: the caller's.
    unsafe {
        let mut at = 0;
        while at + V::LANES <= len {
            simd.load(from.wrapping_add(at)).store(to.wrapping_add(at));
            at += V::LANES;
        }
        match len - at {
            0 => {}
            rest if exact => simd.load_first(from.wrapping_add(at), rest).store_first(to.wrapping_add(at), rest),
            _ => simd.load(from.wrapping_add(at)).store(to.wrapping_add(at)),
        }
    }
}

/// How many products are summed from zero before they are added to the rest. Each addition rounds the sum so far, and
/// the sum of a piece is smaller than the whole sum and than what the whole begins with.
pub(crate) const PIECE: usize = 64;

/// `to[j] = begin[j] + Σ over steps of weights[step][j] · panel[step]` for the first `channels` of a block and so many
/// registers of places, [`most`] at most; += without `begin`.
///
/// # Safety
/// As [`tile`], with J = BLOCK and R = `registers`.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the parts of one product")]
pub(crate) unsafe fn block<V: Vector>(
    simd: Simd<V>,
    registers: usize,
    channels: usize,
    weights: *const V::Lane,
    segments: &[Segment],
    panel: *const V::Lane,
    to: *mut V::Lane,
    stride: usize,
    begin: Option<*const V::Lane>,
) {
    // SAFETY: the caller's.
    unsafe {
        match registers {
            1 => halves::<V, 1>(simd, channels, weights, segments, panel, to, stride, begin),
            3 if most::<V>() == 3 => halves::<V, 3>(simd, channels, weights, segments, panel, to, stride, begin),
            _ => halves::<V, 2>(simd, channels, weights, segments, panel, to, stride, begin),
        }
    }
}

/// A block at once if there are enough registers for its sums and for what they read, else one half after the other.
///
/// # Safety
/// As [`block`].
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the parts of one product")]
unsafe fn halves<V: Vector, const R: usize>(
    simd: Simd<V>,
    channels: usize,
    weights: *const V::Lane,
    segments: &[Segment],
    panel: *const V::Lane,
    to: *mut V::Lane,
    stride: usize,
    begin: Option<*const V::Lane>,
) {
    const HALF: usize = BLOCK / 2;
    // SAFETY: the caller's; the second half of the block lies behind the first.
    unsafe {
        if channels > HALF && BLOCK * R + R < V::REGISTERS {
            return tile::<V, R, BLOCK>(simd, weights, segments, panel, to, stride, begin);
        }
        tile::<V, R, HALF>(simd, weights, segments, panel, to, stride, begin);
        if channels > HALF {
            let (weights, to) = (weights.wrapping_add(HALF), to.wrapping_add(HALF * stride));
            tile::<V, R, HALF>(simd, weights, segments, panel, to, stride, begin.map(|begin| begin.wrapping_add(HALF)));
        }
    }
}

/// R registers of places of J channels: `to[j] = begin[j] + Σ over steps of weights[step][j] · panel[step]`; += without
/// `begin`, in pieces (see [`PIECE`]).
///
/// # Safety
/// `to` has J rows of R registers that no other thread uses, `stride` apart; `begin` has J numbers; `weights` has BLOCK
/// numbers for each step of the segments and `panel` R registers.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const J: usize>(
    simd: Simd<V>,
    weights: *const V::Lane,
    segments: &[Segment],
    panel: *const V::Lane,
    to: *mut V::Lane,
    stride: usize,
    mut begin: Option<*const V::Lane>,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[simd.zero(); R]; J];
        let (mut row, mut room) = (panel, PIECE);
        for segment in segments {
            let mut w = weights.wrapping_add(segment.first * BLOCK);
            let mut left = segment.len;
            while left > 0 {
                if room == 0 {
                    put(simd, sums, to, stride, begin.take());
                    (sums, room) = ([[simd.zero(); R]; J], PIECE);
                }
                let count = left.min(room);
                (left, room) = (left - count, room - count);
                for _ in 0..count {
                    let mut x = [simd.zero(); R];
                    for r in 0..R {
                        x[r] = simd.load(row.wrapping_add(r * V::LANES));
                    }
                    for j in 0..J {
                        let w = simd.splat(*w.wrapping_add(j));
                        for r in 0..R {
                            sums[j][r] = w.multiply_add(x[r], sums[j][r]);
                        }
                    }
                    w = w.wrapping_add(BLOCK);
                    row = row.wrapping_add(R * V::LANES);
                }
            }
        }
        put(simd, sums, to, stride, begin);
    }
}

/// `to[j] = begin[j] + sums[j]`; += without `begin`.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn put<V: Vector, const R: usize, const J: usize>(
    simd: Simd<V>,
    sums: [[V; R]; J],
    to: *mut V::Lane,
    stride: usize,
    begin: Option<*const V::Lane>,
) {
    // SAFETY: the caller's.
    unsafe {
        for j in 0..J {
            for r in 0..R {
                let to = to.wrapping_add(j * stride + r * V::LANES);
                let begin = match begin {
                    Some(begin) => simd.splat(*begin.wrapping_add(j)),
                    None => simd.load(to),
                };
                begin.add(sums[j][r]).store(to);
            }
        }
    }
}
