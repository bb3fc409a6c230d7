//! y[r, c] = Σ over n of h[n, r] · R[n, c]: some rows at a time of a product with a matrix that is read panel by panel.

use std::ops::Range;

use rayon::prelude::*;

use super::channels::pieces;
use super::vector::{Lanes, Vector};
use super::{Isa, Kernel, Loop, Shared};
use crate::Real;

/// Rows of y that a tile holds beside two registers of columns, and the same where a processor has 16 registers.
const ROWS: usize = 12;
const FEWER: usize = 6;
/// Registers of columns of a tile.
const REGISTERS: usize = 2;
/// Panels of one task: as many cache lines of a row of y are written one after the other.
const PANELS: usize = 4;

/// Columns of a panel: a tile's of the widest registers.
pub(crate) const fn columns<T: Lanes>() -> usize {
    REGISTERS * T::Wide::LANES
}

/// A product with all columns of R, which lies in panels: `R[n, c]` at `[c / columns][n][c % columns]`.
#[derive(Debug)]
pub(crate) struct Mix<'a, T> {
    /// `h[n · width + r]`
    pub h: &'a [T],
    pub width: usize,
    /// How many n there are.
    pub terms: usize,
    /// Rows of y.
    pub rows: usize,
}

impl<T: Real> Mix<'_, T> {
    /// Computes all rows of y, one behind the other.
    pub fn run(&self, panels: &[T], y: &mut [T]) {
        T::run(Loop(Kernel::Mix(self)), panels, y);
    }

    pub(super) fn run_by(&self, isa: Isa, panels: &[T], y: &mut [T]) {
        if y.is_empty() {
            return;
        }
        let (len, size) = (y.len() / self.rows.max(1), self.terms * columns::<T>());
        assert!(len * self.rows == y.len() && self.rows <= self.width, "rows of y");
        assert_eq!(self.h.len(), self.terms * self.width, "a factor for each term and row");
        assert_eq!(panels.len(), len.div_ceil(columns::<T>()) * size, "panels of columns");
        if size == 0 {
            return y.fill(T::zero());
        }
        let tile = isa.tile_of_rows::<T>();
        let factors = self.factors(tile);
        let job = Job { factors: &factors, panels, y: Shared(y.as_mut_ptr()), len, terms: self.terms, rows: self.rows };
        let all = len.div_ceil(columns::<T>());
        (0..all.div_ceil(PANELS)).into_par_iter().for_each(|task| {
            let panels = task * PANELS..((task + 1) * PANELS).min(all);
            // SAFETY: `isa` is one that this processor has; lengths as asserted; tasks share no column of y.
            T::with_scratch(|scratch| unsafe {
                let [sums, _, _] = scratch.hold([factors.len() / self.terms * columns::<T>(), 0, 0]);
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(&job, panels, sums),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(&job, panels, sums),
                    Isa::Portable => by_registers::<T::Plain>(&job, panels, sums),
                }
            });
        });
    }

    /// h as tiles read it: `[r / tile][n][r % tile]`, zero behind the last row.
    fn factors(&self, tile: usize) -> Vec<T> {
        let mut factors = vec![T::zero(); self.rows.next_multiple_of(tile) * self.terms];
        for (index, factors) in factors.chunks_exact_mut(tile * self.terms).enumerate() {
            let rows = index * tile..((index + 1) * tile).min(self.rows);
            for (h, factors) in self.h.chunks_exact(self.width).zip(factors.chunks_exact_mut(tile)) {
                factors[..rows.len()].copy_from_slice(&h[rows.clone()]);
            }
        }
        factors
    }
}

impl Isa {
    /// Rows of y that a tile has.
    fn tile_of_rows<T: Lanes>(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => tile_of::<T::Wide>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => tile_of::<T::Half>(),
            Self::Portable => tile_of::<T::Plain>(),
        }
    }
}

const fn tile_of<V: Vector>() -> usize {
    if V::REGISTERS < 32 { FEWER } else { ROWS }
}

/// What the tasks of one product share.
struct Job<'a, T> {
    factors: &'a [T],
    panels: &'a [T],
    y: Shared<T>,
    /// Numbers of a row of y.
    len: usize,
    terms: usize,
    rows: usize,
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Job<'_, T>, panels: Range<usize>, sums: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { by_registers::<T::Wide>(job, panels, sums) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Job<'_, T>, panels: Range<usize>, sums: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { by_registers::<T::Half>(job, panels, sums) }
}

