//! y[c, p] = Σ over (q, t) that p reads, over channels d, of w[c, t, d] · x[q, d] for one whole tensor.

use std::ops::Range;

use rayon::prelude::*;

use super::vector::Vector;
use super::{Isa, Shared};
use crate::Real;
use crate::frame::{Frame, Grid, SLACK};

/// Channels of the result whose weights lie side by side, and whose sums a tile holds.
pub(crate) const BLOCK: usize = 8;
/// Bytes of unfolded input that one pass over the weights reads: a part of a level-2 cache.
const PANEL: usize = 192 << 10;
/// Tasks that a product is cut into at least, if it is large enough: the cores share them.
const TASKS: usize = 16;
/// Blocks of channels of a task at least: unfolding is worth that many.
const BLOCKS: usize = 8;

/// A product of a whole tensor: channels of a group by channels of a group.
#[derive(Debug)]
pub(crate) struct Panels<'a, T> {
    pub frame: &'a Frame,
    pub groups: usize,
    pub from: usize,
    pub to: usize,
    /// w[c, t, d] of group g at `[g][c / BLOCK][t][d][c % BLOCK]`, zero behind the last channel.
    pub weights: &'a [T],
    pub taps: usize,
    /// y += instead of y =.
    pub add: bool,
}

/// What one task computes: up to three registers of places of a grid, for some blocks of channels.
pub(super) struct Part<'a> {
    pub grid: &'a Grid,
    /// Picture times groups plus group.
    pub group: usize,
    pub places: Range<usize>,
    pub registers: usize,
    pub blocks: Range<usize>,
}

/// The parts of a product: `(lanes, most)` are a register's lanes and how many registers a part has at most.
pub(super) fn parts(grids: &[Grid], groups: usize, blocks: usize, (lanes, most): (usize, usize)) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for grid in grids {
        let registers = grid.len().div_ceil(lanes);
        let panels = registers.div_ceil(most);
        let shares = TASKS.div_ceil((groups * panels).max(1)).min(blocks.div_ceil(BLOCKS));
        for group in 0..groups {
            for panel in 0..panels {
                // Panels of equal size: a small one would wait for its own sums.
                let cut = |panel: usize| panel * registers / panels;
                let places = cut(panel) * lanes..(cut(panel + 1) * lanes).min(grid.len());
                for share in 0..shares {
                    let blocks = share * blocks / shares..(share + 1) * blocks / shares;
                    let registers = cut(panel + 1) - cut(panel);
                    parts.push(Part { grid, group, places: places.clone(), registers, blocks });
                }
            }
        }
    }
    parts
}

/// The buffers of a thread.
struct Buffers<T> {
    panel: Vec<T>,
    sums: Vec<T>,
}

impl<T: Real> Panels<'_, T> {
    /// Computes all of y from framed planes of x, with [`SLACK`] numbers behind them, or from x itself where the frame
    /// is bare.
    pub fn run(&self, x: &[T], y: &mut [T]) {
        self.run_by(Isa::best(), x, y);
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let blocks = self.to.div_ceil(BLOCK);
        let images = y.len() / (self.groups * self.to * self.frame.places_to()).max(1);
        let slack = if self.frame.is_bare() { 0 } else { SLACK };
        assert_eq!(x.len(), images * self.groups * self.from * self.frame.size() + slack, "framed planes of x");
        assert_eq!(y.len(), images * self.groups * self.to * self.frame.places_to(), "planes of y");
        assert_eq!(self.weights.len(), self.groups * blocks * BLOCK * self.taps * self.from, "weights in blocks");
        let grids = self.frame.grids();
        for grid in &grids {
            let inside =
                |&(tap, start): &(usize, usize)| tap < self.taps && start + self.frame.reach(grid) <= self.frame.size();
            assert!(grid.taps.iter().all(inside), "what a grid reads");
        }
        let parts = parts(&grids, images * self.groups, blocks, isa.registers::<T>());
        let y = Shared(y.as_mut_ptr());
        let buffers = || Buffers { panel: Vec::new(), sums: Vec::new() };
        parts.par_iter().for_each_init(buffers, |buffers, part| {
            // SAFETY: `isa` is one that this processor has; lengths as asserted; tasks share no (channel, place).
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(self, x, y, part, buffers),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(self, x, y, part, buffers),
                    Isa::Portable => portable(self, x, y, part, buffers),
                }
            }
        });
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
unsafe fn avx512<T: Real>(job: &Panels<'_, T>, x: &[T], y: Shared<T>, part: &Part<'_>, buffers: &mut Buffers<T>) {
    // SAFETY: the caller's.
    unsafe {
        match part.registers {
            1 => body::<T::Wide, 1>(job, x, y, part, buffers),
            2 => body::<T::Wide, 2>(job, x, y, part, buffers),
            _ => body::<T::Wide, 3>(job, x, y, part, buffers),
        }
    }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<T: Real>(job: &Panels<'_, T>, x: &[T], y: Shared<T>, part: &Part<'_>, buffers: &mut Buffers<T>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half, 1>(job, x, y, part, buffers) }
}

