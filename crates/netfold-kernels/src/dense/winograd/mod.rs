//! Minimal filtering F(2×2, 3×3) (Winograd convolution): 3×3 convolutions without stride and dilation of one whole
//! tensor, with 16 products for 4 places instead of 36.
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
//! Source: Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, Fast
//! Algorithms for Convolutional Neural Networks, arXiv 1509.09308.

mod channels;
mod tiles;

use crate::Number;
use crate::ablation::is_on;
use crate::dense::microkernel::{BLOCK, Init, Run, copy};
use crate::index::padded::{Grid, SLACK};
use crate::index::{Padded, WindowAxis};
use crate::simd::{Isa, Lanes, Simd, Vector};

/// Products of a tile and a pair of channels.
pub const POINTS: usize = 16;
/// Places of a tile along each axis, and places that it reads.
const TILE: usize = 2;
const READ: usize = 4;
/// The lanes of a register are channels where a plane has at most FEW tiles and there are at least MANY channels. Tiles
/// would leave some of the lanes idle, and a row of products would not stay in the caches.
const FEW: usize = 256;
const MANY: usize = 48;

/// A convolution of one whole tensor by minimal filtering.
#[derive(Debug)]
pub struct Winograd<'a, T> {
    /// The padded layout of the planes that are read, as [`frame`] makes it. Its places are tiles.
    pub frame: &'a Padded,
    /// Groups of the convolution.
    pub groups: usize,
    /// Channels of a group of x.
    pub from: usize,
    /// Channels of a group of y.
    pub to: usize,
    /// Lines of a plane of y, places of a line.
    pub places: [usize; 2],
    /// `(G g Gᵀ)[point]` of channels c, d of group g at `[g][point][c / block][d][c % block]` with the [`block`] of these
    /// places, zero behind the last channel.
    pub weights: &'a [T],
    /// What the sums of y begin with.
    pub begin: Init<'a, T>,
}

/// Channels of a block of weights, for a result of so many channels at these places.
pub fn block<T: Lanes>(channels: usize, places: [usize; 2]) -> usize {
    if by_channels(channels, places) { crate::dense::channels_last::lanes::<T>() } else { BLOCK }
}

/// Whether the lanes of a register are channels.
fn by_channels(channels: usize, places: [usize; 2]) -> bool {
    is_on("winograd_channels") && channels >= MANY && places.map(|n| n.div_ceil(TILE)).iter().product::<usize>() <= FEW
}

/// The padded layout that tiles read: planes of `from` places for a result of `to` places, `pad` places of padding
/// before the first one.
pub fn frame(from: [usize; 2], to: [usize; 2], pad: [isize; 2]) -> Padded {
    let axis = |axis: usize| WindowAxis {
        input: from[axis],
        kernel: READ,
        stride: TILE,
        dilation: 1,
        pad: pad[axis],
        output: to[axis].div_ceil(TILE),
    };
    Padded::new(&[axis(0), axis(1)], false)
}

/// G g Gᵀ of a 3×3 window: its weights in the domain where tiles are multiplied number by number.
pub fn spectrum<T: Lanes>(window: [T; 9]) -> [T; POINTS] {
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

impl<T: Number> Winograd<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let block = block::<T>(self.to, self.places);
        let blocks = self.to.div_ceil(block);
        let plane = self.places[0] * self.places[1];
        let images = y.len() / (self.groups * self.to * plane).max(1);
        let tiles = self.places.map(|places| places.div_ceil(TILE));
        let grids = self.frame.grids();
        let [grid] = grids.as_slice() else { panic!("one grid of tiles") };
        assert_eq!(grid.count, tiles, "tiles of the result");
        assert_eq!(x.len(), images * self.groups * self.from * self.frame.size() + SLACK, "framed planes of x");
        assert_eq!(y.len(), images * self.groups * self.to * plane, "planes of y");
        assert_eq!(self.weights.len(), self.groups * POINTS * blocks * block * self.from, "weights by point");
        let inside = |&(_, start): &(usize, usize)| start + self.frame.reach(grid) <= self.frame.size();
        assert!(grid.taps.len() == POINTS && grid.taps.iter().all(inside), "what a tile reads");
        // SAFETY: `isa` is one that this processor has; lengths as asserted.
        unsafe {
            if by_channels(self.to, self.places) {
                channels::run(isa, self, grid, images, x, y);
            } else {
                tiles::run(isa, self, &grids, images, x, y);
            }
        }
    }
}

