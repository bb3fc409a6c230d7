//! `y[p, c] = Σ over (q, t) that p reads of w[c, t] · x[q, c]`: channels apart from each other.

use std::ops::Range;

use rayon::prelude::*;

use super::vector::{Lanes, Vector};
use super::{Isa, Kernel, Loop, Shared};
use crate::Real;
use crate::layout::{Rows, Word};
use crate::reads::Reads;

/// Bytes of x that one task reads again and again.
const CACHE: usize = 1 << 20;

/// A masked depthwise product, with `weights[c · taps + t]`.
#[derive(Debug)]
pub(crate) struct Depth<'a, T> {
    pub from: Rows<'a>,
    pub to: Rows<'a>,
    pub reads: &'a Reads,
    pub weights: &'a [T],
    pub width: usize,
    /// y += instead of y =.
    pub add: bool,
}

impl<T: Real> Depth<'_, T> {
    /// Computes all rows of y.
    pub fn run(&self, x: &[T], y: &mut [T]) {
        T::run(Loop(Kernel::Depth(self)), x, y);
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        let (from, to) = (self.from.axes, self.to.axes);
        assert_eq!((from.batch, from.channels), (to.batch, to.channels), "channels of a depthwise product");
        assert_eq!((from.places, to.places), (self.reads.places_from(), self.reads.places_to()), "places of a window");
        assert_eq!(self.weights.len(), to.channels * self.reads.taps(), "weights of a depthwise product");
        assert_eq!(x.len(), self.from.count() * self.width, "rows of x");
        assert_eq!(y.len(), self.to.count() * self.width, "rows of y");
        if self.width == 0 || y.is_empty() {
            return;
        }
        let y = Shared(y.as_mut_ptr());
        // Whole lines, and so few channels that the lines which they read stay in a level-2 cache.
        let (line, lines) = self.reads.lines();
        let channels = 1 << (CACHE / (lines * self.width * size_of::<T>()).max(1)).clamp(32, 64).ilog2();
        let positions = line * to.positions().div_ceil(line * 16);
        let blocks = to.channels.div_ceil(channels);
        (0..to.positions().div_ceil(positions) * blocks).into_par_iter().for_each(|task| {
            let (first, block) = (task / blocks * positions, task % blocks * channels);
            let bits = (u64::MAX >> (64 - channels)) << (block % 64);
            let part = Part { positions: first..(first + positions).min(to.positions()), word: block / 64, bits };
            // SAFETY: `isa` is one that this processor has; lengths as asserted; tasks share no (position, channel).
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(self, x, y, part),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(self, x, y, part),
                    Isa::Portable => portable(self, x, y, part),
                }
            }
        });
    }
}

/// What one task computes: some channels of a word, at some positions.
struct Part {
    positions: Range<usize>,
    word: usize,
    bits: u64,
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, part: Part) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(job, x, y, part) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, part: Part) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(job, x, y, part) }
}

/// # Safety
/// See [`body`].
unsafe fn portable<T: Real>(job: &Depth<'_, T>, x: &[T], y: Shared<T>, part: Part) {
    // SAFETY: the caller's.
    unsafe { body::<T::Plain>(job, x, y, part) }
}

/// The rows of y of one part.
///
/// # Safety
/// What [`Depth::run_by`] asserts holds, no other thread reads or writes these rows of y, and the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(job: &Depth<'_, V::Lane>, x: &[V::Lane], y: Shared<V::Lane>, part: Part) {
    let (to, from, taps) = (job.to.axes, job.from.axes, job.reads.taps());
    let mut words: Vec<(Word, usize)> = Vec::with_capacity(taps);
    let mut terms = vec![(x.as_ptr(), <V::Lane as num_traits::Zero>::zero()); taps + 1];
    let Part { positions, word, bits } = part;
    for position in positions {
        let (image, place) = (position / to.places, position % to.places);
        let run = job.to.word(position, word);
        if run.bits & bits == 0 {
            continue;
        }
        words.clear();
        job.reads.visit(place, |read, tap| {
            let run = job.from.word(image * from.places + read, word);
            if run.bits & bits != 0 {
                words.push((run, tap));
            }
        });
        let here = Place { to: run, bits, words: &words, weights: &job.weights[word * 64 * taps..] };
        // SAFETY: rows are stored ones, lanes below the width.
        unsafe {
            match job.width / V::LANES {
                0 if job.width == V::Narrow::LANES => by_taps::<V::Narrow, 1>(job, x, y, &here),
                1 if job.width == V::LANES => by_taps::<V, 1>(job, x, y, &here),
                2 if job.width == 2 * V::LANES => by_taps::<V, 2>(job, x, y, &here),
                _ => by_rows::<V>(job, x, y, &here, &mut terms),
            }
        }
    }
}

/// Some channels of a word at one position.
struct Place<'a, T> {
    /// Rows that are written.
    to: Word,
    bits: u64,
    /// Rows that each tap reads.
    words: &'a [(Word, usize)],
    /// Weights from the word's first channel on.
    weights: &'a [T],
}

