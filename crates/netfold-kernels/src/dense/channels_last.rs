//! Channels-last convolution of one whole tensor:
//! `y[c, p] = Σ over taps t and channels d of w[c, t, d] · x[q(p, t), d]`. The lanes of a register are channels of the
//! result, not places, which pays for small planes with many channels.

use std::ops::Range;

use rayon::prelude::*;

use crate::Number;
use crate::dense::microkernel::{Init, PIECE, cuts};
use crate::index::Padded;
use crate::index::padded::Grid;
use crate::memory::{Scratch, SendPtr};
use crate::simd::{Body, Isa, Lanes, MAX_LANES, Simd, Vector, dispatch, registers};

/// Channels whose weights lie side by side: those of the widest register.
pub const fn lanes<T: Lanes>() -> usize {
    T::V512::LANES
}

/// Blocks of channels that are summed together at most.
const BLOCKS: usize = 3;
/// Places that are summed together at most.
const PLACES: usize = 8;
/// The same where a processor has 16 registers.
const FEWER: usize = 6;
/// Tasks that a product is cut into at least, if it has so many blocks.
const TASKS: usize = 8;

/// A convolution of one whole tensor, vectorised over the channels of the result.
#[derive(Debug)]
pub struct ChannelsLast<'a, T> {
    /// The padded layout of the planes that are read: one grid, which [`is_whole`](Grid::is_whole).
    pub frame: &'a Padded,
    /// Groups of the convolution.
    pub groups: usize,
    /// Channels of a group of x.
    pub from: usize,
    /// Channels of a group of y.
    pub to: usize,
    /// w[c, t, d] of group g at `[g][c / lanes][t][d][c % lanes]`, zero behind the last channel.
    pub weights: &'a [T],
    /// Taps of the window.
    pub taps: usize,
    /// What the sums of y begin with.
    pub begin: Init<'a, T>,
}

/// What one task computes: some blocks of channels at all places of one picture.
struct Part {
    /// Picture times groups plus group.
    group: usize,
    blocks: Range<usize>,
}

impl<T: Number> ChannelsLast<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let (blocks, places) = (self.to.div_ceil(lanes::<T>()), self.frame.places_to());
        let images = y.len() / (self.groups * self.to * places).max(1);
        let grids = self.frame.grids();
        let [grid] = grids.as_slice() else { panic!("one grid of places") };
        assert!(grid.is_whole() && grid.first == 0 && grid.places() == places, "places side by side");
        assert!(x.len() >= images * self.groups * self.from * self.frame.size(), "framed planes of x");
        assert_eq!(y.len(), images * self.groups * self.to * places, "planes of y");
        let len = self.groups * blocks * lanes::<T>() * self.taps * self.from;
        assert_eq!(self.weights.len(), len, "weights in blocks");
        let inside =
            |&(tap, start): &(usize, usize)| tap < self.taps && start + self.frame.reach(grid) <= self.frame.size();
        assert!(grid.taps.iter().all(inside), "what a place reads");
        let groups = images * self.groups;
        let most = if registers::<T>(isa).0 == lanes::<T>() { BLOCKS } else { 1 };
        let shares = blocks.div_ceil(most).max(TASKS.div_ceil(groups.max(1)).min(blocks));
        let y = SendPtr(y.as_mut_ptr());
        (0..groups * shares).into_par_iter().for_each(|task| {
            let (group, share) = (task / shares, task % shares);
            let part = Part { group, blocks: share * blocks / shares..(share + 1) * blocks / shares };
            // SAFETY: `isa` is one that this processor has; lengths as asserted; tasks share no channel of a picture.
            T::with_scratch(|scratch| unsafe {
                dispatch(isa, ByPart { job: self, grid, x, y, part: &part, scratch });
            });
        });
    }
}

/// The work of one task: one part. Its `run` has the safety conditions of [`body`].
struct ByPart<'a, T> {
    job: &'a ChannelsLast<'a, T>,
    grid: &'a Grid,
    x: &'a [T],
    y: SendPtr<T>,
    part: &'a Part,
    scratch: &'a mut Scratch<T>,
}