/// Bᵀ d B of one channel for tiles whose reads are `runs`: point k of tile t at `spectra[k · distance + t]`.
///
/// # Safety
/// What [`Winograd::run_by`] asserts holds, `channel` is a padded plane, `read` has room for POINTS rows of `width`
/// numbers and one register, `spectra` for whole registers of tiles at each point; `width` is a number of whole
/// registers.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the parts of one product")]
unsafe fn read_channel<V: Vector>(
    simd: Simd<V>,
    grid: &Grid,
    runs: &[Run],
    channel: *const V::Lane,
    read: *mut V::Lane,
    width: usize,
    spectra: *mut V::Lane,
    distance: usize,
) {
    let registers = width / V::LANES;
    // Tiles of a register that read side by side need no buffer.
    let straight = runs.len() == registers && runs.iter().all(|run| run.len == V::LANES);
    if !straight {
        for (point, &(_, start)) in grid.taps.iter().enumerate() {
            for run in runs {
                let from = channel.wrapping_add(start + run.x);
                // SAFETY: what a tile reads lies inside its plane. A whole register more lies inside the next plane or the
                // slack, and in the buffer inside the next row, which is written later, or behind the last one.
                unsafe { copy::<V>(simd, from, read.wrapping_add(point * width + run.panel), run.len, false) };
            }
        }
    }
    for r in 0..registers {
        let point = |point: usize| match runs.get(r) {
            Some(run) if straight => channel.wrapping_add(grid.taps[point].1 + run.x),
            _ => read.cast_const().wrapping_add(point * width + r * V::LANES),
        };
        // SAFETY: registers of a run, or of the rows of both buffers.
        unsafe { put(points::<V>(simd, grid_of(simd, point)), spectra.wrapping_add(r * V::LANES), distance) };
    }
}

/// The 4×4 registers of a row of tiles.
///
/// # Safety
/// `from` gives where the register of each point lies in valid memory.
#[inline(always)]
unsafe fn grid_of<V: Vector>(simd: Simd<V>, from: impl Fn(usize) -> *const V::Lane) -> [[V; READ]; READ] {
    // SAFETY: the caller's. Loops, not maps, which are not always inlined into code for this processor.
    unsafe {
        let mut grid = [[simd.zero(); READ]; READ];
        for r in 0..READ {
            for s in 0..READ {
                grid[r][s] = simd.load(from(r * READ + s));
            }
        }
        grid
    }
}

/// Stores registers `distance` apart.
///
/// # Safety
/// All lie in valid memory.
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
#[inline(always)]
fn points<V: Vector>(simd: Simd<V>, d: [[V; READ]; READ]) -> [[V; READ]; READ] {
    let mut t = [[simd.zero(); READ]; READ];
    for s in 0..READ {
        t[0][s] = d[0][s].sub(d[2][s]);
        t[1][s] = d[1][s].add(d[2][s]);
        t[2][s] = d[2][s].sub(d[1][s]);
        t[3][s] = d[1][s].sub(d[3][s]);
    }
    let mut points = [[simd.zero(); READ]; READ];
    for r in 0..READ {
        let [a, b, c, d] = t[r];
        points[r] = [a.sub(c), b.add(c), c.sub(b), b.sub(d)];
    }
    points
}

/// Aᵀ m A, and the number that each sum begins with.
#[inline(always)]
fn sums_of<V: Vector>(simd: Simd<V>, m: [[V; READ]; READ], begin: V) -> [[V; TILE]; TILE] {
    let mut t = [[simd.zero(); READ]; TILE];
    for s in 0..READ {
        t[0][s] = m[0][s].add(m[1][s]).add(m[2][s]);
        t[1][s] = m[1][s].sub(m[2][s]).sub(m[3][s]);
    }
    let mut places = [[simd.zero(); TILE]; TILE];
    for p in 0..TILE {
        let [a, b, c, d] = t[p];
        places[p] = [a.add(b).add(c).add(begin), b.sub(c).sub(d).add(begin)];
    }
    places
}
