//! Minimal filtering of many tiles: the lanes of a register are tiles.

use std::ops::Range;

use super::{POINTS, TILE, Winograd, grid_of, put, read_channel, sums_of};
use crate::Number;
use crate::dense::microkernel::{self, BLOCK, Part, Segment, Whole, runs};
use crate::dense::pad::alternate;
use crate::index::padded::Grid;
use crate::memory::{Scratch, SendPtr};
use crate::simd::{Isa, Simd, Vector, registers};

/// Blocks of channels whose products are held at once.
const GROUP: usize = 8;

/// Computes all of y.
///
/// # Safety
/// `isa` is one that this processor has, and what [`Winograd::run_by`] asserts holds.
pub(crate) unsafe fn run<T: Number>(
    isa: Isa,
    job: &Winograd<'_, T>,
    grids: &[Grid],
    images: usize,
    x: &[T],
    y: &mut [T],
) {
    let parts = microkernel::parts(grids, images * job.groups, job.to.div_ceil(BLOCK), registers::<T>(isa));
    // SAFETY: the caller's; parts share no (channel, tile).
    unsafe { microkernel::run(isa, job, &parts, x, y) };
}

impl<T: Number> Whole<T> for Winograd<'_, T> {
    #[inline(always)]
    unsafe fn part<V: Vector<Lane = T>>(
        &self,
        simd: Simd<V>,
        x: &[T],
        y: SendPtr<T>,
        part: &Part<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (width, plane) = (part.registers * V::LANES, self.places[0] * self.places[1]);
        // What is read of one channel, d of its tiles side by side; Bᵀ d B of all channels, `[point][channel][tile]`; sums
        // of products, `[block][point][channel of the block][tile]`.
        let all = GROUP.min(part.blocks.len()) * POINTS * BLOCK * width;
        let [read, spectra, sums] = scratch.hold([POINTS * width + V::LANES, POINTS * self.from * width, all]);
        let (read, spectra, sums) = (read.as_mut_ptr(), spectra.as_mut_ptr(), sums.as_mut_ptr());
        let runs = runs(part.grid, self.frame.pitch(), &part.places);
        for d in 0..self.from {
            let channel = x.as_ptr().wrapping_add((part.group * self.from + d) * self.frame.size());
            let spectra = spectra.wrapping_add(d * width);
            // SAFETY: the caller's; both buffers are as large as they must be.
            unsafe { read_channel::<V>(simd, part.grid, &runs, channel, read, width, spectra, self.from * width) };
        }
        let blocks = self.to.div_ceil(BLOCK);
        let (all, begin) = ([Segment { first: 0, len: self.from }], [T::zero(); BLOCK]);
        let mut first = part.blocks.start;
        while first < part.blocks.end {
            let group = first..(first + GROUP).min(part.blocks.end);
            for point in 0..POINTS {
                let panel = spectra.wrapping_add(point * self.from * width);
                for block in group.clone() {
                    let index = (part.group % self.groups * POINTS + point) * blocks + block;
                    let weights = self.weights.as_ptr().wrapping_add(index * self.from * BLOCK);
                    let to = sums.wrapping_add(((block - first) * POINTS + point) * BLOCK * width);
                    // SAFETY: `to` has BLOCK rows of `width` numbers; panel and weights a row for each channel.
                    unsafe {
                        let channels = self.to - block * BLOCK;
                        microkernel::block::<V>(
                            simd,
                            part.registers,
                            channels,
                            weights,
                            &all,
                            panel,
                            to,
                            width,
                            Some(begin.as_ptr()),
                        );
                    }
                }
            }
            for channel in group.start * BLOCK..(group.end * BLOCK).min(self.to) {
                let (block, lane) = (channel / BLOCK - first, channel % BLOCK);
                // The tile's four places take the buffer of what was read.
                let made = read;
                let begin = self.begin.at(part.group % self.groups * self.to + channel);
                for r in 0..part.registers {
                    let sums = sums.wrapping_add((block * POINTS * BLOCK + lane) * width + r * V::LANES);
                    // SAFETY: registers of the rows of both buffers.
                    unsafe {
                        let grid = grid_of(simd, |point| sums.cast_const().wrapping_add(point * BLOCK * width));
                        let places = sums_of::<V>(simd, grid, simd.splat(begin));
                        put(places, made.wrapping_add(r * V::LANES), width);
                    }
                }
                let plane = y.get().wrapping_add((part.group * self.to + channel) * plane);
                // SAFETY: places of this part's tiles in a channel of its own.
                unsafe { place::<V>(simd, self, part.grid.count[1], &part.places, made, width, plane) };
            }
            first = group.end;
        }
    }
}

/// Puts tiles `tiles` of a plane where they belong: place (p, q) of each at `made[(p · 2 + q) · width..]`.
///
/// # Safety
/// `made` has a number for each tile and place, `plane` is a plane of y whose places in these tiles are the caller's.
#[inline(always)]
unsafe fn place<V: Vector>(
    simd: Simd<V>,
    job: &Winograd<'_, V::Lane>,
    columns: usize,
    tiles: &Range<usize>,
    made: *const V::Lane,
    width: usize,
    plane: *mut V::Lane,
) {
    let [lines, length] = job.places;
    let mut tile = tiles.start;
    while tile < tiles.end {
        let (i, j) = (tile / columns, tile % columns);
        let count = (columns - j).min(tiles.end - tile);
        // Tiles at the far border may reach over it.
        let places = (count * TILE).min(length - j * TILE);
        for p in 0..TILE.min(lines - i * TILE) {
            let to = plane.wrapping_add((i * TILE + p) * length + j * TILE);
            let even = made.wrapping_add(p * TILE * width + tile - tiles.start);
            let odd = even.wrapping_add(width);
            // SAFETY: the caller's.
            unsafe {
                if job.begin.adds() {
                    for q in 0..places {
                        *to.wrapping_add(q) += *if q % 2 == 0 { even } else { odd }.wrapping_add(q / 2);
                    }
                } else {
                    alternate::<V>(simd, even, odd, to, places);
                }
            }
        }
        tile += count;
    }
}
