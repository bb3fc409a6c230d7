//! y[c] = Σ over d of w[d, c] · x[d], rows of several lanes: outer products of the rows of a matrix and those of x. A row
//! of the matrix whose d is not stored is not read, and any other one from end to end.

use rayon::prelude::*;

use super::vector::{Lanes, Vector};
use super::{Isa, Kernel, Loop, fetch};
use crate::Real;

/// Rows of x that are multiplied at once: two registers of each, and what they are added to, fill 16.
const ROWS: usize = 6;
/// Rows of y of one task: as few as leave long runs of a row of the matrix, and stay in a cache.
const COLUMNS: usize = 256;
/// Columns after which the next rows of the matrix are asked for again: half of a cache line's.
const AHEAD: usize = 8;

/// The product of a matrix and rows of several lanes.
#[derive(Debug)]
pub(crate) struct Outer<'a, T> {
    /// The row of the matrix that belongs to each row of x, and the column of each row of y.
    pub from: &'a [u32],
    pub to: &'a [u32],
    /// `w[d · columns + c]`
    pub weights: &'a [T],
    pub columns: usize,
    pub width: usize,
}

impl<T: Real> Outer<'_, T> {
    /// Computes all rows of y.
    pub fn run(&self, x: &[T], y: &mut [T]) {
        T::run(Loop(Kernel::Outer(self)), x, y);
    }

    pub(super) fn run_by(&self, isa: Isa, x: &[T], y: &mut [T]) {
        assert_eq!(x.len(), self.from.len() * self.width, "rows of x");
        assert_eq!(y.len(), self.to.len() * self.width, "rows of y");
        let below = |list: &[u32], end: usize| list.iter().all(|&index| (index as usize) < end);
        assert!(below(self.to, self.columns), "columns of a matrix");
        assert!(below(self.from, self.weights.len() / self.columns.max(1)), "rows of a matrix");
        let tasks = self.to.par_chunks(COLUMNS).zip(y.par_chunks_mut((COLUMNS * self.width).max(1)));
        tasks.for_each(|(to, y)| {
            y.fill(T::zero());
            // SAFETY: `isa` is one that this processor has; lengths, columns and rows as asserted.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => avx512(self, to, x, y),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => avx2(self, to, x, y),
                    Isa::Portable => body::<T::Plain>(self, to, x, y),
                }
            }
        });
    }
}

/// # Safety
/// The processor has AVX-512 (F, VL, DQ, BW); see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,popcnt")]
unsafe fn avx512<T: Real>(job: &Outer<'_, T>, to: &[u32], x: &[T], y: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { body::<T::Wide>(job, to, x, y) }
}

/// # Safety
/// The processor has AVX2 and FMA; see [`body`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,popcnt")]
unsafe fn avx2<T: Real>(job: &Outer<'_, T>, to: &[u32], x: &[T], y: &mut [T]) {
    // SAFETY: the caller's.
    unsafe { body::<T::Half>(job, to, x, y) }
}

/// Adds to the rows of y that belong to the columns `to`.
///
/// # Safety
/// What [`Outer::run_by`] asserts holds for all columns, y has a row for each of `to`, and the processor has the
/// instructions of V.
#[inline(always)]
unsafe fn body<V: Vector>(job: &Outer<'_, V::Lane>, to: &[u32], x: &[V::Lane], y: &mut [V::Lane]) {
    let row = |d: u32| job.weights.as_ptr().wrapping_add(d as usize * job.columns);
    let (groups, rest) = job.from.as_chunks::<ROWS>();
    // SAFETY: the caller's.
    unsafe {
        for (index, group) in groups.iter().enumerate() {
            let next = groups.get(index + 1).unwrap_or(group);
            let x = &x[index * ROWS * job.width..][..ROWS * job.width];
            lanes::<V, ROWS>(group.map(row), next.map(row), to, job.width, x, y);
        }
        for (index, &d) in rest.iter().enumerate() {
            let x = &x[(groups.len() * ROWS + index) * job.width..][..job.width];
            lanes::<V, 1>([row(d)], [row(d)], to, job.width, x, y);
        }
    }
}

