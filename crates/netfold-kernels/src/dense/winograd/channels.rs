//! Minimal filtering of few tiles: the lanes of a register are channels.

use std::ops::Range;

use rayon::prelude::*;

use super::{POINTS, TILE, Winograd, grid_of, read_channel, sums_of};
use crate::Number;
use crate::dense::channels_last::{lanes, pieces, tile, turn};
use crate::dense::microkernel::{Run, cuts, runs};
use crate::index::padded::Grid;
use crate::memory::{Scratch, SendPtr};
use crate::simd::{Body, Isa, Lanes, MAX_LANES, Simd, Vector, dispatch, registers};

/// Blocks of channels that are summed together at most.
const BLOCKS: usize = 3;
/// Tiles that are summed together at most.
const TILES: usize = 8;
/// The same where a processor has 16 registers.
const FEWER: usize = 6;
/// Tasks that a product is cut into at least, if it has so many channels.
const TASKS: usize = 8;

/// What the tasks of one product share.
struct Job<'a, T> {
    winograd: &'a Winograd<'a, T>,
    grid: &'a Grid,
    runs: Vec<Run>,
    /// Tiles of a plane, and room for them in whole registers.
    tiles: usize,
    width: usize,
    /// Bᵀ d B of all channels of all pictures: `[group][point][channel][tile]`.
    spectra: SendPtr<T>,
}

/// What one task computes: some channels that are read, or some blocks of channels of the result.
struct Part {
    /// Picture times groups plus group.
    group: usize,
    range: Range<usize>,
}

/// Computes all of y.
///
/// # Safety
/// `isa` is one that this processor has, and what [`Winograd::run_by`] asserts holds.
pub(crate) unsafe fn run<T: Number>(
    isa: Isa,
    winograd: &Winograd<'_, T>,
    grid: &Grid,
    images: usize,
    x: &[T],
    y: &mut [T],
) {
    let (groups, tiles) = (images * winograd.groups, grid.places());
    let width = tiles.next_multiple_of(MAX_LANES);
    let mut spectra = T::pool().take(groups * POINTS * winograd.from * width);
    let runs = runs(grid, winograd.frame.pitch(), &(0..tiles));
    let job = Job { winograd, grid, runs, tiles, width, spectra: SendPtr(spectra.as_mut_ptr()) };
    // Each group's range in shares: tasks that have none of it in common.
    let tasks = |len: usize, most: usize| {
        let shares = len.div_ceil(most).max(TASKS.div_ceil(groups.max(1)).min(len));
        (0..groups * shares).into_par_iter().map(move |task| {
            let (group, share) = (task / shares, task % shares);
            Part { group, range: share * len / shares..(share + 1) * len / shares }
        })
    };
    let most = if registers::<T>(isa).0 == lanes::<T>() { BLOCKS } else { 1 };
    let y = SendPtr(y.as_mut_ptr());
    // SAFETY: the caller's; tasks share no channel of a picture, neither of the spectra nor of y.
    unsafe {
        let by = |step: Step<'_, T>, part: Part| {
            T::with_scratch(|scratch| dispatch(isa, ByPart { job: &job, step, part: &part, scratch }));
        };
        tasks(winograd.from, winograd.from.max(1)).for_each(|part| by(Step::Read(x), part));
        tasks(winograd.to.div_ceil(lanes::<T>()), most).for_each(|part| by(Step::Write(y), part));
    }
    T::pool().give(spectra);
}

/// The two steps of the product.
#[derive(Clone, Copy)]
enum Step<'a, T> {
    /// Bᵀ d B from padded planes of x.
    Read(&'a [T]),
    /// Products, and Aᵀ m A into planes of y.
    Write(SendPtr<T>),
}

/// The work of one task: one step of one part. Its `run` has the safety conditions of [`body`].
struct ByPart<'a, T> {
    job: &'a Job<'a, T>,
    step: Step<'a, T>,
    part: &'a Part,
    scratch: &'a mut Scratch<T>,
}

impl<T: Lanes> Body<T> for ByPart<'_, T> {
    type Out = ();
    #[inline(always)]
    unsafe fn run<V: Vector<Lane = T>>(self, simd: Simd<V>) {
        let Self { job, step, part, scratch } = self;
        // SAFETY: the caller's.
        unsafe {
            if V::REGISTERS < 32 {
                body::<V, FEWER>(simd, job, step, part, scratch);
            } else {
                body::<V, TILES>(simd, job, step, part, scratch);
            }
        }
    }
}

/// One step of one part.
///
/// # Safety
/// What [`Winograd::run_by`] asserts holds, no other thread uses the part's channels.
#[inline(always)]
unsafe fn body<V: Vector, const J: usize>(
    simd: Simd<V>,
    job: &Job<'_, V::Lane>,
    step: Step<'_, V::Lane>,
    part: &Part,
    scratch: &mut Scratch<V::Lane>,
) {
    // SAFETY: the caller's.
    unsafe {
        match (step, part.range.len() * lanes::<V::Lane>() / V::LANES) {
            (Step::Read(x), _) => read::<V>(simd, job, x, part, scratch),
            (Step::Write(y), 1) => write::<V, 1, J>(simd, job, y, part, scratch),
            (Step::Write(y), 2) => write::<V, 2, J>(simd, job, y, part, scratch),
            (Step::Write(y), 3) => write::<V, 3, J>(simd, job, y, part, scratch),
            (Step::Write(y), 4) => write::<V, 4, J>(simd, job, y, part, scratch),
            _ => unreachable!("a part has at most BLOCKS blocks"),
        }
    }
}

