//! Thin groups, depthwise convolutions among them, for one whole tensor: y[c] = Σ over d, t of w[c, d, t] · x[d] moved
//! by t.

use rayon::prelude::*;

use super::Isa;
use super::vector::Vector;
use crate::Real;
use crate::frame::{Frame, Grid, SLACK};

/// A product of a whole tensor whose groups have few channels.
#[derive(Debug)]
pub(crate) struct Planes<'a, T> {
    pub frame: &'a Frame,
    pub groups: usize,
    pub from: usize,
    pub to: usize,
    /// w[c, t, d] of group g at `[g][c][d][t]`, or with c and d turned.
    pub weights: &'a [T],
    /// Distances of c and d in a group's weights, in windows.
    pub strides: [usize; 2],
    pub taps: usize,
    /// y += instead of y =.
    pub add: bool,
}

/// The buffers of a thread: framed planes of a group; where the first place of a grid reads, and by which weight; sums.
struct Buffers<T> {
    framed: Vec<T>,
    terms: Vec<(usize, T)>,
    sums: Vec<T>,
}

impl<T: Real> Planes<'_, T> {
    /// Computes all of y from x.
    pub fn run(&self, x: &[T], y: &mut [T]) {
        self.run_by(Isa::best(), x, y);
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let (size, places) = (self.from * self.frame.places_from(), self.to * self.frame.places_to());
        let tasks = y.len() / places.max(1);
        assert!(tasks.is_multiple_of(self.groups) && y.len() == tasks * places, "planes of y");
        assert_eq!(x.len(), tasks * size, "planes of x");
        assert_eq!(self.weights.len(), self.groups * self.from * self.to * self.taps, "weights of thin groups");
        let grids = self.frame.grids();
        let longest = grids.iter().map(|grid| self.frame.reach(grid)).max().unwrap_or(0);
        let buffers = || Buffers {
            framed: vec![T::zero(); self.from * self.frame.size() + STEP * SLACK],
            terms: Vec::with_capacity(self.from * self.taps),
            sums: vec![T::zero(); longest + STEP * SLACK],
        };
        let groups = y.par_chunks_exact_mut(places.max(1)).zip(x.par_chunks_exact(size.max(1)));
        groups.enumerate().for_each_init(buffers, |buffers, (group, (y, x))| {
            let planes = x.chunks_exact(self.frame.places_from());
            planes
                .zip(buffers.framed.chunks_exact_mut(self.frame.size().max(1)))
                .for_each(|(plane, framed)| self.frame.fill(plane, framed));
            for (c, y) in y.chunks_exact_mut(self.frame.places_to()).enumerate() {
                for grid in &grids {
                    let terms = &mut buffers.terms;
                    self.terms(grid, group % self.groups, c, terms);
                    let reach = self.frame.reach(grid);
                    assert!(terms.iter().all(|&(start, _)| start + reach <= self.from * self.frame.size()), "inside");
                    // SAFETY: `isa` is one that this processor has. Both buffers have STEP registers more than what is
                    // read and written.
                    unsafe {
                        match isa {
                            #[cfg(target_arch = "x86_64")]
                            Isa::Avx512 => avx512(&buffers.framed, terms, &mut buffers.sums, reach),
                            #[cfg(target_arch = "x86_64")]
                            Isa::Avx2 => avx2(&buffers.framed, terms, &mut buffers.sums, reach),
                            Isa::Portable => body::<T::Plain>(&buffers.framed, terms, &mut buffers.sums, reach),
                        }
                    }
                    self.put(grid, &buffers.sums, y);
                }
            }
        });
    }

    /// Where the first place of a grid reads, and by which weight, for each channel d and tap.
    fn terms(&self, grid: &Grid, group: usize, c: usize, terms: &mut Vec<(usize, T)>) {
        let weights = &self.weights[group * self.from * self.to * self.taps..];
        terms.clear();
        for d in 0..self.from {
            let window = c * self.strides[0] + d * self.strides[1];
            let weights = &weights[window * self.taps..][..self.taps];
            terms.extend(grid.taps.iter().map(|&(tap, start)| (d * self.frame.size() + start, weights[tap])));
        }
    }

    /// The sums that belong to places of the grid, to where they belong in the result's plane.
    fn put(&self, grid: &Grid, sums: &[T], y: &mut [T]) {
        for i in 0..grid.count[0] {
            let sums = &sums[i * self.frame.pitch()..][..grid.count[1]];
            let line = &mut y[grid.first + i * grid.step[0]..];
            match (grid.step[1], self.add) {
                (1, false) => line[..sums.len()].copy_from_slice(sums),
                (1, true) => line.iter_mut().zip(sums).for_each(|(to, &sum)| *to += sum),
                (step, false) => line.iter_mut().step_by(step).zip(sums).for_each(|(to, &sum)| *to = sum),
                (step, true) => line.iter_mut().step_by(step).zip(sums).for_each(|(to, &sum)| *to += sum),
            }
        }
    }
}

/// Registers of sums at a time.
const STEP: usize = 4;

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(x: &[T], terms: &[(usize, T)], y: &mut [T], len: usize) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(x, terms, y, len) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(x: &[T], terms: &[(usize, T)], y: &mut [T], len: usize) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(x, terms, y, len) }
}

/// y[q] = Σ over terms of weight · x[start + q], for q below `len`.
///
/// # Safety
/// x has `len` numbers from each start on, y has `len`, both with STEP registers behind them; the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(x: &[V::Lane], terms: &[(usize, V::Lane)], y: &mut [V::Lane], len: usize) {
    let mut q = 0;
    while q < len {
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [V::zero(); STEP];
            for &(start, weight) in terms {
                let w = V::splat(weight);
                let x = x.as_ptr().wrapping_add(start + q);
                for r in 0..STEP {
                    sums[r] = w.multiply_add(V::load(x.wrapping_add(r * V::LANES)), sums[r]);
                }
            }
            for r in 0..STEP {
                sums[r].store(y.as_mut_ptr().wrapping_add(q + r * V::LANES));
            }
        }
        q += STEP * V::LANES;
    }
}
