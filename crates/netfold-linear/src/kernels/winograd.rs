//! 3×3 convolutions without stride of one whole tensor, with 16 products for 4 places instead of 36.
//!
//! For a tile of 2×2 places of the result, with d the 4×4 places that it reads, g the window of one pair of channels and
//! ∘ the product number by number:
//!
//! `y = Aᵀ [Σ over channels (G g Gᵀ) ∘ (Bᵀ d B)] A`
//!
//! `Bᵀ = [1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1]`, `G = [1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1]`, `Aᵀ = [1 1 1 0; 0 1 −1 −1]`.
//! All factors are 1 and ½, so that rounding stays near that of the plain sum, of finite numbers: where a tile reads an
//! infinite one, its sums are NaN.
//!
//! Source: minimal filtering F(2×2, 3×3); Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, Fast
//! Algorithms for Convolutional Neural Networks, arXiv 1509.09308.

use std::ops::Range;

use super::frames::alternate;
use super::parts::{BLOCK, Begin, Part, Segment, Whole, copy, parts, run, runs, tile};
use super::scratch::Scratch;
use super::vector::Vector;
use super::{Isa, Shared};
use crate::Real;
use crate::frame::{Frame, SLACK};
use crate::window::WindowAxis;

/// Products of a tile and a pair of channels.
pub(crate) const POINTS: usize = 16;
/// Places of a tile along each axis, and places that it reads.
const TILE: usize = 2;
const READ: usize = 4;
/// Blocks of channels whose products are held at once.
const GROUP: usize = 8;

/// A product of a whole tensor: channels of a group by channels of a group.
#[derive(Debug)]
pub(crate) struct Winograd<'a, T> {
    /// As [`frame`] makes it: its places are tiles.
    pub frame: &'a Frame,
    pub groups: usize,
    pub from: usize,
    pub to: usize,
    /// Lines of a plane of y, places of a line.
    pub places: [usize; 2],
    /// (G g Gᵀ)[point] of channels c, d of group g at `[g][point][c / BLOCK][d][c % BLOCK]`, zero behind the last channel.
    pub weights: &'a [T],
    pub begin: Begin<'a, T>,
}

/// How tiles read planes of `from` places for a result of `to` places, `pad` places of padding before the first one.
pub(crate) fn frame(from: [usize; 2], to: [usize; 2], pad: [isize; 2]) -> Frame {
    let axis = |axis: usize| WindowAxis {
        input: from[axis],
        kernel: READ,
        stride: TILE,
        dilation: 1,
        pad: pad[axis],
        output: to[axis].div_ceil(TILE),
    };
    Frame::new(&[axis(0), axis(1)], false)
}

/// G g Gᵀ of a 3×3 window.
pub(crate) fn spectrum<T: Real>(window: [T; 9]) -> [T; POINTS] {
    let points = |[a, b, c]: [f64; 3]| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    let g = window.map(|weight| weight.wide());
    let columns = [0, 1, 2].map(|s| points([g[s], g[3 + s], g[6 + s]]));
    let mut made = [T::zero(); POINTS];
    for r in 0..READ {
        let line = points([columns[0][r], columns[1][r], columns[2][r]]);
        line.iter().enumerate().for_each(|(s, &value)| made[r * READ + s] = T::of(value));
    }
    made
}

impl<T: Real> Winograd<'_, T> {
    /// Computes all of y from framed planes of x, with [`SLACK`] numbers behind them.
    pub fn run(&self, x: &[T], y: &mut [T]) {
        self.run_by(Isa::best(), x, y);
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let blocks = self.to.div_ceil(BLOCK);
        let plane = self.places[0] * self.places[1];
        let images = y.len() / (self.groups * self.to * plane).max(1);
        let tiles = self.places.map(|places| places.div_ceil(TILE));
        let grids = self.frame.grids();
        let [grid] = grids.as_slice() else { panic!("one grid of tiles") };
        assert_eq!(grid.count, tiles, "tiles of the result");
        assert_eq!(x.len(), images * self.groups * self.from * self.frame.size() + SLACK, "framed planes of x");
        assert_eq!(y.len(), images * self.groups * self.to * plane, "planes of y");
        assert_eq!(self.weights.len(), self.groups * POINTS * blocks * BLOCK * self.from, "weights by point");
        let inside = |&(_, start): &(usize, usize)| start + self.frame.reach(grid) <= self.frame.size();
        assert!(grid.taps.len() == POINTS && grid.taps.iter().all(inside), "what a tile reads");
        let parts = parts(&grids, images * self.groups, blocks, isa.registers::<T>());
        // SAFETY: `isa` is one that this processor has; lengths as asserted; parts share no (channel, tile).
        unsafe { run(isa, self, &parts, x, y) };
    }
}