/// # Safety
/// See [`body`].
unsafe fn portable<T: Real>(job: &Panels<'_, T>, x: &[T], y: Shared<T>, part: &Part<'_>, buffers: &mut Buffers<T>) {
    // SAFETY: the caller's.
    unsafe { body::<T::Plain, 1>(job, x, y, part, buffers) }
}

/// Places of a panel that read side by side.
pub(super) struct Run {
    pub panel: usize,
    /// Behind where the grid's first place reads.
    pub x: usize,
    pub len: usize,
}

/// Weights that lie one after the other: of some channels d, from that of tap and channel `first` on.
pub(super) struct Segment {
    pub first: usize,
    pub len: usize,
}

/// All sums of one part.
///
/// # Safety
/// What [`Panels::run_by`] asserts holds, `part` is one of its parts with R registers, no other thread reads or writes
/// its places of y in its channels, and the processor has the instructions of V.
#[inline(always)]
unsafe fn body<V: Vector, const R: usize>(
    job: &Panels<'_, V::Lane>,
    x: &[V::Lane],
    y: Shared<V::Lane>,
    part: &Part<'_>,
    buffers: &mut Buffers<V::Lane>,
) {
    let zero = <V::Lane as num_traits::Zero>::zero();
    let (width, grid, places) = (R * V::LANES, part.grid, job.frame.places_to());
    let runs = runs(grid, job.frame.pitch(), &part.places);
    let planes = part.group * job.from;
    let steps = grid.taps.len() * job.from;
    let rows = (PANEL / (width * size_of::<V::Lane>())).min(steps);
    if buffers.panel.len() < rows * width + V::LANES {
        buffers.panel.resize(rows * width + V::LANES, zero);
    }
    // Sums go straight to y where a tile's places lie side by side there.
    let direct = grid.is_whole() && part.places.len() == width;
    let channels = part.blocks.len() * BLOCK;
    if buffers.sums.len() < channels * width {
        buffers.sums.resize(channels * width, zero);
    }
    let first_channel = part.group * job.to + part.blocks.start * BLOCK;
    let mut done = 0;
    // A result that reads nothing is zero.
    while done == 0 || done < steps {
        let chunk = done..(done + rows).min(steps);
        let mut segments: Vec<Segment> = Vec::new();
        let mut row = buffers.panel.as_mut_ptr();
        let mut step = chunk.start;
        while step < chunk.end {
            let (tap, start) = grid.taps[step / job.from];
            let (d, end) = (step % job.from, (step / job.from + 1) * job.from);
            let len = end.min(chunk.end) - step;
            let first = tap * job.from + d;
            match segments.last_mut() {
                Some(last) if last.first + last.len == first => last.len += len,
                _ => segments.push(Segment { first, len }),
            }
            for d in d..d + len {
                let plane = x.as_ptr().wrapping_add((planes + d) * job.frame.size() + start);
                for run in &runs {
                    let (from, to) = (plane.wrapping_add(run.x), row.wrapping_add(run.panel));
                    // SAFETY: what a place of the grid reads lies inside its plane. A whole register more lies inside
                    // the slack or the next plane, and in the panel inside the next row, which is written later, or
                    // the register behind the last one; without a frame not a number more is read.
                    unsafe { copy::<V>(from, to, run.len, job.frame.is_bare()) };
                }
                row = row.wrapping_add(width);
            }
            step += len;
        }
        for block in part.blocks.clone() {
            let index = block - part.blocks.start;
            let whole = job.to - block * BLOCK >= BLOCK;
            let straight = direct && whole;
            let (to, stride) = if straight {
                let channel = first_channel + index * BLOCK;
                (y.get().wrapping_add(channel * places + grid.first + part.places.start), places)
            } else {
                (buffers.sums.as_mut_ptr().wrapping_add(index * BLOCK * width), width)
            };
            let load = done > 0 || straight && job.add;
            let blocks = job.to.div_ceil(BLOCK);
            let size = job.taps * job.from * BLOCK;
            let weights = job.weights.as_ptr().wrapping_add((part.group % job.groups * blocks + block) * size);
            let panel = buffers.panel.as_ptr();
            // SAFETY: `to` has BLOCK rows of `width` numbers, in y because all its places and channels are this part's;
            // the panel has a row for each step of the chunk, the weights have BLOCK numbers for each.
            unsafe {
                if job.to - block * BLOCK <= BLOCK / 2 {
                    tile::<V, R, { BLOCK / 2 }>(weights, &segments, panel, to, stride, load);
                } else {
                    tile::<V, R, BLOCK>(weights, &segments, panel, to, stride, load);
                }
            }
        }
        done = chunk.end.max(1);
    }
    for index in 0..(job.to - part.blocks.start * BLOCK).min(channels) {
        let whole = job.to - (part.blocks.start + index / BLOCK) * BLOCK >= BLOCK;
        if direct && whole {
            continue;
        }
        let sums = &buffers.sums[index * width..][..part.places.len()];
        let plane = y.get().wrapping_add((first_channel + index) * places + grid.first);
        for (&sum, place) in sums.iter().zip(part.places.clone()) {
            let (i, j) = (place / grid.count[1], place % grid.count[1]);
            let to = plane.wrapping_add(i * grid.step[0] + j * grid.step[1]);
            // SAFETY: a place of this part's in a channel of its own.
            unsafe { *to = if job.add { *to + sum } else { sum } };
        }
    }
}