impl<T: Lanes> Body<T> for ByPart<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        let Self { job, grid, x, y, part, scratch } = self;
        // SAFETY: the caller's.
        unsafe {
            if V::REGISTERS < 32 {
                by_registers::<V, FEWER>(simd, job, grid, x, y, part, scratch);
            } else {
                by_registers::<V, PLACES>(simd, job, grid, x, y, part, scratch);
            }
        }
    }
}

/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn by_registers<V: Vector, const J: usize>(
    simd: Simd<V>,
    job: &ChannelsLast<'_, V::Lane>,
    grid: &Grid,
    x: &[V::Lane],
    y: SendPtr<V::Lane>,
    part: &Part,
    scratch: &mut Scratch<V::Lane>,
) {
    // SAFETY: the caller's.
    unsafe {
        match part.blocks.len() * lanes::<V::Lane>() / V::LANES {
            1 => body::<V, 1, J>(simd, job, grid, x, y, part, scratch),
            2 => body::<V, 2, J>(simd, job, grid, x, y, part, scratch),
            3 => body::<V, 3, J>(simd, job, grid, x, y, part, scratch),
            4 => body::<V, 4, J>(simd, job, grid, x, y, part, scratch),
            _ => unreachable!("a part has at most BLOCKS blocks"),
        }
    }
}

/// R registers of channels at all places.
///
/// # Safety
/// What [`ChannelsLast::run_by`] asserts holds, no other thread reads or writes the part's channels of its picture,
/// which fill R registers.
#[inline(always)]
unsafe fn body<V: Vector, const R: usize, const J: usize>(
    simd: Simd<V>,
    job: &ChannelsLast<'_, V::Lane>,
    grid: &Grid,
    x: &[V::Lane],
    y: SendPtr<V::Lane>,
    part: &Part,
    scratch: &mut Scratch<V::Lane>,
) {
    let (lanes, places, width) = (lanes::<V::Lane>(), grid.places(), R * V::LANES);
    let (blocks, size) = (job.to.div_ceil(lanes), job.frame.size());
    let first = part.blocks.start * lanes;
    let channel = part.group % job.groups * job.to;
    // [place][channel], and a register of places more, to be turned.
    let [sums, begin, _] = scratch.hold([places.next_multiple_of(V::LANES) * width, width, 0]);
    for (c, begin) in begin[..width].iter_mut().enumerate() {
        *begin = if first + c < job.to { job.begin.at(channel + first + c) } else { V::Lane::default() };
    }
    let mut weights = [job.weights.as_ptr(); R];
    for r in 0..R {
        let (block, lane) = (part.blocks.start + r * V::LANES / lanes, r * V::LANES % lanes);
        let index = part.group % job.groups * blocks + block;
        weights[r] = weights[r].wrapping_add(index * job.taps * job.from * lanes + lane);
    }
    let x = x.as_ptr().wrapping_add(part.group * job.from * size);
    // Places side by side are one line.
    let [lines, end] = if job.frame.pitch() == grid.count[1] { [1, places] } else { grid.count };
    for steps in pieces(grid.taps.len() * job.from) {
        let begin = (steps.start == 0).then_some(begin.as_ptr());
        for (line, run) in (0..lines).flat_map(|line| cuts(end, end.div_ceil(J)).map(move |run| (line, run))) {
            let x = x.wrapping_add(line * job.frame.pitch() + run.start);
            let to = sums.as_mut_ptr().wrapping_add((line * end + run.start) * width);
            macro_rules! tile {
                ($($j:literal)+) => {
                    match run.len() {
                        // SAFETY: the caller's; what the grid reads lies inside its planes.
                        $($j if $j <= J => unsafe {
                            tile::<V, R, $j>(simd, &grid.taps, job.from, steps.clone(), x, size, weights, begin, to);
                        },)+
                        _ => unreachable!("a run has at most J places"),
                    }
                };
            }
            tile!(1 2 3 4 5 6 7 8);
        }
    }
    let y = y.get().wrapping_add((part.group * job.to + first) * places);
    // SAFETY: rows of the sums, of which there are V::LANES from each multiple of that on; planes of the part's.
    unsafe { turn::<V, R>(simd, sums.as_ptr(), y, places, job.to - first, job.begin.adds()) };
}