/// The rows of a position, tap by tap: the sums stay in the level-1 cache. For narrow rows, where finding them costs
/// more than reading them.
///
/// # Safety
/// As [`body`]; rows are R registers wide.
#[inline(always)]
unsafe fn by_taps<V: Vector, const R: usize>(
    job: &Depth<'_, V::Lane>,
    x: &[V::Lane],
    y: Shared<V::Lane>,
    &Place { to, bits, words, weights }: &Place<'_, V::Lane>,
) {
    let taps = job.reads.taps();
    let row_of = |run: &Word, bit: u32| {
        (run.first + (run.bits & ((1_u64 << bit) - 1)).count_ones() as usize * run.step) * job.width
    };
    // SAFETY: rows are stored ones and R registers wide, by the caller.
    unsafe {
        if !job.add {
            let mut rest = to.bits & bits;
            while rest != 0 {
                let y = y.get().wrapping_add(row_of(&to, rest.trailing_zeros()));
                rest &= rest - 1;
                for r in 0..R {
                    V::zero().store(y.wrapping_add(r * V::LANES));
                }
            }
        }
        for (run, tap) in words {
            let mut both = run.bits & to.bits & bits;
            while both != 0 {
                let bit = both.trailing_zeros();
                both &= both - 1;
                let x = x.as_ptr().wrapping_add(row_of(run, bit));
                let y = y.get().wrapping_add(row_of(&to, bit));
                let w = V::splat(weights[bit as usize * taps + tap]);
                for r in 0..R {
                    let (x, y) = (x.wrapping_add(r * V::LANES), y.wrapping_add(r * V::LANES));
                    w.multiply_add(V::load(x), V::load(y)).store(y);
                }
            }
        }
    }
}

/// The rows of a position, row by row: the sums stay in registers.
///
/// # Safety
/// As [`body`].
#[inline(always)]
unsafe fn by_rows<V: Vector>(
    job: &Depth<'_, V::Lane>,
    x: &[V::Lane],
    y: Shared<V::Lane>,
    &Place { to, bits, words, weights }: &Place<'_, V::Lane>,
    terms: &mut [(*const V::Lane, V::Lane)],
) {
    let taps = job.reads.taps();
    // Rows of the word's channels that lie before the part's first one.
    let before = (1_u64 << bits.trailing_zeros()) - 1;
    let (mut rest, mut index) = (to.bits & bits, (to.bits & before).count_ones() as usize);
    while rest != 0 {
        let bit = rest.trailing_zeros();
        rest &= rest - 1;
        let weights = &weights[bit as usize * taps..][..taps];
        // Whether a row is stored cannot be foretold: it is listed in any case, and counted if it is.
        let mut count = 0;
        for &(run, tap) in words {
            let row = run.first + (run.bits & ((1 << bit) - 1)).count_ones() as usize * run.step;
            terms[count] = (x.as_ptr().wrapping_add(row * job.width), weights[tap]);
            count += (run.bits >> bit & 1) as usize;
        }
        let terms = &terms[..count];
        let y = y.get().wrapping_add((to.first + index * to.step) * job.width);
        index += 1;
        let mut lane = 0;
        while lane < job.width {
            // SAFETY: y is a stored row, those of the terms are; the lanes are below the width.
            unsafe {
                lane += match (job.width - lane) / V::LANES {
                    0 if job.width - lane >= V::Narrow::LANES => sum::<V::Narrow, 1>(terms, lane, y, job.add),
                    0 => sum::<<V::Lane as Lanes>::One, 1>(terms, lane, y, job.add),
                    1 => sum::<V, 1>(terms, lane, y, job.add),
                    2 => sum::<V, 2>(terms, lane, y, job.add),
                    3 => sum::<V, 3>(terms, lane, y, job.add),
                    _ => sum::<V, 4>(terms, lane, y, job.add),
                };
            }
        }
    }
}

/// R registers of one row. Returns how many lanes that are.
///
/// # Safety
/// The terms and y are rows of the same width, y one that only this thread uses; R registers from `lane` on lie below
/// the width, and the processor has the instructions of V.
#[inline(always)]
unsafe fn sum<V: Vector, const R: usize>(
    terms: &[(*const V::Lane, V::Lane)],
    lane: usize,
    y: *mut V::Lane,
    add: bool,
) -> usize {
    let y = y.wrapping_add(lane);
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [V::zero(); R];
        for r in 0..R {
            if add {
                sums[r] = V::load(y.wrapping_add(r * V::LANES));
            }
        }
        for &(row, weight) in terms {
            let w = V::splat(weight);
            for r in 0..R {
                sums[r] = w.multiply_add(V::load(row.wrapping_add(lane + r * V::LANES)), sums[r]);
            }
        }
        for r in 0..R {
            sums[r].store(y.wrapping_add(r * V::LANES));
        }
    }
    R * V::LANES
}