/// All lanes of N rows of x.
///
/// # Safety
/// The rows of the matrix have a number at each column of `to`, x has N rows of `width` numbers and y one for each column,
/// and the processor has the instructions of V.
#[inline(always)]
unsafe fn lanes<V: Vector, const N: usize>(
    rows: [*const V::Lane; N],
    next: [*const V::Lane; N],
    to: &[u32],
    width: usize,
    x: &[V::Lane],
    y: &mut [V::Lane],
) {
    let mut lane = 0;
    while lane < width {
        let (x, y, next) =
            (x.as_ptr().wrapping_add(lane), y.as_mut_ptr().wrapping_add(lane), (lane == 0).then_some(next));
        // SAFETY: the caller's; the registers lie below the width.
        unsafe {
            lane += match (width - lane) / V::LANES {
                0 if width - lane >= V::Narrow::LANES => add::<V::Narrow, N, 1>(rows, next, to, width, x, y),
                0 => add::<<V::Lane as Lanes>::One, N, 1>(rows, next, to, width, x, y),
                r if r >= 4 && V::REGISTERS >= 32 => add::<V, N, 4>(rows, next, to, width, x, y),
                r if r >= 2 => add::<V, N, 2>(rows, next, to, width, x, y),
                _ => add::<V, N, 1>(rows, next, to, width, x, y),
            };
        }
    }
}

/// R registers of lanes. Returns how many lanes that are.
///
/// # Safety
/// As [`lanes`]; x and y begin at the first of the lanes.
#[inline(always)]
unsafe fn add<V: Vector, const N: usize, const R: usize>(
    rows: [*const V::Lane; N],
    next: Option<[*const V::Lane; N]>,
    to: &[u32],
    width: usize,
    x: *const V::Lane,
    y: *mut V::Lane,
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let mut factors = [[V::zero(); R]; N];
        for n in 0..N {
            for r in 0..R {
                factors[n][r] = V::load(x.wrapping_add(n * width + r * V::LANES));
            }
        }
        for (index, &column) in to.iter().enumerate() {
            if let Some(next) = next
                && index.is_multiple_of(AHEAD)
            {
                next.iter().for_each(|row| fetch(row.wrapping_add(column as usize)));
            }
            let y = y.wrapping_add(index * width);
            let mut sums = [V::zero(); R];
            for r in 0..R {
                sums[r] = V::load(y.wrapping_add(r * V::LANES));
            }
            for n in 0..N {
                let w = V::splat(*rows[n].wrapping_add(column as usize));
                for r in 0..R {
                    sums[r] = w.multiply_add(factors[n][r], sums[r]);
                }
            }
            for r in 0..R {
                sums[r].store(y.wrapping_add(r * V::LANES));
            }
        }
    }
    R * V::LANES
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::Outer;
    use crate::Real;
    use crate::kernels::Isa;
    use crate::kernels::tests::Noise;

    fn sums<T: Real>() {
        let noise = Noise(Cell::new(5));
        let number = |_| T::of(noise.below(9) as f64 - 4.0);
        for (rows, columns) in [(1, 1), (5, 9), (6, 300), (20, 17), (13, 600)] {
            let weights: Vec<T> = (0..rows * columns).map(number).collect();
            let some = |count: usize| (0..count as u32).filter(|_| noise.below(3) > 0).collect::<Vec<_>>();
            for width in [1, 3, 8, 16, 24, 40, 64] {
                let (from, to) = (some(rows), some(columns));
                let x: Vec<T> = (0..from.len() * width).map(number).collect();
                let job = Outer { from: &from, to: &to, weights: &weights, columns, width };
                for isa in Isa::all() {
                    let mut y = vec![T::one(); to.len() * width];
                    job.run_by(isa, &x, &mut y);
                    for (index, &sum) in y.iter().enumerate() {
                        let term = |(n, &d): (usize, &u32)| {
                            weights[d as usize * columns + to[index / width] as usize] * x[n * width + index % width]
                        };
                        // Small whole numbers: nothing is rounded.
                        assert_eq!(sum, from.iter().enumerate().map(term).fold(T::zero(), |a, b| a + b), "{isa:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn stored_rows_are_multiplied_and_summed() {
        sums::<f32>();
        sums::<f64>();
    }
}