/// `y[c · places + p] = from[p][c]` (or `+=`) for all places and the first `channels` of R registers.
///
/// # Safety
/// `from` has a row of R registers for each place, and as many more as round their number up to a register's lanes; y
/// is valid for what is written.
#[inline(always)]
pub(crate) unsafe fn turn<V: Vector, const R: usize>(
    simd: Simd<V>,
    from: *const V::Lane,
    y: *mut V::Lane,
    places: usize,
    channels: usize,
    adds: bool,
) {
    let mut place = 0;
    while place < places {
        let count = (places - place).min(V::LANES);
        for r in 0..R {
            let from = from.wrapping_add((place * R + r) * V::LANES);
            let y = y.wrapping_add(r * V::LANES * places + place);
            let channels = channels.saturating_sub(r * V::LANES).min(V::LANES);
            // SAFETY: the caller's.
            unsafe { square::<V>(simd, from, R * V::LANES, y, places, count, channels, adds) };
        }
        place += count;
    }
}

/// The steps of a sum by pieces (see [`PIECE`]): what one of them reads is in a level-1 cache for all places. A result that
/// reads nothing has one, too, of no steps.
pub(crate) fn pieces(steps: usize) -> impl Iterator<Item = Range<usize>> {
    (0..steps.div_ceil(PIECE).max(1)).map(move |piece| piece * PIECE..((piece + 1) * PIECE).min(steps))
}

/// J places of R registers of channels: `to[j] = begin + Σ over steps (t, d) of weights[t][d] · x[d · size + start + j]`,
/// of which there are `from` for each tap (t, start); += without `begin`.
///
/// # Safety
/// All that is read lies in valid memory, `begin` has R registers and `to` J rows of them.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the parts of one product")]
pub(crate) unsafe fn tile<V: Vector, const R: usize, const J: usize>(
    simd: Simd<V>,
    taps: &[(usize, usize)],
    from: usize,
    steps: Range<usize>,
    x: *const V::Lane,
    size: usize,
    weights: [*const V::Lane; R],
    begin: Option<*const V::Lane>,
    to: *mut V::Lane,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[simd.zero(); R]; J];
        let mut step = steps.start;
        while step < steps.end {
            let ((tap, start), d) = (taps[step / from], step % from);
            let end = steps.end.min(step - d + from);
            let mut x = x.wrapping_add(start + d * size);
            let mut offset = (tap * from + d) * lanes::<V::Lane>();
            for _ in step..end {
                let mut w = [simd.zero(); R];
                for r in 0..R {
                    w[r] = simd.load(weights[r].wrapping_add(offset));
                }
                for j in 0..J {
                    let x = simd.splat(*x.wrapping_add(j));
                    for r in 0..R {
                        sums[j][r] = x.multiply_add(w[r], sums[j][r]);
                    }
                }
                x = x.wrapping_add(size);
                offset += lanes::<V::Lane>();
            }
            step = end;
        }
        for j in 0..J {
            for r in 0..R {
                let to = to.wrapping_add((j * R + r) * V::LANES);
                let before = simd.load(begin.map_or(to.cast_const(), |begin| begin.wrapping_add(r * V::LANES)));
                before.add(sums[j][r]).store(to);
            }
        }
    }
}

/// `y[c · apart + p] = from[p · width + c]` (or `+=`) for `places` p and `channels` c, of both a register's lanes at most.
///
/// # Safety
/// `from` has a register in each of as many rows as a register has lanes, y is valid for what is written.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the parts of one product")]
unsafe fn square<V: Vector>(
    simd: Simd<V>,
    from: *const V::Lane,
    width: usize,
    y: *mut V::Lane,
    apart: usize,
    places: usize,
    channels: usize,
    adds: bool,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut rows = [simd.zero(); MAX_LANES];
        for p in 0..V::LANES {
            rows[p] = simd.load(from.wrapping_add(p * width));
        }
        // Each round moves the highest bit of the row's number behind the lane's and the lane's highest behind the row's.
        let mut round = 1;
        while round < V::LANES {
            let mut turned = [simd.zero(); MAX_LANES];
            for i in 0..V::LANES / 2 {
                [turned[2 * i], turned[2 * i + 1]] = rows[i].interleave(rows[i + V::LANES / 2]);
            }
            rows = turned;
            round *= 2;
        }
        for c in 0..channels {
            let y = y.wrapping_add(c * apart);
            let row = if adds { rows[c].add(simd.load_first(y, places)) } else { rows[c] };
            row.store_first(y, places);
        }
    }
}