impl<T: Real> Whole<T> for Winograd<'_, T> {
    #[inline(always)]
    unsafe fn part<V: Vector<Lane = T>, const R: usize>(
        &self,
        x: &[T],
        y: Shared<T>,
        part: &Part<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (width, plane) = (R * V::LANES, self.places[0] * self.places[1]);
        // What is read of one channel, d of its tiles side by side; Bᵀ d B of all channels, `[point][channel][tile]`; sums
        // of products, `[block][point][channel of the block][tile]`.
        let all = GROUP.min(part.blocks.len()) * POINTS * BLOCK * width;
        let [read, spectra, sums] = scratch.hold([POINTS * width + V::LANES, POINTS * self.from * width, all]);
        let (read, spectra, sums) = (read.as_mut_ptr(), spectra.as_mut_ptr(), sums.as_mut_ptr());
        let runs = runs(part.grid, self.frame.pitch(), &part.places);
        // Tiles of a register that read side by side need no buffer.
        let straight = runs.len() == R && runs.iter().all(|run| run.len == V::LANES);
        for d in 0..self.from {
            let channel = x.as_ptr().wrapping_add((part.group * self.from + d) * self.frame.size());
            if !straight {
                for (point, &(_, start)) in part.grid.taps.iter().enumerate() {
                    for run in &runs {
                        let from = channel.wrapping_add(start + run.x);
                        // SAFETY: what a tile reads lies inside its plane. A whole register more lies inside the next
                        // plane or the slack, and in the buffer inside the next row, which is written later, or behind
                        // the last one.
                        unsafe { copy::<V>(from, read.wrapping_add(point * width + run.panel), run.len, false) };
                    }
                }
            }
            for r in 0..R {
                let point = |point: usize| match runs.get(r) {
                    Some(run) if straight => channel.wrapping_add(part.grid.taps[point].1 + run.x),
                    _ => read.cast_const().wrapping_add(point * width + r * V::LANES),
                };
                // SAFETY: registers of a run, or of the rows of both buffers.
                unsafe {
                    let points = points::<V>(grid_of(point));
                    put(points, spectra.wrapping_add(d * width + r * V::LANES), self.from * width);
                }
            }
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
                        if self.to - block * BLOCK <= BLOCK / 2 {
                            tile::<V, R, { BLOCK / 2 }>(weights, &all, panel, to, width, Some(begin.as_ptr()));
                        } else {
                            tile::<V, R, BLOCK>(weights, &all, panel, to, width, Some(begin.as_ptr()));
                        }
                    }
                }
            }
            for channel in group.start * BLOCK..(group.end * BLOCK).min(self.to) {
                let (block, lane) = (channel / BLOCK - first, channel % BLOCK);
                // The tile's four places take the buffer of what was read.
                let made = read;
                let begin = self.begin.at(part.group % self.groups * self.to + channel);
                for r in 0..R {
                    let sums = sums.wrapping_add((block * POINTS * BLOCK + lane) * width + r * V::LANES);
                    // SAFETY: registers of the rows of both buffers.
                    unsafe {
                        let grid = grid_of(|point| sums.cast_const().wrapping_add(point * BLOCK * width));
                        let places = sums_of::<V>(grid, V::splat(begin));
                        put(places, made.wrapping_add(r * V::LANES), width);
                    }
                }
                let plane = y.get().wrapping_add((part.group * self.to + channel) * plane);
                // SAFETY: places of this part's tiles in a channel of its own.
                unsafe { place::<V>(self, part.grid.count[1], &part.places, made, width, plane) };
            }
            first = group.end;
        }
    }
}

/// The 4×4 registers of a row of tiles.
///
/// # Safety
/// `from` gives where the register of each point lies in valid memory, and the processor has the instructions of V.
#[inline(always)]
unsafe fn grid_of<V: Vector>(from: impl Fn(usize) -> *const V::Lane) -> [[V; READ]; READ] {
    // SAFETY: the caller's. Loops, not maps, which are not always inlined into code for this processor.
    unsafe {
        let mut grid = [[V::zero(); READ]; READ];
        for r in 0..READ {
            for s in 0..READ {
                grid[r][s] = V::load(from(r * READ + s));
            }
        }
        grid
    }
}

/// Stores registers `distance` apart.
///
/// # Safety
/// All lie in valid memory, and the processor has the instructions of V.
#[inline(always)]
unsafe fn put<V: Vector, const N: usize>(grid: [[V; N]; N], to: *mut V::Lane, distance: usize) {
    // SAFETY: the caller's.
    unsafe {
        for r in 0..N {
            for s in 0..N {
                grid[r][s].store(to.wrapping_add((r * N + s) * distance));
            }
        }
    }
}

/// Bᵀ d B.
///
/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
unsafe fn points<V: Vector>(d: [[V; READ]; READ]) -> [[V; READ]; READ] {
    // SAFETY: the caller's.
    unsafe {
        let mut t = [[V::zero(); READ]; READ];
        for s in 0..READ {
            t[0][s] = d[0][s].sub(d[2][s]);
            t[1][s] = d[1][s].add(d[2][s]);
            t[2][s] = d[2][s].sub(d[1][s]);
            t[3][s] = d[1][s].sub(d[3][s]);
        }
        let mut points = [[V::zero(); READ]; READ];
        for r in 0..READ {
            let [a, b, c, d] = t[r];
            points[r] = [a.sub(c), b.add(c), c.sub(b), b.sub(d)];
        }
        points
    }
}

/// Aᵀ m A, and the number that each sum begins with.
///
/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
unsafe fn sums_of<V: Vector>(m: [[V; READ]; READ], begin: V) -> [[V; TILE]; TILE] {
    // SAFETY: the caller's.
    unsafe {
        let mut t = [[V::zero(); READ]; TILE];
        for s in 0..READ {
            t[0][s] = m[0][s].add(m[1][s]).add(m[2][s]);
            t[1][s] = m[1][s].sub(m[2][s]).sub(m[3][s]);
        }
        let mut places = [[V::zero(); TILE]; TILE];
        for p in 0..TILE {
            let [a, b, c, d] = t[p];
            places[p] = [a.add(b).add(c).add(begin), b.sub(c).sub(d).add(begin)];
        }
        places
    }
}

/// Puts tiles `tiles` of a plane where they belong: place (p, q) of each at `made[(p · 2 + q) · width..]`.
///
/// # Safety
/// `made` has a number for each tile and place, `plane` is a plane of y whose places in these tiles are the caller's, and
/// the processor has the instructions of V.
#[inline(always)]
unsafe fn place<V: Vector>(
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
                    alternate::<V>(even, odd, to, places);
                }
            }
        }
        tile += count;
    }
}
