//! Minimal filtering of few tiles: the lanes of a register are channels.

use std::ops::Range;

use rayon::prelude::*;

use super::super::channels::{lanes, pieces, tile, turn};
use super::super::parts::{Run, cuts, runs};
use super::super::scratch::Scratch;
use super::super::vector::{MOST, Vector};
use super::super::{Isa, Shared};
use super::{POINTS, TILE, Winograd, grid_of, read_channel, sums_of};
use crate::Real;
use crate::frame::Grid;

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
    spectra: Shared<T>,
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
pub(super) unsafe fn run<T: Real>(
    isa: Isa,
    winograd: &Winograd<'_, T>,
    grid: &Grid,
    images: usize,
    x: &[T],
    y: &mut [T],
) {
    let (groups, tiles) = (images * winograd.groups, grid.len());
    let width = tiles.next_multiple_of(MOST);
    let mut spectra = T::pool().take(groups * POINTS * winograd.from * width);
    let runs = runs(grid, winograd.frame.pitch(), &(0..tiles));
    let job = Job { winograd, grid, runs, tiles, width, spectra: Shared(spectra.as_mut_ptr()) };
    // Each group's range in shares: tasks that have none of it in common.
    let tasks = |len: usize, most: usize| {
        let shares = len.div_ceil(most).max(TASKS.div_ceil(groups.max(1)).min(len));
        (0..groups * shares).into_par_iter().map(move |task| {
            let (group, share) = (task / shares, task % shares);
            Part { group, range: share * len / shares..(share + 1) * len / shares }
        })
    };
    let most = if isa.registers::<T>().0 == lanes::<T>() { BLOCKS } else { 1 };
    let y = Shared(y.as_mut_ptr());
    // SAFETY: the caller's; tasks share no channel of a picture, neither of the spectra nor of y.
    unsafe {
        let read = |part: Part| T::with_scratch(|scratch| by(isa, &job, Step::Read(x), &part, scratch));
        tasks(winograd.from, winograd.from.max(1)).for_each(read);
        let write = |part: Part| T::with_scratch(|scratch| by(isa, &job, Step::Write(y), &part, scratch));
        tasks(winograd.to.div_ceil(lanes::<T>()), most).for_each(write);
    }
    T::pool().give(spectra);
}

/// The two steps of the product.
#[derive(Clone, Copy)]
enum Step<'a, T> {
    /// Bᵀ d B from framed planes of x.
    Read(&'a [T]),
    /// Products, and Aᵀ m A into planes of y.
    Write(Shared<T>),
}

/// # Safety
/// See [`run`].
unsafe fn by<T: Real>(isa: Isa, job: &Job<'_, T>, step: Step<'_, T>, part: &Part, scratch: &mut Scratch<T>) {
    // SAFETY: the caller's.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512(job, step, part, scratch),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2(job, step, part, scratch),
            Isa::Portable => body::<T::Plain, FEWER>(job, step, part, scratch),
        }
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Job<'_, T>, step: Step<'_, T>, part: &Part, scratch: &mut Scratch<T>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide, TILES>(job, step, part, scratch) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Job<'_, T>, step: Step<'_, T>, part: &Part, scratch: &mut Scratch<T>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half, FEWER>(job, step, part, scratch) }
}

/// One step of one part.
///
/// # Safety
/// What [`Winograd::run_by`] asserts holds, no other thread uses the part's channels, and the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn body<V: Vector, const J: usize>(
    job: &Job<'_, V::Lane>,
    step: Step<'_, V::Lane>,
    part: &Part,
    scratch: &mut Scratch<V::Lane>,
) {
    // SAFETY: the caller's.
    unsafe {
        match (step, part.range.len() * lanes::<V::Lane>() / V::LANES) {
            (Step::Read(x), _) => read::<V>(job, x, part, scratch),
            (Step::Write(y), 1) => write::<V, 1, J>(job, y, part, scratch),
            (Step::Write(y), 2) => write::<V, 2, J>(job, y, part, scratch),
            (Step::Write(y), 3) => write::<V, 3, J>(job, y, part, scratch),
            (Step::Write(y), 4) => write::<V, 4, J>(job, y, part, scratch),
            _ => unreachable!("a part has at most BLOCKS blocks"),
        }
    }
}

/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn read<V: Vector>(job: &Job<'_, V::Lane>, x: &[V::Lane], part: &Part, scratch: &mut Scratch<V::Lane>) {
    let (from, width) = (job.winograd.from, job.width);
    let [read, _, _] = scratch.hold([POINTS * width + V::LANES, 0, 0]);
    for d in part.range.clone() {
        let channel = x.as_ptr().wrapping_add((part.group * from + d) * job.winograd.frame.size());
        let spectra = job.spectra.get().wrapping_add((part.group * POINTS * from + d) * width);
        // SAFETY: the caller's; both buffers are as large as they must be.
        unsafe {
            read_channel::<V>(job.grid, &job.runs, channel, read.as_mut_ptr(), width, spectra, from * width);
        }
    }
}

/// R registers of channels at all places.
///
/// # Safety
/// See [`body`]; the part's blocks fill R registers, and all channels have been read.
#[inline(always)]
unsafe fn write<V: Vector, const R: usize, const J: usize>(
    job: &Job<'_, V::Lane>,
    y: Shared<V::Lane>,
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
    // SAFETY: the caller's.
    let zeros = [unsafe { V::zero() }; R];
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
                                tile::<V, R, $j>(&[(0, 0)], from, steps.clone(), x, job.width, weights, begin, to);
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
                let grid = grid_of(|point| product.wrapping_add(point * tiles * row));
                let places = sums_of::<V>(grid, V::load(begin.as_ptr().wrapping_add(r * V::LANES)));
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
    unsafe { turn::<V, R>(sums.as_ptr(), y, plane, winograd.to - first, winograd.begin.adds()) };
}
