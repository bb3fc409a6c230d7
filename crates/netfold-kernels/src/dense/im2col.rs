//! Convolution of one whole tensor as a matrix product:
//! `y[c, p] = Σ over taps t and channels d of w[c, t, d] · x[q(p, t), d]`. What neighbouring places read is copied into
//! a panel (im2col), which the microkernel multiplies by packed weights.

use std::ops::Range;

use crate::Number;
use crate::dense::microkernel::{BLOCK, Init, Part, Run, Segment, Whole, block, copy, cuts, parts, run, runs};
use crate::index::Padded;
use crate::index::padded::SLACK;
use crate::memory::{Scratch, SendPtr};
use crate::simd::{Isa, Simd, Vector, most, registers};

/// Bytes of unfolded input that one pass over the weights reads: a part of a level-2 cache.
const PANEL: usize = 192 << 10;
/// Bytes of a row of it at most, or those of one tile: each weight that comes from afar is multiplied by all of a row, and
/// what a part reads of a line is a run.
const ROW: usize = 256;

/// A convolution of one whole tensor by im2col.
#[derive(Debug)]
pub struct Im2col<'a, T> {
    /// The padded layout of the planes that are read.
    pub frame: &'a Padded,
    /// Groups of the convolution.
    pub groups: usize,
    /// Channels of a group of x.
    pub from: usize,
    /// Channels of a group of y.
    pub to: usize,
    /// w[c, t, d] of group g at `[g][c / BLOCK][t][d][c % BLOCK]`, zero behind the last channel.
    pub weights: &'a [T],
    /// Taps of the window.
    pub taps: usize,
    /// What the sums of y begin with.
    pub begin: Init<'a, T>,
}

impl<T: Number> Im2col<'_, T> {
    pub(crate) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
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
        let (lanes, most) = registers::<T>(isa);
        let strips = (ROW / (most * lanes * size_of::<T>())).max(1);
        let parts = parts(&grids, images * self.groups, blocks, (lanes, strips * most));
        // SAFETY: `isa` is one that this processor has; lengths as asserted; parts share no (channel, place).
        unsafe { run(isa, self, &parts, x, y) };
    }
}

/// The places of a part that a tile has, and where their rows lie.
struct Strip {
    places: Range<usize>,
    registers: usize,
    /// Where its rows begin in the panel; its sums in their buffer.
    panel: usize,
    sums: usize,
    /// Its sums go straight to y: they lie side by side there.
    direct: bool,
}