/// # Safety
/// See [`body`].
#[inline(always)]
unsafe fn by_registers<V: Vector>(job: &Job<'_, V::Lane>, panels: Range<usize>, sums: &mut [V::Lane]) {
    // SAFETY: the caller's.
    unsafe {
        match tile_of::<V>() {
            ROWS => body::<V, ROWS>(job, panels, sums),
            _ => body::<V, FEWER>(job, panels, sums),
        }
    }
}

/// The columns of some panels, in all rows of y.
///
/// # Safety
/// What [`Mix::run_by`] asserts holds, `factors` are in tiles of J rows, `sums` has a panel's columns for each row of
/// them, no other thread reads or writes these columns of y, and the processor has the instructions of V.
#[inline(always)]
unsafe fn body<V: Vector, const J: usize>(job: &Job<'_, V::Lane>, panels: Range<usize>, sums: &mut [V::Lane]) {
    let (columns, terms) = (columns::<V::Lane>(), job.terms);
    for panel in panels {
        let from = job.panels[panel * terms * columns..][..terms * columns].as_ptr();
        for piece in pieces(terms) {
            for (h, sums) in job.factors.chunks_exact(J * terms).zip(sums.chunks_exact_mut(J * columns)) {
                let mut column = 0;
                while column < columns {
                    let from = from.wrapping_add(column);
                    // SAFETY: J rows of a panel's columns, of which tiles have some registers each; the caller's.
                    unsafe { tile::<V, J>(h, from, piece.clone(), sums.as_mut_ptr().wrapping_add(column)) };
                    column += REGISTERS * V::LANES;
                }
            }
        }
        let first = panel * columns;
        let count = columns.min(job.len - first);
        for (row, sums) in sums.chunks_exact(columns).take(job.rows).enumerate() {
            let y = job.y.get().wrapping_add(row * job.len + first);
            // SAFETY: `count` numbers of a row of y, in columns that are this task's.
            unsafe { std::ptr::copy_nonoverlapping(sums.as_ptr(), y, count) };
        }
    }
}

/// The terms of one piece of J rows of a tile: `sums[j] = Σ over n of h[n][j] · from[n]`, += behind the first piece.
///
/// # Safety
/// h has J numbers for each term, `from` the tile's registers at the columns' distance, `sums` J rows at the same, and the
/// processor has the instructions of V.
#[inline(always)]
unsafe fn tile<V: Vector, const J: usize>(
    h: &[V::Lane],
    from: *const V::Lane,
    piece: Range<usize>,
    sums: *mut V::Lane,
) {
    let columns = columns::<V::Lane>();
    // SAFETY: the caller's.
    unsafe {
        let mut made = [[V::zero(); REGISTERS]; J];
        let mut from = from.wrapping_add(piece.start * columns);
        for h in &h.as_chunks::<J>().0[piece.clone()] {
            let mut x = [V::zero(); REGISTERS];
            for r in 0..REGISTERS {
                x[r] = V::load(from.wrapping_add(r * V::LANES));
            }
            for j in 0..J {
                let h = V::splat(h[j]);
                for r in 0..REGISTERS {
                    made[j][r] = h.multiply_add(x[r], made[j][r]);
                }
            }
            from = from.wrapping_add(columns);
        }
        for j in 0..J {
            for r in 0..REGISTERS {
                let sum = sums.wrapping_add(j * columns + r * V::LANES);
                let before = if piece.start == 0 { V::zero() } else { V::load(sum) };
                before.add(made[j][r]).store(sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{Mix, columns};
    use crate::Real;
    use crate::kernels::Isa;
    use crate::kernels::tests::Noise;

    #[test]
    fn rows_of_a_product_by_panels() {
        let noise = Noise(Cell::new(6));
        for (terms, rows, len) in [(1, 1, 1), (3, 2, 31), (64, 6, 32), (65, 7, 33), (200, 16, 300), (0, 2, 5)] {
            let (width, size) = (rows + 2, columns::<f32>());
            let (h, matrix) = (noise.numbers::<f32>(terms * width), noise.numbers::<f32>(terms * len));
            let mut panels = vec![0.0; len.div_ceil(size) * size * terms];
            for (index, &number) in matrix.iter().enumerate() {
                let (n, c) = (index / len, index % len);
                panels[(c / size * terms + n) * size + c % size] = number;
            }
            for isa in Isa::all() {
                let mut y = noise.numbers::<f32>(rows * len);
                Mix { h: &h, width, terms, rows }.run_by(isa, &panels, &mut y);
                for (index, y) in y.iter().enumerate() {
                    let (r, c) = (index / len, index % len);
                    let plain: f64 = (0..terms).map(|n| h[n * width + r].wide() * matrix[n * len + c].wide()).sum();
                    assert!((y.wide() - plain).abs() < 1e-5, "{isa:?} {terms} {rows} {len}");
                }
            }
        }
    }
}
