//! Thin groups, depthwise convolutions among them, for one whole tensor: y[c] = Σ over d, t of w[c, d, t] · x[d] moved
//! by t.

use rayon::prelude::*;

use super::Isa;
use super::frames::{alternate, collect, put};
use super::parts::Begin;
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
    pub begin: Begin<'a, T>,
}

/// The buffers of a thread: framed planes of a group, zeros around them; where the first place of a grid reads, and by
/// which weight; sums.
struct Buffers<T> {
    framed: Vec<T>,
    terms: Vec<(usize, T)>,
    sums: [Vec<T>; 2],
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
        for grid in &grids {
            let inside = |&(_, start): &(usize, usize)| start + self.frame.reach(grid) <= self.frame.size();
            assert!(grid.taps.iter().all(inside), "what a grid reads");
        }
        let longest = grids.iter().map(|grid| self.frame.reach(grid)).max().unwrap_or(0);
        let buffers = || Buffers {
            framed: vec![T::zero(); self.from * self.frame.size() + STEP * SLACK],
            terms: Vec::with_capacity(self.from * self.taps),
            sums: [(); 2].map(|()| vec![T::zero(); longest + STEP * SLACK]),
        };
        let groups = y.par_chunks_exact_mut(places.max(1)).zip(x.par_chunks_exact(size.max(1)));
        let products = (self.from * self.taps * places).max(1);
        let groups = groups.with_min_len((PRODUCTS / products).clamp(1, tasks.div_ceil(TASKS).max(1)));
        groups.enumerate().for_each_init(buffers, |buffers, (group, (y, x))| {
            // SAFETY: `isa` is one that this processor has; lengths as asserted.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(self, &grids, group % self.groups, x, y, buffers),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(self, &grids, group % self.groups, x, y, buffers),
                    Isa::Portable => body::<T::Plain>(self, &grids, group % self.groups, x, y, buffers),
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
}

/// Registers of sums at a time.
const STEP: usize = 4;
/// Products of one task at least, and tasks at least if that leaves them.
const PRODUCTS: usize = 1 << 16;
const TASKS: usize = 16;

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(
    planes: &Planes<'_, T>,
    grids: &[Grid],
    group: usize,
    x: &[T],
    y: &mut [T],
    buffers: &mut Buffers<T>,
) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(planes, grids, group, x, y, buffers) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(
    planes: &Planes<'_, T>,
    grids: &[Grid],
    group: usize,
    x: &[T],
    y: &mut [T],
    buffers: &mut Buffers<T>,
) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(planes, grids, group, x, y, buffers) }
}

/// All planes of y of one group.
///
/// # Safety
/// What [`Planes::run_by`] asserts holds, and the processor has the instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(
    planes: &Planes<'_, V::Lane>,
    grids: &[Grid],
    group: usize,
    x: &[V::Lane],
    y: &mut [V::Lane],
    buffers: &mut Buffers<V::Lane>,
) {
    let frame = planes.frame;
    let framed = buffers.framed.chunks_exact_mut(frame.size());
    // SAFETY: the caller's, here and below.
    framed.zip(x.chunks_exact(frame.places_from().max(1))).for_each(|(framed, x)| unsafe { put::<V, false>(frame, x, framed) });
    // Two grids that share their lines, place by place.
    let paired = matches!(grids, [even, odd, ..] if even.step[1] == 2 && odd.first == 1);
    for (c, y) in y.chunks_exact_mut(frame.places_to().max(1)).enumerate() {
        let begin = planes.begin.at(group * planes.to + c);
        for grids in grids.chunks(if paired { 2 } else { 1 }) {
            for (grid, made) in grids.iter().zip(&mut buffers.sums) {
                planes.terms(grid, group, c, &mut buffers.terms);
                // SAFETY: a term's start and the grid's reach lie inside its frame, both buffers have STEP registers more.
                unsafe { sums::<V>(&buffers.framed, &buffers.terms, begin, made, frame.reach(grid)) };
            }
            // The sums that belong to places of the grids, to where they belong in the result's plane.
            let (grid, count) = (&grids[0], grids.iter().map(|grid| grid.count[1]).sum::<usize>());
            let apart = if paired { 1 } else { grid.step[1] };
            for i in 0..grid.count[0] {
                let line = &mut y[grid.first + i * grid.step[0]..][..(count - 1) * apart + 1];
                let [even, odd] = buffers.sums.each_ref().map(|sums| &sums[i * frame.pitch()..]);
                if planes.begin.adds() {
                    let sum = |p: usize| if paired { [even, odd][p % 2][p / 2] } else { even[p] };
                    line.iter_mut().step_by(apart).enumerate().for_each(|(p, to)| *to += sum(p));
                } else if paired {
                    // SAFETY: both have a number for half of the line's places.
                    unsafe { alternate::<V>(even.as_ptr(), odd.as_ptr(), line.as_mut_ptr(), count) };
                } else if apart == 1 {
                    // SAFETY: as many numbers as the line has places.
                    unsafe { collect::<V>(even.as_ptr(), 1, line.as_mut_ptr(), count) };
                } else {
                    line.iter_mut().step_by(apart).zip(even).for_each(|(to, &sum)| *to = sum);
                }
            }
        }
    }
}

/// y[q] = begin + Σ over terms of weight · x[start + q], for q below `len`.
///
/// # Safety
/// x has `len` numbers from each start on, y has `len`, both with STEP registers behind them; the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn sums<V: Vector>(
    x: &[V::Lane],
    terms: &[(usize, V::Lane)],
    begin: V::Lane,
    y: &mut [V::Lane],
    len: usize,
) {
    let mut q = 0;
    while q < len {
        let (x, y) = (x.as_ptr().wrapping_add(q), y.as_mut_ptr().wrapping_add(q));
        // SAFETY: the caller's.
        unsafe {
            match (len - q).div_ceil(V::LANES) {
                1 => registers::<V, 1>(x, terms, begin, y),
                2 => registers::<V, 2>(x, terms, begin, y),
                3 => registers::<V, 3>(x, terms, begin, y),
                _ => registers::<V, STEP>(x, terms, begin, y),
            }
        }
        q += STEP * V::LANES;
    }
}

/// # Safety
/// x has R registers from each start on, y has R, and the processor has the instructions of V.
#[inline(always)]
unsafe fn registers<V: Vector, const R: usize>(
    x: *const V::Lane,
    terms: &[(usize, V::Lane)],
    begin: V::Lane,
    y: *mut V::Lane,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [V::splat(begin); R];
        for &(start, weight) in terms {
            let (w, x) = (V::splat(weight), x.wrapping_add(start));
            for r in 0..R {
                sums[r] = w.multiply_add(V::load(x.wrapping_add(r * V::LANES)), sums[r]);
            }
        }
        for r in 0..R {
            sums[r].store(y.wrapping_add(r * V::LANES));
        }
    }
}