/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn read<V: Vector>(
    simd: Simd<V>,
    job: &Job<'_, V::Lane>,
    x: &[V::Lane],
    part: &Part,
    scratch: &mut Scratch<V::Lane>,
) {
    let (from, width) = (job.winograd.from, job.width);
    let [read, _, _] = scratch.hold([POINTS * width + V::LANES, 0, 0]);
    for d in part.range.clone() {
        let channel = x.as_ptr().wrapping_add((part.group * from + d) * job.winograd.frame.size());
        let spectra = job.spectra.get().wrapping_add((part.group * POINTS * from + d) * width);
        // SAFETY: the caller's; both buffers are as large as they must be.
        unsafe {
            read_channel::<V>(simd, job.grid, &job.runs, channel, read.as_mut_ptr(), width, spectra, from * width);
        }
    }
}

/// R registers of channels at all places.
///
/// # Safety
/// See [`body`]; the part's blocks fill R registers, and all channels have been read.
#[inline(always)]
unsafe fn write<V: Vector, const R: usize, const J: usize>(
    simd: Simd<V>,
    job: &Job<'_, V::Lane>,
    y: SendPtr<V::Lane>,
    part: &Part,
    scratch: &mut Scratch<V::Lane>,
) {
    let Job { winograd, tiles, .. } = *job;
    let (lanes, row, from) = (lanes::<V::Lane>(), R * V::LANES, winograd.from);
    let [lines, length] = winograd.places;
    let (blocks, first, plane) = (winograd.to.div_ceil(lanes), part.range.start * lanes, lines * length);
    // [point][tile][channel]; [place][channel], and a register of places more, to be turned.
    let room = plane.next_multiple_of(V::LANES) * row;
    let [products, sums, begin] = scratch.hold([POINTS * tiles * row, room, row]);
    let channel = part.group % winograd.groups * winograd.to;
    for (c, begin) in begin[..row].iter_mut().enumerate() {
        let inside = first + c < winograd.to;
        *begin = if inside { winograd.begin.at(channel + first + c) } else { V::Lane::default() };
    }
    let zeros = [simd.zero(); R];
    for point in 0..POINTS {
        let mut weights = [winograd.weights.as_ptr(); R];
        for r in 0..R {
            let (block, lane) = (part.range.start + r * V::LANES / lanes, r * V::LANES % lanes);
            let index = (part.group % winograd.groups * POINTS + point) * blocks + block;
            weights[r] = weights[r].wrapping_add(index * from * lanes + lane);
        }
        let spectra = job.spectra.get().wrapping_add((part.group * POINTS + point) * from * job.width);
        for steps in pieces(from) {
            let begin = (steps.start == 0).then_some(zeros.as_ptr().cast());
            for run in cuts(tiles, tiles.div_ceil(J)) {
                let x = spectra.cast_const().wrapping_add(run.start);
                let to = products.as_mut_ptr().wrapping_add((point * tiles + run.start) * row);
                macro_rules! sum {
                    ($($j:literal)+) => {
                        match run.len() {
                            // SAFETY: the caller's; rows of the spectra, of the weights and of the products.
                            $($j if $j <= J => unsafe {
                                tile::<V, R, $j>(simd, &[(0, 0)], from, steps.clone(), x, job.width, weights, begin, to);
                            },)+
                            _ => unreachable!("a run has at most J tiles"),
                        }
                    };
                }
                sum!(1 2 3 4 5 6 7 8);
            }
        }
    }
    for tile in 0..tiles {
        let (i, j) = (tile / job.grid.count[1] * TILE, tile % job.grid.count[1] * TILE);
        for r in 0..R {
            let product = products.as_ptr().wrapping_add(tile * row + r * V::LANES);
            // SAFETY: registers of the rows of all buffers; tiles at the far border reach over it.
            unsafe {
                let grid = grid_of(simd, |point| product.wrapping_add(point * tiles * row));
                let places = sums_of::<V>(simd, grid, simd.load(begin.as_ptr().wrapping_add(r * V::LANES)));
                for p in 0..TILE.min(lines - i) {
                    for q in 0..TILE.min(length - j) {
                        let place = (i + p) * length + j + q;
                        places[p][q].store(sums.as_mut_ptr().wrapping_add(place * row + r * V::LANES));
                    }
                }
            }
        }
    }
    let y = y.get().wrapping_add((part.group * winograd.to + first) * plane);
    // SAFETY: a row of the sums for each place and more; planes of the part's.
    unsafe { turn::<V, R>(simd, sums.as_ptr(), y, plane, winograd.to - first, winograd.begin.adds()) };
}