impl<T: Number> Whole<T> for Im2col<'_, T> {
    #[inline(always)]
    unsafe fn part<V: Vector<Lane = T>>(
        &self,
        simd: Simd<V>,
        x: &[T],
        y: SendPtr<T>,
        part: &Part<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (width, grid, places) = (part.registers * V::LANES, part.grid, self.frame.places_to());
        let planes = part.group * self.from;
        let steps = grid.taps.len() * self.from;
        let rows = (PANEL / (width * size_of::<T>())).min(steps);
        let channels = part.blocks.len() * BLOCK;
        let strips: Vec<Strip> = cuts(part.registers, part.registers.div_ceil(most::<V>()))
            .enumerate()
            .map(|(index, cut)| {
                let first = part.places.start + cut.start * V::LANES;
                let places = first..(first + cut.len() * V::LANES).min(part.places.end);
                Strip {
                    direct: grid.is_whole() && places.len() == cut.len() * V::LANES,
                    places,
                    registers: cut.len(),
                    // A register behind each strip, which is written with its last row.
                    panel: (cut.start * rows + index) * V::LANES,
                    sums: cut.start * channels * V::LANES,
                }
            })
            .collect();
        // Where the numbers of a row lie, and how far those of the next one are from there.
        let runs: Vec<(Run, usize)> = strips
            .iter()
            .flat_map(|strip| {
                runs(grid, self.frame.pitch(), &strip.places)
                    .into_iter()
                    .map(move |run| (Run { panel: strip.panel + run.panel, ..run }, strip.registers * V::LANES))
            })
            .collect();
        let bare = self.frame.is_bare();
        let [panel, sums, _] = scratch.hold([rows * width + strips.len() * V::LANES, channels * width, 0]);
        let first_channel = part.group * self.to + part.blocks.start * BLOCK;
        let mut done = 0;
        // A result that reads nothing is zero.
        while done == 0 || done < steps {
            let chunk = done..(done + rows).min(steps);
            let mut segments: Vec<Segment> = Vec::new();
            let mut row = 0;
            let mut step = chunk.start;
            while step < chunk.end {
                let (tap, start) = grid.taps[step / self.from];
                let (d, end) = (step % self.from, (step / self.from + 1) * self.from);
                let len = end.min(chunk.end) - step;
                let first = tap * self.from + d;
                match segments.last_mut() {
                    Some(last) if last.first + last.len == first => last.len += len,
                    _ => segments.push(Segment { first, len }),
                }
                for d in d..d + len {
                    let plane = x.as_ptr().wrapping_add((planes + d) * self.frame.size() + start);
                    for (run, width) in &runs {
                        let to = panel.as_mut_ptr().wrapping_add(run.panel + row * width);
                        // SAFETY: what a place of the grid reads lies inside its plane. A whole register more lies inside
                        // the slack or the next plane, and in the panel inside the strip's next row, which is written
                        // later, or the register behind the last one; without a frame not a number more is read.
                        unsafe { copy::<V>(simd, plane.wrapping_add(run.x), to, run.len, bare) };
                    }
                    row += 1;
                }
                step += len;
            }
            for index in 0..part.blocks.len() {
                let at = part.blocks.start + index;
                let (left, channel) = (self.to - at * BLOCK, part.group % self.groups * self.to);
                let begins = self.begin.block(channel + at * BLOCK, channel + self.to);
                let blocks = self.to.div_ceil(BLOCK);
                let size = self.taps * self.from * BLOCK;
                let weights = self.weights.as_ptr().wrapping_add((part.group % self.groups * blocks + at) * size);
                for strip in &strips {
                    let width = strip.registers * V::LANES;
                    let straight = strip.direct && left >= BLOCK;
                    let (to, stride) = if straight {
                        let channel = first_channel + index * BLOCK;
                        (y.get().wrapping_add(channel * places + grid.first + strip.places.start), places)
                    } else {
                        (sums.as_mut_ptr().wrapping_add(strip.sums + index * BLOCK * width), width)
                    };
                    let begin = (done == 0 && !(straight && self.begin.adds())).then_some(begins.as_ptr());
                    let panel = panel.as_ptr().wrapping_add(strip.panel);
                    // SAFETY: `to` has BLOCK rows of `width` numbers, in y because all its places and channels are this
                    // part's; the strip has a row for each step of the chunk, the weights have BLOCK numbers for each.
                    unsafe { block::<V>(simd, strip.registers, left, weights, &segments, panel, to, stride, begin) };
                }
            }
            done = chunk.end.max(1);
        }
        for (strip, index) in strips.iter().flat_map(|strip| (0..channels).map(move |index| (strip, index))) {
            let left = self.to.saturating_sub(part.blocks.start * BLOCK + index / BLOCK * BLOCK);
            if index % BLOCK >= left || (strip.direct && left >= BLOCK) {
                continue;
            }
            let sums = &sums[strip.sums + index * strip.registers * V::LANES..][..strip.places.len()];
            let plane = y.get().wrapping_add((first_channel + index) * places + grid.first);
            let mut place = strip.places.start;
            while place < strip.places.end {
                let (i, j) = (place / grid.count[1], place % grid.count[1]);
                let count = (grid.count[1] - j).min(strip.places.end - place);
                let line = plane.wrapping_add(i * grid.step[0] + j * grid.step[1]);
                for (p, &sum) in sums[place - strip.places.start..][..count].iter().enumerate() {
                    let to = line.wrapping_add(p * grid.step[1]);
                    // SAFETY: a place of this part's in a channel of its own.
                    unsafe { *to = if self.begin.adds() { *to + sum } else { sum } };
                }
                place += count;
            }
        }
    }
}