/// Where the places of a panel read.
pub(super) fn runs(grid: &Grid, pitch: usize, places: &Range<usize>) -> Vec<Run> {
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
/// Both pointers are valid for `len` numbers, rounded up to whole registers unless `exact`, and the processor has the
/// instructions of V.
#[inline(always)]
pub(super) unsafe fn copy<V: Vector>(from: *const V::Lane, to: *mut V::Lane, len: usize, exact: bool) {
    // SAFETY: the caller's.
    unsafe {
        let mut at = 0;
        while at + V::LANES <= len {
            V::load(from.wrapping_add(at)).store(to.wrapping_add(at));
            at += V::LANES;
        }
        if at < len && !exact {
            V::load(from.wrapping_add(at)).store(to.wrapping_add(at));
        } else {
            for at in at..len {
                *to.wrapping_add(at) = *from.wrapping_add(at);
            }
        }
    }
}

/// R registers of places of J channels: `to[j] = Σ over steps of weights[step][j] · panel[step]`, or += with `load`.
///
/// # Safety
/// `to` has J rows of R registers that no other thread uses, `stride` apart; `weights` has BLOCK numbers for each step
/// of the segments and `panel` R registers; the processor has the instructions of V.
#[inline(always)]
pub(super) unsafe fn tile<V: Vector, const R: usize, const J: usize>(
    weights: *const V::Lane,
    segments: &[Segment],
    panel: *const V::Lane,
    to: *mut V::Lane,
    stride: usize,
    load: bool,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[V::zero(); R]; J];
        if load {
            for j in 0..J {
                for r in 0..R {
                    sums[j][r] = V::load(to.wrapping_add(j * stride + r * V::LANES));
                }
            }
        }
        let mut row = panel;
        for segment in segments {
            let mut w = weights.wrapping_add(segment.first * BLOCK);
            for _ in 0..segment.len {
                let mut x = [V::zero(); R];
                for r in 0..R {
                    x[r] = V::load(row.wrapping_add(r * V::LANES));
                }
                for j in 0..J {
                    let w = V::splat(*w.wrapping_add(j));
                    for r in 0..R {
                        sums[j][r] = w.multiply_add(x[r], sums[j][r]);
                    }
                }
                w = w.wrapping_add(BLOCK);
                row = row.wrapping_add(R * V::LANES);
            }
        }
        for j in 0..J {
            for r in 0..R {
                sums[j][r].store(to.wrapping_add(j * stride + r * V::LANES));
            }
        }
    }
}
